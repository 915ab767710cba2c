// The tile operations for one vector type V (Lanes of double: kLanes, load, store, broadcast, mul, fma). Included by eq_generic.cpp,
// eq_avx2.cpp and eq_avx512.cpp; every lane does the same IEEE operations in the same order in each of them.
#pragma once
#include <cmath>

#include "kernels/eq/eq_lanes.hpp"
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace dubfarm::kernels::eq {
namespace {

/// One frame of one section; coefficient(j) is value j of SvfStep. y waits for x in its last fma only, a state for the other one in its
/// last two: with a few sections in flight the arithmetic units are full.
template <class V, class Coefficient>
[[gnu::always_inline]] inline V step(V& s1, V& s2, V x, Coefficient coefficient) {
  const V y = V::fma(coefficient(8), x, V::fma(coefficient(6), s1, V::mul(coefficient(7), s2)));
  const V n1 = V::fma(coefficient(0), s1, V::fma(coefficient(1), s2, V::mul(coefficient(2), x)));
  const V n2 = V::fma(coefficient(4), s2, V::fma(coefficient(3), s1, V::mul(coefficient(5), x)));
  s1 = n1, s2 = n2;
  return y;
}

/// kBands sections in series over one vector of lanes. States stay in registers; so do the coefficients of the first kHeld sections, those
/// of the others are memory operands. (A chain of members, not an array: g++ keeps an array that it once indexed in a loop in memory.)
template <class V, int kBands, int kHeld>
struct Cascade {
  V s1, s2;
  const double* coefficients;
  V c0, c1, c2, c3, c4, c5, c6, c7, c8;
  Cascade<V, kBands - 1, kHeld - 1> rest;

  [[gnu::always_inline]] void load(const TileBand* band, int lane) {
    s1 = V::load(&band->state[0][lane]), s2 = V::load(&band->state[1][lane]);
    coefficients = &band->step[0][lane];
    if constexpr (kHeld > 0) {
      c0 = memory(0), c1 = memory(1), c2 = memory(2), c3 = memory(3), c4 = memory(4);
      c5 = memory(5), c6 = memory(6), c7 = memory(7), c8 = memory(8);
    }
    rest.load(band + 1, lane);
  }
  [[gnu::always_inline]] V run(V x) {
    return rest.run(step(s1, s2, x, [this](int j) __attribute__((always_inline)) {
      if constexpr (kHeld > 0)
        return j == 0 ? c0 : j == 1 ? c1 : j == 2 ? c2 : j == 3 ? c3 : j == 4 ? c4 : j == 5 ? c5 : j == 6 ? c6 : j == 7 ? c7 : c8;
      else return memory(j);
    }));
  }
  [[gnu::always_inline]] void store(TileBand* band, int lane) const {
    V::store(&band->state[0][lane], s1), V::store(&band->state[1][lane], s2);
    rest.store(band + 1, lane);
  }
  [[gnu::always_inline]] V memory(int j) const { return V::load(coefficients + j * kTileLanes); }
};
template <class V, int kHeld>
struct Cascade<V, 0, kHeld> {
  [[gnu::always_inline]] void load(const TileBand*, int) {}
  [[gnu::always_inline]] V run(V x) { return x; }
  [[gnu::always_inline]] void store(TileBand*, int) const {}
};

constexpr int kGroup = 8;  // frames that are transposed, or worked on, at a time

/// Frames of a tile, from some lane of it on, as run_fused() reads and writes them. What it reads may be what it writes.
template <class T>
struct TileFrames {
  T* tile;
  [[gnu::always_inline]] void fetch(int, int) {}
  [[gnu::always_inline]] T* frame(int group, int f) const { return tile + (group + f) * kTileLanes; }
  [[gnu::always_inline]] void flush(int, int) {}
};

/// kBands sections over `n` frames of `in`, group by group, into `out`; kHeld as in Cascade.
template <class V, int kBands, class In, class Out>
void run_fused(TileBand* bands, int lane, int n, In& in, Out& out) {
  constexpr int kHeld = (V::kRegisters - 2 * kBands - 4) / kSvfStepValues;
  Cascade<V, kBands, kHeld> cascade;
  cascade.load(bands, lane);
  const auto run = [&](int group, int f) __attribute__((always_inline)) {
    V::store(out.frame(group, f), cascade.run(V::load(in.frame(group, f))));
  };
  int group = 0;
  for (; group + kGroup <= n; group += kGroup) {
    in.fetch(group, kGroup);
#pragma GCC unroll 8
    for (int f = 0; f < kGroup; ++f) run(group, f);
    out.flush(group, kGroup);
  }
  if (const int rest = n - group; rest > 0) {
    in.fetch(group, rest);
    for (int f = 0; f < rest; ++f) run(group, f);
    out.flush(group, rest);
  }
  cascade.store(bands, lane);
}

/// The next of `left` sections, two at a time: their arithmetic just covers the latency of the states, and with 32 registers nothing is reloaded.
/// Three where those are all. @return how many.
template <class V, class In, class Out>
int run_some(TileBand* bands, int left, int lane, int n, In& in, Out& out) {
  if (left == 3) return run_fused<V, 3>(bands, lane, n, in, out), 3;
  if (left == 1) return run_fused<V, 1>(bands, lane, n, in, out), 1;
  return run_fused<V, 2>(bands, lane, n, in, out), 2;
}

template <class V>
void run_static(TileBand* bands, int count, int lanes, int n, double* tile) {
  for (int lane = 0; lane < lanes; lane += V::kLanes) {
    TileFrames<double> frames{tile + lane};
    for (int b = 0; b < count;) b += run_some<V>(bands + b, count - b, lane, n, frames, frames);
  }
}

template <class V>
void run_varying(const StepBlock& steps, TileState& state, int lanes, int n, double* tile) {
  for (int lane = 0; lane < lanes; lane += V::kLanes) {
    V s1 = V::load(&state.state[0][lane]), s2 = V::load(&state.state[1][lane]);
    for (int i = 0; i < n; ++i) {
      double* frame = tile + i * kTileLanes + lane;
      V::store(frame, step(s1, s2, V::load(frame), [&](int j) __attribute__((always_inline)) { return V::broadcast(&steps.value[j][i]); }));
    }
    V::store(&state.state[0][lane], s1), V::store(&state.state[1][lane], s2);
  }
}

void ramp_steps(const Ramp& ramp, Frames offset, int at, int n, StepBlock& out) {
  double g[kBlock], k[kBlock], m0[kBlock], m1[kBlock], m2[kBlock];
  double* const values[5] = {g, k, m0, m1, m2};
  for (int j = 0; j < 5; ++j)
    for (int i = 0; i < n; ++i)
      values[j][i] = std::fma(ramp.slope[j], static_cast<double>(static_cast<int>(offset) + i), ramp.start[j]);
  for (int i = 0; i < n; ++i) {
    const SvfStep s = svf_step({g[i], k[i], m0[i], m1[i], m2[i]});
    out.value[0][at + i] = s.a11, out.value[1][at + i] = s.a12, out.value[2][at + i] = s.b1;
    out.value[3][at + i] = s.a21, out.value[4][at + i] = s.a22, out.value[5][at + i] = s.b2;
    out.value[6][at + i] = s.c1, out.value[7][at + i] = s.c2, out.value[8][at + i] = s.d;
  }
}

const float kSilence[kTileLanes] = {};

/// Frames [i, n) of a tile, sample by sample: what is left over from the 8 x 8 transposes, or all of it.
template <class T>
void load_rest(float* const* x, int lanes, Frames from, int i, int n, T* tile) {
  for (int l = 0; l < kTileLanes; ++l) {
    const float* lane = l < lanes ? x[l] : nullptr;
    for (int f = i; f < n; ++f) tile[f * kTileLanes + l] = lane ? static_cast<T>(lane[from + f]) : T{0};
  }
}
template <class T>
void store_rest(const T* tile, int lanes, Frames from, int i, int n, float* const* x) {
  for (int l = 0; l < lanes; ++l)
    for (int f = i; x[l] && f < n; ++f) x[l][from + f] = static_cast<float>(tile[f * kTileLanes + l]);
}

#if defined(__AVX2__) && defined(__FMA__)
[[gnu::always_inline]] inline void transpose(__m256 (&r)[8]) {
  __m256 t[8], u[8];
  for (int i = 0; i < 8; i += 2) t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]), t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44), u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xEE);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44), u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xEE);
  }
  for (int i = 0; i < 4; ++i)
    r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20), r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
}

