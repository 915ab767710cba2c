#include "kernels/fft/fft_kernels.hpp"

namespace dubfarm::kernels::fft {

const Kernels& kernels_avx2() {
  static constexpr Kernels kernels = kernels_of<simd::Avx2>();
  return kernels;
}

}  // namespace dubfarm::kernels::fft
