#include "kernels/fft/fft_kernels.hpp"

namespace dubfarm::kernels::fft {

template <>
const Kernels<float>& kernels_generic() {
  static constexpr Kernels<float> kernels = kernels_of<simd::Scalar>();
  return kernels;
}

template <>
const Kernels<double>& kernels_generic() {
  static constexpr Kernels<double> kernels = kernels_of<simd::ScalarDouble>();
  return kernels;
}

}  // namespace dubfarm::kernels::fft
