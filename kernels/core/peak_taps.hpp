// The true-peak interpolator for kernels: its taps as an argument (a GPU reads arguments fastest), its arithmetic.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/core/denormal.hpp"

namespace dubfarm::kernels {

/// kTruePeakFilter.
struct PeakTaps {
  float tap[4][12];
};
[[nodiscard]] DUBFARM_HD std::int32_t magnitude_bits(float x) { return std::bit_cast<std::int32_t>(x) & 0x7FFFFFFF; }

/// The largest magnitude among the four interpolated values at x[0]; x[-11] ... x[-1] are read.
[[nodiscard]] DUBFARM_HD std::int32_t interpolated_bits(const PeakTaps& taps, const float* x) {
  std::int32_t most = 0;
  DUBFARM_UNROLL
  for (int p = 0; p < 4; ++p) {
    float u = flush(taps.tap[p][11] * x[-11]);
    DUBFARM_UNROLL
    for (int k = 10; k >= 0; --k) u = flush(std::fma(taps.tap[p][k], x[-k], u));
    const std::int32_t bits = magnitude_bits(u);
    most = bits > most ? bits : most;
  }
  return most;
}

}  // namespace dubfarm::kernels
