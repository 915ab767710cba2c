#include "kernels/loudness/m_weighting.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <complex>
#include <numbers>

namespace dubfarm::kernels {
namespace {

/// Roots of the network's denominator in j Hz: two real ones, two pairs.
constexpr double kRealPoles[] = {-9975.06312393, -4122.70206613};
constexpr std::complex<double> kComplexPoles[] = {{-2983.15993789, 9940.84264571}, {-3758.52916301, 5790.04233661}};
constexpr int kFitPoints = 256;
constexpr double kFitFrom = 20, kFitTo = 20000;

/// Least squares of three unknowns by their normal equations, eliminated in order: the columns are far from dependent.
struct Fit {
  double m[3][4] = {};
  void add(const double (&row)[3], double value) {
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) m[i][j] += row[i] * row[j];
      m[i][3] += row[i] * value;
    }
  }
  void solve(double (&c)[3]) {
    for (int i = 0; i < 3; ++i)
      for (int r = i + 1; r < 3; ++r) {
        const double factor = m[r][i] / m[i][i];
        for (int j = i; j < 4; ++j) m[r][j] -= factor * m[i][j];
      }
    for (int i = 2; i >= 0; --i) {
      c[i] = m[i][3];
      for (int j = i + 1; j < 3; ++j) c[i] -= m[i][j] * c[j];
      c[i] /= m[i][i];
    }
  }
};

}  // namespace

double m_weighting_gain(double hertz) {
  const double f = hertz, f2 = f * f;
  const double even = ((-4.737338981378384e-24 * f2 + 2.043828333606125e-15) * f2 - 1.363894795463638e-7) * f2 + 1.0;
  const double odd = ((1.306612257412824e-19 * f2 - 2.118150887518656e-11) * f2 + 5.559488023498642e-4) * f;
  return 1.246332637532143e-4 * f / std::hypot(even, odd) * std::pow(10.0, (18.2 - 5.6) / 20.0);
}

MWeighting design_m_weighting(int sample_rate) {
  assert(sample_rate > 16000);
  MWeighting m;
  const double turn = 2.0 * std::numbers::pi / sample_rate;
  const double first = std::exp(turn * kRealPoles[0]), second = std::exp(turn * kRealPoles[1]);
  m.a[0][0] = -(first + second), m.a[0][1] = first * second;
  for (int i = 0; i < 2; ++i) {
    const std::complex<double> z = std::exp(turn * kComplexPoles[i]);
    m.a[i + 1][0] = -2.0 * z.real(), m.a[i + 1][1] = std::norm(z);
  }
  // |q|^2 of the missing quadratic is c0 + c1 cos w + c2 cos 2w: fitted so that relative errors count alike over the logarithm of frequency.
  Fit fit;
  const double top = std::min(kFitTo, 0.49 * sample_rate);
  for (int i = 0; i < kFitPoints; ++i) {
    const double hertz = kFitFrom * std::pow(top / kFitFrom, static_cast<double>(i) / (kFitPoints - 1)), w = turn * hertz;
    const std::complex<double> z1 = std::polar(1.0, -w);
    double power = std::norm(1.0 - z1);
    for (const auto& a : m.a) power /= std::norm(1.0 + a[0] * z1 + a[1] * z1 * z1);
    const double gain = m_weighting_gain(hertz), ratio = power / (gain * gain);
    fit.add({ratio, ratio * std::cos(w), ratio * std::cos(2 * w)}, 1.0);
  }
  double c[3];
  fit.solve(c);
  // q0 + q1 + q2 and q0 - q1 + q2 are the roots of |q|^2 at 0 and half the rate; q0 q2 is c2 / 2.
  const double at_zero = std::sqrt(std::max(0.0, c[0] + c[1] + c[2])), at_half = std::sqrt(std::max(0.0, c[0] - c[1] + c[2]));
  const double outer = (at_zero + at_half) / 2, q1 = (at_zero - at_half) / 2, apart = std::sqrt(std::max(0.0, outer * outer / 4 - c[2] / 2));
  const double q0 = outer / 2 + apart, q2 = outer / 2 - apart;
  m.b[0] = q0, m.b[1] = q1 - q0, m.b[2] = q2 - q1, m.b[3] = -q2;  // times 1 - z^-1
  return m;
}

}  // namespace dubfarm::kernels
