// Placing a mono signal in a bus (mix format, Signal path 4). Azimuth in degrees, 0 front, positive left (ITU-R BS.2076); around a
// surround ring it wraps, on a stereo bus it is clamped to the loudspeakers.
#pragma once
#include <span>
#include <vector>

#include "common/layout.hpp"
#include "common/mix/document.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

/// gains[channel_count(bus)], linear. Mono: 1. Stereo: L = cos(p pi/2), R = sin(p pi/2), p = (30 - clamp(azimuth, -30, 30)) / 60.
/// Surround: the two ear-height loudspeakers that enclose the azimuth, by 2-D vector base amplitude panning (V. Pulkki, JAES 45(6), 1997)
/// with unit power; LFE and heights 0. On a loudspeaker's own azimuth it alone sounds, at exactly 1.
void pan_gains(Layout bus, double azimuth_deg, double* gains);

/// Gains of an automated azimuth, which runs linearly in degrees between its points, sample by sample. Bits: as GainCurve.
class PanCurve {
 public:
  PanCurve(Layout bus, const mix::Automation& azimuth_deg);

  /// One place for all time: no points, all of one value, or a mono bus.
  [[nodiscard]] bool is_constant() const { return pieces_.empty(); }
  /// The gains where is_constant(), one per channel of the bus.
  [[nodiscard]] std::span<const double> constant_gains() const { return constant_; }
  /// The bus channels that ever sound, ascending; evaluate() writes these only.
  [[nodiscard]] std::span<const int> channels() const { return channels_; }
  /// gains[j][i] = gain of bus channel channels()[j] at position first + i, for i in [0, n).
  void evaluate(Frames first, Frames n, double* const* gains, Isa isa = best_isa()) const;

 private:
  Layout bus_;
  std::vector<mix::AutomationPiece> pieces_;  // empty where constant
  std::vector<double> constant_;
  std::vector<int> channels_;
};

}  // namespace dubfarm::kernels
