// Inside mix: what is compiled once per instruction set.
#pragma once
#include "common/units.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels::mix_ops {

struct Ops {
  void (*add)(const float* const* x, int lanes, const double* coef, int outs, Frames n, double* const* acc);
  void (*sum)(const float* const* x, int lanes, const double* coef, int outs, Frames n, float* const* out);
  void (*sum_wide)(const float* const* x, int lanes, const double* coef, int outs, Frames n, double* const* out);
  void (*add_double)(const double* x, double coef, Frames n, double* acc);
  void (*add_curve)(const float* x, const double* gain, double coef, Frames n, double* acc);
  void (*store)(const double* acc, Frames n, float* out);
  void (*gain)(float* x, double gain, Frames n);
  void (*gain_curve)(float* x, const double* gain, Frames n);
  void (*multiply)(double* a, const double* b, Frames n);
};
extern const Ops kGenericOps, kAvx2Ops, kAvx512Ops;

}  // namespace dubfarm::kernels::mix_ops
