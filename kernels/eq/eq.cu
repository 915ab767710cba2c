// A block is a warp: its threads bring a tile of every lane into shared memory together, then each runs along its own lane.
#include "kernels/core/svf_sample.hpp"
#include "kernels/device/cuda_launch.hpp"
#include "kernels/eq/eq_cuda.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kTile = 64;         // frames
constexpr int kRow = kTile + 1;   // of the tile: one more, so that the lanes of a frame lie in different banks
constexpr int kMostFused = 4;     // bands whose coefficients and states fit the registers

DUBFARM_DEVICE SectionStep load_step(const double* v) { return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]}; }

/// kBands in series over one lane's row.
template <int kBands>
DUBFARM_DEVICE void run_bands(double* row, int n, const double* steps, double* states) {
  SectionStep step[kBands];
  SectionState state[kBands];
  DUBFARM_UNROLL
  for (int b = 0; b < kBands; ++b) step[b] = load_step(steps + kEqStepValues * b), state[b] = {states[2 * b], states[2 * b + 1]};
  for (int from = 0; from < n; from += kSafeFrames) {
    const int end = from + kSafeFrames < n ? from + kSafeFrames : n;
    bool safe = true;
    DUBFARM_UNROLL
    for (int b = 0; b < kBands; ++b) safe = safe && is_safe(state[b]);
    if (safe) {
      for (int i = from; i < end; ++i) {
        double x = row[i];
        DUBFARM_UNROLL
        for (int b = 0; b < kBands; ++b) x = run_section<false>(step[b], state[b], x);
        row[i] = x;
      }
    } else {
      for (int i = from; i < end; ++i) {
        double x = row[i];
        DUBFARM_UNROLL
        for (int b = 0; b < kBands; ++b) x = run_section<true>(step[b], state[b], x);
        row[i] = x;
      }
    }
  }
  DUBFARM_UNROLL
  for (int b = 0; b < kBands; ++b) states[2 * b] = state[b].s1, states[2 * b + 1] = state[b].s2;
}

DUBFARM_DEVICE void load_tile(float* const* x, int lanes, Frames from, int n, double* tile) {
  for (int l = 0; l < lanes; ++l)
    for (int i = thread_index(); i < n; i += kWarp) tile[l * kRow + i] = x[l] != nullptr ? widen(x[l][from + i]) : 0.0;
}
DUBFARM_DEVICE void store_tile(const double* tile, int lanes, Frames from, int n, float* const* x) {
  for (int l = 0; l < lanes; ++l)
    for (int i = thread_index(); x[l] != nullptr && i < n; i += kWarp) x[l][from + i] = narrow(tile[l * kRow + i]);
}

DUBFARM_KERNEL(kWarp) eq_lanes(const EqLane* all, int lane_count, Frames n) {
  DUBFARM_SHARED(double, tile, kWarp * kRow);
  DUBFARM_SHARED(float*, x, kWarp);
  const int first = block_x() * kWarp, t = thread_index(), lanes = lane_count - first < kWarp ? lane_count - first : kWarp;
  const EqLane own = t < lanes ? all[first + t] : EqLane{};
  x[t] = own.bands > 0 ? own.x : nullptr;
  barrier();
  for (Frames from = 0; from < n; from += kTile) {
    const int frames = static_cast<int>(n - from < kTile ? n - from : kTile);
    load_tile(x, lanes, from, frames, tile);
    barrier();
    double* const row = tile + t * kRow;
    for (int b = 0; b < own.bands; b += kMostFused) {
      const double* const steps = own.steps + kEqStepValues * b;
      double* const states = own.states + 2 * b;
      switch (own.bands - b) {
        case 1: run_bands<1>(row, frames, steps, states); break;
        case 2: run_bands<2>(row, frames, steps, states); break;
        case 3: run_bands<3>(row, frames, steps, states); break;
        default: run_bands<kMostFused>(row, frames, steps, states);
      }
    }
    barrier();
    store_tile(tile, lanes, from, frames, x);  // and load_tile() again: each thread the places that it reads here
  }
}

