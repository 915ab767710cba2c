// Runs the cases: `bench hashes [REPEATS]` prints a line a case, "hash operation shape", on whatever it was built for; `bench golden FOLDER`
// writes what each golden case gives into a file of its operation's name, and prints how far those with a transform are off; `bench measure`
// prints JSON and needs a GPU. Built by tests/bench/gpu.sh, twice: by nvcc (DUBFARM_BENCH_CUDA) and by g++ with the emulation.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/bench/gpu/cases.hpp"
#include "tests/golden/cases.hpp"
#ifdef DUBFARM_BENCH_CUDA
#include <cuda_runtime.h>

#include "tests/bench/gpu/ceilings.hpp"
#endif

namespace dubfarm::bench {
namespace {

#ifdef DUBFARM_BENCH_CUDA
void check(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "error: %s (%s)\n", cudaGetErrorString(error), cudaGetErrorName(error));
  std::exit(3);
}
const Memory kMemory = {
    [](std::size_t bytes) {
      void* memory = nullptr;
      check(cudaMalloc(&memory, bytes));
      return memory;
    },
    [](void* memory) { check(cudaFree(memory)); },
    [](void* device, const void* host, std::size_t bytes) {
      check(cudaDeviceSynchronize());
      check(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice));
    },
    [](void* host, const void* device, std::size_t bytes) {
      check(cudaGetLastError());
      check(cudaDeviceSynchronize());
      check(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost));
    },
};
#else
const Memory kMemory = {
    [](std::size_t bytes) { return std::malloc(bytes == 0 ? 1 : bytes); },
    [](void* memory) { std::free(memory); },
    [](void* device, const void* host, std::size_t bytes) { std::memcpy(device, host, bytes); },
    [](void* host, const void* device, std::size_t bytes) { std::memcpy(host, device, bytes); },
};
#endif

int print_hashes(int repeats) {
  int differing = 0;
  for (const auto& make : cases(true)) {
    const Case c = make();
    std::uint64_t first = 0;
    for (int run = 0; run < repeats; ++run) {
      if (c.prepare) c.prepare();
      c.run(nullptr);
      const std::uint64_t hash = c.hash();
      if (run == 0) first = hash;
      if (hash != first) {
        std::fprintf(stderr, "error: %s %s: run %d gives %016" PRIx64 ", the first gave %016" PRIx64 "\n", c.operation.c_str(), c.shape.c_str(), run + 1, hash, first);
        ++differing;
        break;
      }
    }
    std::printf("%016" PRIx64 " %s %s\n", first, c.operation.c_str(), c.shape.c_str());
  }
  return differing == 0 ? 0 : 1;
}

int write_golden(const std::string& folder) {
  golden::Device device{kernels::cuda::operations(), nullptr, kMemory.allocate, kMemory.release, kMemory.copy_up, kMemory.copy_down};
  for (const golden::Case& c : golden::cases()) {
    const std::vector<std::byte> result = c.run(device);
    const std::string path = folder + "/" + c.operation;
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    const bool is_written = file != nullptr && std::fwrite(result.data(), 1, result.size(), file) == result.size();
    if (file == nullptr || std::fclose(file) != 0 || !is_written) {
      std::fprintf(stderr, "error: cannot write %s\n", path.c_str());
      return 3;
    }
    if (!c.exact.empty()) std::printf("%.2f %s\n", golden::error_db(c, result), c.operation.c_str());
  }
  return 0;
}

#ifdef DUBFARM_BENCH_CUDA
/// Milliseconds, the median of 20 runs after two.
double median_ms(const Case& c, cudaStream_t stream) {
  cudaEvent_t from, to;
  check(cudaEventCreate(&from));
  check(cudaEventCreate(&to));
  std::vector<float> times;
  for (int i = 0; i < 22; ++i) {
    check(cudaEventRecord(from, stream));
    c.run(stream);
    check(cudaEventRecord(to, stream));
    check(cudaEventSynchronize(to));
    float ms = 0;
    check(cudaEventElapsedTime(&ms, from, to));
    if (i >= 2) times.push_back(ms);
  }
  check(cudaGetLastError());
  std::sort(times.begin(), times.end());
  return static_cast<double>(times[times.size() / 2]);
}

int measure() {
  cudaDeviceProp device;
  check(cudaGetDeviceProperties(&device, 0));
  int driver = 0, runtime = 0;
  check(cudaDriverGetVersion(&driver));
  check(cudaRuntimeGetVersion(&runtime));
  const Ceilings ceilings = measure_ceilings();
  std::printf("{\n  \"device\": \"%s\", \"compute_capability\": \"%d.%d\", \"multiprocessors\": %d,\n  \"driver_cuda\": %d, \"runtime_cuda\": %d,\n", device.name,
              device.major, device.minor, device.multiProcessorCount, driver, runtime);
  std::printf("  \"ceilings\": {\"device_copy_gbps\": %.1f, \"to_device_gbps\": %.2f, \"from_device_gbps\": %.2f, \"both_ways_gbps\": %.2f, \"fp64_tflops\": %.2f, \"fft_r2c\": [",
              ceilings.device_copy_gbps, ceilings.to_device_gbps, ceilings.from_device_gbps, ceilings.both_ways_gbps, ceilings.fp64_tflops);
  for (std::size_t i = 0; i < ceilings.ffts.size(); ++i)
    std::printf("%s{\"size\": %d, \"batch\": %d, \"ms\": %.4f}", i == 0 ? "" : ", ", ceilings.ffts[i].size, ceilings.ffts[i].batch, ceilings.ffts[i].ms);
  std::printf("]},\n  \"operations\": [\n");
  cudaStream_t stream;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  const std::vector<std::function<Case()>> all = cases(false);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Case c = all[i]();
    const double ms = median_ms(c, stream), gbps = c.bytes / ms / 1e6;
    std::printf("    {\"operation\": \"%s\", \"shape\": \"%s\", \"ms\": %.4f, \"gsamples_per_s\": %.3f, \"gbps\": %.1f, \"roofline_percent\": %.1f}%s\n", c.operation.c_str(),
                c.shape.c_str(), ms, c.samples / ms / 1e6, gbps, 100 * gbps / ceilings.device_copy_gbps, i + 1 < all.size() ? "," : "");
  }
  std::printf("  ]\n}\n");
  return 0;
}
#endif

}  // namespace

const Memory& memory() { return kMemory; }

}  // namespace dubfarm::bench

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "hashes") return dubfarm::bench::print_hashes(argc > 2 ? std::max(1, std::atoi(argv[2])) : 1);
  if (verb == "golden" && argc > 2) return dubfarm::bench::write_golden(argv[2]);
#ifdef DUBFARM_BENCH_CUDA
  if (verb == "measure") return dubfarm::bench::measure();
#endif
  std::fprintf(stderr, "usage: bench hashes [REPEATS] | bench golden FOLDER | bench measure (with a GPU)\n");
  return 2;
}
