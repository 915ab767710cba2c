#include "kernels/core/peak_taps.hpp"
#include "kernels/device/cuda_launch.hpp"
#include "kernels/true_peak/true_peak.hpp"
#include "kernels/true_peak/true_peak_cuda.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kThreads = 256, kPerThread = 8, kWarps = kThreads / kWarp;
constexpr int kHistory = 11;
constexpr Frames kTile = kThreads * kPerThread;

DUBFARM_KERNEL(kThreads) find_peaks(const PeakRun* runs, PeakTaps taps) {
  DUBFARM_SHARED(float, tile, kTile + kHistory);
  DUBFARM_SHARED(std::int32_t, most, 2 * kWarps);
  const PeakRun run = runs[block_y()];
  const Frames first = block_x() * kTile;
  if (first >= run.count) return;
  const int t = thread_index(), n = static_cast<int>(run.count - first < kTile ? run.count - first : kTile);
  for (int i = t; i < n + kHistory; i += kThreads) tile[i] = flush(run.x[first + i - kHistory]);
  barrier();
  std::int32_t between = 0, samples = 0;
  for (int i = t; i < n; i += kThreads) {
    const float* const x = tile + kHistory + i;
    const std::int32_t u = interpolated_bits(taps, x), s = magnitude_bits(*x);
    between = u > between ? u : between;
    samples = s > samples ? s : samples;
  }
  for (int by = kWarp / 2; by > 0; by /= 2) {
    const std::int32_t u = shuffle_xor(between, by), s = shuffle_xor(samples, by);
    between = u > between ? u : between;
    samples = s > samples ? s : samples;
  }
  if (t % kWarp == 0) most[t / kWarp] = between, most[kWarps + t / kWarp] = samples;
  barrier();
  if (t != 0) return;
  for (int w = 1; w < kWarps; ++w) {
    between = most[w] > between ? most[w] : between;
    samples = most[kWarps + w] > samples ? most[kWarps + w] : samples;
  }
  atomic_max(run.between, between);
  atomic_max(run.samples, samples);
}

}  // namespace

void true_peaks(const PeaksArgs& args, StreamHandle stream) {
  PeakTaps taps{};
  for (std::size_t p = 0; p < 4; ++p)
    for (std::size_t k = 0; k < 12; ++k) taps.tap[p][k] = kTruePeakFilter[p][k];
  constexpr int kMostRuns = 65535;  // of one grid
  for (int first = 0; first < args.count; first += kMostRuns) {
    const int count = args.count - first < kMostRuns ? args.count - first : kMostRuns;
    DUBFARM_LAUNCH(find_peaks, blocks_for(args.longest, kTile), count, kThreads, stream, args.runs + first, taps);
  }
}

}  // namespace dubfarm::kernels::cuda
