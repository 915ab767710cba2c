#include "kernels/eq/eq_lanes_body.hpp"

namespace dubfarm::kernels::eq {
#if defined(__AVX2__)
namespace {

struct Avx2 {
  static constexpr int kLanes = 4, kRegisters = 16;
  __m256d v;
  [[gnu::always_inline]] static Avx2 load(const double* p) { return {_mm256_load_pd(p)}; }
  [[gnu::always_inline]] static Avx2 load(const float* p) { return {_mm256_cvtps_pd(_mm_load_ps(p))}; }
  [[gnu::always_inline]] static Avx2 broadcast(const double* p) { return {_mm256_set1_pd(*p)}; }
  [[gnu::always_inline]] static void store(double* p, Avx2 a) { _mm256_store_pd(p, a.v); }
  [[gnu::always_inline]] static void store(float* p, Avx2 a) { _mm_store_ps(p, _mm256_cvtpd_ps(a.v)); }
  [[gnu::always_inline]] static Avx2 mul(Avx2 a, Avx2 b) { return {_mm256_mul_pd(a.v, b.v)}; }
  [[gnu::always_inline]] static Avx2 fma(Avx2 a, Avx2 b, Avx2 c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
};

}  // namespace

const LaneOps kAvx2Ops = ops_for<Avx2>();
#else
const LaneOps kAvx2Ops = {};  // another processor family: available_isas() never names it
#endif

}  // namespace dubfarm::kernels::eq
