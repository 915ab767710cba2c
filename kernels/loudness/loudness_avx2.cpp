#include <immintrin.h>

#include "kernels/loudness/k_weight_body.hpp"

namespace dubfarm::kernels::k_weight {
namespace {

struct Doubles4 {
  static constexpr int kWidth = 4, kTile = 4;
  __m256d v;
  static Doubles4 zero() { return {_mm256_setzero_pd()}; }
  static Doubles4 all(double x) { return {_mm256_set1_pd(x)}; }
  static Doubles4 mul(Doubles4 a, Doubles4 b) { return {_mm256_mul_pd(a.v, b.v)}; }
  static Doubles4 add(Doubles4 a, Doubles4 b) { return {_mm256_add_pd(a.v, b.v)}; }
  static Doubles4 fma(Doubles4 a, Doubles4 b, Doubles4 c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
  static Doubles4 fnma(Doubles4 a, Doubles4 b, Doubles4 c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }
  static Doubles4 load_frame(const float* const* lanes, Frames t) {
    return {_mm256_set_pd(static_cast<double>(lanes[3][t]), static_cast<double>(lanes[2][t]), static_cast<double>(lanes[1][t]),
                          static_cast<double>(lanes[0][t]))};
  }
  static void load_tile(const float* const* lanes, Frames t, Doubles4* x) {
    __m128 a = _mm_loadu_ps(lanes[0] + t), b = _mm_loadu_ps(lanes[1] + t), c = _mm_loadu_ps(lanes[2] + t), d = _mm_loadu_ps(lanes[3] + t);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    x[0].v = _mm256_cvtps_pd(a), x[1].v = _mm256_cvtps_pd(b), x[2].v = _mm256_cvtps_pd(c), x[3].v = _mm256_cvtps_pd(d);
  }
  static void store(double* to, Doubles4 a) { _mm256_storeu_pd(to, a.v); }
};

}  // namespace

void run_avx2(const Lanes<KWeighting>& lanes) { run_all<Doubles4, 2>(lanes); }
void run_avx2(const Lanes<MWeighting>& lanes) { run_all<Doubles4, 2>(lanes); }

}  // namespace dubfarm::kernels::k_weight
