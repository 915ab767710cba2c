// One tiny vector of floats for kernel templates: Scalar everywhere, Avx2 (8 lanes) and Avx512 (16 lanes) where the file is compiled for
// them. Every operation is one IEEE operation a lane, so a template gives the same bits with each of the three.
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

struct Scalar {
  static constexpr std::size_t kLanes = 1;
  float v;
  DUBFARM_INLINE Scalar load(const float* p) { return {*p}; }
  DUBFARM_INLINE Scalar broadcast(const float* p) { return {*p}; }
  DUBFARM_INLINE Scalar zero() { return {0.0f}; }
  DUBFARM_INLINE void store(float* p, Scalar a) { *p = a.v; }
  DUBFARM_INLINE Scalar add(Scalar a, Scalar b) { return {a.v + b.v}; }
  DUBFARM_INLINE Scalar sub(Scalar a, Scalar b) { return {a.v - b.v}; }
  DUBFARM_INLINE Scalar mul(Scalar a, Scalar b) { return {a.v * b.v}; }
  DUBFARM_INLINE Scalar fma(Scalar a, Scalar b, Scalar c) { return {std::fma(a.v, b.v, c.v)}; }    // a * b + c
  DUBFARM_INLINE Scalar fnma(Scalar a, Scalar b, Scalar c) { return {std::fma(-a.v, b.v, c.v)}; }  // c - a * b
  DUBFARM_INLINE Scalar fms(Scalar a, Scalar b, Scalar c) { return {std::fma(a.v, b.v, -c.v)}; }   // a * b - c
  DUBFARM_INLINE Scalar fnms(Scalar a, Scalar b, Scalar c) { return {std::fma(-a.v, b.v, -c.v)}; }  // -a * b - c
  /// Writes to[c][r] = from[r][c] for a kLanes x kLanes tile; strides in floats.
  DUBFARM_INLINE void transpose(const float* from, std::size_t, float* to, std::size_t) { *to = *from; }
};

#if defined(__AVX2__) && defined(__FMA__)
struct Avx2 {
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
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
struct Avx512 {
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
#endif

}  // namespace
}  // namespace dubfarm::kernels::simd
