// Levels on the device: sixteen threads for each stretch, one for each lane of kernels::Level's sum.
#pragma once
#include <cstdint>

#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// kernels::level() of one stretch of one channel.
struct LevelRun {
  const float* x = nullptr;
  Frames count = 0;
  float lowest = -1, highest = 1;
  double* sum = nullptr;
  std::int64_t* full_scale = nullptr;
};
/// The table is the device's, all pointers in it too. Bits: those of the CPU on a thread that holds FlushDenormals.
struct LevelArgs {
  const LevelRun* runs = nullptr;
  int count = 0;
};
void level(const LevelArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
