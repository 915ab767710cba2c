// Frame f of the signal stands at place k = f + reach of the integer arrays, which so begin where the hold first hears frame 0.
#include <bit>
#include <cmath>

#include "common/filter/elementary.hpp"
#include "kernels/device/cuda_launch.hpp"
#include "kernels/limit/limit_cuda.hpp"
#include "kernels/true_peak/true_peak.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kThreads = 256, kPerThread = 8, kScanTile = kThreads * kPerThread;
constexpr Frames kHistory = 11;
constexpr std::int32_t kInfinityBits = 0x7F800000;

/// Signal of one channel: 11 zeros, n frames, reach zeros.
struct Signal {
  float* x;
  Frames row;  // from channel to channel
};

DUBFARM_KERNEL(kThreads) take_in(const double* const* x, Frames n, Signal signal) {
  const Frames i = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (i >= signal.row) return;
  const Frames f = i - kHistory;
  signal.x[block_y() * signal.row + i] = f >= 0 && f < n ? narrow(x[block_y()][f]) : 0.0f;
}

/// q[k] for frames k of the stretch.
DUBFARM_KERNEL(kThreads) find_excess(Signal signal, int channels, Frames stretch, LimiterNumbers numbers, std::int32_t most, PeakTaps taps,
                                     std::int32_t* q) {
  const Frames k = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (k >= stretch) return;
  std::int32_t e = 0;
  for (int c = 0; c < channels; ++c) {
    const float* const x = signal.x + c * signal.row + kHistory + k;
    const std::int32_t sample = magnitude_bits(*x), between = interpolated_bits(taps, x);
    e = sample > e ? sample : e;
    e = between > e ? between : e;
  }
  if (e <= numbers.threshold) {
    q[k] = 0;
    return;
  }
  e = e < kInfinityBits ? e : kInfinityBits - 1;
  double units = std::fma(numbers.units_per_octave, portable_log2(static_cast<double>(std::bit_cast<float>(e))), -numbers.level);
  units = units > 0 ? units : 0.0;
  units = units < static_cast<double>(most) ? units : static_cast<double>(most);
  const std::int32_t whole = static_cast<std::int32_t>(units);
  q[k] = whole + (static_cast<double>(whole) < units ? 1 : 0);
}

/// to[k] = the larger of from[k] and from[k - step].
DUBFARM_KERNEL(kThreads) reach_back(const std::int32_t* from, std::int32_t* to, Frames stretch, Frames step) {
  const Frames k = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (k >= stretch) return;
  const std::int32_t own = from[k], other = k >= step ? from[k - step] : 0;
  to[k] = other > own ? other : own;
}

/// h[k] + slope * k: then the release is a plain running maximum.
DUBFARM_DEVICE std::int64_t raised(const std::int32_t* h, Frames k, Frames stretch, std::int32_t slope) {
  return k < stretch ? h[k] + static_cast<std::int64_t>(slope) * k : INT64_MIN;
}

DUBFARM_KERNEL(kThreads) largest_of_tiles(const std::int32_t* h, Frames stretch, std::int32_t slope, std::int64_t* largest) {
  DUBFARM_SHARED(std::int64_t, found, kThreads);
  const int t = thread_index();
  std::int64_t most = INT64_MIN;
  for (int i = 0; i < kPerThread; ++i) {
    const std::int64_t v = raised(h, static_cast<Frames>(block_x()) * kScanTile + i * kThreads + t, stretch, slope);
    most = v > most ? v : most;
  }
  found[t] = most;
  barrier();
  for (int by = kThreads / 2; by > 0; by /= 2) {
    if (t < by && found[t + by] > found[t]) found[t] = found[t + by];
    barrier();
  }
  if (t == 0) largest[block_x()] = found[0];
}

/// d[k] = max(h[k], d[k - 1] - slope). Of the tiles before its own, a block looks at as many as an excess can outlast.
DUBFARM_KERNEL(kThreads) release(const std::int32_t* h, Frames stretch, std::int32_t slope, std::int32_t most, const std::int64_t* largest,
                                 std::int32_t* d) {
  DUBFARM_SHARED(std::int64_t, found, kThreads);
  const int t = thread_index();
  const Frames tile = block_x(), first = tile * kScanTile + t * kPerThread;
  std::int64_t own[kPerThread];
  std::int64_t running = INT64_MIN;
  DUBFARM_UNROLL
  for (int i = 0; i < kPerThread; ++i) {
    const std::int64_t v = raised(h, first + i, stretch, slope);
    running = v > running ? v : running;
    own[i] = running;
  }
  found[t] = running;
  barrier();
  for (int by = 1; by < kThreads; by *= 2) {
    const std::int64_t other = t >= by ? found[t - by] : INT64_MIN, mine = found[t];
    barrier();
    found[t] = other > mine ? other : mine;
    barrier();
  }
  std::int64_t before = t > 0 ? found[t - 1] : INT64_MIN;
  const Frames back = most / slope / kScanTile + 1;
  for (Frames other = tile > back ? tile - back - 1 : 0; other < tile; ++other) before = largest[other] > before ? largest[other] : before;
  DUBFARM_UNROLL
  for (int i = 0; i < kPerThread; ++i) {
    const Frames k = first + i;
    const std::int64_t v = before > own[i] ? before : own[i];
    if (k < stretch) d[k] = static_cast<std::int32_t>(v - static_cast<std::int64_t>(slope) * k);
  }
}