/// [4 lanes][8 frames] to [4 frames, and the fourth one after each][4 lanes]; and back.
[[gnu::always_inline]] inline void transpose(__m256 (&r)[4]) {
  const __m256 a = _mm256_unpacklo_ps(r[0], r[1]), b = _mm256_unpackhi_ps(r[0], r[1]), c = _mm256_unpacklo_ps(r[2], r[3]), d = _mm256_unpackhi_ps(r[2], r[3]);
  r[0] = _mm256_shuffle_ps(a, c, 0x44), r[1] = _mm256_shuffle_ps(a, c, 0xEE);
  r[2] = _mm256_shuffle_ps(b, d, 0x44), r[3] = _mm256_shuffle_ps(b, d, 0xEE);
}

/// Eight frames of kLanes lanes, from `at` on, transposed; and back into the lanes that are there.
template <int kLanes>
[[gnu::always_inline]] inline void gather(float* const* x, int lanes, Frames at, __m256 (&r)[kLanes]) {
  for (int l = 0; l < kLanes; ++l) r[l] = _mm256_loadu_ps(l < lanes && x[l] ? x[l] + at : kSilence);
  transpose(r);
}
template <int kLanes>
[[gnu::always_inline]] inline void scatter(__m256 (&r)[kLanes], float* const* x, int lanes, Frames at) {
  transpose(r);
  for (int l = 0; l < kLanes && l < lanes; ++l)
    if (x[l]) _mm256_storeu_ps(x[l] + at, r[l]);
}

