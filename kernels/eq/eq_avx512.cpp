#include "kernels/eq/eq_lanes_body.hpp"

namespace dubfarm::kernels::eq {
#if defined(__AVX512F__)
namespace {

struct Avx512 {
  static constexpr int kLanes = 8, kRegisters = 32;
  __m512d v;
  [[gnu::always_inline]] static Avx512 load(const double* p) { return {_mm512_load_pd(p)}; }
  [[gnu::always_inline]] static Avx512 load(const float* p) { return {_mm512_cvtps_pd(_mm256_load_ps(p))}; }
  [[gnu::always_inline]] static Avx512 broadcast(const double* p) { return {_mm512_set1_pd(*p)}; }
  [[gnu::always_inline]] static void store(double* p, Avx512 a) { _mm512_store_pd(p, a.v); }
  [[gnu::always_inline]] static void store(float* p, Avx512 a) { _mm256_store_ps(p, _mm512_cvtpd_ps(a.v)); }
  [[gnu::always_inline]] static Avx512 mul(Avx512 a, Avx512 b) { return {_mm512_mul_pd(a.v, b.v)}; }
  [[gnu::always_inline]] static Avx512 fma(Avx512 a, Avx512 b, Avx512 c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
};

}  // namespace

const LaneOps kAvx512Ops = ops_for<Avx512>();
#else
const LaneOps kAvx512Ops = {};  // another processor family: available_isas() never names it
#endif

}  // namespace dubfarm::kernels::eq
