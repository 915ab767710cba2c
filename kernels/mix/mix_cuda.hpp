// Sums and gains on the device: a thread for each frame, inputs in session order, double accumulators in registers, one store.
// Bits: those of kernels/mix on a thread that holds FlushDenormals. Tables are the device's, all pointers in them too.
#pragma once
#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// One input of a sum.
struct MixLane {
  const float* x = nullptr;      // [n]
  const double* gain = nullptr;  // [n], multiplies the coefficients; null: 1
  Frames from = 0, until = 0;    // it is heard in frames [from, until) of the n; elsewhere neither x nor gain is read
};
/// acc[o] = fma(coef[l * outs + o] * gain[i], x[i], acc[o]) for l = 0, 1, ... in this order: mix_add() and mix_add_curve() of lane after lane.
/// A coefficient of zero is not connected. Then float(acc[o]) goes to out[o], or acc[o] itself to sums[o].
struct MixArgs {
  const MixLane* lanes = nullptr;
  int lane_count = 0;
  const double* coefs = nullptr;    // [lanes][outs]
  int outs = 0;
  Frames n = 0;
  double* const* sums = nullptr;    // [outs] of [n], or null
  bool adds = false;                // acc begins as what `sums` hold (the lanes before these); else as zero
  float* const* out = nullptr;      // [outs] of [n], or null: then `sums` are written. May be in place of a lane if outs is 1
};
void mix(const MixArgs& args, StreamHandle stream);

/// x[i] = float(x[i] * gain), the product in double; gain 1 without a curve: untouched.
struct GainedRow {
  float* x = nullptr;            // [n]
  double gain = 1;               // where there is no curve
  const double* curve = nullptr; // [n]
};
struct ApplyGainsArgs {
  const GainedRow* rows = nullptr;
  int count = 0;
  Frames n = 0;
};
void apply_gains(const ApplyGainsArgs& args, StreamHandle stream);

/// out[i] = float(x[i]): kernels::store().
struct StoredRow {
  const double* x = nullptr;  // [n]
  float* out = nullptr;       // [n]
};
struct StoreRowsArgs {
  const StoredRow* rows = nullptr;
  int count = 0;
  Frames n = 0;
};
void store_rows(const StoreRowsArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
