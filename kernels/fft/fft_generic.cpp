#include "kernels/fft/fft_kernels.hpp"

namespace dubfarm::kernels::fft {

const Kernels& kernels_generic() {
  static constexpr Kernels kernels = kernels_of<simd::Scalar>();
  return kernels;
}

}  // namespace dubfarm::kernels::fft
