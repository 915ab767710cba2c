#include <immintrin.h>

#include "kernels/decode/decode_body.hpp"

namespace dubfarm::kernels::decode_detail {
namespace {

template <bool kPacked, bool kFloat>
Frames body(const Run& run, const Plan& plan) {
  const __m256i shuffle = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(plan.shuffle.data())));
  const __m256i sign = _mm256_set1_epi32(plan.flip_sign ? INT32_MIN : 0);
  const __m256i exponent = _mm256_set1_epi32(0x7F800000);
  const __m256 scale = _mm256_set1_ps(0x1p-31F);
  const int s = static_cast<int>(run.stride);
  const __m256i offsets = _mm256_setr_epi32(0, s, 2 * s, 3 * s, 4 * s, 5 * s, 6 * s, 7 * s);
  const std::int64_t reach = kPacked ? 4 * run.stride + 16 : 7 * run.stride + 4;  // bytes that one vector reads
  const std::byte* in = run.samples;
  Frames done = 0;
  for (; done + 8 <= run.count && run.end - in >= reach; done += 8, in += 8 * run.stride) {
    __m256i words;
    if constexpr (kPacked) {
      words = _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(in + 4 * run.stride), reinterpret_cast<const __m128i*>(in));
    } else {
      words = _mm256_i32gather_epi32(reinterpret_cast<const int*>(in), offsets, 1);
    }
    words = _mm256_shuffle_epi8(words, shuffle);
    if constexpr (kFloat) {
      const __m256i bad = _mm256_cmpeq_epi32(_mm256_and_si256(words, exponent), exponent);
      if (!_mm256_testz_si256(bad, bad)) break;
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(run.out + done), words);
    } else {
      _mm256_storeu_ps(run.out + done, _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_xor_si256(words, sign)), scale));
    }
  }
  return done;
}

}  // namespace

Frames decode_avx2(const Run& run, const Plan& plan) {
  if (run.floating) return plan.packed ? body<true, true>(run, plan) : body<false, true>(run, plan);
  return plan.packed ? body<true, false>(run, plan) : body<false, false>(run, plan);
}

}  // namespace dubfarm::kernels::decode_detail