void load(float* const* x, int lanes, Frames from, int n, double* tile) {
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    __m256 r[8];
    gather(x, lanes, from + i, r);
    for (int f = 0; f < 8; ++f) {
      double* frame = tile + (i + f) * kTileLanes;
      _mm256_store_pd(frame, _mm256_cvtps_pd(_mm256_castps256_ps128(r[f])));
      _mm256_store_pd(frame + 4, _mm256_cvtps_pd(_mm256_extractf128_ps(r[f], 1)));
    }
  }
  load_rest(x, lanes, from, i, n, tile);
}

void store(const double* tile, int lanes, Frames from, int n, float* const* x) {
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    __m256 r[8];
    for (int f = 0; f < 8; ++f) {
      const double* frame = tile + (i + f) * kTileLanes;
      r[f] = _mm256_set_m128(_mm256_cvtpd_ps(_mm256_load_pd(frame + 4)), _mm256_cvtpd_ps(_mm256_load_pd(frame)));
    }
    scatter(r, x, lanes, from + i);
  }
  store_rest(tile, lanes, from, i, n, x);
}

[[gnu::always_inline]] inline void put_frames(const __m256 (&r)[8], float* group) {
  for (int f = 0; f < 8; ++f) _mm256_store_ps(group + f * kTileLanes, r[f]);
}
[[gnu::always_inline]] inline void put_frames(const __m256 (&r)[4], float* group) {
  for (int f = 0; f < 4; ++f) {
    _mm_store_ps(group + f * kTileLanes, _mm256_castps256_ps128(r[f]));
    _mm_store_ps(group + (f + 4) * kTileLanes, _mm256_extractf128_ps(r[f], 1));
  }
}
[[gnu::always_inline]] inline void get_frames(const float* group, __m256 (&r)[8]) {
  for (int f = 0; f < 8; ++f) r[f] = _mm256_load_ps(group + f * kTileLanes);
}
[[gnu::always_inline]] inline void get_frames(const float* group, __m256 (&r)[4]) {
  for (int f = 0; f < 4; ++f) r[f] = _mm256_set_m128(_mm_load_ps(group + (f + 4) * kTileLanes), _mm_load_ps(group + f * kTileLanes));
}

/// Frames of the lanes themselves, kLanes of `x` and fewer where `lanes` are: a group is transposed when its turn comes, which a processor does
/// beside the arithmetic of the one before.
template <int kLanes>
struct LaneFrames {
  float* const* x;
  int lanes;
  Frames from;
  alignas(64) float held[kGroup * kTileLanes];
  LaneFrames(float* const* all, int count, Frames first) : x(all), lanes(count), from(first) {}
  [[gnu::always_inline]] void fetch(int group, int n) {
    if (n < kGroup) return load_rest(x, lanes, from + group, 0, n, held);
    __m256 r[kLanes];
    gather(x, lanes, from + group, r);
    put_frames(r, held);
  }
  [[gnu::always_inline]] float* frame(int, int f) { return held + f * kTileLanes; }
  [[gnu::always_inline]] void flush(int group, int n) {
    if (n < kGroup) return store_rest(held, lanes, from + group, 0, n, x);
    __m256 r[kLanes];
    get_frames(held, r);
    scatter(r, x, lanes, from + group);
  }
};
#else
void load(float* const* x, int lanes, Frames from, int n, double* tile) { load_rest(x, lanes, from, 0, n, tile); }
void store(const double* tile, int lanes, Frames from, int n, float* const* x) { store_rest(tile, lanes, from, 0, n, x); }
#endif

/// The first sections widen what they read, the last ones round what they write.
template <class V, class In, class Out>
void run_all(TileBand* bands, int count, int lane, int n, In& in, Out& out) {
  if (count <= 3) {
    run_some<V>(bands, count, lane, n, in, out);
    return;
  }
  alignas(64) double tile[kBlock * kTileLanes];
  TileFrames<double> between{tile};
  int b = run_some<V>(bands, count, lane, n, in, between);
  while (count - b > 3) b += run_some<V>(bands + b, count - b, lane, n, between, between);
  run_some<V>(bands + b, count - b, lane, n, between, out);
}

template <class V>
void filter(TileBand* bands, int count, int lanes, Frames from, int n, float* const* x) {
#if defined(__AVX2__) && defined(__FMA__)
  for (int lane = 0; lane < lanes; lane += V::kLanes) {
    const int count_here = lanes - lane < V::kLanes ? lanes - lane : V::kLanes;
    LaneFrames<V::kLanes> in(x + lane, count_here, from), out(x + lane, count_here, from);
    run_all<V>(bands, count, lane, n, in, out);
  }
#else
  alignas(64) float tile[kBlock * kTileLanes];
  load_rest(x, lanes, from, 0, n, tile);
  for (int lane = 0; lane < lanes; lane += V::kLanes) {
    TileFrames<float> frames{tile + lane};
    run_all<V>(bands, count, lane, n, frames, frames);
  }
  store_rest(tile, lanes, from, 0, n, x);
#endif
}

template <class V>
constexpr LaneOps ops_for() {
  return {load, store, filter<V>, run_static<V>, run_varying<V>, ramp_steps};
}

}  // namespace
}  // namespace dubfarm::kernels::eq
