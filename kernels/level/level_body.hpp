// The loop of kernels/level, written once; the compiler makes vectors of the lanes. Private to kernels/level.
#pragma once
#include "kernels/level/level.hpp"

namespace dubfarm::kernels::levels {

Level run_generic(const float* x, Frames count, float lowest, float highest);
Level run_avx2(const float* x, Frames count, float lowest, float highest);
Level run_avx512(const float* x, Frames count, float lowest, float highest);

namespace {  // a function of one instruction set must never be merged with its namesake of another

inline Level run(const float* x, Frames count, float lowest, float highest) {
  constexpr int kLanes = 16;
  double sums[kLanes] = {};
  std::int32_t counts[kLanes] = {};  // a lane sees a sixteenth of a stretch
  Frames t = 0;
  for (; t + kLanes <= count; t += kLanes)
    for (int i = 0; i < kLanes; ++i) {
      sums[i] += static_cast<double>(x[t + i]);
      counts[i] += static_cast<std::int32_t>(x[t + i] <= lowest) | static_cast<std::int32_t>(x[t + i] >= highest);
    }
  for (int i = 0; t < count; ++t, ++i) {
    sums[i] += static_cast<double>(x[t]);
    counts[i] += static_cast<std::int32_t>(x[t] <= lowest) | static_cast<std::int32_t>(x[t] >= highest);
  }
  Level level;
  for (int i = 0; i < kLanes; ++i) level.sum += sums[i], level.full_scale += counts[i];
  return level;
}

}  // namespace
}  // namespace dubfarm::kernels::levels
