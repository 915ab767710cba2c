// Inside limit: what is compiled once per instruction set.
#pragma once
#include <cstdint>

#include "common/units.hpp"

namespace dubfarm::kernels::limit_ops {

struct Ops {
  /// The largest magnitude of x[0, n), as the bits of a float: NaN above infinity above all else.
  std::int32_t (*largest)(const float* x, Frames n);
  /// e[i] = the larger of e[i] and the magnitudes at x[i]: the sample and the four interpolated values of kTruePeakFilter; bits of floats.
  /// x[-11] ... x[-1] are read too.
  void (*envelope)(const float* x, Frames n, std::int32_t* e);
  /// q[i] = 0 where e[i] <= threshold, else ceil(per_octave * log2(e[i]) - level), within [0, most]; `most` where e[i] is no finite number.
  void (*excess)(const std::int32_t* e, Frames n, std::int32_t threshold, double per_octave, double level, std::int32_t most, std::int32_t* q);
  /// q[i] = the largest of q[i] ... q[i + window - 1], for i in [0, n), in place; all n + window - 1 values change.
  void (*hold)(std::int32_t* q, Frames n, Frames window);
  /// r[i] = floor(2^-30 * sum over j < taps of weights[j] * d[i + j]). All values are whole numbers, every sum below 2^53: exact.
  void (*smooth)(const double* d, const double* weights, Frames taps, Frames n, std::int32_t* r);
  /// gain[i] = 2^(r[i] * octaves_per_unit).
  void (*gain)(const std::int32_t* r, double octaves_per_unit, Frames n, double* gain);
  /// out[i] = float(x[i] * gain[i]), the product in double.
  void (*scaled)(const float* x, const double* gain, Frames n, float* out);
};
extern const Ops kGenericOps, kAvx2Ops, kAvx512Ops;

}  // namespace dubfarm::kernels::limit_ops
