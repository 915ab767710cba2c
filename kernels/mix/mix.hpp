// Sums and gains: double accumulators, inputs in a fixed order, one rounding to float32 at the end.
//
// Bits: every function is pointwise, so they do not depend on where calls end or on the instruction set. Buffers do not overlap unless
// they are the same argument. A coefficient of zero (of either sign) means "not connected": its input is not read.
#pragma once
#include "common/units.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

/// acc[o][i] = fma(coef[o * lanes + l], x[l][i], acc[o][i]) for l = 0, 1, ..., lanes - 1 in this order; zero coefficients are skipped.
/// Shapes: x [lanes][n], coef [outs][lanes], acc [outs][n]. Splitting the lanes over several calls, in order, gives the same bits.
void mix_add(const float* const* x, int lanes, const double* coef, int outs, Frames n, double* const* acc, Isa isa = best_isa());
/// out[o][i] = float(sum): mix_add() into accumulators that hold zero, then store(), in one pass: the same bits. One output may be in place
/// of a lane.
void mix_store(const float* const* x, int lanes, const double* coef, int outs, Frames n, float* const* out, Isa isa = best_isa());
/// The same, not rounded: out[o][i] = sum.
void mix_store(const float* const* x, int lanes, const double* coef, int outs, Frames n, double* const* out, Isa isa = best_isa());

/// acc[i] = fma(coef, x[i], acc[i]): mix_add of one lane into one output.
void mix_add_scaled(const float* x, double coef, Frames n, double* acc, Isa isa = best_isa());
/// The same from a double buffer: a bus's sum into another, before its float store.
void mix_add_scaled(const double* x, double coef, Frames n, double* acc, Isa isa = best_isa());
/// acc[i] = fma(coef * gain[i], x[i], acc[i]): one automated lane. coef 0: nothing happens.
void mix_add_curve(const float* x, const double* gain, double coef, Frames n, double* acc, Isa isa = best_isa());

/// out[i] = float(acc[i]), to nearest even.
void store(const double* acc, Frames n, float* out, Isa isa = best_isa());

/// x[i] = float(x[i] * gain), the product in double. gain 1: untouched.
void apply_gain(float* x, double gain, Frames n, Isa isa = best_isa());
/// x[i] = float(x[i] * gain[i]).
void apply_gain(float* x, const double* gain, Frames n, Isa isa = best_isa());
/// a[i] *= b[i]: a fader's curve times a pan's.
void multiply(double* a, const double* b, Frames n, Isa isa = best_isa());

}  // namespace dubfarm::kernels
