// The limiter's loops, plain, which g++ turns into vector code for the file that includes them. Nothing here may call a header's function
// with external linkage (see kernels/core/simd.hpp).
#pragma once
#include <cmath>
#include <cstring>

#include "common/filter/elementary.hpp"
#include "kernels/limit/limit_ops.hpp"
#include "kernels/true_peak/true_peak.hpp"

namespace dubfarm::kernels::limit_ops {
namespace {

constexpr std::int32_t kInfinityBits = 0x7F800000;

DUBFARM_PORTABLE std::int32_t magnitude_bits(float x) {
  std::int32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits & 0x7FFFFFFF;
}

std::int32_t largest(const float* x, Frames n) {
  std::int32_t most = 0;
  for (Frames i = 0; i < n; ++i) {
    const std::int32_t bits = magnitude_bits(x[i]);
    most = bits > most ? bits : most;
  }
  return most;
}

template <int kPhase>
DUBFARM_PORTABLE float interpolated(const float* x) {
  float u = kTruePeakFilter[kPhase][kTruePeakHistory] * x[-kTruePeakHistory];
#pragma GCC unroll 12
  for (int k = kTruePeakHistory - 1; k >= 0; --k) u = std::fma(kTruePeakFilter[kPhase][static_cast<std::size_t>(k)], x[-k], u);
  return u;
}

void envelope(const float* x, Frames n, std::int32_t* __restrict e) {
  for (Frames i = 0; i < n; ++i) {
    std::int32_t most = magnitude_bits(x[i]);
    const std::int32_t u[4] = {magnitude_bits(interpolated<0>(x + i)), magnitude_bits(interpolated<1>(x + i)), magnitude_bits(interpolated<2>(x + i)),
                               magnitude_bits(interpolated<3>(x + i))};
    for (const std::int32_t bits : u) most = bits > most ? bits : most;
    e[i] = most > e[i] ? most : e[i];
  }
}

void excess(const std::int32_t* e, Frames n, std::int32_t threshold, double per_octave, double level, std::int32_t most, std::int32_t* __restrict q) {
  const double limit = static_cast<double>(most);
  for (Frames i = 0; i < n; ++i) {
    std::int32_t bits = e[i] > threshold ? e[i] : threshold;  // so that nothing below it comes out above zero
    bits = bits < kInfinityBits ? bits : kInfinityBits - 1;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    double units = std::fma(per_octave, portable_log2(static_cast<double>(value)), -level);
    units = units > 0 ? units : 0.0;
    units = units < limit ? units : limit;
    const std::int32_t whole = static_cast<std::int32_t>(units);
    const std::int32_t up = static_cast<double>(whole) < units ? 1 : 0;
    q[i] = whole + up;
  }
}

void hold(std::int32_t* q, Frames n, Frames window) {
  const auto reach = [q](Frames count, Frames step) {
    for (Frames i = 0; i < count; ++i) q[i] = q[i + step] > q[i] ? q[i + step] : q[i];
  };
  Frames span = 1;
  for (; 2 * span <= window; span *= 2) reach(n + window - 2 * span, span);
  if (span < window) reach(n, window - span);
}

void smooth(const double* d, const double* weights, Frames taps, Frames n, std::int32_t* __restrict r) {
  constexpr int kTile = 32;
  Frames i = 0;
  for (; i + kTile <= n; i += kTile) {
    double sum[kTile] = {};
    for (Frames j = 0; j < taps; ++j) {
      const double w = weights[j];
      const double* from = d + i + j;
      for (int t = 0; t < kTile; ++t) sum[t] = std::fma(w, from[t], sum[t]);
    }
    for (int t = 0; t < kTile; ++t) r[i + t] = static_cast<std::int32_t>(sum[t] * 0x1p-30);
  }
  for (; i < n; ++i) {
    double sum = 0;
    for (Frames j = 0; j < taps; ++j) sum = std::fma(weights[j], d[i + j], sum);
    r[i] = static_cast<std::int32_t>(sum * 0x1p-30);
  }
}

void gain(const std::int32_t* r, double octaves_per_unit, Frames n, double* __restrict out) {
  for (Frames i = 0; i < n; ++i) out[i] = portable_exp2(static_cast<double>(r[i]) * octaves_per_unit);
}

void scaled(const float* x, const double* factor, Frames n, float* __restrict out) {
  for (Frames i = 0; i < n; ++i) out[i] = static_cast<float>(static_cast<double>(x[i]) * factor[i]);
}

constexpr Ops kOps = {largest, envelope, excess, hold, smooth, gain, scaled};

}  // namespace
}  // namespace dubfarm::kernels::limit_ops
