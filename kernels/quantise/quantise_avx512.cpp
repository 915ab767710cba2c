// g++ 12 takes the don't-care operand inside its own AVX-512 intrinsics for an uninitialised one (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <cstring>

#include "kernels/core/philox.hpp"
#include "kernels/quantise/transpose_avx2.hpp"

namespace dubfarm::kernels::quantise_tile {
namespace {

void draw(std::uint64_t key, Frames first, Frames count, std::int32_t* dither) {
  const __m512i multiplier0 = _mm512_set1_epi64(kPhiloxMultiplier0), multiplier1 = _mm512_set1_epi64(kPhiloxMultiplier1);
  const __m512i half = _mm512_set1_epi32(0xFFFF);
  __m512i counter = _mm512_add_epi64(_mm512_set1_epi64(first / 4), _mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0));  // the unpack sorts them
  for (Frames i = 0; i < count; i += 32) {
    __m512i c0 = counter, c1 = _mm512_srli_epi64(counter, 32), c2 = _mm512_setzero_si512(), c3 = c2;  // words in the low halves of 64 bits
    auto k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < kPhiloxRounds; ++round) {
      const __m512i p0 = _mm512_mul_epu32(multiplier0, c0), p1 = _mm512_mul_epu32(multiplier1, c2);
      c0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p1, 32), c1, _mm512_set1_epi64(k0), 0x96);  // xor of three
      c2 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(p0, 32), c3, _mm512_set1_epi64(k1), 0x96);
      c1 = p1, c3 = p0;
      k0 += kPhiloxWeyl0, k1 += kPhiloxWeyl1;
    }
    const __m512i c01 = _mm512_mask_blend_epi32(0xAAAA, c0, _mm512_slli_epi64(c1, 32));
    const __m512i c23 = _mm512_mask_blend_epi32(0xAAAA, c2, _mm512_slli_epi64(c3, 32));
    const __m512i words[2] = {_mm512_unpacklo_epi64(c01, c23), _mm512_unpackhi_epi64(c01, c23)};
    for (int w = 0; w < 2; ++w)
      _mm512_storeu_si512(dither + i + 16 * w, _mm512_sub_epi32(_mm512_and_si512(words[w], half), _mm512_srli_epi32(words[w], 16)));
    counter = _mm512_add_epi64(counter, _mm512_set1_epi64(8));
  }
}

void round(const double* x, const std::int32_t* dither, Frames count, const Range& range, std::int32_t* values, float* delivered,
           QuantiseStats& stats) {
  const __m512d scale = _mm512_set1_pd(range.scale), low = _mm512_set1_pd(range.low), high = _mm512_set1_pd(range.high);
  const __m512d too_high = _mm512_set1_pd(range.high + 0.5), too_low = _mm512_set1_pd(range.low - 0.5), lsb = _mm512_set1_pd(0x1p-16);
  const __m256 inverse = _mm256_set1_ps(range.inverse);
  for (Frames i = 0; i < count; i += 8) {
    const auto here = static_cast<__mmask8>(count - i >= 8 ? 0xFF : (1 << (count - i)) - 1);
    __m512d v = _mm512_mul_pd(_mm512_maskz_loadu_pd(here, x + i), scale);
    if (dither) v = _mm512_fmadd_pd(_mm512_cvtepi32_pd(load(dither + i)), lsb, v);
    const __mmask8 inside = _mm512_mask_cmp_pd_mask(_mm512_cmp_pd_mask(v, too_high, _CMP_LT_OQ), v, too_low, _CMP_GE_OQ);
    const unsigned outside = ~static_cast<unsigned>(inside) & here;
    if (outside != 0) [[unlikely]] {
      const __mmask8 is_number = _mm512_cmp_pd_mask(v, v, _CMP_ORD_Q);
      const unsigned nans = ~static_cast<unsigned>(is_number) & here;
      stats.not_a_number += __builtin_popcount(nans);
      stats.clipped += __builtin_popcount(outside & ~nans);
      v = _mm512_maskz_mov_pd(is_number, v);
    }
    const __m256i q = _mm512_cvtpd_epi32(_mm512_min_pd(_mm512_max_pd(v, low), high));
    store(values + i, q);
    if (delivered) _mm256_mask_storeu_ps(delivered + i, here, _mm256_mul_ps(_mm256_cvtepi32_ps(q), inverse));
  }
}

void pack(const std::int32_t* values, std::int64_t count, int bytes, std::byte* out) {
  if (bytes == 4) {
    std::memcpy(out, values, static_cast<std::size_t>(4 * count));
    return;
  }
  std::int64_t i = 0;
  if (bytes == 3) {
    const __m512i low_three = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    const __m512i close_up = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
    for (; i + 16 <= count; i += 16) {
      const __m512i packed = _mm512_permutexvar_epi32(close_up, _mm512_shuffle_epi8(_mm512_loadu_si512(values + i), low_three));
      _mm512_mask_storeu_epi32(out + 3 * i, 0x0FFF, packed);
    }
  } else {
    for (; i + 16 <= count; i += 16)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 2 * i), _mm512_cvtepi32_epi16(_mm512_loadu_si512(values + i)));
  }
  generic_steps().pack(values + i, count - i, bytes, out + i * bytes);
}

}  // namespace

const Steps& avx512_steps() {
  static constexpr Steps steps{draw, round, interleave_by_8, pack};
  return steps;
}

}  // namespace dubfarm::kernels::quantise_tile
