// What a waveform says without any filter: its sum, for the DC offset, and how many samples lie at full scale.
// Threads: every function here is pure and may run on any thread.
#pragma once
#include <cstdint>

#include "common/units.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

struct Level {
  double sum = 0;               // of the samples: lane n mod 16 takes sample n, in order; the lanes are added in order. Same bits on every Isa
  std::int64_t full_scale = 0;  // samples at or below `lowest`, or at or above `highest`
};

/// Of one channel's frames [0, count). A sum over a file is the sum, in order, over stretches on one grid (the groups of
/// kernels/loudness): then it does not depend on the ranges either. Not a number where a sample is not.
[[nodiscard]] Level level(const float* x, Frames count, float lowest = -1.0f, float highest = 1.0f, Isa isa = best_isa());

}  // namespace dubfarm::kernels
