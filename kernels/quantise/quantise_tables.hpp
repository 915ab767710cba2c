// Dither as kernels on a device take it.
#pragma once
#include "kernels/quantise/chained_dither.hpp"
#include "kernels/quantise/quantise_cuda.hpp"

namespace dubfarm::kernels {

/// tpdf_dither(key).
[[nodiscard]] inline cuda::ChannelDither channel_dither(std::uint64_t key) { return {key, key, false, true}; }
/// draw(chain).
[[nodiscard]] inline cuda::ChannelDither channel_dither(const ChainedDither& chain) {
  return {chain.plus.key, chain.minus.key, chain.plus.is_high_half, chain.minus.is_high_half};
}

}  // namespace dubfarm::kernels
