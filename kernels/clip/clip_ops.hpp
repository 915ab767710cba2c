// Inside clip: what is compiled once per instruction set.
#pragma once
#include "common/units.hpp"

namespace dubfarm::kernels::clip_ops {

struct Ops {
  /// envelope[i] *= c((at + step * i) / length), step +1 or -1, for i in [0, n); c by the order of mix::FadeCurve, 0 below 0, 1 above 1.
  void (*fade)(int curve, Frames at, int step, Frames length, int n, double* envelope);
  void (*add)(const float* source, double gain, Frames n, float* out);
  void (*write)(const float* source, double gain, Frames n, float* out);
  void (*add_faded)(const float* source, const double* envelope, Frames n, float* out);
  void (*write_faded)(const float* source, const double* envelope, Frames n, float* out);
};
extern const Ops kGenericOps, kAvx2Ops, kAvx512Ops;

}  // namespace dubfarm::kernels::clip_ops
