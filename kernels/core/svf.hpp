// One second-order section as a 2x2 state-space step: the one filter structure of every backend (docs: KERNELS, Numerics).
#pragma once
#include <cmath>

#include "common/filter/elementary.hpp"
#include "common/filter/svf_design.hpp"

namespace dubfarm::kernels {

/// s1' = a11 s1 + a12 s2 + b1 x;  s2' = a21 s1 + a22 s2 + b2 x;  y = c1 s1 + c2 s2 + d x.
/// The default passes every finite sample unchanged, bit for bit: its c are -0, so that not even the sign of a zero is lost.
struct SvfStep {
  double a11 = 0, a12 = 0, b1 = 0;
  double a21 = 0, a22 = 0, b2 = 0;
  double c1 = -0.0, c2 = -0.0, d = 1;
};
inline constexpr int kSvfStepValues = 9;  // in the order above

/// The trapezoidal SVF solved for its states, which are Simper's ic1eq and ic2eq.
[[nodiscard]] DUBFARM_PORTABLE SvfStep svf_step(const SvfCoeffs& c) {
  const double a1 = 1.0 / std::fma(c.g, c.g + c.k, 1.0);
  const double a2 = c.g * a1, a3 = c.g * a2;
  SvfStep step;
  step.a11 = std::fma(2.0, a1, -1.0), step.a12 = -2.0 * a2, step.b1 = 2.0 * a2;
  step.a21 = 2.0 * a2, step.a22 = std::fma(-2.0, a3, 1.0), step.b2 = 2.0 * a3;
  step.c1 = std::fma(c.m1, a1, c.m2 * a2), step.c2 = std::fma(-c.m1, a2, std::fma(-c.m2, a3, c.m2));
  step.d = std::fma(c.m1, a2, std::fma(c.m2, a3, c.m0));
  return step;
}

/// The same; the identity where the section passes audio unchanged (m0 1, m1 and m2 0), whatever its poles.
[[nodiscard]] SvfStep step_from(const SvfCoeffs& coeffs);

}  // namespace dubfarm::kernels
