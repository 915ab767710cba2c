// DUBFARM_HD marks a function of core/ that both compilers take in: g++ for the CPU backend and the emulation, nvcc for the device.
// Such a function is a formula for one sample or one block of numbers: explicit std::fma, no library transcendental, no allocation, no
// call of anything that is not itself DUBFARM_HD, constexpr or an operation that IEEE 754 rounds correctly.
#pragma once

/// DUBFARM_UNROLL stands before a loop of known length whose arrays are to stay in registers.
#if defined(__CUDACC__)
#define DUBFARM_HD __host__ __device__ __forceinline__
#else
#define DUBFARM_HD [[gnu::always_inline]] inline
#endif
#if defined(__CUDA_ARCH__)
#define DUBFARM_UNROLL _Pragma("unroll")
#elif defined(__CUDACC__)
#define DUBFARM_UNROLL  // nvcc's pass for the host knows neither pragma
#else
#define DUBFARM_UNROLL _Pragma("GCC unroll 16")
#endif
