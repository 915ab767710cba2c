#include <cstring>

#include "kernels/core/philox.hpp"
#include "kernels/quantise/transpose_avx2.hpp"

namespace dubfarm::kernels::quantise_tile {
namespace {

void draw(std::uint64_t key, Frames first, Frames count, std::int32_t* dither) {
  const __m256i multiplier0 = _mm256_set1_epi64x(kPhiloxMultiplier0), multiplier1 = _mm256_set1_epi64x(kPhiloxMultiplier1);
  const __m256i half = _mm256_set1_epi32(0xFFFF);
  __m256i counter = _mm256_add_epi64(_mm256_set1_epi64x(first / 4), _mm256_set_epi64x(3, 1, 2, 0));  // this order makes the unpack sort them
  for (Frames i = 0; i < count; i += 16) {
    __m256i c0 = counter, c1 = _mm256_srli_epi64(counter, 32), c2 = _mm256_setzero_si256(), c3 = c2;  // words in the low halves of 64 bits
    auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < kPhiloxRounds; ++round) {
      const __m256i p0 = _mm256_mul_epu32(multiplier0, c0), p1 = _mm256_mul_epu32(multiplier1, c2);
      c0 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p1, 32), c1), _mm256_set1_epi64x(k0));
      c2 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(p0, 32), c3), _mm256_set1_epi64x(k1));
      c1 = p1, c3 = p0;
      k0 += kPhiloxWeyl0, k1 += kPhiloxWeyl1;
    }
    const __m256i c01 = _mm256_blend_epi32(c0, _mm256_slli_epi64(c1, 32), 0xAA), c23 = _mm256_blend_epi32(c2, _mm256_slli_epi64(c3, 32), 0xAA);
    const __m256i words[2] = {_mm256_unpacklo_epi64(c01, c23), _mm256_unpackhi_epi64(c01, c23)};
    for (int w = 0; w < 2; ++w) store(dither + i + 8 * w, _mm256_sub_epi32(_mm256_and_si256(words[w], half), _mm256_srli_epi32(words[w], 16)));
    counter = _mm256_add_epi64(counter, _mm256_set1_epi64x(4));
  }
}

void round(const double* x, const std::int32_t* dither, Frames count, const Range& range, std::int32_t* values, float* delivered,
           QuantiseStats& stats) {
  const __m256d scale = _mm256_set1_pd(range.scale), low = _mm256_set1_pd(range.low), high = _mm256_set1_pd(range.high);
  const __m256d too_high = _mm256_set1_pd(range.high + 0.5), too_low = _mm256_set1_pd(range.low - 0.5), lsb = _mm256_set1_pd(0x1p-16);
  const __m128 inverse = _mm_set1_ps(range.inverse);
  Frames i = 0;
  for (; i + 4 <= count; i += 4) {
    __m256d v = _mm256_mul_pd(_mm256_loadu_pd(x + i), scale);
    if (dither) v = _mm256_fmadd_pd(_mm256_cvtepi32_pd(_mm_loadu_si128(reinterpret_cast<const __m128i*>(dither + i))), lsb, v);
    const __m256d inside = _mm256_and_pd(_mm256_cmp_pd(v, too_high, _CMP_LT_OQ), _mm256_cmp_pd(v, too_low, _CMP_GE_OQ));
    const int outside = ~_mm256_movemask_pd(inside) & 0xF;
    if (outside != 0) [[unlikely]] {
      const __m256d is_number = _mm256_cmp_pd(v, v, _CMP_ORD_Q);
      const int nans = ~_mm256_movemask_pd(is_number) & 0xF;
      stats.not_a_number += __builtin_popcount(static_cast<unsigned>(nans));
      stats.clipped += __builtin_popcount(static_cast<unsigned>(outside & ~nans));
      v = _mm256_and_pd(v, is_number);
    }
    const __m128i q = _mm256_cvtpd_epi32(_mm256_min_pd(_mm256_max_pd(v, low), high));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(values + i), q);
    if (delivered) _mm_storeu_ps(delivered + i, _mm_mul_ps(_mm_cvtepi32_ps(q), inverse));
  }
  for (; i < count; ++i) {
    values[i] = round_one(x[i], dither ? dither[i] : 0, range, stats);
    if (delivered) delivered[i] = static_cast<float>(values[i]) * range.inverse;
  }
}

void pack(const std::int32_t* values, std::int64_t count, int bytes, std::byte* out) {
  if (bytes == 4) {
    std::memcpy(out, values, static_cast<std::size_t>(4 * count));
    return;
  }
  std::int64_t i = 0;
  if (bytes == 3) {
    const __m256i low_three = _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1,
                                               -1, -1);
    const __m256i close_up = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
    for (; i + 11 <= count; i += 8) {  // stores 32 bytes, of which 24 stay: the other 8 need three more values behind
      const __m256i packed = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(load(values + i), low_three), close_up);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 3 * i), packed);
    }
  } else {
    for (; i + 16 <= count; i += 16) {
      const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(load(values + i), load(values + i + 8)), 0xD8);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 2 * i), packed);
    }
  }
  generic_steps().pack(values + i, count - i, bytes, out + i * bytes);
}

}  // namespace

const Steps& avx2_steps() {
  static constexpr Steps steps{draw, round, interleave_by_8, pack};
  return steps;
}

}  // namespace dubfarm::kernels::quantise_tile
