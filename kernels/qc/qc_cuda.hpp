// Quality control's sums on the device: sixteen threads for each stretch, one for each lane of the CPU's sums; a thread for each flat block.
#pragma once
#include <cstdint>

#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// kernels::pair_sums() of one stretch of two channels: to[0] left, to[1] right, to[2] product.
struct PairRun {
  const float* left = nullptr;
  const float* right = nullptr;
  Frames count = 0;
  double* to = nullptr;
};
/// kernels::slope_sums() of one stretch: to[0] energy, to[1] slope. x[-1] is read.
struct SlopeRun {
  const float* x = nullptr;
  Frames count = 0;
  double* to = nullptr;
};
/// kernels::flat_blocks() of one stretch: flat[b] is 0 or 1. x[-1] is read.
struct FlatRun {
  const float* x = nullptr;
  Frames blocks = 0;  // of kFlatBlock frames
  float step = 0;
  std::uint8_t* flat = nullptr;
};
/// Tables are the device's, all pointers in them too. Bits: those of the CPU on a thread that holds FlushDenormals.
struct QcArgs {
  const PairRun* pairs = nullptr;
  int pair_count = 0;
  const SlopeRun* slopes = nullptr;
  int slope_count = 0;
  const FlatRun* flats = nullptr;
  int flat_count = 0;
  Frames most_blocks = 0;  // of the flat runs
};
void qc(const QcArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
