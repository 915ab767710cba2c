// K- and M-weighting of many lanes at once, written once for every vector type. Private to kernels/loudness.
#pragma once
#include "kernels/loudness/loudness.hpp"
#include "kernels/loudness/m_weighting.hpp"

namespace dubfarm::kernels::k_weight {

/// Stretches of audio of one length that know nothing of each other: a group of a channel each.
template <class Filter>
struct Lanes {
  const Filter* filter;
  const float* const* starts;  // [count] first frame after the history
  double* const* energies;     // [count][subblocks]
  int count;
  Frames history, subblock, subblocks;
};

void run_generic(const Lanes<KWeighting>& lanes);
void run_avx2(const Lanes<KWeighting>& lanes);
void run_avx512(const Lanes<KWeighting>& lanes);
void run_generic(const Lanes<MWeighting>& lanes);
void run_avx2(const Lanes<MWeighting>& lanes);
void run_avx512(const Lanes<MWeighting>& lanes);

template <class V, class Filter>
struct Voice;

/// One vector of lanes with its filter state. Direct form I: only one fma waits for the sample before.
template <class V>
struct Voice<V, KWeighting> {
  V x1 = V::zero(), x2 = V::zero(), y1 = V::zero(), y2 = V::zero(), z1 = V::zero(), z2 = V::zero();

  struct Coefficients {
    V b0, b1, b2, a1, a2, high_a1, high_a2, two;
    explicit Coefficients(const KWeighting& k)
        : b0(V::all(k.shelf.b0)), b1(V::all(k.shelf.b1)), b2(V::all(k.shelf.b2)), a1(V::all(k.shelf.a1)), a2(V::all(k.shelf.a2)),
          high_a1(V::all(k.high_pass.a1)), high_a2(V::all(k.high_pass.a2)), two(V::all(2.0)) {}
  };

  /// The high-pass has b = 1, -2, 1.
  V step(const Coefficients& k, V x) {
    const V y = V::fnma(k.a1, y1, V::fnma(k.a2, y2, V::fma(k.b2, x2, V::fma(k.b1, x1, V::mul(k.b0, x)))));
    const V z = V::fnma(k.high_a1, z1, V::fnma(k.high_a2, z2, V::fnma(k.two, y1, V::add(y, y2))));
    x2 = x1, x1 = x, y2 = y1, y1 = y, z2 = z1, z1 = z;
    return z;
  }
};

/// Numerator and the two real poles, then both pairs of complex ones; each section's feedback waits for one fma only.
template <class V>
struct Voice<V, MWeighting> {
  V x1 = V::zero(), x2 = V::zero(), x3 = V::zero(), u1 = V::zero(), u2 = V::zero(), v1 = V::zero(), v2 = V::zero(), w1 = V::zero(), w2 = V::zero();

  struct Coefficients {
    V b0, b1, b2, b3, a1, a2, c1, c2, d1, d2;
    explicit Coefficients(const MWeighting& m)
        : b0(V::all(m.b[0])), b1(V::all(m.b[1])), b2(V::all(m.b[2])), b3(V::all(m.b[3])), a1(V::all(m.a[0][0])), a2(V::all(m.a[0][1])),
          c1(V::all(m.a[1][0])), c2(V::all(m.a[1][1])), d1(V::all(m.a[2][0])), d2(V::all(m.a[2][1])) {}
  };

  V step(const Coefficients& k, V x) {
    const V u = V::fnma(k.a1, u1, V::fnma(k.a2, u2, V::fma(k.b3, x3, V::fma(k.b2, x2, V::fma(k.b1, x1, V::mul(k.b0, x))))));
    const V v = V::fnma(k.c1, v1, V::fnma(k.c2, v2, u));
    const V w = V::fnma(k.d1, w1, V::fnma(k.d2, w2, v));
    x3 = x2, x2 = x1, x1 = x, u2 = u1, u1 = u, v2 = v1, v1 = v, w2 = w1, w1 = w;
    return w;
  }
};

/// N vectors side by side, so that one computes while another waits. V::kTile frames of V::kWidth lanes are loaded and transposed at once.
template <class V, int N, class Filter>
void run_block(const Lanes<Filter>& lanes, int first) {
  const float* at[N * V::kWidth];
  for (int i = 0; i < N * V::kWidth; ++i) at[i] = lanes.starts[first + i < lanes.count ? first + i : first] - lanes.history;
  const typename Voice<V, Filter>::Coefficients k(*lanes.filter);
  Voice<V, Filter> voices[N];

  const auto run_frames = [&](Frames begin, Frames frames, V (&sums)[N]) {
    Frames t = begin;
    for (; t + V::kTile <= begin + frames; t += V::kTile) {
      V x[N][V::kTile];
      for (int n = 0; n < N; ++n) V::load_tile(at + n * V::kWidth, t, x[n]);
      for (int i = 0; i < V::kTile; ++i)
        for (int n = 0; n < N; ++n) {
          const V z = voices[n].step(k, x[n][i]);
          sums[n] = V::fma(z, z, sums[n]);
        }
    }
    for (; t < begin + frames; ++t)
      for (int n = 0; n < N; ++n) {
        const V z = voices[n].step(k, V::load_frame(at + n * V::kWidth, t));
        sums[n] = V::fma(z, z, sums[n]);
      }
  };

  V sums[N];
  for (V& sum : sums) sum = V::zero();
  run_frames(0, lanes.history, sums);  // settles the filter; this sum is not kept
  for (Frames b = 0; b < lanes.subblocks; ++b) {
    for (V& sum : sums) sum = V::zero();
    run_frames(lanes.history + b * lanes.subblock, lanes.subblock, sums);
    for (int n = 0; n < N; ++n) {
      double values[V::kWidth];
      V::store(values, sums[n]);
      for (int i = 0; i < V::kWidth && first + n * V::kWidth + i < lanes.count; ++i) lanes.energies[first + n * V::kWidth + i][b] = values[i];
    }
  }
}

template <class V, int N, class Filter>
void run_all(const Lanes<Filter>& lanes) {
  int first = 0;
  for (; lanes.count - first > V::kWidth; first += N * V::kWidth) run_block<V, N>(lanes, first);
  if (first < lanes.count) run_block<V, 1>(lanes, first);
}

}  // namespace dubfarm::kernels::k_weight
