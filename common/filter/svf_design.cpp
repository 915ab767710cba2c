#include "common/filter/svf_design.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "common/filter/elementary.hpp"

namespace dubfarm {
namespace {

constexpr double kLog2Of10 = 3.3219280948873623;
constexpr double kDecayDb = 150.0;

/// Index of the last point at or before `at`; -1 where there is none.
std::ptrdiff_t point_before(const mix::Automation& a, Frames at) {
  const auto later = [](Frames t, const mix::AutomationPoint& p) { return t < p.at; };
  const auto after = std::upper_bound(a.points.begin(), a.points.end(), at, later);
  return after - a.points.begin() - 1;
}

template <class Scale, class Unscale>
double interpolate(const mix::Automation& a, Frames at, Scale scale, Unscale unscale) {
  if (a.is_constant()) return a.constant;
  const std::ptrdiff_t i = point_before(a, at);
  if (i < 0) return a.points.front().value;
  const mix::AutomationPoint& from = a.points[static_cast<std::size_t>(i)];
  if (from.at == at || static_cast<std::size_t>(i) + 1 == a.points.size()) return from.value;
  const mix::AutomationPoint& to = a.points[static_cast<std::size_t>(i) + 1];
  const double v0 = scale(from.value), v1 = scale(to.value);
  return unscale(std::fma((v1 - v0) / static_cast<double>(to.at - from.at), static_cast<double>(at - from.at), v0));
}

bool passes_audio(const SvfCoeffs& c) { return c.m0 == 1 && c.m1 == 0 && c.m2 == 0; }

Frames decay_frames(const SvfCoeffs& c) {
  if (passes_audio(c)) return 0;
  constexpr Frames kAtLeast = 2;  // two states
  const double radius = pole_radius(c);
  if (radius < 1e-30) return kAtLeast;
  const double db_per_frame = -20.0 / kLog2Of10 * portable_log2(radius);
  return std::max(kAtLeast, static_cast<Frames>(std::ceil(kDecayDb / db_per_frame)));
}

}  // namespace

SvfCoeffs design_svf(mix::FilterType type, double freq_hz, double q, double gain_db, double sample_rate) {
  assert(freq_hz > 0 && freq_hz < sample_rate / 2 && q > 0);
  const double x = 2 * freq_hz / sample_rate;
  const double t = sin_half_pi(x) / sin_half_pi(1 - x);  // tan(pi f / rate)
  const double a = portable_exp2(gain_db * (kLog2Of10 / 40));
  const double k = 1 / q;
  switch (type) {
    case mix::FilterType::peak: return {t, k / a, 1, k / a * (a * a - 1), 0};
    case mix::FilterType::lowshelf: return {t / std::sqrt(a), k, 1, (a - 1) * k, a * a - 1};
    case mix::FilterType::highshelf: return {t * std::sqrt(a), k, a * a, (1 - a) * a * k, 1 - a * a};
    case mix::FilterType::highpass: return {t, k, 1, -k, -1};
    case mix::FilterType::lowpass: return {t, k, 0, 0, 1};
    case mix::FilterType::bandpass: return {t, k, 0, k, 0};
    case mix::FilterType::notch: return {t, k, 1, -k, 0};
    case mix::FilterType::allpass: return {t, k, 1, -2 * k, 0};
  }
  return {};
}

double pole_radius(const SvfCoeffs& c) {
  // s-plane poles p of p^2 + g k p + g^2 = 0, taken to the z plane by z = (1 + p) / (1 - p).
  const double half = c.k / 2;
  if (half < 1) return std::sqrt((1 - c.g * c.k + c.g * c.g) / (1 + c.g * c.k + c.g * c.g));
  const double fast = c.g * (half + std::sqrt(half * half - 1)), slow = c.g * c.g / fast;  // both -p
  return std::max(std::abs(1 - fast) / (1 + fast), std::abs(1 - slow) / (1 + slow));
}

Frames decay_frames(mix::FilterType type, const mix::Automation& freq_hz, const mix::Automation& q, const mix::Automation& gain_db,
                    double sample_rate) {
  Frames longest = 0;
  const auto consider = [&](Frames at) {
    const SvfCoeffs c = design_svf(type, logarithmic_value(freq_hz, at), logarithmic_value(q, at), linear_value(gain_db, at), sample_rate);
    longest = std::max(longest, decay_frames(c));
  };
  consider(0);  // the only value of a band without automation
  for (const mix::Automation* a : {&freq_hz, &q, &gain_db})
    for (const mix::AutomationPoint& p : a->points) consider(p.at);
  return longest;
}

double linear_value(const mix::Automation& automation, Frames at) {
  const auto same = [](double v) { return v; };
  return interpolate(automation, at, same, same);
}

double logarithmic_value(const mix::Automation& automation, Frames at) {
  return interpolate(automation, at, [](double v) { return portable_log2(v); }, [](double v) { return portable_exp2(v); });
}

}  // namespace dubfarm
