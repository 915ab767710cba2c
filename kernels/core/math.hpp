// Levels and angles of the kernels, on top of common/filter/elementary.hpp: no library transcendental runs at audio rate.
#pragma once
#include "common/filter/elementary.hpp"
#include "common/units.hpp"

namespace dubfarm::kernels {

/// Amplitude of a level: 10^(db / 20); exactly 0 at and below -144 dB, exactly 1 at 0 dB. Unlike linear_from_db, the same bits on every
/// machine.
[[nodiscard]] DUBFARM_PORTABLE double gain_from_db(double db) {
  const double gain = portable_exp2(db * 0x1.542a5a12e1c5bp-3);  // log2(10) / 20
  return db <= kSilenceDb ? 0.0 : gain;
}

/// sin of an angle in [-180, 180] degrees; exact at the quarter turns.
[[nodiscard]] DUBFARM_PORTABLE double sin_degrees(double angle) {
  double x = angle / 90.0;
  x = x > 1.0 ? 2.0 - x : x;
  x = x < -1.0 ? -2.0 - x : x;
  return sin_half_pi(x);
}

/// The angle brought into [0, 360], in degrees, for angles below 2^51; 360 only where a tiny negative angle rounds to it.
[[nodiscard]] DUBFARM_PORTABLE double degrees_within_turn(double angle) {
  constexpr double kRound = 0x1.8p52;
  const double within_half = std::fma(-360.0, (angle / 360.0 + kRound) - kRound, angle);
  return within_half < 0.0 ? within_half + 360.0 : within_half;
}

}  // namespace dubfarm::kernels