/// The automated band at each frame of the tile.
DUBFARM_DEVICE int find_steps(const EqStage& stage, int cursor, Frames first, int n, double* steps) {
  for (int i = thread_index(); i < n; i += kWarp) {
    const Frames at = first + i;
    while (cursor + 1 < stage.ramp_count && stage.ramps[cursor].until <= at) ++cursor;
    const EqRamp& ramp = stage.ramps[cursor];
    const double offset = static_cast<double>(at - ramp.from);
    double v[5];
    DUBFARM_UNROLL
    for (int j = 0; j < 5; ++j) v[j] = std::fma(ramp.slope[j], offset, ramp.start[j]);
    const SectionStep s = section_step(v[0], v[1], v[2], v[3], v[4]);
    double* const to = steps + i;
    to[0] = s.a11, to[kTile] = s.a12, to[2 * kTile] = s.b1, to[3 * kTile] = s.a21, to[4 * kTile] = s.a22, to[5 * kTile] = s.b2;
    to[6 * kTile] = s.c1, to[7 * kTile] = s.c2, to[8 * kTile] = s.d;
  }
  return cursor;
}

DUBFARM_DEVICE SectionStep step_at(const double* steps, int i) {
  return {steps[i],             steps[kTile + i],     steps[2 * kTile + i], steps[3 * kTile + i], steps[4 * kTile + i],
          steps[5 * kTile + i], steps[6 * kTile + i], steps[7 * kTile + i], steps[8 * kTile + i]};
}

DUBFARM_DEVICE void run_varying(double* row, int n, const double* steps, double* states) {
  SectionState state{states[0], states[1]};
  for (int from = 0; from < n; from += kSafeFrames) {
    const int end = from + kSafeFrames < n ? from + kSafeFrames : n;
    if (is_safe(state)) {
      for (int i = from; i < end; ++i) row[i] = run_section<false>(step_at(steps, i), state, row[i]);
    } else {
      for (int i = from; i < end; ++i) row[i] = run_section<true>(step_at(steps, i), state, row[i]);
    }
  }
  states[0] = state.s1, states[1] = state.s2;
}

DUBFARM_KERNEL(kWarp) run_chains(const EqChainRun* runs) {
  DUBFARM_SHARED(double, tile, kEqMaxChannels * kRow);
  DUBFARM_SHARED(double, steps, kEqStepValues * kTile);
  DUBFARM_SHARED(int, cursors, kEqMaxStages);  // into each stage's ramps
  DUBFARM_SHARED(float*, x, kEqMaxChannels);
  const EqChainRun& run = runs[block_x()];
  const int t = thread_index();
  for (int s = t; s < kEqMaxStages; s += kWarp) cursors[s] = 0;
  if (t < kEqMaxChannels) x[t] = t < run.channels ? run.x[t] : nullptr;
  barrier();
  for (Frames from = 0; from < run.n; from += kTile) {
    const int frames = static_cast<int>(run.n - from < kTile ? run.n - from : kTile);
    load_tile(x, run.channels, from, frames, tile);
    barrier();
    for (int s = 0; s < run.stage_count; ++s) {
      const EqStage stage = run.stages[s];
      if (stage.step != nullptr) {
        if (t < run.channels) run_bands<1>(tile + t * kRow, frames, stage.step, stage.states + 2 * t);
        continue;
      }
      const int cursor = find_steps(stage, cursors[s], run.first + from, frames, steps);
      barrier();
      if (t == (frames - 1) % kWarp) cursors[s] = cursor;  // that of the tile's last frame
      if (t < run.channels) run_varying(tile + t * kRow, frames, steps, stage.states + 2 * t);
      barrier();
    }
    barrier();
    store_tile(tile, run.channels, from, frames, x);
  }
}

}  // namespace

void eq(const EqArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(eq_lanes, blocks_for(args.lane_count, kWarp), 1, kWarp, stream, args.lanes, args.lane_count, args.n);
}

void eq_chains(const EqChainArgs& args, StreamHandle stream) { DUBFARM_LAUNCH(run_chains, args.count, 1, kWarp, stream, args.runs); }

}  // namespace dubfarm::kernels::cuda
