// Plain loops, which g++ turns into vector code for the file that includes them.
#pragma once
#include "kernels/clip/clip_ops.hpp"
#include "kernels/core/math.hpp"

namespace dubfarm::kernels::clip_ops {
namespace {

/// `curve` names the constant in the caller, so each loop holds one formula.
template <int kCurve>
void fade_by(Frames at, int step, Frames length, int n, double* envelope) {
  const double start = static_cast<double>(at), whole = static_cast<double>(length);
  for (int i = 0; i < n; ++i) {
    double x = (start + static_cast<double>(step * i)) / whole;
    x = x < 0.0 ? 0.0 : x;
    x = x > 1.0 ? 1.0 : x;
    double c = x;
    if (kCurve == 1) c = sin_half_pi(x);
    if (kCurve == 2) c = sin_half_pi(x) * sin_half_pi(x);  // (1 - cos(pi x)) / 2
    envelope[i] *= c;
  }
}

void fade(int curve, Frames at, int step, Frames length, int n, double* envelope) {
  if (curve == 0) fade_by<0>(at, step, length, n, envelope);
  if (curve == 1) fade_by<1>(at, step, length, n, envelope);
  if (curve == 2) fade_by<2>(at, step, length, n, envelope);
}

void add(const float* __restrict source, double gain, Frames n, float* __restrict out) {
  if (gain == 1) {
    for (Frames i = 0; i < n; ++i) out[i] += source[i];
  } else {
    for (Frames i = 0; i < n; ++i) out[i] += static_cast<float>(static_cast<double>(source[i]) * gain);
  }
}

void write(const float* __restrict source, double gain, Frames n, float* __restrict out) {
  if (gain == 1) {
    for (Frames i = 0; i < n; ++i) out[i] = source[i] + 0.0f;  // -0 + 0 is 0, as add would leave it
  } else {
    for (Frames i = 0; i < n; ++i) out[i] = static_cast<float>(static_cast<double>(source[i]) * gain) + 0.0f;
  }
}

void add_faded(const float* __restrict source, const double* __restrict envelope, Frames n, float* __restrict out) {
  for (Frames i = 0; i < n; ++i) out[i] += static_cast<float>(static_cast<double>(source[i]) * envelope[i]);
}

void write_faded(const float* __restrict source, const double* __restrict envelope, Frames n, float* __restrict out) {
  for (Frames i = 0; i < n; ++i) out[i] = static_cast<float>(static_cast<double>(source[i]) * envelope[i]) + 0.0f;
}

constexpr Ops kOps = {fade, add, write, add_faded, write_faded};

}  // namespace
}  // namespace dubfarm::kernels::clip_ops
