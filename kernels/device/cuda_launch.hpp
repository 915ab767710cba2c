// What our CUDA kernels are written in. Every .cu file includes this and nothing of CUDA besides, so that nvcc compiles it for the module
// and g++ compiles it, as it stands, for the emulation (tests/emulated).
//
// The subset that kernels keep to:
//   - blocks of one dimension, at most kMaxThreads threads, known at compile time; grids of one or two dimensions;
//   - shared memory by DUBFARM_SHARED only, at the top of the kernel; its contents are undefined until written;
//   - barrier() by all threads of a block or none; warp_barrier() and shuffles by all 32 threads of a warp;
//   - atomics on integers only (their result has no order); never on floating point;
//   - arguments by value: plain structs of numbers and device pointers;
//   - no dynamic allocation, no recursion, no printf, no host function that is not DUBFARM_HD or constexpr.
// Arithmetic: -fmad=false and no fast math; fused multiply-adds are std::fma; denormals as kernels/core/denormal.hpp says.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/core/hd.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {
inline constexpr int kMaxThreads = 256;
inline constexpr int kWarp = 32;
}  // namespace dubfarm::kernels::cuda

#if defined(__CUDACC__)

#include <cmath>
#include <cuda_runtime.h>

#define DUBFARM_DEVICE __device__ __forceinline__
#define DUBFARM_KERNEL(threads) static __global__ void __launch_bounds__(threads)
#define DUBFARM_SHARED(type, name, count) __shared__ type name[count]
/// Runs `kernel` on gx * gy blocks. An empty grid is no launch. Errors: the caller asks the device when it next waits for the stream.
#define DUBFARM_LAUNCH(kernel, gx, gy, threads, stream, ...)                                                                      \
  do {                                                                                                                            \
    const dim3 dubfarm_grid(static_cast<unsigned>(gx), static_cast<unsigned>(gy));                                                \
    if (dubfarm_grid.x > 0 && dubfarm_grid.y > 0) kernel<<<dubfarm_grid, threads, 0, static_cast<cudaStream_t>(stream)>>>(__VA_ARGS__); \
  } while (false)

namespace dubfarm::kernels::cuda {

DUBFARM_DEVICE int thread_index() { return static_cast<int>(threadIdx.x); }
DUBFARM_DEVICE int block_x() { return static_cast<int>(blockIdx.x); }
DUBFARM_DEVICE int block_y() { return static_cast<int>(blockIdx.y); }
DUBFARM_DEVICE int grid_x() { return static_cast<int>(gridDim.x); }

DUBFARM_DEVICE void barrier() { __syncthreads(); }
/// The threads of a warp wait for one another; what each wrote before, all see after it.
DUBFARM_DEVICE void warp_barrier() { __syncwarp(); }
/// The value of the thread `by` places further in the warp; its own where there is none.
template <class T>
DUBFARM_DEVICE T shuffle_down(T value, int by) { return __shfl_down_sync(0xFFFFFFFFu, value, static_cast<unsigned>(by)); }
/// The value of the thread whose place in the warp differs in the bits of `mask`.
template <class T>
DUBFARM_DEVICE T shuffle_xor(T value, int mask) { return __shfl_xor_sync(0xFFFFFFFFu, value, mask); }

DUBFARM_DEVICE void atomic_max(std::int32_t* at, std::int32_t value) { atomicMax(at, value); }
DUBFARM_DEVICE void atomic_min(std::int64_t* at, std::int64_t value) {
  atomicMin(reinterpret_cast<long long*>(at), static_cast<long long>(value));
}
DUBFARM_DEVICE void atomic_add(std::int64_t* at, std::int64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(at), static_cast<unsigned long long>(value));
}

}  // namespace dubfarm::kernels::cuda

#else
#include "kernels/device/emulate.hpp"
#endif
