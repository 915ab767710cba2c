// Equalisers on the device: a thread for each channel and each of four groups of its bands, running the CPU's sequence of operations.
// Bits: those of EqBank and EqChain on a thread that holds FlushDenormals. Tables are the device's, all pointers in them too.
#pragma once
#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

inline constexpr int kEqStepValues = 9;  // of SvfStep, in its order

/// One channel with static bands. Bands that pass audio unchanged are best left out.
struct EqLane {
  float* x = nullptr;            // [n], filtered in place; null: silence goes in, nothing comes out
  const double* steps = nullptr; // [bands][9]
  double* states = nullptr;      // [bands][2], s1 and s2: run on from call to call; zero at the start
  int bands = 0;                 // 0: left alone
};
struct EqArgs {
  const EqLane* lanes = nullptr;
  int lane_count = 0;
  Frames n = 0;
};
void eq(const EqArgs& args, StreamHandle stream);

/// Coefficients on their way from one control point to the next: g, k, m0, m1, m2 = start + slope * (frame - from), for frames up to `until`.
struct EqRamp {
  Frames until = 0, from = 0;
  double start[5] = {}, slope[5] = {};
};
/// A band of a chain, the same for all channels.
struct EqStage {
  const double* step = nullptr;   // [9] of a static band; null: an automated one
  const EqRamp* ramps = nullptr;  // of an automated one: ascending, the last one's `until` at or behind the last frame
  int ramp_count = 0;
  double* states = nullptr;       // [channels][2], zero at the start
};
inline constexpr int kEqMaxStages = 64, kEqMaxChannels = 16;
/// The bands of one signal, in series.
struct EqChainRun {
  float* x[kEqMaxChannels] = {};
  int channels = 0;
  const EqStage* stages = nullptr;
  int stage_count = 0;  // at most kEqMaxStages
  Frames first = 0;     // the frame of x[c][0], from which the ramps count
  Frames n = 0;
};
struct EqChainArgs {
  const EqChainRun* runs = nullptr;
  int count = 0;
};
void eq_chains(const EqChainArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
