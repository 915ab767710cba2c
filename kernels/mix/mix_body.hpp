// The sums as plain loops, which g++ turns into vector code for the file that includes them. Nothing here may call a header's function with
// external linkage (see kernels/core/simd.hpp).
#pragma once
#include <cmath>

#include "kernels/mix/mix_ops.hpp"

namespace dubfarm::kernels::mix_ops {
namespace {

/// kTerms lanes into one output, lanes in order: the accumulator is read and written once.
template <int kTerms>
void add_terms(const float* const* lanes, const double* coefs, Frames n, double* __restrict acc) {
  const float* x[kTerms];
  double c[kTerms];
  for (int t = 0; t < kTerms; ++t) x[t] = lanes[t], c[t] = coefs[t];
  for (Frames i = 0; i < n; ++i) {
    double sum = acc[i];
#pragma GCC unroll 8
    for (int t = 0; t < kTerms; ++t) sum = std::fma(c[t], static_cast<double>(x[t][i]), sum);
    acc[i] = sum;
  }
}

/// A stretch short enough that the inputs, read once per output, stay in the L1 cache.
constexpr Frames kStretch = 256;

void add(const float* const* x, int lanes, const double* coef, int outs, Frames n, double* const* acc) {
  for (Frames from = 0; from < n; from += kStretch) {
    const Frames count = n - from < kStretch ? n - from : kStretch;
    for (int o = 0; o < outs; ++o) {
      const double* row = coef + o * lanes;
      for (int l = 0; l < lanes;) {
        const float* term[8];
        double c[8];
        int terms = 0;
        for (; l < lanes && terms < 8; ++l)
          if (row[l] != 0) term[terms] = x[l] + from, c[terms] = row[l], ++terms;
        double* out = acc[o] + from;
        switch (terms) {
          case 1: add_terms<1>(term, c, count, out); break;
          case 2: add_terms<2>(term, c, count, out); break;
          case 3: add_terms<3>(term, c, count, out); break;
          case 4: add_terms<4>(term, c, count, out); break;
          case 5: add_terms<5>(term, c, count, out); break;
          case 6: add_terms<6>(term, c, count, out); break;
          case 7: add_terms<7>(term, c, count, out); break;
          case 8: add_terms<8>(term, c, count, out); break;
          default: break;
        }
      }
    }
  }
}

void add_double(const double* __restrict x, double coef, Frames n, double* __restrict acc) {
  for (Frames i = 0; i < n; ++i) acc[i] = std::fma(coef, x[i], acc[i]);
}

void add_curve(const float* __restrict x, const double* __restrict gain, double coef, Frames n, double* __restrict acc) {
  for (Frames i = 0; i < n; ++i) acc[i] = std::fma(coef * gain[i], static_cast<double>(x[i]), acc[i]);
}

void store(const double* __restrict acc, Frames n, float* __restrict out) {
  for (Frames i = 0; i < n; ++i) out[i] = static_cast<float>(acc[i]);
}

void gain(float* x, double factor, Frames n) {
  for (Frames i = 0; i < n; ++i) x[i] = static_cast<float>(static_cast<double>(x[i]) * factor);
}

void gain_curve(float* __restrict x, const double* __restrict factor, Frames n) {
  for (Frames i = 0; i < n; ++i) x[i] = static_cast<float>(static_cast<double>(x[i]) * factor[i]);
}

void multiply(double* a, const double* b, Frames n) {
  for (Frames i = 0; i < n; ++i) a[i] *= b[i];
}

constexpr Ops kOps = {add, add_double, add_curve, store, gain, gain_curve, multiply};

}  // namespace
}  // namespace dubfarm::kernels::mix_ops
