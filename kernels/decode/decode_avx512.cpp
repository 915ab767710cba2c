#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12's own intrinsics (GCC bug 105593)
#endif
#include <immintrin.h>

#include "kernels/decode/decode_body.hpp"

namespace dubfarm::kernels::decode_detail {
namespace {

template <bool kPacked, bool kFloat>
Frames body(const Run& run, const Plan& plan) {
  const __m512i shuffle = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(plan.shuffle.data())));
  const __m512i sign = _mm512_set1_epi32(plan.flip_sign ? INT32_MIN : 0);
  const __m512i exponent = _mm512_set1_epi32(0x7F800000);
  const __m512 scale = _mm512_set1_ps(0x1p-31F);
  const int s = static_cast<int>(run.stride);
  const __m512i ramp = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i offsets = _mm512_mullo_epi32(ramp, _mm512_set1_epi32(s));
  // Lane l of 4 samples begins at byte 4 l stride, that is at word l stride: words l stride + 0..3 hold all of it.
  const __m512i lanes = _mm512_add_epi32(_mm512_mullo_epi32(_mm512_srli_epi32(ramp, 2), _mm512_set1_epi32(s)),
                                         _mm512_and_epi32(ramp, _mm512_set1_epi32(3)));
  const std::int64_t reach = 15 * run.stride + (kPacked ? run.size : 4);  // bytes that one vector reads
  const __mmask64 loaded = reach >= 64 ? ~__mmask64{0} : (__mmask64{1} << reach) - 1;
  const std::byte* in = run.samples;
  Frames done = 0;
  for (; done + 16 <= run.count && run.end - in >= reach; done += 16, in += 16 * run.stride) {
    __m512i words;
    if constexpr (kPacked) words = _mm512_permutexvar_epi32(lanes, _mm512_maskz_loadu_epi8(loaded, in));
    else words = _mm512_i32gather_epi32(offsets, in, 1);
    words = _mm512_shuffle_epi8(words, shuffle);
    if constexpr (kFloat) {
      if (_mm512_cmpeq_epi32_mask(_mm512_and_epi32(words, exponent), exponent) != 0) break;
      _mm512_storeu_si512(run.out + done, words);
    } else {
      _mm512_storeu_ps(run.out + done, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_xor_epi32(words, sign)), scale));
    }
  }
  return done;
}

}  // namespace

Frames decode_avx512(const Run& run, const Plan& plan) {
  if (run.floating) return plan.packed ? body<true, true>(run, plan) : body<false, true>(run, plan);
  return plan.packed ? body<true, false>(run, plan) : body<false, false>(run, plan);
}

}  // namespace dubfarm::kernels::decode_detail
