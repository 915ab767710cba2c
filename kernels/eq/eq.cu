// The bands of a lane work at the same time, in the order of the CPU's operations: a warp runs its bands over a tile, a thread for each
// lane, while the next warp runs the bands behind them over the tile before. The last warp brings the tiles and takes them away.
#include "kernels/core/svf_sample.hpp"
#include "kernels/device/cuda_launch.hpp"
#include "kernels/eq/eq_cuda.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kTile = kWarp;         // frames: the carrier has a thread for each
constexpr int kRow = kTile + 1;      // of the tile: one more, so that the lanes of a frame lie in different banks
constexpr int kGroups = 4;           // of bands: a warp each
constexpr int kSlots = kGroups + 1;  // a tile under each group, and one that comes or goes
constexpr int kThreads = (kGroups + 1) * kWarp;

// ---- a band ---------------------------------------------------------------------------------------------------------------------

/// One band over kSafeFrames frames of one lane. Where state and input are zero nothing can become denormal either.
template <class StepAt>
DUBFARM_DEVICE void run_block(double* row, int from, const StepAt& step_at, SectionState& state) {
  double v[kSafeFrames];
  bool is_silent = state.s1 == 0 && state.s2 == 0;
  DUBFARM_UNROLL
  for (int i = 0; i < kSafeFrames; ++i) v[i] = row[from + i], is_silent = is_silent && v[i] == 0;
  if (is_silent || is_safe(state)) {
    DUBFARM_UNROLL
    for (int i = 0; i < kSafeFrames; ++i) v[i] = run_section<false>(step_at(from + i), state, v[i]);
  } else {
    DUBFARM_UNROLL
    for (int i = 0; i < kSafeFrames; ++i) v[i] = run_section<true>(step_at(from + i), state, v[i]);
  }
  DUBFARM_UNROLL
  for (int i = 0; i < kSafeFrames; ++i) row[from + i] = v[i];
}

/// One band over one lane's row. step_at(i): its SectionStep at frame i of the tile.
template <class StepAt>
DUBFARM_DEVICE void run_band(double* row, int n, const StepAt& step_at, double* states) {
  SectionState state{states[0], states[1]};
  int i = 0;
  for (; i + kSafeFrames <= n; i += kSafeFrames) run_block(row, i, step_at, state);
  for (; i < n; ++i) row[i] = run_section<true>(step_at(i), state, row[i]);
  states[0] = state.s1, states[1] = state.s2;
}
DUBFARM_DEVICE void run_static_band(double* row, int n, const double* v, double* states) {
  const SectionStep step{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]};
  run_band(row, n, [&](int) { return step; }, states);
}

/// The automated band at each frame of the tile, a thread for each.
DUBFARM_DEVICE int find_steps(const EqStage& stage, int cursor, Frames first, int n, int t, double* steps) {
  if (t >= n) return cursor;
  const Frames at = first + t;
  while (cursor + 1 < stage.ramp_count && stage.ramps[cursor].until <= at) ++cursor;
  const EqRamp& ramp = stage.ramps[cursor];
  const double offset = static_cast<double>(at - ramp.from);
  double v[5];
  DUBFARM_UNROLL
  for (int j = 0; j < 5; ++j) v[j] = std::fma(ramp.slope[j], offset, ramp.start[j]);
  const SectionStep s = section_step(v[0], v[1], v[2], v[3], v[4]);
  double* const to = steps + t;
  to[0] = s.a11, to[kTile] = s.a12, to[2 * kTile] = s.b1, to[3 * kTile] = s.a21, to[4 * kTile] = s.a22, to[5 * kTile] = s.b2;
  to[6 * kTile] = s.c1, to[7 * kTile] = s.c2, to[8 * kTile] = s.d;
  return cursor;
}

DUBFARM_DEVICE SectionStep found_step(const double* steps, int i) {
  return {steps[i],             steps[kTile + i],     steps[2 * kTile + i], steps[3 * kTile + i], steps[4 * kTile + i],
          steps[5 * kTile + i], steps[6 * kTile + i], steps[7 * kTile + i], steps[8 * kTile + i]};
}

// ---- bands at the same time -----------------------------------------------------------------------------------------------------

/// Where a thread stands: its lane within the warp, and the warp's group; the last warp is the carrier.
DUBFARM_DEVICE int place_in_warp() { return thread_index() % kWarp; }
DUBFARM_DEVICE int group_index() { return thread_index() / kWarp; }

/// The bands of a group, in order: those before it are run by the groups before it.
struct BandRange {
  int first, end;
};
DUBFARM_DEVICE BandRange bands_of(int group, int bands) {
  const int each = (bands + kGroups - 1) / kGroups, first = group * each;
  return {first, first + each < bands ? first + each : bands};
}

DUBFARM_DEVICE int frames_of_tile(Frames from, Frames n) { return static_cast<int>(n - from < kTile ? n - from : kTile); }

