// One frame of one second-order section, and its coefficients at a point between control points: the arithmetic of kernels/eq, a lane at a
// time. (kernels/core/svf.hpp says what the section is; the contract suite holds the two equal.)
#pragma once
#include <cmath>

#include "kernels/core/denormal.hpp"

namespace dubfarm::kernels {

/// In the order of SvfStep.
struct SectionStep {
  double a11, a12, b1, a21, a22, b2, c1, c2, d;
};
struct SectionState {
  double s1, s2;
};

/// A section whose states are larger than this meets no denormal within kSafeFrames frames, so that nothing need be flushed: a state
/// cannot fall by more than 54 binary orders in two frames, and no coefficient that sounds is below 2^-100.
inline constexpr double kSafeState = 0x1p-100;
inline constexpr int kSafeFrames = 16;
[[nodiscard]] DUBFARM_HD bool is_safe(const SectionState& s) {
  const double one = s.s1 < 0 ? -s.s1 : s.s1, two = s.s2 < 0 ? -s.s2 : s.s2;
  return one > kSafeState || two > kSafeState;
}

/// kFlush: every result as a thread that holds FlushDenormals has it.
template <bool kFlush>
[[nodiscard]] DUBFARM_HD double run_section(const SectionStep& c, SectionState& s, double x) {
  const auto kept = [](double v) {
    if constexpr (kFlush) return flush(v);
    else return v;
  };
  const double y = kept(std::fma(c.d, x, kept(std::fma(c.c1, s.s1, kept(c.c2 * s.s2)))));
  const double n1 = kept(std::fma(c.a11, s.s1, kept(std::fma(c.a12, s.s2, kept(c.b1 * x)))));
  const double n2 = kept(std::fma(c.a22, s.s2, kept(std::fma(c.a21, s.s1, kept(c.b2 * x)))));
  s.s1 = n1, s.s2 = n2;
  return y;
}

/// svf_step() of g, k, m0, m1, m2.
[[nodiscard]] DUBFARM_HD SectionStep section_step(double g, double k, double m0, double m1, double m2) {
  const double a1 = 1.0 / std::fma(g, g + k, 1.0);
  const double a2 = g * a1, a3 = g * a2;
  SectionStep step{};
  step.a11 = std::fma(2.0, a1, -1.0), step.a12 = -2.0 * a2, step.b1 = 2.0 * a2;
  step.a21 = 2.0 * a2, step.a22 = std::fma(-2.0, a3, 1.0), step.b2 = 2.0 * a3;
  step.c1 = std::fma(m1, a1, m2 * a2), step.c2 = std::fma(-m1, a2, std::fma(-m2, a3, m2));
  step.d = std::fma(m1, a2, std::fma(m2, a3, m0));
  return step;
}

}  // namespace dubfarm::kernels
