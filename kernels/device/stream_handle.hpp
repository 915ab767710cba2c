// A CUDA stream as code that knows nothing of CUDA sees it.
#pragma once

namespace dubfarm::kernels::cuda {

/// A cudaStream_t; null is the default stream. The emulation takes no notice of it: there a launch is over when it returns.
using StreamHandle = void*;

/// Blocks of `size` that cover `count`; 0 for none.
[[nodiscard]] constexpr long long blocks_for(long long count, long long size) { return count > 0 ? (count + size - 1) / size : 0; }

}  // namespace dubfarm::kernels::cuda
