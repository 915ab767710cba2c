#include "kernels/mix/mix.hpp"

#include "kernels/mix/mix_ops.hpp"

namespace dubfarm::kernels {
namespace {

const mix_ops::Ops& ops(Isa isa) {
  return isa == Isa::avx512 ? mix_ops::kAvx512Ops : isa == Isa::avx2 ? mix_ops::kAvx2Ops : mix_ops::kGenericOps;
}

}  // namespace

void mix_add(const float* const* x, int lanes, const double* coef, int outs, Frames n, double* const* acc, Isa isa) {
  ops(isa).add(x, lanes, coef, outs, n, acc);
}

void mix_store(const float* const* x, int lanes, const double* coef, int outs, Frames n, float* const* out, Isa isa) {
  ops(isa).sum(x, lanes, coef, outs, n, out);
}

void mix_store(const float* const* x, int lanes, const double* coef, int outs, Frames n, double* const* out, Isa isa) {
  ops(isa).sum_wide(x, lanes, coef, outs, n, out);
}

void mix_add_scaled(const float* x, double coef, Frames n, double* acc, Isa isa) { ops(isa).add(&x, 1, &coef, 1, n, &acc); }

void mix_add_scaled(const double* x, double coef, Frames n, double* acc, Isa isa) {
  if (coef != 0) ops(isa).add_double(x, coef, n, acc);
}

void mix_add_curve(const float* x, const double* gain, double coef, Frames n, double* acc, Isa isa) {
  if (coef != 0) ops(isa).add_curve(x, gain, coef, n, acc);
}

void store(const double* acc, Frames n, float* out, Isa isa) { ops(isa).store(acc, n, out); }

void apply_gain(float* x, double gain, Frames n, Isa isa) {
  if (gain != 1) ops(isa).gain(x, gain, n);
}

void apply_gain(float* x, const double* gain, Frames n, Isa isa) { ops(isa).gain_curve(x, gain, n); }

void multiply(double* a, const double* b, Frames n, Isa isa) { ops(isa).multiply(a, b, n); }

}  // namespace dubfarm::kernels
