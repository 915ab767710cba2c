// The textbook FFT in double: the slow truth that the float one is compared with.
#pragma once
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <vector>

namespace dubfarm::testing {

/// X[f] = sum over j of x[j] exp(sign * 2 pi i f j / N); N a power of two. Recursive, out of place.
inline std::vector<std::complex<double>> double_fft(const std::vector<std::complex<double>>& x, double sign) {
  const std::size_t n = x.size();
  if (n == 1) return x;
  std::vector<std::complex<double>> even(n / 2), odd(n / 2), result(n);
  for (std::size_t j = 0; j < n / 2; ++j) even[j] = x[2 * j], odd[j] = x[2 * j + 1];
  even = double_fft(even, sign);
  odd = double_fft(odd, sign);
  for (std::size_t f = 0; f < n / 2; ++f) {
    const std::complex<double> turned = std::polar(1.0, sign * 2.0 * std::numbers::pi * static_cast<double>(f) / static_cast<double>(n)) * odd[f];
    result[f] = even[f] + turned;
    result[f + n / 2] = even[f] - turned;
  }
  return result;
}

}  // namespace dubfarm::testing
