// g++ 12 takes the don't-care operand inside its own AVX-512 intrinsics for an uninitialised one (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include "kernels/loudness/k_weight_body.hpp"

namespace dubfarm::kernels::k_weight {
namespace {

struct Doubles8 {
  static constexpr int kWidth = 8, kTile = 8;
  __m512d v;
  static Doubles8 zero() { return {_mm512_setzero_pd()}; }
  static Doubles8 all(double x) { return {_mm512_set1_pd(x)}; }
  static Doubles8 mul(Doubles8 a, Doubles8 b) { return {_mm512_mul_pd(a.v, b.v)}; }
  static Doubles8 add(Doubles8 a, Doubles8 b) { return {_mm512_add_pd(a.v, b.v)}; }
  static Doubles8 fma(Doubles8 a, Doubles8 b, Doubles8 c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
  static Doubles8 fnma(Doubles8 a, Doubles8 b, Doubles8 c) { return {_mm512_fnmadd_pd(a.v, b.v, c.v)}; }
  static Doubles8 load_frame(const float* const* lanes, Frames t) {
    return {_mm512_cvtps_pd(_mm256_set_ps(lanes[7][t], lanes[6][t], lanes[5][t], lanes[4][t], lanes[3][t], lanes[2][t], lanes[1][t], lanes[0][t]))};
  }
  /// Eight frames of eight lanes, transposed in three rounds: of 4-byte, 8-byte and 16-byte pieces.
  static void load_tile(const float* const* lanes, Frames t, Doubles8* x) {
    __m256 low[4], high[4];
    for (int i = 0; i < 4; ++i) {
      const __m256 even = _mm256_loadu_ps(lanes[2 * i] + t), odd = _mm256_loadu_ps(lanes[2 * i + 1] + t);
      low[i] = _mm256_unpacklo_ps(even, odd);
      high[i] = _mm256_unpackhi_ps(even, odd);
    }
    const auto frames = [&](__m256 a, __m256 b, __m256 c, __m256 d, int low_frame) {  // a..d: lane pairs, two frames in each half
      const __m256 ab0 = _mm256_shuffle_ps(a, b, 0x44), ab1 = _mm256_shuffle_ps(a, b, 0xEE);
      const __m256 cd0 = _mm256_shuffle_ps(c, d, 0x44), cd1 = _mm256_shuffle_ps(c, d, 0xEE);
      x[low_frame].v = _mm512_cvtps_pd(_mm256_permute2f128_ps(ab0, cd0, 0x20));
      x[low_frame + 1].v = _mm512_cvtps_pd(_mm256_permute2f128_ps(ab1, cd1, 0x20));
      x[low_frame + 4].v = _mm512_cvtps_pd(_mm256_permute2f128_ps(ab0, cd0, 0x31));
      x[low_frame + 5].v = _mm512_cvtps_pd(_mm256_permute2f128_ps(ab1, cd1, 0x31));
    };
    frames(low[0], low[1], low[2], low[3], 0);
    frames(high[0], high[1], high[2], high[3], 2);
  }
  static void store(double* to, Doubles8 a) { _mm512_storeu_pd(to, a.v); }
};

}  // namespace

void run_avx512(const Lanes<KWeighting>& lanes) { run_all<Doubles8, 2>(lanes); }
void run_avx512(const Lanes<MWeighting>& lanes) { run_all<Doubles8, 2>(lanes); }

}  // namespace dubfarm::kernels::k_weight
