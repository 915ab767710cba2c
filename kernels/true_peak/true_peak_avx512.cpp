// g++ 12 takes the don't-care operand inside its own AVX-512 intrinsics for an uninitialised one (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <bit>
#include <cstdint>

#include "kernels/true_peak/interpolate_body.hpp"

namespace dubfarm::kernels::interpolate {
namespace {

struct Floats16 {
  static constexpr int kWidth = 16;
  using Bits = __m512i;
  __m512 v;
  static Floats16 all(float x) { return {_mm512_set1_ps(x)}; }
  static Floats16 load(const float* x) { return {_mm512_loadu_ps(x)}; }
  static Floats16 mul(Floats16 a, Floats16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
  static Floats16 fma(Floats16 a, Floats16 b, Floats16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  static Bits no_bits() { return _mm512_setzero_si512(); }
  static Bits larger(Bits most, Floats16 a) {
    return _mm512_max_epi32(most, _mm512_and_si512(_mm512_castps_si512(a.v), _mm512_set1_epi32(0x7FFFFFFF)));
  }
  static float largest(Bits most) { return std::bit_cast<float>(_mm512_reduce_max_epi32(most)); }
};

}  // namespace

Peaks run_avx512(const float* x, Frames count) { return run_vectors<Floats16, 2>(x, count); }

}  // namespace dubfarm::kernels::interpolate
