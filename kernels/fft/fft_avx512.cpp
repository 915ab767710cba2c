#include "kernels/fft/fft_kernels.hpp"

namespace dubfarm::kernels::fft {

const Kernels& kernels_avx512() {
  static constexpr Kernels kernels = kernels_of<simd::Avx512>();
  return kernels;
}

}  // namespace dubfarm::kernels::fft
