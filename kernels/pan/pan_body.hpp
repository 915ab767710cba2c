// Plain loops without branches, which g++ turns into vector code for the file that includes them.
#pragma once
#include "kernels/core/math.hpp"
#include "kernels/pan/pan_ops.hpp"

namespace dubfarm::kernels::pan_ops {
namespace {

void line(double start, double per_frame, Frames offset, int n, double* azimuth) {
  const double origin = static_cast<double>(offset);
  for (int i = 0; i < n; ++i) azimuth[i] = std::fma(per_frame, origin + static_cast<double>(i), start);
}

void stereo(const double* azimuth, int n, double* left, double* right) {
  for (int i = 0; i < n; ++i) {
    double a = azimuth[i];
    a = a < -30.0 ? -30.0 : a;
    a = a > 30.0 ? 30.0 : a;
    const double p = (30.0 - a) / 60.0;
    left[i] = sin_half_pi(1.0 - p);
    right[i] = sin_half_pi(p);
  }
}

void ring(const Ring& speakers, const double* azimuth, int n, double* const* gains) {
  // All angles count up from the first loudspeaker. The pair of an angle is the last loudspeaker at or below it, and the next one round.
  double angle[kBlock], pair[kBlock], low[kBlock] = {}, high[kBlock] = {}, inverse[kBlock] = {}, first[kBlock], second[kBlock];
  const int count = speakers.count;
  const double origin = speakers.azimuth_deg[0];
  for (int i = 0; i < n; ++i) angle[i] = degrees_within_turn(azimuth[i] - origin), pair[i] = -1.0;
  for (int m = 0; m < count; ++m) {
    const double own = speakers.azimuth_deg[m] - origin, next = m + 1 < count ? speakers.azimuth_deg[m + 1] - origin : 360.0;
    const double inverse_sine = speakers.inverse_sine[m], index = static_cast<double>(m);
    for (int i = 0; i < n; ++i) {
      const bool reached = angle[i] >= own;
      pair[i] = reached ? index : pair[i];
      low[i] = reached ? own : low[i];
      high[i] = reached ? next : high[i];
      inverse[i] = reached ? inverse_sine : inverse[i];
    }
  }
  for (int i = 0; i < n; ++i) {
    // The two vectors that add up to the direction: g1 = sin(a2 - a) / sin(a2 - a1), g2 = sin(a - a1) / sin(a2 - a1).
    double g1 = sin_degrees(high[i] - angle[i]) * inverse[i];
    double g2 = sin_degrees(angle[i] - low[i]) * inverse[i];
    g1 = std::fabs(g1) < 1e-12 ? 0.0 : g1;
    g2 = std::fabs(g2) < 1e-12 ? 0.0 : g2;
    const double norm = std::sqrt(std::fma(g1, g1, g2 * g2));  // of a lone g it is |g|, so that the division gives 1
    first[i] = g1 / norm, second[i] = g2 / norm;
  }
  for (int m = 0; m < count; ++m) {
    if (!gains[m]) continue;
    const double own = static_cast<double>(m), before = static_cast<double>(m == 0 ? count - 1 : m - 1);
    double* out = gains[m];
    for (int i = 0; i < n; ++i) {
      const double one = pair[i] == own ? first[i] : 0.0;
      out[i] = pair[i] == before ? second[i] : one;
    }
  }
}

constexpr Ops kOps = {line, stereo, ring};

}  // namespace
}  // namespace dubfarm::kernels::pan_ops
