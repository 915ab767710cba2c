#include <immintrin.h>

#include <bit>
#include <cstdint>

#include "kernels/true_peak/interpolate_body.hpp"

namespace dubfarm::kernels::interpolate {
namespace {

struct Floats8 {
  static constexpr int kWidth = 8;
  using Bits = __m256i;
  __m256 v;
  static Floats8 all(float x) { return {_mm256_set1_ps(x)}; }
  static Floats8 load(const float* x) { return {_mm256_loadu_ps(x)}; }
  static Floats8 mul(Floats8 a, Floats8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
  static Floats8 fma(Floats8 a, Floats8 b, Floats8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  static Bits no_bits() { return _mm256_setzero_si256(); }
  static Bits larger(Bits most, Floats8 a) {
    return _mm256_max_epi32(most, _mm256_and_si256(_mm256_castps_si256(a.v), _mm256_set1_epi32(0x7FFFFFFF)));
  }
  static float largest(Bits most) {
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4E));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xB1));
    return std::bit_cast<float>(_mm_cvtsi128_si32(m));
  }
};

}  // namespace

Peaks run_avx2(const float* x, Frames count) { return run_vectors<Floats8, 2>(x, count); }

}  // namespace dubfarm::kernels::interpolate
