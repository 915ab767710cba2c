#include "kernels/core/denormal.hpp"
#include "kernels/device/cuda_launch.hpp"
#include "kernels/qc/qc_cuda.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kLanes = 16, kRuns = 8, kThreads = kLanes * kRuns;
constexpr int kFlatFrames = 16;

/// The sum of a run's lanes, in order, for the run's first thread; all threads of the block come here.
DUBFARM_DEVICE double total(double* shared, double own) {
  const int t = thread_index();
  barrier();
  shared[t] = own;
  barrier();
  double sum = 0;
  if (t % kLanes == 0)
    for (int l = 0; l < kLanes; ++l) sum += shared[t + l];
  return sum;
}

DUBFARM_KERNEL(kThreads) sum_pairs(const PairRun* runs, int count) {
  DUBFARM_SHARED(double, sums, kThreads);
  const int lane = thread_index() % kLanes, index = block_x() * kRuns + thread_index() / kLanes;
  double xx = 0, yy = 0, xy = 0;
  if (index < count)
    for (Frames i = lane; i < runs[index].count; i += kLanes) {
      const double a = widen(runs[index].left[i]), b = widen(runs[index].right[i]);
      xx += a * a, yy += b * b, xy += a * b;
    }
  const double left = total(sums, xx), right = total(sums, yy), product = total(sums, xy);
  if (lane == 0 && index < count) runs[index].to[0] = left, runs[index].to[1] = right, runs[index].to[2] = product;
}

DUBFARM_KERNEL(kThreads) sum_slopes(const SlopeRun* runs, int count) {
  DUBFARM_SHARED(double, sums, kThreads);
  const int lane = thread_index() % kLanes, index = block_x() * kRuns + thread_index() / kLanes;
  double xx = 0, dd = 0;
  if (index < count)
    for (Frames i = lane; i < runs[index].count; i += kLanes) {
      const double a = widen(runs[index].x[i]), d = a - widen(runs[index].x[i - 1]);
      xx += a * a, dd += d * d;
    }
  const double energy = total(sums, xx), slope = total(sums, dd);
  if (lane == 0 && index < count) runs[index].to[0] = energy, runs[index].to[1] = slope;
}

DUBFARM_KERNEL(kThreads) find_flat(const FlatRun* runs) {
  const FlatRun run = runs[block_y()];
  const Frames b = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (b >= run.blocks) return;
  const float* const x = run.x + b * kFlatFrames;
  bool moves = false;
  for (int i = 0; i < kFlatFrames; ++i) {
    const float change = flush(flush(x[i]) - flush(x[i - 1]));
    moves = moves || !((change < 0 ? -change : change) <= run.step);
  }
  run.flat[b] = moves ? 0 : 1;
}

}  // namespace

void qc(const QcArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(sum_pairs, blocks_for(args.pair_count, kRuns), 1, kThreads, stream, args.pairs, args.pair_count);
  DUBFARM_LAUNCH(sum_slopes, blocks_for(args.slope_count, kRuns), 1, kThreads, stream, args.slopes, args.slope_count);
  DUBFARM_LAUNCH(find_flat, blocks_for(args.most_blocks, kThreads), args.flat_count, kThreads, stream, args.flats);
}

}  // namespace dubfarm::kernels::cuda
