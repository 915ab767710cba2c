#include "kernels/fft/fft_kernels.hpp"

namespace dubfarm::kernels::fft {

template <>
const Kernels<float>& kernels_avx512() {
  static constexpr Kernels<float> kernels = kernels_of<simd::Avx512>();
  return kernels;
}

template <>
const Kernels<double>& kernels_avx512() {
  static constexpr Kernels<double> kernels = kernels_of<simd::Avx512Double>();
  return kernels;
}

}  // namespace dubfarm::kernels::fft
