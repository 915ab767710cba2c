// A fade's gain at one frame: the formula of kernels/clip.
#pragma once
#include "common/filter/elementary.hpp"
#include "common/units.hpp"
#include "kernels/core/hd.hpp"

namespace dubfarm::kernels {

/// c(at / length), 0 before the fade and 1 behind it; curve in the order of mix::FadeCurve: linear, equal_power, cosine. length > 0.
[[nodiscard]] DUBFARM_HD double fade_gain(int curve, Frames at, Frames length) {
  double x = static_cast<double>(at) / static_cast<double>(length);
  x = x < 0.0 ? 0.0 : x;
  x = x > 1.0 ? 1.0 : x;
  if (curve == 0) return x;
  const double sine = sin_half_pi(x);
  return curve == 1 ? sine : sine * sine;  // (1 - cos(pi x)) / 2
}

}  // namespace dubfarm::kernels
