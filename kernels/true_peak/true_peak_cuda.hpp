// True peak on the device: a thread for each frame and its four interpolated values.
#pragma once
#include <cstdint>

#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// One channel of one range. The peaks are magnitudes as the bits of floats, whose order is that of the integers: infinity and NaN above all
/// numbers. Both are raised, so that ranges can share one; the caller sets them to 0 before.
struct PeakRun {
  const float* x = nullptr;  // x[-11] ... x[-1] are read too
  Frames count = 0;
  std::int32_t* between = nullptr;  // of the interpolated values
  std::int32_t* samples = nullptr;
};
/// The table is the device's, all pointers in it too. Bits: those of the CPU on a thread that holds FlushDenormals.
struct PeaksArgs {
  const PeakRun* runs = nullptr;
  int count = 0;
  Frames longest = 0;  // of the runs
};
void true_peaks(const PeaksArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
