// K- and M-weighting, one frame of one channel: the arithmetic of kernels/loudness on a thread that holds FlushDenormals.
#pragma once
#include <cmath>

#include "kernels/core/denormal.hpp"

namespace dubfarm::kernels {

/// c - a * b.
[[nodiscard]] DUBFARM_HD double flushed_fnma(double a, double b, double c) { return flush(std::fma(-a, b, c)); }
[[nodiscard]] DUBFARM_HD double flushed_fma(double a, double b, double c) { return flush(std::fma(a, b, c)); }

/// c: the shelf's b0, b1, b2, a1, a2; the high-pass's a1, a2.
struct KVoice {
  double x1 = 0, x2 = 0, y1 = 0, y2 = 0, z1 = 0, z2 = 0;
  [[nodiscard]] DUBFARM_HD double step(const double* c, double x) {
    const double forward = flushed_fma(c[2], x2, flushed_fma(c[1], x1, flush(c[0] * x)));
    const double y = flushed_fnma(c[3], y1, flushed_fnma(c[4], y2, forward));
    const double z = flushed_fnma(c[5], z1, flushed_fnma(c[6], z2, flushed_fnma(2.0, y1, flush(y + y2))));
    x2 = x1, x1 = x, y2 = y1, y1 = y, z2 = z1, z1 = z;
    return z;
  }
};

/// c: b0 ... b3; then the a1, a2 of three sections.
struct MVoice {
  double x1 = 0, x2 = 0, x3 = 0, u1 = 0, u2 = 0, v1 = 0, v2 = 0, w1 = 0, w2 = 0;
  [[nodiscard]] DUBFARM_HD double step(const double* c, double x) {
    const double forward = flushed_fma(c[3], x3, flushed_fma(c[2], x2, flushed_fma(c[1], x1, flush(c[0] * x))));
    const double u = flushed_fnma(c[4], u1, flushed_fnma(c[5], u2, forward));
    const double v = flushed_fnma(c[6], v1, flushed_fnma(c[7], v2, u));
    const double w = flushed_fnma(c[8], w1, flushed_fnma(c[9], w2, v));
    x3 = x2, x2 = x1, x1 = x, u2 = u1, u1 = u, v2 = v1, v1 = v, w2 = w1, w1 = w;
    return w;
  }
};

}  // namespace dubfarm::kernels
