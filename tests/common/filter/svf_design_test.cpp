#include "common/filter/svf_design.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>
#include <string>

#include "common/filter/elementary.hpp"
#include "tests/common/filter/cookbook.hpp"

namespace dubfarm {
namespace {

using mix::Automation;
using mix::FilterType;
using testing::Biquad;
using testing::cookbook;
using testing::kFilterTypes;
using testing::Real;
using Complex = std::complex<Real>;
constexpr Real kPi = std::numbers::pi_v<Real>;

constexpr double kRate = 48000;

Complex response(const Biquad& f, Real freq) {
  const Complex z = std::polar(Real(1), -2 * kPi * freq / kRate);
  return (f.b0 + z * (f.b1 + z * f.b2)) / (f.a0 + z * (f.a1 + z * f.a2));
}

/// Band-pass and low-pass of the analogue prototype at s = tan(w/2) / g: the trapezoidal rule is the bilinear transform.
Complex response(const SvfCoeffs& c, Real freq) {
  const Complex s(0, std::tan(kPi * freq / kRate) / c.g);
  const Complex denominator = s * s + Real(c.k) * s + Real(1);
  return Real(c.m0) + Real(c.m1) * s / denominator + Real(c.m2) / denominator;
}

double db(Complex h) { return static_cast<double>(20 * std::log10(std::abs(h))); }

double largest_pole(const Biquad& f) {
  const Complex root = std::sqrt(Complex(f.a1 * f.a1 - 4 * f.a0 * f.a2));
  return static_cast<double>(std::max(std::abs((-f.a1 + root) / (2 * f.a0)), std::abs((-f.a1 - root) / (2 * f.a0))));
}

TEST(SvfDesign, HasTheCookbooksResponseForEveryType) {
  for (const FilterType type : kFilterTypes)
    for (const double freq : {20.0, 123.4, 3000.0, 11000.0, 22500.0})
      for (const double q : {0.1, 0.5, 0.70710678, 4.0, 30.0})
        for (const double gain : {-24.0, -3.0, 6.0, 18.0})
          for (const double at : {1.0, 20.0, 100.0, 997.0, 5000.0, 15000.0, 23000.0}) {
            const Complex want = response(cookbook(type, freq, q, gain, kRate), at), got = response(design_svf(type, freq, q, gain, kRate), at);
            ASSERT_LT(std::abs(got - want), 1e-12L * (1 + std::abs(want)))
                << "type " << static_cast<int>(type) << ", " << freq << " Hz, Q " << q << ", " << gain << " dB, seen at " << at << " Hz";
          }
}

TEST(SvfDesign, GivesEachTypeItsCharacter) {
  const auto level = [](FilterType type, double gain, double at) { return db(response(design_svf(type, 1000, 0.70710678, gain, kRate), at)); };
  EXPECT_NEAR(level(FilterType::highpass, 0, 1000), -3.0103, 1e-4);
  EXPECT_NEAR(level(FilterType::highpass, 0, 20000), 0, 0.01);
  EXPECT_NEAR(level(FilterType::highpass, 0, 100) - level(FilterType::highpass, 0, 50), 12.04, 0.01) << "12 dB an octave";
  EXPECT_NEAR(level(FilterType::lowpass, 0, 1000), -3.0103, 1e-4);
  EXPECT_NEAR(level(FilterType::lowpass, 0, 1), 0, 1e-6);
  EXPECT_NEAR(level(FilterType::bandpass, 0, 1000), 0, 1e-9) << "constant 0 dB peak gain";
  EXPECT_LT(level(FilterType::notch, 0, 1000), -200);
  EXPECT_NEAR(level(FilterType::allpass, 0, 777), 0, 1e-9);
  EXPECT_NEAR(level(FilterType::peak, 7, 1000), 7, 1e-9);
  EXPECT_NEAR(level(FilterType::lowshelf, 7, 1), 7, 1e-4);
  EXPECT_NEAR(level(FilterType::lowshelf, 7, 1000), 3.5, 1e-9) << "half the gain at the midpoint";
  EXPECT_NEAR(level(FilterType::highshelf, 7, 23999), 7, 1e-4);
  EXPECT_NEAR(level(FilterType::highshelf, 7, 1000), 3.5, 1e-9);
}

TEST(SvfDesign, PassesAudioUnchangedAtZeroDecibels) {
  for (const FilterType type : {FilterType::peak, FilterType::lowshelf, FilterType::highshelf}) {
    const SvfCoeffs c = design_svf(type, 440, 2, 0, kRate);
    EXPECT_EQ(c.m0, 1);
    EXPECT_EQ(c.m1, 0);
    EXPECT_EQ(c.m2, 0);
  }
}

TEST(PoleRadius, IsTheCookbooksLargestPole) {
  for (const FilterType type : kFilterTypes)
    for (const double freq : {20.0, 300.0, 12000.0, 23000.0})
      for (const double q : {0.1, 0.49, 0.51, 2.0, 30.0})
        for (const double gain : {-18.0, 0.0, 18.0})
          EXPECT_NEAR(pole_radius(design_svf(type, freq, q, gain, kRate)), largest_pole(cookbook(type, freq, q, gain, kRate)), 1e-7)
              << static_cast<int>(type) << ' ' << freq << ' ' << q << ' ' << gain;  // a double pole leaves the root half its digits
}

TEST(DecayFrames, IsWhereTheSlowestPoleHasFallenBy150Decibels) {
  // A 20 Hz high-pass of Q 0.7071: sqrt(a2) of the cookbook, by hand.
  const Real radius = std::sqrt(cookbook(FilterType::highpass, 20, 0.70710678, 0, kRate).a2 / cookbook(FilterType::highpass, 20, 0.70710678, 0, kRate).a0);
  const Frames frames = decay_frames(FilterType::highpass, {20, {}}, {0.70710678, {}}, {0, {}}, kRate);
  EXPECT_EQ(frames, static_cast<Frames>(std::ceil(-150 / (20 * std::log10(radius)))));
  EXPECT_NEAR(static_cast<double>(frames) / kRate, 0.19, 0.01);
}

TEST(DecayFrames, IsZeroForABandThatPassesAudioUnchanged) {
  EXPECT_EQ(decay_frames(FilterType::peak, {20, {}}, {30, {}}, {0, {}}, kRate), 0);
  EXPECT_GT(decay_frames(FilterType::peak, {20, {}}, {30, {}}, {0.1, {}}, kRate), 0);
}

TEST(DecayFrames, CoversTheWorstThatAnAutomatedBandReaches) {
  const Automation freq{0, {{0, 9000}, {48000, 25}, {96000, 15000}}}, q{0, {{-100, 0.2}, {30000, 8}, {70000, 1}}}, gain{0, {{50000, 18}, {60000, -9}}};
  const Frames bound = decay_frames(FilterType::peak, freq, q, gain, kRate);
  Frames worst = 0;
  for (Frames at = -1000; at < 100000; at += 7)
    worst = std::max(worst, decay_frames(FilterType::peak, {logarithmic_value(freq, at), {}}, {logarithmic_value(q, at), {}},
                                         {linear_value(gain, at), {}}, kRate));
  EXPECT_GE(bound, worst);
  EXPECT_LT(bound, worst * 11 / 10) << "and is no looser than it needs to be";
}

TEST(AutomationValue, IsLinearOrLogarithmicBetweenPointsAndHeldOutside) {
  const Automation a{0, {{100, 100}, {200, 400}}};
  EXPECT_EQ(linear_value(a, 50), 100);
  EXPECT_EQ(linear_value(a, 150), 250);
  EXPECT_EQ(linear_value(a, 200), 400);
  EXPECT_EQ(linear_value(a, 900), 400);
  EXPECT_NEAR(logarithmic_value(a, 150), 200, 1e-12);
  EXPECT_EQ(logarithmic_value(a, 100), 100);
  EXPECT_EQ(linear_value({3.5, {}}, -12), 3.5);
}

TEST(Elementary, AgreesWithTheTrueValuesToTheLastBits) {
  for (int i = -40000; i <= 40000; ++i) {
    const double x = i * 0.00025;
    const double exp2_want = static_cast<double>(std::exp2(static_cast<long double>(x)));
    ASSERT_NEAR(portable_exp2(x) / exp2_want, 1, 4e-16) << x;
    if (x > 0) {
      const double log2_want = static_cast<double>(std::log2(static_cast<long double>(x)));
      ASSERT_NEAR(portable_log2(x), log2_want, 4e-16 * std::max(1.0, std::abs(log2_want))) << x;
    }
    const double t = i / 40000.0;
    const double sine_want = static_cast<double>(std::sin(static_cast<long double>(t) * std::numbers::pi_v<long double> / 2));
    ASSERT_NEAR(sin_half_pi(t), sine_want, 4e-16 * std::abs(sine_want)) << t;
  }
}

TEST(Elementary, IsExactWhereMusicMeetsIt) {
  EXPECT_EQ(portable_exp2(0), 1);
  EXPECT_EQ(portable_exp2(-3), 0.125);
  EXPECT_EQ(portable_exp2(20), 1048576);
  EXPECT_EQ(portable_log2(1), 0);
  EXPECT_EQ(portable_log2(0.25), -2);
  EXPECT_EQ(sin_half_pi(0), 0);
  EXPECT_EQ(sin_half_pi(1), 1);
  EXPECT_EQ(sin_half_pi(-1), -1);
}

}  // namespace
}  // namespace dubfarm
