// The sums, for the instruction set of the file that includes this: plain loops, which g++ turns into vector code, and the one that matters
// spelled out. Nothing here may call a header's function with external linkage (see kernels/core/simd.hpp).
#pragma once
#include <cmath>
#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

#include "kernels/mix/mix_ops.hpp"

namespace dubfarm::kernels::mix_ops {
namespace {

#if defined(__AVX512F__)
struct Doubles {
  static constexpr int kCount = 8;
  __m512d v;
  [[gnu::always_inline]] static Doubles zero() { return {_mm512_setzero_pd()}; }
  [[gnu::always_inline]] static Doubles broadcast(const double* p) { return {_mm512_set1_pd(*p)}; }
  [[gnu::always_inline]] static Doubles load(const double* p) { return {_mm512_loadu_pd(p)}; }
  [[gnu::always_inline]] static Doubles load(const float* p) { return {_mm512_maskz_cvtps_pd(0xFF, _mm256_loadu_ps(p))}; }
  [[gnu::always_inline]] static Doubles fma(Doubles a, Doubles b, Doubles c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
  [[gnu::always_inline]] void store(double* p) const { _mm512_storeu_pd(p, v); }
  [[gnu::always_inline]] void store(float* p) const { _mm256_storeu_ps(p, _mm512_maskz_cvtpd_ps(0xFF, v)); }
};
#elif defined(__AVX2__) && defined(__FMA__)
struct Doubles {
  static constexpr int kCount = 4;
  __m256d v;
  [[gnu::always_inline]] static Doubles zero() { return {_mm256_setzero_pd()}; }
  [[gnu::always_inline]] static Doubles broadcast(const double* p) { return {_mm256_broadcast_sd(p)}; }
  [[gnu::always_inline]] static Doubles load(const double* p) { return {_mm256_loadu_pd(p)}; }
  [[gnu::always_inline]] static Doubles load(const float* p) { return {_mm256_cvtps_pd(_mm_loadu_ps(p))}; }
  [[gnu::always_inline]] static Doubles fma(Doubles a, Doubles b, Doubles c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
  [[gnu::always_inline]] void store(double* p) const { _mm256_storeu_pd(p, v); }
  [[gnu::always_inline]] void store(float* p) const { _mm_storeu_ps(p, _mm256_cvtpd_ps(v)); }
};
#else
struct Doubles {
  static constexpr int kCount = 1;
  double v;
  static Doubles zero() { return {0.0}; }
  static Doubles broadcast(const double* p) { return {*p}; }
  static Doubles load(const double* p) { return {*p}; }
  static Doubles load(const float* p) { return {static_cast<double>(*p)}; }
  static Doubles fma(Doubles a, Doubles b, Doubles c) { return {std::fma(a.v, b.v, c.v)}; }
  void store(double* p) const { *p = v; }
  void store(float* p) const { *p = static_cast<float>(v); }
};
#endif

/// The sums of kRows outputs over two vectors of frames, in registers. (A chain of members, not an array: see kernels/eq/eq_lanes_body.hpp.)
template <int kRows>
struct Sums {
  Doubles a, b;
  Sums<kRows - 1> rest;
  [[gnu::always_inline]] void clear() { a = b = Doubles::zero(), rest.clear(); }
  [[gnu::always_inline]] void load(double* const* acc, Frames i) {
    a = Doubles::load(acc[0] + i), b = Doubles::load(acc[0] + i + Doubles::kCount), rest.load(acc + 1, i);
  }
  [[gnu::always_inline]] void add(Doubles x, Doubles y, const double* coef, int lanes) {
    const Doubles c = Doubles::broadcast(coef);
    a = Doubles::fma(c, x, a), b = Doubles::fma(c, y, b), rest.add(x, y, coef + lanes, lanes);
  }
  template <class T>
  [[gnu::always_inline]] void store(T* const* out, Frames i) const {
    a.store(out[0] + i), b.store(out[0] + i + Doubles::kCount), rest.store(out + 1, i);
  }
};
template <>
struct Sums<0> {
  [[gnu::always_inline]] void clear() {}
  [[gnu::always_inline]] void load(double* const*, Frames) {}
  [[gnu::always_inline]] void add(Doubles, Doubles, const double*, int) {}
  template <class T>
  [[gnu::always_inline]] void store(T* const*, Frames) const {}
};

/// All lanes into kRows outputs, every coefficient connected: each lane is read and widened once for all of them. kAdds: to what is there.
template <int kRows, bool kAdds, class T>
void sum_rows(const float* const* x, int lanes, const double* coef, Frames n, T* const* out) {
  Frames i = 0;
  for (; i + 2 * Doubles::kCount <= n; i += 2 * Doubles::kCount) {
    Sums<kRows> sums;
    if constexpr (kAdds) sums.load(out, i);
    else sums.clear();
    for (int l = 0; l < lanes; ++l) sums.add(Doubles::load(x[l] + i), Doubles::load(x[l] + i + Doubles::kCount), coef + l, lanes);
    sums.store(out, i);
  }
  for (; i < n; ++i)
    for (int r = 0; r < kRows; ++r) {
      double sum = kAdds ? static_cast<double>(out[r][i]) : 0.0;
      for (int l = 0; l < lanes; ++l) sum = std::fma(coef[r * lanes + l], static_cast<double>(x[l][i]), sum);
      out[r][i] = static_cast<T>(sum);
    }
}

bool all_connected(const double* coef, int count) {
  for (int i = 0; i < count; ++i)
    if (coef[i] == 0) return false;
  return true;
}

/// How many of the next outputs go through sum_rows() at once: 4, 2, 1, or 0 where a lane is not connected to the first.
int rows_at_once(const double* coef, int lanes, int outs) {
  for (int rows = 4; rows > 0; rows /= 2)
    if (outs >= rows && all_connected(coef, rows * lanes)) return rows;
  return 0;
}

template <bool kAdds, class T>
void sum_connected(const float* const* x, int lanes, const double* coef, int rows, Frames n, T* const* out) {
  if (rows == 4) sum_rows<4, kAdds>(x, lanes, coef, n, out);
  else if (rows == 2) sum_rows<2, kAdds>(x, lanes, coef, n, out);
  else sum_rows<1, kAdds>(x, lanes, coef, n, out);
}

constexpr int kLanesAtOnce = 64;

/// The lanes that are connected to an output, from lane `l` on, next to each other. @return how many; `l` is where to go on.
int gather_connected(const float* const* x, int lanes, const double* row, Frames from, int& l, const float** connected, double* coef) {
  int count = 0;
  for (; l < lanes && count < kLanesAtOnce; ++l)
    if (row[l] != 0) connected[count] = x[l] + from, coef[count] = row[l], ++count;
  return count;
}

void add_row(const float* const* x, int lanes, const double* row, Frames from, Frames n, double* out) {
  const float* connected[kLanesAtOnce];
  double coef[kLanesAtOnce];
  for (int l = 0; l < lanes;)
    if (const int count = gather_connected(x, lanes, row, from, l, connected, coef); count > 0) sum_rows<1, true>(connected, count, coef, n, &out);
}

template <class T>
void sum_row(const float* const* x, int lanes, const double* row, Frames n, T* out) {
  if (lanes <= kLanesAtOnce) {
    const float* connected[kLanesAtOnce];
    double coef[kLanesAtOnce];
    int l = 0;
    const int count = gather_connected(x, lanes, row, 0, l, connected, coef);
    sum_rows<1, false>(connected, count, coef, n, &out);
    return;
  }
  constexpr Frames kStretch = 256;
  for (Frames from = 0; from < n; from += kStretch) {
    const Frames count = n - from < kStretch ? n - from : kStretch;
    double acc[kStretch] = {};
    add_row(x, lanes, row, from, count, acc);
    for (Frames i = 0; i < count; ++i) out[from + i] = static_cast<T>(acc[i]);
  }
}

void add(const float* const* x, int lanes, const double* coef, int outs, Frames n, double* const* acc) {
  for (int o = 0; o < outs;) {
    if (const int rows = rows_at_once(coef + o * lanes, lanes, outs - o); rows > 0) {
      sum_connected<true>(x, lanes, coef + o * lanes, rows, n, acc + o);
      o += rows;
    } else {
      add_row(x, lanes, coef + o * lanes, 0, n, acc[o]);
      ++o;
    }
  }
}

template <class T>
void sum(const float* const* x, int lanes, const double* coef, int outs, Frames n, T* const* out) {
  for (int o = 0; o < outs;) {
    if (const int rows = rows_at_once(coef + o * lanes, lanes, outs - o); rows > 0) {
      sum_connected<false>(x, lanes, coef + o * lanes, rows, n, out + o);
      o += rows;
    } else {
      sum_row(x, lanes, coef + o * lanes, n, out[o]);
      ++o;
    }
  }
}

void add_double(const double* __restrict x, double coef, Frames n, double* __restrict acc) {
  for (Frames i = 0; i < n; ++i) acc[i] = std::fma(coef, x[i], acc[i]);
}

void add_curve(const float* __restrict x, const double* __restrict gain, double coef, Frames n, double* __restrict acc) {
  for (Frames i = 0; i < n; ++i) acc[i] = std::fma(coef * gain[i], static_cast<double>(x[i]), acc[i]);
}

void store(const double* __restrict acc, Frames n, float* __restrict out) {
  for (Frames i = 0; i < n; ++i) out[i] = static_cast<float>(acc[i]);
}

void gain(float* x, double factor, Frames n) {
  for (Frames i = 0; i < n; ++i) x[i] = static_cast<float>(static_cast<double>(x[i]) * factor);
}

void gain_curve(float* __restrict x, const double* __restrict factor, Frames n) {
  for (Frames i = 0; i < n; ++i) x[i] = static_cast<float>(static_cast<double>(x[i]) * factor[i]);
}

void multiply(double* a, const double* b, Frames n) {
  for (Frames i = 0; i < n; ++i) a[i] *= b[i];
}

constexpr Ops kOps = {add, sum<float>, sum<double>, add_double, add_curve, store, gain, gain_curve, multiply};

}  // namespace
}  // namespace dubfarm::kernels::mix_ops
