// K- and M-weighted energies on the device: a thread for each group (2 s) of each channel, a warp for 32 of them.
#pragma once
#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// The filter's numbers: K: the shelf's b0, b1, b2, a1, a2, the high-pass's a1, a2. M: b0 ... b3, then a1, a2 of three sections.
struct Weighting {
  bool is_m = false;
  double c[10] = {};
};
/// A group of a channel: x points at its first frame; `history` frames before it are read too.
struct WeightedRun {
  const float* x = nullptr;
  double* energies = nullptr;  // [subblocks]
};
/// All runs have the same length (the last group of a range may be shorter: a call of its own). The table is the device's, all pointers in it
/// too. Bits: those of subblock_energies() and m_weighted_energies() on a thread that holds FlushDenormals.
struct WeightedArgs {
  const WeightedRun* runs = nullptr;
  int count = 0;
  Weighting weighting;
  Frames history = 0, subblock = 0, subblocks = 0;
};
void weighted_energies(const WeightedArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
