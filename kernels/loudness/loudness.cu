#include "kernels/core/weighting.hpp"
#include "kernels/device/cuda_launch.hpp"
#include "kernels/loudness/loudness_cuda.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kTile = 64, kRow = kTile + 1;

/// The warp's runs side by side, a tile at a time through shared memory.
template <class Voice>
DUBFARM_KERNEL(kWarp) weigh(WeightedArgs args) {
  DUBFARM_SHARED(float, tile, kWarp * kRow);
  DUBFARM_SHARED(const float*, starts, kWarp);
  const int t = thread_index(), first = block_x() * kWarp, lanes = args.count - first < kWarp ? args.count - first : kWarp;
  starts[t] = t < lanes ? args.runs[first + t].x - args.history : nullptr;
  double* const energies = t < lanes ? args.runs[first + t].energies : nullptr;
  barrier();
  Voice voice;
  double sum = 0;
  const Frames total = args.history + args.subblock * args.subblocks;
  Frames next = args.history + args.subblock;  // where the sub-block at hand ends
  Frames subblock = 0;
  for (Frames from = 0; from < total; from += kTile) {
    const int n = static_cast<int>(total - from < kTile ? total - from : kTile);
    for (int l = 0; l < lanes; ++l)
      for (int i = t; i < n; i += kWarp) tile[l * kRow + i] = flush(starts[l][from + i]);
    barrier();
    for (int i = 0; t < lanes && i < n; ++i) {
      const double z = voice.step(args.weighting.c, static_cast<double>(tile[t * kRow + i]));
      if (from + i < args.history) continue;  // settles the filter
      sum = flushed_fma(z, z, sum);
      if (from + i + 1 == next) {
        energies[subblock++] = sum;
        sum = 0, next += args.subblock;
      }
    }
    barrier();
  }
}

}  // namespace

void weighted_energies(const WeightedArgs& args, StreamHandle stream) {
  if (args.weighting.is_m) DUBFARM_LAUNCH(weigh<MVoice>, blocks_for(args.count, kWarp), 1, kWarp, stream, args);
  else DUBFARM_LAUNCH(weigh<KVoice>, blocks_for(args.count, kWarp), 1, kWarp, stream, args);
}

}  // namespace dubfarm::kernels::cuda