/// Frames [0, n) of the lanes at `x` (null: silence comes in, nothing goes out) tile by tile through all groups. work(tile, from, frames) runs
/// the thread's group over the tile [kLanes][kRow] of frames [from, from + frames). All threads of the block come here.
/// In step s the carrier exchanges tile s - kSlots for tile s, and group g has tile s - 1 - g.
template <int kLanes, class Work>
DUBFARM_DEVICE void run_groups(float* const* x, Frames n, double* tiles, const Work& work) {
  const int group = group_index(), t = place_in_warp();
  const bool is_carrier = group == kGroups;
  float incoming[kLanes] = {};  // the carrier's: frame t of the tile that comes next
  const auto fetch = [&](Frames from) {
    DUBFARM_UNROLL
    for (int l = 0; l < kLanes; ++l) incoming[l] = x[l] != nullptr && from + t < n ? x[l][from + t] : 0.0f;
  };
  if (is_carrier) fetch(0);
  int slot = is_carrier ? 0 : kGroups - group;
  for (Frames begin = 0; begin < n + kSlots * kTile; begin += kTile) {
    double* const tile = tiles + slot * (kLanes * kRow);
    if (is_carrier) {
      const Frames from = begin - kSlots * kTile;
      if (from >= 0 && from + t < n)
        for (int l = 0; l < kLanes; ++l)
          if (x[l] != nullptr) x[l][from + t] = narrow(tile[l * kRow + t]);
      DUBFARM_UNROLL
      for (int l = 0; l < kLanes; ++l) tile[l * kRow + t] = widen(incoming[l]);
      fetch(begin + kTile);
    } else {
      const Frames from = begin - (1 + group) * kTile;
      if (from >= 0 && from < n) work(tile, from, frames_of_tile(from, n));
    }
    slot = slot + 1 < kSlots ? slot + 1 : 0;
    barrier();
  }
}

DUBFARM_KERNEL(kThreads) eq_lanes(const EqLane* all, int lane_count, Frames n) {
  DUBFARM_SHARED(double, tiles, kSlots * kWarp * kRow);
  DUBFARM_SHARED(float*, x, kWarp);
  const int t = place_in_warp(), lane = block_x() * kWarp + t;
  const EqLane own = lane < lane_count ? all[lane] : EqLane{};
  if (group_index() == 0) x[t] = own.bands > 0 ? own.x : nullptr;
  barrier();
  const BandRange bands = bands_of(group_index(), own.bands);
  run_groups<kWarp>(x, n, tiles, [&](double* tile, Frames, int frames) {
    for (int b = bands.first; b < bands.end; ++b) run_static_band(tile + t * kRow, frames, own.steps + kEqStepValues * b, own.states + 2 * b);
  });
}

DUBFARM_KERNEL(kThreads) eq_chain(const EqChainRun* runs) {
  DUBFARM_SHARED(double, tiles, kSlots * kEqMaxChannels * kRow);
  DUBFARM_SHARED(double, steps, kGroups * kEqStepValues * kTile);
  DUBFARM_SHARED(int, cursors, kEqMaxStages);  // into each band's ramps
  DUBFARM_SHARED(float*, x, kEqMaxChannels);
  const EqChainRun& run = runs[block_x()];
  const int t = place_in_warp();
  for (int s = thread_index(); s < kEqMaxStages; s += kThreads) cursors[s] = 0;
  if (group_index() == 0 && t < kEqMaxChannels) x[t] = t < run.channels ? run.x[t] : nullptr;
  barrier();
  const BandRange bands = bands_of(group_index(), run.stage_count);
  run_groups<kEqMaxChannels>(x, run.n, tiles, [&](double* tile, Frames from, int frames) {
    double* const own_steps = steps + group_index() * kEqStepValues * kTile;
    for (int s = bands.first; s < bands.end; ++s) {
      const EqStage stage = run.stages[s];
      if (stage.step != nullptr) {
        if (t < run.channels) run_static_band(tile + t * kRow, frames, stage.step, stage.states + 2 * t);
        continue;
      }
      const int cursor = find_steps(stage, cursors[s], run.first + from, frames, t, own_steps);
      warp_barrier();
      if (t == frames - 1) cursors[s] = cursor;
      if (t < run.channels) run_band(tile + t * kRow, frames, [&](int i) { return found_step(own_steps, i); }, stage.states + 2 * t);
      warp_barrier();
    }
  });
}

}  // namespace

void eq(const EqArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(eq_lanes, blocks_for(args.lane_count, kWarp), 1, kThreads, stream, args.lanes, args.lane_count, args.n);
}

void eq_chains(const EqChainArgs& args, StreamHandle stream) { DUBFARM_LAUNCH(eq_chain, args.count, 1, kThreads, stream, args.runs); }

}  // namespace dubfarm::kernels::cuda
