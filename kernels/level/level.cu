#include "kernels/core/denormal.hpp"
#include "kernels/device/cuda_launch.hpp"
#include "kernels/level/level_cuda.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kLanes = 16, kRuns = 8, kThreads = kLanes * kRuns;

DUBFARM_KERNEL(kThreads) measure_levels(const LevelRun* runs, int count) {
  DUBFARM_SHARED(double, sums, kThreads);
  DUBFARM_SHARED(int, counts, kThreads);
  const int t = thread_index(), lane = t % kLanes, index = block_x() * kRuns + t / kLanes;
  double sum = 0;
  int full_scale = 0;
  if (index < count) {
    const LevelRun& run = runs[index];
    for (Frames i = lane; i < run.count; i += kLanes) {
      const float x = flush(run.x[i]);
      sum += static_cast<double>(x);
      full_scale += x <= run.lowest || x >= run.highest ? 1 : 0;
    }
  }
  sums[t] = sum, counts[t] = full_scale;
  barrier();
  if (lane != 0 || index >= count) return;
  double total = 0;
  std::int64_t all = 0;
  for (int l = 0; l < kLanes; ++l) total += sums[t + l], all += counts[t + l];
  *runs[index].sum = total, *runs[index].full_scale = all;
}

}  // namespace

void level(const LevelArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(measure_levels, blocks_for(args.count, kRuns), 1, kThreads, stream, args.runs, args.count);
}

}  // namespace dubfarm::kernels::cuda
