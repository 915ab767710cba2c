// The passes of the FFT as templates over one SIMD vector (kernels/core/simd.hpp), and the table of them that each instruction set fills.
// Included by fft_generic.cpp, fft_avx2.cpp and fft_avx512.cpp; everything but `Kernels` has internal linkage.
#pragma once
#include <cstddef>

#include "kernels/core/simd.hpp"

namespace dubfarm::kernels::fft {

/// One instruction set's passes. `x` is in blocks of 16 real, 16 imaginary parts; `row` and `columns` count elements, multiples of 16.
template <class Real>
struct Kernels {
  /// x[k * row + j] = sum over p of (re[p][j] + i im[p][j]) exp(2 pi i k p / m), for j < columns; roots: m complex.
  void (*split)(std::size_t m, const Real* const* re, const Real* const* im, Real* x, std::size_t row, std::size_t columns,
                const Real* roots);
  /// Its inverse times m: re[p][j] + i im[p][j] = sum over k of x[k * row + j] exp(-2 pi i k p / m).
  void (*join)(std::size_t m, const Real* x, std::size_t row, std::size_t columns, const Real* roots, Real* const* re, Real* const* im);
  void (*forward8)(Real* x, std::size_t row, std::size_t nodes, const Real* twiddles);
  void (*forward4)(Real* x, std::size_t row, std::size_t nodes, const Real* twiddles);
  void (*inverse8)(Real* x, std::size_t row, std::size_t nodes, const Real* twiddles);
  void (*inverse4)(Real* x, std::size_t row, std::size_t nodes, const Real* twiddles);
  /// `groups` times 16 leaves of 16 elements.
  void (*forward_leaves)(Real* x, std::size_t groups, const Real* twiddles);
  /// y = inverse leaves of sum over p of x[p] * h[p], or of x[0] itself where h is null.
  void (*inverse_leaves)(Real* y, const Real* const* x, const Real* const* h, std::size_t paths, std::size_t groups,
                         const Real* twiddles);
};

template <class Real> const Kernels<Real>& kernels_generic();
template <class Real> const Kernels<Real>& kernels_avx2();
template <class Real> const Kernels<Real>& kernels_avx512();
template <> const Kernels<float>& kernels_generic();
template <> const Kernels<float>& kernels_avx2();
template <> const Kernels<float>& kernels_avx512();
template <> const Kernels<double>& kernels_generic();
template <> const Kernels<double>& kernels_avx2();
template <> const Kernels<double>& kernels_avx512();

namespace {

constexpr std::size_t kBlock = 16, kStride = 2 * kBlock;  // elements in a block; its numbers

template <class V>
struct Complex {
  using Real = typename V::Real;
  V re, im;
  DUBFARM_INLINE Complex load(const Real* p) { return {V::load(p), V::load(p + kBlock)}; }
  DUBFARM_INLINE Complex broadcast(const Real* p) { return {V::broadcast(p), V::broadcast(p + 1)}; }
  DUBFARM_INLINE void store(Real* p, Complex a) { V::store(p, a.re), V::store(p + kBlock, a.im); }
  DUBFARM_INLINE Complex add(Complex a, Complex b) { return {V::add(a.re, b.re), V::add(a.im, b.im)}; }
  DUBFARM_INLINE Complex sub(Complex a, Complex b) { return {V::sub(a.re, b.re), V::sub(a.im, b.im)}; }
  DUBFARM_INLINE Complex add_i(Complex a, Complex b) { return {V::sub(a.re, b.im), V::add(a.im, b.re)}; }  // a + i b
  DUBFARM_INLINE Complex sub_i(Complex a, Complex b) { return {V::add(a.re, b.im), V::sub(a.im, b.re)}; }  // a - i b
  DUBFARM_INLINE Complex mul(Complex a, Complex b) {
    return {V::fnma(a.im, b.im, V::mul(a.re, b.re)), V::fma(a.im, b.re, V::mul(a.re, b.im))};
  }
  DUBFARM_INLINE Complex mul_add(Complex a, Complex b, Complex c) {  // a b + c
    return {V::fnma(a.im, b.im, V::fma(a.re, b.re, c.re)), V::fma(a.im, b.re, V::fma(a.re, b.im, c.im))};
  }
  /// a conj(c); with Rotated a conj(i c).
  template <bool Rotated = false>
  DUBFARM_INLINE Complex mul_conj(Complex a, Complex c) {
    if constexpr (Rotated) return {V::fnma(a.re, c.im, V::mul(a.im, c.re)), V::fnms(a.im, c.im, V::mul(a.re, c.re))};
    else return {V::fma(a.im, c.im, V::mul(a.re, c.re)), V::fnma(a.re, c.im, V::mul(a.im, c.re))};
  }
};

/// lo + hi z^M modulo z^M - c and z^M + c: (lo, hi) becomes (lo + c hi, lo - c hi), with i c for c if Rotated. Six fused operations.
template <bool Rotated, class V>
[[gnu::always_inline]] inline void divide(Complex<V>& lo, Complex<V>& hi, Complex<V> c, V two) {
  Complex<V> sum;
  if constexpr (Rotated) {
    sum.re = V::fnma(c.re, hi.im, V::fnma(c.im, hi.re, lo.re));
    sum.im = V::fma(c.re, hi.re, V::fnma(c.im, hi.im, lo.im));
  } else {
    sum.re = V::fnma(c.im, hi.im, V::fma(c.re, hi.re, lo.re));
    sum.im = V::fma(c.im, hi.re, V::fma(c.re, hi.im, lo.im));
  }
  hi.re = V::fms(two, lo.re, sum.re);
  hi.im = V::fms(two, lo.im, sum.im);
  lo = sum;
}

/// Two divisions of four rows: the first by c2 (i c2 if Rotated), the second by c1 and i c1.
template <bool Rotated, class V>
[[gnu::always_inline]] inline void divide4(Complex<V>& a, Complex<V>& b, Complex<V>& c, Complex<V>& d, Complex<V> c2, Complex<V> c1, V two) {
  divide<Rotated>(a, c, c2, two);
  divide<Rotated>(b, d, c2, two);
  divide<false>(a, b, c1, two);
  divide<true>(c, d, c1, two);
}

/// The inverse of divide4, times 4.
template <bool Rotated, class V>
[[gnu::always_inline]] inline void join4(Complex<V>& a, Complex<V>& b, Complex<V>& c, Complex<V>& d, Complex<V> c2, Complex<V> c1) {
  using C = Complex<V>;
  const C s = C::add(a, b), t = C::sub(a, b), u = C::add(c, d), v = C::sub(c, d);
  a = C::add(s, u);
  b = C::mul_conj(C::sub_i(t, v), c1);
  c = C::template mul_conj<Rotated>(C::sub(s, u), c2);
  d = C::template mul_conj<Rotated>(C::mul_conj(C::add_i(t, v), c1), c2);
}

template <class Real>
constexpr Real kTwo = 2;
template <class Real>
constexpr Real kHalfRoot = static_cast<Real>(0.70710678118654752440);

template <class V, class Real = typename V::Real>
void forward8(Real* x, std::size_t row, std::size_t nodes, const Real* twiddles) {
  using C = Complex<V>;
  const V two = V::broadcast(&kTwo<Real>);
  for (std::size_t node = 0; node < nodes; ++node, x += 16 * row, twiddles += 16) {
    const C c1 = C::broadcast(twiddles), c2 = C::broadcast(twiddles + 2), c4 = C::broadcast(twiddles + 6), w = C::broadcast(twiddles + 14);
    for (std::size_t j = 0; j < 2 * row; j += kStride)
      for (std::size_t lane = 0; lane < kBlock; lane += V::kLanes) {
        Real* const at = x + j + lane;
        C r[8];
#pragma GCC unroll 8
        for (std::size_t p = 0; p < 8; ++p) r[p] = C::load(at + 2 * row * p);
#pragma GCC unroll 4
        for (std::size_t p = 0; p < 4; ++p) divide<false>(r[p], r[p + 4], c4, two);
        divide4<false>(r[0], r[1], r[2], r[3], c2, c1, two);
        divide4<true>(r[4], r[5], r[6], r[7], c2, w, two);
#pragma GCC unroll 8
        for (std::size_t p = 0; p < 8; ++p) C::store(at + 2 * row * p, r[p]);
      }
  }
}

template <class V, class Real = typename V::Real>
void forward4(Real* x, std::size_t row, std::size_t nodes, const Real* twiddles) {
  using C = Complex<V>;
  const V two = V::broadcast(&kTwo<Real>);
  for (std::size_t node = 0; node < nodes; ++node, x += 8 * row, twiddles += 8) {
    const C c1 = C::broadcast(twiddles), c2 = C::broadcast(twiddles + 2);
    for (std::size_t j = 0; j < 2 * row; j += kStride)
      for (std::size_t lane = 0; lane < kBlock; lane += V::kLanes) {
        Real* const at = x + j + lane;
        C a = C::load(at), b = C::load(at + 2 * row), c = C::load(at + 4 * row), d = C::load(at + 6 * row);
        divide4<false>(a, b, c, d, c2, c1, two);
        C::store(at, a), C::store(at + 2 * row, b), C::store(at + 4 * row, c), C::store(at + 6 * row, d);
      }
  }
}

/// The eight rows' discrete Fourier sum, then row p times conj(c^p): fewer operations than three layers of two.
template <class V, class Real = typename V::Real>
void inverse8(Real* x, std::size_t row, std::size_t nodes, const Real* twiddles) {
  using C = Complex<V>;
  const V half_root = V::broadcast(&kHalfRoot<Real>);
  for (std::size_t node = 0; node < nodes; ++node, x += 16 * row, twiddles += 16)
    for (std::size_t j = 0; j < 2 * row; j += kStride)
      for (std::size_t lane = 0; lane < kBlock; lane += V::kLanes) {
        Real* const at = x + j + lane;
        const auto load = [&](std::size_t p) __attribute__((always_inline)) { return C::load(at + 2 * row * p); };
        const auto store = [&](std::size_t p, C value) __attribute__((always_inline)) {
          C::store(at + 2 * row * p, C::mul_conj(value, C::broadcast(twiddles + 2 * (p - 1))));
        };
        const C x0 = load(0), x1 = load(1), x2 = load(2), x3 = load(3), x4 = load(4), x5 = load(5), x6 = load(6), x7 = load(7);
        const C s01 = C::add(x0, x1), s23 = C::add(x2, x3), s45 = C::add(x4, x5), s67 = C::add(x6, x7);
        const C d01 = C::sub(x0, x1), d23 = C::sub(x2, x3), d45 = C::sub(x4, x5), d67 = C::sub(x6, x7);
        const C t0 = C::add(s01, s23), t2 = C::sub(s01, s23), t4 = C::add(s45, s67), t6 = C::sub(s45, s67);
        C::store(at, C::add(t0, t4));
        store(4, C::sub(t0, t4));
        store(2, C::sub_i(t2, t6));
        store(6, C::add_i(t2, t6));
        const C u = C::sub_i(d01, d23), v = C::add_i(d01, d23), e = C::sub_i(d45, d67), f = C::add_i(d45, d67);
        const C we{V::add(e.re, e.im), V::sub(e.im, e.re)};  // (1 - i) e
        const C wf{V::sub(f.im, f.re), V::add(f.re, f.im)};  // the conjugate of -i (1 - i) f
        store(1, C{V::fma(half_root, we.re, u.re), V::fma(half_root, we.im, u.im)});
        store(5, C{V::fnma(half_root, we.re, u.re), V::fnma(half_root, we.im, u.im)});
        store(3, C{V::fma(half_root, wf.re, v.re), V::fnma(half_root, wf.im, v.im)});
        store(7, C{V::fnma(half_root, wf.re, v.re), V::fma(half_root, wf.im, v.im)});
      }
}

template <class V, class Real = typename V::Real>
void inverse4(Real* x, std::size_t row, std::size_t nodes, const Real* twiddles) {
  using C = Complex<V>;
  for (std::size_t node = 0; node < nodes; ++node, x += 8 * row, twiddles += 8) {
    const C c1 = C::broadcast(twiddles), c2 = C::broadcast(twiddles + 2), c3 = C::broadcast(twiddles + 4);
    for (std::size_t j = 0; j < 2 * row; j += kStride)
      for (std::size_t lane = 0; lane < kBlock; lane += V::kLanes) {
        Real* const at = x + j + lane;
        const C a = C::load(at), b = C::load(at + 2 * row), c = C::load(at + 4 * row), d = C::load(at + 6 * row);
        const C s = C::add(a, b), t = C::sub(a, b), u = C::add(c, d), v = C::sub(c, d);
        C::store(at, C::add(s, u));
        C::store(at + 2 * row, C::mul_conj(C::sub_i(t, v), c1));
        C::store(at + 4 * row, C::mul_conj(C::sub(s, u), c2));
        C::store(at + 6 * row, C::mul_conj(C::add_i(t, v), c3));
      }
  }
}

constexpr std::size_t kGroup = 16 * kStride;  // numbers of 16 leaves

/// [leaf][element] to [element][leaf], and back: it is its own inverse.
template <class V, class Real = typename V::Real>
[[gnu::always_inline]] inline void transpose_group(const Real* from, Real* to) {
  for (std::size_t a = 0; a < 16; a += V::kLanes)
    for (std::size_t b = 0; b < 16; b += V::kLanes) {
      V::transpose(from + a * kStride + b, kStride, to + b * kStride + a, kStride);
      V::transpose(from + a * kStride + b + kBlock, kStride, to + b * kStride + a + kBlock, kStride);
    }
}

/// Leaf twiddles, each a complex vector over the group's leaves: c^8, c^4, c^2, c^2 w8, then c w16^{0, 2, 1, 3} (the four quarters).
constexpr std::size_t kLeafTwiddles = 8;

template <class V, class Real = typename V::Real>
void forward_leaves(Real* x, std::size_t groups, const Real* twiddles) {
  using C = Complex<V>;
  const V two = V::broadcast(&kTwo<Real>);
  alignas(64) Real tile[kGroup];
  for (std::size_t group = 0; group < groups; ++group, x += kGroup, twiddles += kLeafTwiddles * kStride) {
    transpose_group<V>(x, tile);
    for (std::size_t lane = 0; lane < kBlock; lane += V::kLanes) {
      const auto twiddle = [&](std::size_t i) __attribute__((always_inline)) { return C::load(twiddles + lane + i * kStride); };
      const C c8 = twiddle(0), c4 = twiddle(1);
#pragma GCC unroll 4
      for (std::size_t p = 0; p < 4; ++p) {
        Real* const at = tile + lane + p * kStride;
        C a = C::load(at), b = C::load(at + 4 * kStride), c = C::load(at + 8 * kStride), d = C::load(at + 12 * kStride);
        divide4<false>(a, b, c, d, c8, c4, two);
        C::store(at, a), C::store(at + 4 * kStride, b), C::store(at + 8 * kStride, c), C::store(at + 12 * kStride, d);
      }
#pragma GCC unroll 4
      for (std::size_t q = 0; q < 4; ++q) {
        const Real* const at = tile + lane + 4 * q * kStride;
        Real* const out = x + lane + 4 * q * kStride;
        C a = C::load(at), b = C::load(at + kStride), c = C::load(at + 2 * kStride), d = C::load(at + 3 * kStride);
        const C c2 = twiddle(2 + q / 2), c1 = twiddle(4 + q);
        if (q % 2) divide4<true>(a, b, c, d, c2, c1, two);
        else divide4<false>(a, b, c, d, c2, c1, two);
        C::store(out, a), C::store(out + kStride, b), C::store(out + 2 * kStride, c), C::store(out + 3 * kStride, d);
      }
    }
  }
}

template <class V, bool Multiply, class Real = typename V::Real>
void inverse_leaves(Real* y, const Real* const* x, const Real* const* h, std::size_t paths, std::size_t groups, const Real* twiddles) {
  using C = Complex<V>;
  alignas(64) Real tile[kGroup];
  for (std::size_t group = 0; group < groups; ++group, twiddles += kLeafTwiddles * kStride) {
    for (std::size_t lane = 0; lane < kBlock; lane += V::kLanes) {
      const auto twiddle = [&](std::size_t i) __attribute__((always_inline)) { return C::load(twiddles + lane + i * kStride); };
#pragma GCC unroll 4
      for (std::size_t q = 0; q < 4; ++q) {
        const std::size_t at = group * kGroup + lane + 4 * q * kStride;
        C r[4];
#pragma GCC unroll 4
        for (std::size_t i = 0; i < 4; ++i) {
          r[i] = C::load(x[0] + at + i * kStride);
          if constexpr (Multiply) r[i] = C::mul(r[i], C::load(h[0] + at + i * kStride));
        }
        if constexpr (Multiply)
          for (std::size_t path = 1; path < paths; ++path)
#pragma GCC unroll 4
            for (std::size_t i = 0; i < 4; ++i)
              r[i] = C::mul_add(C::load(x[path] + at + i * kStride), C::load(h[path] + at + i * kStride), r[i]);
        const C c2 = twiddle(2 + q / 2), c1 = twiddle(4 + q);
        if (q % 2) join4<true>(r[0], r[1], r[2], r[3], c2, c1);
        else join4<false>(r[0], r[1], r[2], r[3], c2, c1);
#pragma GCC unroll 4
        for (std::size_t i = 0; i < 4; ++i) C::store(tile + lane + (4 * q + i) * kStride, r[i]);
      }
      const C c8 = twiddle(0), c4 = twiddle(1);
#pragma GCC unroll 4
      for (std::size_t p = 0; p < 4; ++p) {
        Real* const at = tile + lane + p * kStride;
        C a = C::load(at), b = C::load(at + 4 * kStride), c = C::load(at + 8 * kStride), d = C::load(at + 12 * kStride);
        join4<false>(a, b, c, d, c8, c4);
        C::store(at, a), C::store(at + 4 * kStride, b), C::store(at + 8 * kStride, c), C::store(at + 12 * kStride, d);
      }
    }
    transpose_group<V>(tile, y + group * kGroup);
  }
}

/// The small transforms of the first and last pass: x[k] = sum over p of x[p] exp(2 pi i k p / N), in place and in natural order.
/// `roots` holds M complex exp(2 pi i j / M), of which those of order N are used (N divides M).
template <int N, int M, class V>
[[gnu::always_inline]] inline void small_dft(Complex<V> (&x)[N], const typename V::Real* roots) {
  using C = Complex<V>;
  constexpr int kFactor = N % 4 == 0 && N > 4 ? 4 : N % 2 == 0 ? 2 : N % 3 == 0 ? 3 : N;
  if constexpr (N == 2) {
    const C a = x[0];
    x[0] = C::add(a, x[1]);
    x[1] = C::sub(a, x[1]);
  } else if constexpr (N == 4) {
    const C s = C::add(x[0], x[2]), t = C::sub(x[0], x[2]), u = C::add(x[1], x[3]), v = C::sub(x[1], x[3]);
    x[0] = C::add(s, u), x[1] = C::add_i(t, v), x[2] = C::sub(s, u), x[3] = C::sub_i(t, v);
  } else if constexpr (kFactor == N || N == 3) {  // an odd prime: cosines of the sums, sines of the differences of x[a] and x[N - a]
    constexpr int kHalf = N / 2;
    C sum[kHalf], difference[kHalf], first = x[0];
#pragma GCC unroll 8
    for (int a = 0; a < kHalf; ++a) {
      sum[a] = C::add(x[a + 1], x[N - 1 - a]);
      difference[a] = C::sub(x[a + 1], x[N - 1 - a]);
      first = C::add(first, sum[a]);
    }
#pragma GCC unroll 8
    for (int k = 1; k <= kHalf; ++k) {
      C even = x[0], odd{};
#pragma GCC unroll 8
      for (int a = 0; a < kHalf; ++a) {
        const C root = C::broadcast(roots + 2 * ((k * (a + 1)) % N * (M / N)));
        even = {V::fma(root.re, sum[a].re, even.re), V::fma(root.re, sum[a].im, even.im)};
        odd = a == 0 ? C{V::mul(root.im, difference[a].re), V::mul(root.im, difference[a].im)}
                     : C{V::fma(root.im, difference[a].re, odd.re), V::fma(root.im, difference[a].im, odd.im)};
      }
      x[k] = C::add_i(even, odd);
      x[N - k] = C::sub_i(even, odd);
    }
    x[0] = first;
  } else {
    constexpr int A = kFactor, B = N / A;
    constexpr bool kCoprime = (A == 2 && B % 2) || (A == 3 && B % 3) || (A == 4 && B % 2);  // Good and Thomas: no twiddles
    C column[B][A], result[N];
#pragma GCC unroll 16
    for (int b = 0; b < B; ++b) {
#pragma GCC unroll 16
      for (int a = 0; a < A; ++a) column[b][a] = x[(B * a + (kCoprime ? A * b : b)) % N];
      small_dft<A, M>(column[b], roots);
    }
#pragma GCC unroll 16
    for (int k1 = 0; k1 < A; ++k1) {
      C line[B];
#pragma GCC unroll 16
      for (int b = 0; b < B; ++b)
        line[b] = kCoprime || b * k1 == 0 ? column[b][k1] : C::mul(column[b][k1], C::broadcast(roots + 2 * (b * k1 * (M / N))));
      small_dft<B, M>(line, roots);
#pragma GCC unroll 16
      for (int k2 = 0; k2 < B; ++k2) {
        int k = k1 + A * k2;
        if (kCoprime) for (k = k1; k % B != k2; k += A) {}
        result[k] = line[k2];
      }
    }
#pragma GCC unroll 16
    for (int k = 0; k < N; ++k) x[k] = result[k];
  }
}

template <class V, int M, class Real = typename V::Real>
void split_by(const Real* const* re, const Real* const* im, Real* x, std::size_t row, std::size_t columns, const Real* roots) {
  using C = Complex<V>;
  for (std::size_t j = 0; j < columns; j += V::kLanes) {
    C r[M];
#pragma GCC unroll 16
    for (int p = 0; p < M; ++p) r[p] = {V::load(re[p] + j), V::load(im[p] + j)};
    small_dft<M, M>(r, roots);
    Real* const at = x + j / kBlock * kStride + j % kBlock;
#pragma GCC unroll 16
    for (int k = 0; k < M; ++k) C::store(at + 2 * row * k, r[k]);
  }
}

template <class V, int M, class Real = typename V::Real>
void join_by(const Real* x, std::size_t row, std::size_t columns, const Real* roots, Real* const* re, Real* const* im) {
  using C = Complex<V>;
  for (std::size_t j = 0; j < columns; j += V::kLanes) {
    const Real* const at = x + j / kBlock * kStride + j % kBlock;
    C r[M];
#pragma GCC unroll 16
    for (int k = 0; k < M; ++k) {  // real and imaginary parts exchanged, before and after: the conjugate transform
      const C value = C::load(at + 2 * row * k);
      r[k] = {value.im, value.re};
    }
    small_dft<M, M>(r, roots);
#pragma GCC unroll 16
    for (int p = 0; p < M; ++p) V::store(re[p] + j, r[p].im), V::store(im[p] + j, r[p].re);
  }
}

template <class V, class Real = typename V::Real>
void split(std::size_t m, const Real* const* re, const Real* const* im, Real* x, std::size_t row, std::size_t columns,
           const Real* roots) {
  switch (m) {
    case 8: return split_by<V, 8>(re, im, x, row, columns, roots);
    case 9: return split_by<V, 9>(re, im, x, row, columns, roots);
    case 10: return split_by<V, 10>(re, im, x, row, columns, roots);
    case 11: return split_by<V, 11>(re, im, x, row, columns, roots);
    case 12: return split_by<V, 12>(re, im, x, row, columns, roots);
    case 13: return split_by<V, 13>(re, im, x, row, columns, roots);
    case 14: return split_by<V, 14>(re, im, x, row, columns, roots);
    default: return split_by<V, 15>(re, im, x, row, columns, roots);
  }
}

template <class V, class Real = typename V::Real>
void join(std::size_t m, const Real* x, std::size_t row, std::size_t columns, const Real* roots, Real* const* re, Real* const* im) {
  switch (m) {
    case 8: return join_by<V, 8>(x, row, columns, roots, re, im);
    case 9: return join_by<V, 9>(x, row, columns, roots, re, im);
    case 10: return join_by<V, 10>(x, row, columns, roots, re, im);
    case 11: return join_by<V, 11>(x, row, columns, roots, re, im);
    case 12: return join_by<V, 12>(x, row, columns, roots, re, im);
    case 13: return join_by<V, 13>(x, row, columns, roots, re, im);
    case 14: return join_by<V, 14>(x, row, columns, roots, re, im);
    default: return join_by<V, 15>(x, row, columns, roots, re, im);
  }
}

template <class V, class Real = typename V::Real>
void inverse_leaves_either(Real* y, const Real* const* x, const Real* const* h, std::size_t paths, std::size_t groups,
                           const Real* twiddles) {
  if (h) inverse_leaves<V, true>(y, x, h, paths, groups, twiddles);
  else inverse_leaves<V, false>(y, x, h, paths, groups, twiddles);
}

template <class V>
constexpr Kernels<typename V::Real> kernels_of() {
  return {split<V>, join<V>, forward8<V>, forward4<V>, inverse8<V>, inverse4<V>, forward_leaves<V>, inverse_leaves_either<V>};
}

}  // namespace
}  // namespace dubfarm::kernels::fft
