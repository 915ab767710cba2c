// The true-peak loop, written once for every vector type. Private to kernels/true_peak.
#pragma once
#include "kernels/true_peak/true_peak.hpp"

namespace dubfarm::kernels::interpolate {

Peaks run_generic(const float* x, Frames count);
Peaks run_avx2(const float* x, Frames count);
Peaks run_avx512(const float* x, Frames count);

/// V holds kWidth floats; V::Bits keeps the largest magnitude of each lane as an integer, which is exact and lets no NaN slip by.
template <class V, int N>
Peaks run_vectors(const float* x, Frames count) {
  typename V::Bits between = V::no_bits(), samples = V::no_bits();
  const auto run_at = [&](const float* at) {
    V u[kTruePeakPhases][N];
    for (int k = kTruePeakHistory; k >= 0; --k)
      for (int n = 0; n < N; ++n) {
        const V v = V::load(at + n * V::kWidth - k);
        for (int p = 0; p < kTruePeakPhases; ++p) {
          const auto tap = static_cast<std::size_t>(k);
          const V c = V::all(kTruePeakFilter[static_cast<std::size_t>(p)][tap]);
          u[p][n] = k == kTruePeakHistory ? V::mul(c, v) : V::fma(c, v, u[p][n]);
        }
        if (k == 0) samples = V::larger(samples, v);
      }
    for (int p = 0; p < kTruePeakPhases; ++p)
      for (int n = 0; n < N; ++n) between = V::larger(between, u[p][n]);
  };
  Frames t = 0;
  for (; t + N * V::kWidth <= count; t += N * V::kWidth) run_at(x + t);
  if (t < count && count >= N * V::kWidth) {  // the rest, with some frames for a second time: a maximum does not mind
    run_at(x + count - N * V::kWidth);
    t = count;
  }
  const Peaks rest = run_generic(x + t, count - t);
  return larger(larger({V::largest(between), 0.0f}, {0.0f, V::largest(samples)}), rest);
}

}  // namespace dubfarm::kernels::interpolate
