// One tiny vector of floats for kernel templates: Scalar everywhere, Avx2 (8 lanes) and Avx512 (16 lanes) where the file is compiled for
// them; and one of doubles: ScalarDouble, Avx2Double (4 lanes), Avx512Double (8). Every operation is one IEEE operation a lane, so a template
// gives the same bits with each of the three.
//
// Everything here has internal linkage on purpose: a function compiled for AVX-512 must never be merged with its namesake of another file.
#pragma once
#include <cmath>
#include <cstddef>
#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

#define DUBFARM_INLINE [[gnu::always_inline]] static inline

namespace dubfarm::kernels::simd {
namespace {

template <class T>
struct ScalarOf {
  using Real = T;
  static constexpr std::size_t kLanes = 1;
  T v;
  DUBFARM_INLINE ScalarOf load(const T* p) { return {*p}; }
  DUBFARM_INLINE ScalarOf broadcast(const T* p) { return {*p}; }
  DUBFARM_INLINE ScalarOf zero() { return {T{0}}; }
  DUBFARM_INLINE void store(T* p, ScalarOf a) { *p = a.v; }
  DUBFARM_INLINE ScalarOf add(ScalarOf a, ScalarOf b) { return {a.v + b.v}; }
  DUBFARM_INLINE ScalarOf sub(ScalarOf a, ScalarOf b) { return {a.v - b.v}; }
  DUBFARM_INLINE ScalarOf mul(ScalarOf a, ScalarOf b) { return {a.v * b.v}; }
  DUBFARM_INLINE ScalarOf fma(ScalarOf a, ScalarOf b, ScalarOf c) { return {std::fma(a.v, b.v, c.v)}; }     // a * b + c
  DUBFARM_INLINE ScalarOf fnma(ScalarOf a, ScalarOf b, ScalarOf c) { return {std::fma(-a.v, b.v, c.v)}; }   // c - a * b
  DUBFARM_INLINE ScalarOf fms(ScalarOf a, ScalarOf b, ScalarOf c) { return {std::fma(a.v, b.v, -c.v)}; }    // a * b - c
  DUBFARM_INLINE ScalarOf fnms(ScalarOf a, ScalarOf b, ScalarOf c) { return {std::fma(-a.v, b.v, -c.v)}; }  // -a * b - c
  /// Writes to[c][r] = from[r][c] for a kLanes x kLanes tile; strides in elements.
  DUBFARM_INLINE void transpose(const T* from, std::size_t, T* to, std::size_t) { *to = *from; }
};
using Scalar = ScalarOf<float>;
using ScalarDouble = ScalarOf<double>;

#if defined(__AVX2__) && defined(__FMA__)
struct Avx2 {
  using Real = float;
  static constexpr std::size_t kLanes = 8;
  __m256 v;
  DUBFARM_INLINE Avx2 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  DUBFARM_INLINE Avx2 broadcast(const float* p) { return {_mm256_broadcast_ss(p)}; }
  DUBFARM_INLINE Avx2 zero() { return {_mm256_setzero_ps()}; }
  DUBFARM_INLINE void store(float* p, Avx2 a) { _mm256_storeu_ps(p, a.v); }
  DUBFARM_INLINE Avx2 add(Avx2 a, Avx2 b) { return {_mm256_add_ps(a.v, b.v)}; }
  DUBFARM_INLINE Avx2 sub(Avx2 a, Avx2 b) { return {_mm256_sub_ps(a.v, b.v)}; }
  DUBFARM_INLINE Avx2 mul(Avx2 a, Avx2 b) { return {_mm256_mul_ps(a.v, b.v)}; }
  DUBFARM_INLINE Avx2 fma(Avx2 a, Avx2 b, Avx2 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx2 fnma(Avx2 a, Avx2 b, Avx2 c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx2 fms(Avx2 a, Avx2 b, Avx2 c) { return {_mm256_fmsub_ps(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx2 fnms(Avx2 a, Avx2 b, Avx2 c) { return {_mm256_fnmsub_ps(a.v, b.v, c.v)}; }
  /// Rows r and r + 4 meet in one register (128-bit loads, no shuffle), then 4 x 4 transposes within the halves.
  DUBFARM_INLINE void transpose(const float* from, std::size_t from_stride, float* to, std::size_t to_stride) {
    for (std::size_t c = 0; c < 8; c += 4) {
      __m256 r[4];
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i)
        r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + i * from_stride + c)),
                                    _mm_loadu_ps(from + (i + 4) * from_stride + c), 1);
      const __m256 t0 = _mm256_unpacklo_ps(r[0], r[1]), t1 = _mm256_unpackhi_ps(r[0], r[1]);
      const __m256 t2 = _mm256_unpacklo_ps(r[2], r[3]), t3 = _mm256_unpackhi_ps(r[2], r[3]);
      float* out = to + c * to_stride;
      _mm256_storeu_ps(out, _mm256_shuffle_ps(t0, t2, 0x44));
      _mm256_storeu_ps(out + to_stride, _mm256_shuffle_ps(t0, t2, 0xEE));
      _mm256_storeu_ps(out + 2 * to_stride, _mm256_shuffle_ps(t1, t3, 0x44));
      _mm256_storeu_ps(out + 3 * to_stride, _mm256_shuffle_ps(t1, t3, 0xEE));
    }
  }
};

struct Avx2Double {
  using Real = double;
  static constexpr std::size_t kLanes = 4;
  __m256d v;
  DUBFARM_INLINE Avx2Double load(const double* p) { return {_mm256_loadu_pd(p)}; }
  DUBFARM_INLINE Avx2Double broadcast(const double* p) { return {_mm256_broadcast_sd(p)}; }
  DUBFARM_INLINE Avx2Double zero() { return {_mm256_setzero_pd()}; }
  DUBFARM_INLINE void store(double* p, Avx2Double a) { _mm256_storeu_pd(p, a.v); }
  DUBFARM_INLINE Avx2Double add(Avx2Double a, Avx2Double b) { return {_mm256_add_pd(a.v, b.v)}; }
  DUBFARM_INLINE Avx2Double sub(Avx2Double a, Avx2Double b) { return {_mm256_sub_pd(a.v, b.v)}; }
  DUBFARM_INLINE Avx2Double mul(Avx2Double a, Avx2Double b) { return {_mm256_mul_pd(a.v, b.v)}; }
  DUBFARM_INLINE Avx2Double fma(Avx2Double a, Avx2Double b, Avx2Double c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx2Double fnma(Avx2Double a, Avx2Double b, Avx2Double c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx2Double fms(Avx2Double a, Avx2Double b, Avx2Double c) { return {_mm256_fmsub_pd(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx2Double fnms(Avx2Double a, Avx2Double b, Avx2Double c) { return {_mm256_fnmsub_pd(a.v, b.v, c.v)}; }
  DUBFARM_INLINE void transpose(const double* from, std::size_t from_stride, double* to, std::size_t to_stride) {
    const __m256d r0 = _mm256_loadu_pd(from), r1 = _mm256_loadu_pd(from + from_stride);
    const __m256d r2 = _mm256_loadu_pd(from + 2 * from_stride), r3 = _mm256_loadu_pd(from + 3 * from_stride);
    const __m256d t0 = _mm256_unpacklo_pd(r0, r1), t1 = _mm256_unpackhi_pd(r0, r1);
    const __m256d t2 = _mm256_unpacklo_pd(r2, r3), t3 = _mm256_unpackhi_pd(r2, r3);
    _mm256_storeu_pd(to, _mm256_permute2f128_pd(t0, t2, 0x20));
    _mm256_storeu_pd(to + to_stride, _mm256_permute2f128_pd(t1, t3, 0x20));
    _mm256_storeu_pd(to + 2 * to_stride, _mm256_permute2f128_pd(t0, t2, 0x31));
    _mm256_storeu_pd(to + 3 * to_stride, _mm256_permute2f128_pd(t1, t3, 0x31));
  }
};
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
struct Avx512 {
  using Real = float;
  static constexpr std::size_t kLanes = 16;
  __m512 v;
  DUBFARM_INLINE Avx512 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  DUBFARM_INLINE Avx512 broadcast(const float* p) { return {_mm512_set1_ps(*p)}; }
  DUBFARM_INLINE Avx512 zero() { return {_mm512_setzero_ps()}; }
  DUBFARM_INLINE void store(float* p, Avx512 a) { _mm512_storeu_ps(p, a.v); }
  DUBFARM_INLINE Avx512 add(Avx512 a, Avx512 b) { return {_mm512_add_ps(a.v, b.v)}; }
  DUBFARM_INLINE Avx512 sub(Avx512 a, Avx512 b) { return {_mm512_sub_ps(a.v, b.v)}; }
  DUBFARM_INLINE Avx512 mul(Avx512 a, Avx512 b) { return {_mm512_mul_ps(a.v, b.v)}; }
  DUBFARM_INLINE Avx512 fma(Avx512 a, Avx512 b, Avx512 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx512 fnma(Avx512 a, Avx512 b, Avx512 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx512 fms(Avx512 a, Avx512 b, Avx512 c) { return {_mm512_fmsub_ps(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx512 fnms(Avx512 a, Avx512 b, Avx512 c) { return {_mm512_fnmsub_ps(a.v, b.v, c.v)}; }
  /// Rows r, r + 4, r + 8, r + 12 meet in one register by masked 128-bit broadcasts (load ports, no shuffle), then 4 x 4 within the quarters.
  DUBFARM_INLINE void transpose(const float* from, std::size_t from_stride, float* to, std::size_t to_stride) {
    for (std::size_t c = 0; c < 16; c += 4) {
      __m512 r[4];
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        const float* row = from + i * from_stride + c;
        r[i] = _mm512_castps128_ps512(_mm_loadu_ps(row));
        r[i] = _mm512_mask_broadcast_f32x4(r[i], 0x00F0, _mm_loadu_ps(row + 4 * from_stride));
        r[i] = _mm512_mask_broadcast_f32x4(r[i], 0x0F00, _mm_loadu_ps(row + 8 * from_stride));
        r[i] = _mm512_mask_broadcast_f32x4(r[i], 0xF000, _mm_loadu_ps(row + 12 * from_stride));
      }
      const __m512 t0 = _mm512_maskz_unpacklo_ps(0xFFFF, r[0], r[1]), t1 = _mm512_maskz_unpackhi_ps(0xFFFF, r[0], r[1]);
      const __m512 t2 = _mm512_maskz_unpacklo_ps(0xFFFF, r[2], r[3]), t3 = _mm512_maskz_unpackhi_ps(0xFFFF, r[2], r[3]);
      float* out = to + c * to_stride;
      _mm512_storeu_ps(out, _mm512_shuffle_ps(t0, t2, 0x44));
      _mm512_storeu_ps(out + to_stride, _mm512_shuffle_ps(t0, t2, 0xEE));
      _mm512_storeu_ps(out + 2 * to_stride, _mm512_shuffle_ps(t1, t3, 0x44));
      _mm512_storeu_ps(out + 3 * to_stride, _mm512_shuffle_ps(t1, t3, 0xEE));
    }
  }
};

struct Avx512Double {
  using Real = double;
  static constexpr std::size_t kLanes = 8;
  __m512d v;
  DUBFARM_INLINE Avx512Double load(const double* p) { return {_mm512_loadu_pd(p)}; }
  DUBFARM_INLINE Avx512Double broadcast(const double* p) { return {_mm512_set1_pd(*p)}; }
  DUBFARM_INLINE Avx512Double zero() { return {_mm512_setzero_pd()}; }
  DUBFARM_INLINE void store(double* p, Avx512Double a) { _mm512_storeu_pd(p, a.v); }
  DUBFARM_INLINE Avx512Double add(Avx512Double a, Avx512Double b) { return {_mm512_add_pd(a.v, b.v)}; }
  DUBFARM_INLINE Avx512Double sub(Avx512Double a, Avx512Double b) { return {_mm512_sub_pd(a.v, b.v)}; }
  DUBFARM_INLINE Avx512Double mul(Avx512Double a, Avx512Double b) { return {_mm512_mul_pd(a.v, b.v)}; }
  DUBFARM_INLINE Avx512Double fma(Avx512Double a, Avx512Double b, Avx512Double c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx512Double fnma(Avx512Double a, Avx512Double b, Avx512Double c) { return {_mm512_fnmadd_pd(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx512Double fms(Avx512Double a, Avx512Double b, Avx512Double c) { return {_mm512_fmsub_pd(a.v, b.v, c.v)}; }
  DUBFARM_INLINE Avx512Double fnms(Avx512Double a, Avx512Double b, Avx512Double c) { return {_mm512_fnmsub_pd(a.v, b.v, c.v)}; }
  /// Pairs of rows interleaved, then the four 128-bit quarters of the pairs transposed, even columns and odd ones on their own.
  DUBFARM_INLINE void transpose(const double* from, std::size_t from_stride, double* to, std::size_t to_stride) {
    for (std::size_t odd = 0; odd < 2; ++odd) {
      __m512d t[4];
#pragma GCC unroll 4
      for (std::size_t i = 0; i < 4; ++i) {
        const __m512d a = _mm512_loadu_pd(from + 2 * i * from_stride), b = _mm512_loadu_pd(from + (2 * i + 1) * from_stride);
        t[i] = odd ? _mm512_maskz_unpackhi_pd(0xFF, a, b) : _mm512_maskz_unpacklo_pd(0xFF, a, b);
      }
      const __m512d s0 = _mm512_shuffle_f64x2(t[0], t[1], 0x88), s1 = _mm512_shuffle_f64x2(t[0], t[1], 0xDD);
      const __m512d s2 = _mm512_shuffle_f64x2(t[2], t[3], 0x88), s3 = _mm512_shuffle_f64x2(t[2], t[3], 0xDD);
      double* out = to + odd * to_stride;
      _mm512_storeu_pd(out, _mm512_shuffle_f64x2(s0, s2, 0x88));
      _mm512_storeu_pd(out + 2 * to_stride, _mm512_shuffle_f64x2(s1, s3, 0x88));
      _mm512_storeu_pd(out + 4 * to_stride, _mm512_shuffle_f64x2(s0, s2, 0xDD));
      _mm512_storeu_pd(out + 6 * to_stride, _mm512_shuffle_f64x2(s1, s3, 0xDD));
    }
  }
};
#endif

}  // namespace
}  // namespace dubfarm::kernels::simd
