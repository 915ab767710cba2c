// The loop of kernels/level, written once; the compiler makes vectors of the lanes, but for AVX-512, where g++ 12 makes scalars of them.
// Private to kernels/level.
#pragma once
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "kernels/level/level.hpp"

namespace dubfarm::kernels::levels {

Level run_generic(const float* x, Frames count, float lowest, float highest);
Level run_avx2(const float* x, Frames count, float lowest, float highest);
Level run_avx512(const float* x, Frames count, float lowest, float highest);

namespace {  // a function of one instruction set must never be merged with its namesake of another

inline Level run(const float* x, Frames count, float lowest, float highest) {
  constexpr int kLanes = 16;
  double sums[kLanes] = {};
  std::int32_t counts[kLanes] = {};  // a lane sees a sixteenth of a stretch
  Frames t = 0;
#if defined(__AVX512F__)
  __m512d low_sums = _mm512_setzero_pd(), high_sums = _mm512_setzero_pd();
  __m512i found = _mm512_setzero_si512();
  const __m512 low = _mm512_set1_ps(lowest), high = _mm512_set1_ps(highest);
  for (; t + kLanes <= count; t += kLanes) {
    low_sums = _mm512_add_pd(low_sums, _mm512_cvtps_pd(_mm256_loadu_ps(x + t)));
    high_sums = _mm512_add_pd(high_sums, _mm512_cvtps_pd(_mm256_loadu_ps(x + t + 8)));
    const __m512 both = _mm512_loadu_ps(x + t);
    const __mmask16 full = _mm512_cmp_ps_mask(both, low, _CMP_LE_OQ) | _mm512_cmp_ps_mask(both, high, _CMP_GE_OQ);
    found = _mm512_mask_add_epi32(found, full, found, _mm512_set1_epi32(1));
  }
  _mm512_storeu_pd(sums, low_sums), _mm512_storeu_pd(sums + 8, high_sums);
  _mm512_storeu_si512(counts, found);
#endif
  for (; t + kLanes <= count; t += kLanes)
    for (int i = 0; i < kLanes; ++i) {
      sums[i] += static_cast<double>(x[t + i]);
      counts[i] += static_cast<std::int32_t>(x[t + i] <= lowest) | static_cast<std::int32_t>(x[t + i] >= highest);
    }
  for (int i = 0; t < count; ++t, ++i) {
    sums[i] += static_cast<double>(x[t]);
    counts[i] += static_cast<std::int32_t>(x[t] <= lowest) | static_cast<std::int32_t>(x[t] >= highest);
  }
  Level level;
  for (int i = 0; i < kLanes; ++i) level.sum += sums[i], level.full_scale += counts[i];
  return level;
}

}  // namespace
}  // namespace dubfarm::kernels::levels
