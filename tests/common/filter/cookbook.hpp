// The oracle of every filter test: second-order sections by R. Bristow-Johnson's Audio EQ Cookbook.
#pragma once
#include <cmath>
#include <numbers>

#include "common/mix/document.hpp"

namespace dubfarm::testing {

using mix::FilterType;
using Real = long double;  // in double the cookbook's own coefficients lose digits at low frequencies

inline constexpr FilterType kFilterTypes[] = {FilterType::peak,    FilterType::lowshelf, FilterType::highshelf, FilterType::highpass,
                                 FilterType::lowpass, FilterType::bandpass, FilterType::notch,     FilterType::allpass};

struct Biquad { Real b0, b1, b2, a0, a1, a2; };

/// R. Bristow-Johnson, Audio EQ Cookbook, as printed.
inline Biquad cookbook(FilterType type, Real freq, Real q, Real db, Real rate) {
  const Real A = std::pow(Real(10), db / 40), w = 2 * std::numbers::pi_v<Real> * freq / rate, c = std::cos(w), alpha = std::sin(w) / (2 * q);
  const Real s = 2 * std::sqrt(A) * alpha;
  switch (type) {
    case FilterType::peak: return {1 + alpha * A, -2 * c, 1 - alpha * A, 1 + alpha / A, -2 * c, 1 - alpha / A};
    case FilterType::lowshelf:
      return {A * ((A + 1) - (A - 1) * c + s), 2 * A * ((A - 1) - (A + 1) * c), A * ((A + 1) - (A - 1) * c - s),
              (A + 1) + (A - 1) * c + s, -2 * ((A - 1) + (A + 1) * c), (A + 1) + (A - 1) * c - s};
    case FilterType::highshelf:
      return {A * ((A + 1) + (A - 1) * c + s), -2 * A * ((A - 1) + (A + 1) * c), A * ((A + 1) + (A - 1) * c - s),
              (A + 1) - (A - 1) * c + s, 2 * ((A - 1) - (A + 1) * c), (A + 1) - (A - 1) * c - s};
    case FilterType::highpass: return {(1 + c) / 2, -(1 + c), (1 + c) / 2, 1 + alpha, -2 * c, 1 - alpha};
    case FilterType::lowpass: return {(1 - c) / 2, 1 - c, (1 - c) / 2, 1 + alpha, -2 * c, 1 - alpha};
    case FilterType::bandpass: return {alpha, 0, -alpha, 1 + alpha, -2 * c, 1 - alpha};
    case FilterType::notch: return {1, -2 * c, 1, 1 + alpha, -2 * c, 1 - alpha};
    case FilterType::allpass: return {1 - alpha, -2 * c, 1 + alpha, 1 + alpha, -2 * c, 1 - alpha};
  }
  return {};
}

}  // namespace dubfarm::testing