/// The gain of frame f: 2^(floor(2^-30 * sum over j of w[j] d[f + reach - lookahead + j]) / -units). Every sum is a whole number below 2^53.
DUBFARM_KERNEL(kThreads) smooth(const std::int32_t* d, LimiterNumbers numbers, Frames reach, Frames n, double* gain, bool multiplies) {
  DUBFARM_SHARED(double, near, 2 * kThreads);
  const int t = thread_index();
  const Frames first = static_cast<Frames>(block_x()) * kThreads, f = first + t, taps = numbers.lookahead + 1;
  double sum = 0;
  for (Frames done = 0; done < taps; done += kThreads) {
    const int count = static_cast<int>(taps - done < kThreads ? taps - done : kThreads);
    for (int i = t; i < 2 * kThreads; i += kThreads) {
      const Frames k = first + reach - numbers.lookahead + done + i;
      near[i] = k < n + reach ? static_cast<double>(d[k]) : 0.0;
    }
    barrier();
    for (int j = 0; j < count; ++j) sum = std::fma(numbers.weights[done + j], near[t + j], sum);
    barrier();
  }
  if (f >= n) return;
  const double g = portable_exp2(static_cast<double>(static_cast<std::int32_t>(sum * 0x1p-30)) * (-1.0 / numbers.units_per_octave));
  gain[f] = multiplies ? gain[f] * g : g;
}

DUBFARM_KERNEL(kThreads) turn_down(Signal signal, const double* gain, Frames n) {
  const Frames f = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (f >= n) return;
  float& x = signal.x[block_y() * signal.row + kHistory + f];
  x = narrow(widen(x) * gain[f]);
}

}  // namespace

void limit(const LimitArgs& args, StreamHandle stream) {
  const LimiterNumbers& numbers = args.numbers;
  const Frames reach = limiter_reach(numbers.lookahead), stretch = args.n + reach, window = reach + 1;
  const Frames tiles = blocks_for(stretch, kScanTile);
  auto* const largest = static_cast<std::int64_t*>(args.workspace);
  std::int32_t* one = reinterpret_cast<std::int32_t*>(largest + tiles);
  std::int32_t* other = one + stretch;
  const Signal signal{reinterpret_cast<float*>(other + stretch), kHistory + stretch};
  PeakTaps taps{};
  for (std::size_t p = 0; p < 4; ++p)
    for (std::size_t k = 0; k < 12; ++k) taps.tap[p][k] = kTruePeakFilter[p][k];
  const long long places = blocks_for(stretch, kThreads), frames = blocks_for(args.n, kThreads);
  if (args.n <= 0) return;

  DUBFARM_LAUNCH(take_in, blocks_for(signal.row, kThreads), args.channels, kThreads, stream, args.x, args.n, signal);
  for (int pass = 0; pass < 2; ++pass) {
    DUBFARM_LAUNCH(find_excess, places, 1, kThreads, stream, signal, args.channels, stretch, numbers, numbers.most[pass], taps, one);
    Frames span = 1;
    for (; span < window;) {
      const Frames step = 2 * span <= window ? span : window - span;
      DUBFARM_LAUNCH(reach_back, places, 1, kThreads, stream, one, other, stretch, step);
      std::int32_t* const held = other;
      other = one, one = held;
      span += step;
    }
    DUBFARM_LAUNCH(largest_of_tiles, tiles, 1, kThreads, stream, one, stretch, numbers.slope, largest);
    DUBFARM_LAUNCH(release, tiles, 1, kThreads, stream, one, stretch, numbers.slope, numbers.most[pass], largest, other);
    DUBFARM_LAUNCH(smooth, frames, 1, kThreads, stream, other, numbers, reach, args.n, args.gain, pass == 1);
    if (pass == 0) DUBFARM_LAUNCH(turn_down, frames, args.channels, kThreads, stream, signal, args.gain, args.n);
  }
}

}  // namespace dubfarm::kernels::cuda
