// A block decodes kTile frames of one run; neighbouring threads take neighbouring frames.
#include "kernels/core/pcm_any.hpp"
#include "kernels/decode/decode_cuda.hpp"
#include "kernels/device/cuda_launch.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr Frames kTile = 4 * kThreads;

DUBFARM_KERNEL(kThreads) decode_runs(const DecodeRun* runs) {
  const DecodeRun run = runs[block_y()];
  const Frames first = block_x() * kTile, end = first + kTile < run.count ? first + kTile : run.count;
  for (Frames n = first + thread_index(); n < end; n += kThreads) {
    const float value = pcm::sample_at(run.format, run.samples + n * run.stride);
    run.out[n] = value;
    if (run.first_bad != nullptr && !pcm::is_finite(value)) atomic_min(run.first_bad, n);
  }
}

}  // namespace

void decode(const DecodeArgs& args, StreamHandle stream) {
  constexpr int kMostRuns = 65535;  // of one grid
  for (int first = 0; first < args.count; first += kMostRuns) {
    const int count = args.count - first < kMostRuns ? args.count - first : kMostRuns;
    DUBFARM_LAUNCH(decode_runs, blocks_for(args.longest, kTile), count, kThreads, stream, args.runs + first);
  }
}

}  // namespace dubfarm::kernels::cuda
