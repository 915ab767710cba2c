// The loops of kernels/qc, written once; the compiler makes vectors of the lanes. Private to kernels/qc.
#pragma once
#include <cmath>

#include "kernels/qc/qc.hpp"

namespace dubfarm::kernels::qc {

struct Ops {
  PairSums (*pair_sums)(const float*, const float*, Frames);
  SlopeSums (*slope_sums)(const float*, Frames);
  void (*flat_blocks)(const float*, Frames, float, std::uint8_t*);
};
extern const Ops kGeneric, kAvx2, kAvx512;

namespace {  // a function of one instruction set must never be merged with its namesake of another

constexpr int kLanes = 16;

inline double total(const double* lanes) {
  double sum = 0;
  for (int i = 0; i < kLanes; ++i) sum += lanes[i];
  return sum;
}

inline PairSums run_pair_sums(const float* x, const float* y, Frames count) {
  double xx[kLanes] = {}, yy[kLanes] = {}, xy[kLanes] = {};
  const auto add = [&](Frames t, int i) {
    const double a = static_cast<double>(x[t]), b = static_cast<double>(y[t]);
    xx[i] += a * a;
    yy[i] += b * b;
    xy[i] += a * b;
  };
  Frames t = 0;
  for (; t + kLanes <= count; t += kLanes)
    for (int i = 0; i < kLanes; ++i) add(t + i, i);
  for (int i = 0; t < count; ++t, ++i) add(t, i);
  return {total(xx), total(yy), total(xy)};
}

inline SlopeSums run_slope_sums(const float* x, Frames count) {
  double xx[kLanes] = {}, dd[kLanes] = {};
  const auto add = [&](Frames t, int i) {
    const double a = static_cast<double>(x[t]), d = a - static_cast<double>(x[t - 1]);
    xx[i] += a * a;
    dd[i] += d * d;
  };
  Frames t = 0;
  for (; t + kLanes <= count; t += kLanes)
    for (int i = 0; i < kLanes; ++i) add(t + i, i);
  for (int i = 0; t < count; ++t, ++i) add(t, i);
  return {total(xx), total(dd)};
}

inline void run_flat_blocks(const float* x, Frames blocks, float step, std::uint8_t* flat) {
  for (Frames b = 0; b < blocks; ++b) {
    const float* at = x + b * kFlatBlock;
    int moves = 0;
    for (int i = 0; i < kFlatBlock; ++i) moves |= static_cast<int>(!(std::abs(at[i] - at[i - 1]) <= step));
    flat[b] = static_cast<std::uint8_t>(moves == 0);
  }
}

constexpr Ops kOps = {run_pair_sums, run_slope_sums, run_flat_blocks};

}  // namespace
}  // namespace dubfarm::kernels::qc
