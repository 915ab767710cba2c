// EQ bands as trapezoidal state-variable filters (A. Simper, "SvfLinearTrapOptimised2", Cytomic, 2013), which realise the sections of
// R. Bristow-Johnson's Audio EQ Cookbook (W3C Note, 2021-06-08) in its Q form, shelves too. Pure; the same bits on every machine.
#pragma once
#include "common/mix/document.hpp"
#include "common/units.hpp"

namespace dubfarm {

/// One sample: v3 = x - s2; v1 = a1 s1 + a2 v3; v2 = s2 + a2 s1 + a3 v3; s1' = 2 v1 - s1; s2' = 2 v2 - s2; y = m0 x + m1 v1 + m2 v2, where
/// a1 = 1 / (1 + g (g + k)), a2 = g a1, a3 = g a2. The default passes audio unchanged.
struct SvfCoeffs {
  double g = 0, k = 1;            // g = tan(pi f / rate), times or by sqrt(A) in shelves; k = 1 / Q, in a peak 1 / (Q A)
  double m0 = 1, m1 = 0, m2 = 0;  // how much of the input, the band-pass and the low-pass is heard
  bool operator==(const SvfCoeffs&) const = default;
};

/// @param freq_hz  centre, corner or shelf midpoint, inside (0, sample_rate / 2).
/// @param q        cookbook Q, > 0.
/// @param gain_db  for peak, lowshelf and highshelf; the other types ignore it. At exactly 0 dB those three pass audio unchanged.
[[nodiscard]] SvfCoeffs design_svf(mix::FilterType type, double freq_hz, double q, double gain_db, double sample_rate);

/// Radius of the slowest pole in the z plane, in [0, 1). Bilinear transform of s^2 + k s + 1 scaled by g.
[[nodiscard]] double pole_radius(const SvfCoeffs& coeffs);

/// Frames until the slowest pole of a section has fallen by 150 dB: the pre-roll after which its past is not heard. 0 for a band that
/// passes audio unchanged throughout. With automation, the worst that the band reaches: on the way from point to point the logarithm of
/// the decay time is convex in log f, log Q and dB, so its maximum is at one of the points.
[[nodiscard]] Frames decay_frames(mix::FilterType type, const mix::Automation& freq_hz, const mix::Automation& q,
                                  const mix::Automation& gain_db, double sample_rate);

/// The value of an automation at a position: linear between its points, held before the first and after the last.
[[nodiscard]] double linear_value(const mix::Automation& automation, Frames at);
/// The same with the logarithm interpolated, as frequencies and Q are. Values > 0.
[[nodiscard]] double logarithmic_value(const mix::Automation& automation, Frames at);

}  // namespace dubfarm
