// What this machine can do at most: copies on the device, to it and back, double-precision multiply-adds, cuFFT. Everything else is
// measured against these.
#include <cuda_runtime.h>
#include <cufft.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tests/bench/gpu/ceilings.hpp"

#define CHECK(call)                                                                                        \
  do {                                                                                                     \
    const cudaError_t error_ = (call);                                                                     \
    if (error_ != cudaSuccess) {                                                                           \
      std::fprintf(stderr, "error: %s: %s\n", #call, cudaGetErrorString(error_));                          \
      std::exit(3);                                                                                        \
    }                                                                                                      \
  } while (false)

namespace dubfarm::bench {
namespace {

constexpr int kRuns = 20;

/// Milliseconds of `run`, the median of kRuns after two that are not counted.
template <class Run>
double median_ms(cudaStream_t stream, const Run& run) {
  cudaEvent_t from, to;
  CHECK(cudaEventCreate(&from));
  CHECK(cudaEventCreate(&to));
  std::vector<float> times;
  for (int i = 0; i < kRuns + 2; ++i) {
    CHECK(cudaEventRecord(from, stream));
    run();
    CHECK(cudaEventRecord(to, stream));
    CHECK(cudaEventSynchronize(to));
    float ms = 0;
    CHECK(cudaEventElapsedTime(&ms, from, to));
    if (i >= 2) times.push_back(ms);
  }
  CHECK(cudaEventDestroy(from));
  CHECK(cudaEventDestroy(to));
  std::sort(times.begin(), times.end());
  return static_cast<double>(times[times.size() / 2]);
}

/// Eight chains of multiply-adds a thread, so that latency is covered.
__global__ void multiply_adds(double* out, int rounds) {
  double a[8];
  for (int i = 0; i < 8; ++i) a[i] = threadIdx.x + i;
  const double b = out[0];
  for (int r = 0; r < rounds; ++r)
#pragma unroll
    for (int i = 0; i < 8; ++i) a[i] = fma(a[i], b, b);
  double sum = 0;
  for (int i = 0; i < 8; ++i) sum += a[i];
  if (sum == 0.123) out[1] = sum;  // never, but the compiler does not know
}

double fft_ms(cudaStream_t stream, int size, int batch, float* in, cufftComplex* out) {
  cufftHandle plan;
  if (cufftPlan1d(&plan, size, CUFFT_R2C, batch) != CUFFT_SUCCESS) return -1;
  cufftSetStream(plan, stream);
  const double ms = median_ms(stream, [&] { cufftExecR2C(plan, in, out); });
  cufftDestroy(plan);
  return ms;
}

}  // namespace

Ceilings measure_ceilings() {
  constexpr size_t kBytes = size_t{1} << 30, kCopy = size_t{256} << 20;
  Ceilings c;
  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  cudaStream_t stream, other;
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  CHECK(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking));
  char *a, *b, *up, *down;
  CHECK(cudaMalloc(&a, kBytes));
  CHECK(cudaMalloc(&b, kBytes));
  CHECK(cudaMemset(a, 0, kBytes));
  CHECK(cudaMallocHost(&up, kCopy));
  CHECK(cudaMallocHost(&down, kCopy));
  std::fill_n(up, kCopy, 1);

  const auto gbps = [](double bytes, double ms) { return bytes / ms / 1e6; };
  c.device_copy_gbps = gbps(2.0 * kBytes, median_ms(stream, [&] { CHECK(cudaMemcpyAsync(b, a, kBytes, cudaMemcpyDeviceToDevice, stream)); }));
  c.to_device_gbps = gbps(kCopy, median_ms(stream, [&] { CHECK(cudaMemcpyAsync(a, up, kCopy, cudaMemcpyHostToDevice, stream)); }));
  c.from_device_gbps = gbps(kCopy, median_ms(stream, [&] { CHECK(cudaMemcpyAsync(down, b, kCopy, cudaMemcpyDeviceToHost, stream)); }));
  cudaEvent_t begun, joined;
  CHECK(cudaEventCreate(&begun));
  CHECK(cudaEventCreate(&joined));
  c.both_ways_gbps = gbps(2.0 * kCopy, median_ms(stream, [&] {
    CHECK(cudaEventRecord(begun, stream));
    CHECK(cudaStreamWaitEvent(other, begun));
    CHECK(cudaMemcpyAsync(a, up, kCopy, cudaMemcpyHostToDevice, stream));
    CHECK(cudaMemcpyAsync(down, b, kCopy, cudaMemcpyDeviceToHost, other));
    CHECK(cudaEventRecord(joined, other));
    CHECK(cudaStreamWaitEvent(stream, joined));
  }));
  const int blocks = properties.multiProcessorCount * 8, threads = 256, rounds = 4096;
  const double fma_ms = median_ms(stream, [&] { multiply_adds<<<blocks, threads, 0, stream>>>(reinterpret_cast<double*>(b), rounds); });
  CHECK(cudaGetLastError());
  c.fp64_tflops = 2.0 * 8 * rounds * blocks * threads / fma_ms / 1e9;
  for (const int size : {1 << 19, 1 << 20, 3110400}) {
    const int batch = 8;
    const double ms = fft_ms(stream, size, batch, reinterpret_cast<float*>(a), reinterpret_cast<cufftComplex*>(b));
    c.ffts.push_back({size, batch, ms});
  }
  for (char* memory : {a, b}) CHECK(cudaFree(memory));
  for (char* memory : {up, down}) CHECK(cudaFreeHost(memory));
  CHECK(cudaEventDestroy(begun));
  CHECK(cudaEventDestroy(joined));
  CHECK(cudaStreamDestroy(stream));
  CHECK(cudaStreamDestroy(other));
  return c;
}

}  // namespace dubfarm::bench
