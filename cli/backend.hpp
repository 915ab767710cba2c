// Which backend renders: the CPU, or a CUDA device through the module.
#pragma once
#include <cstdint>
#include <string>

#include "common/result.hpp"
#include "kernels/device/module.hpp"

namespace dubfarm::cli {

struct BackendOptions {
  std::string backend;  // auto, cpu or cuda; empty: auto, and no word about CUDA on a machine without a driver
  int device = 0;
  std::string device_memory;     // how much of the device's memory may be used: 20G, or empty: most of what is free
};

/// The backend that a render runs on.
struct Backend {
  const kernels::DeviceModule* module = nullptr;  // null: the CPU
  int device = 0;
  DubfarmDeviceInfo info{};
  std::uint64_t memory_limit = 0;  // bytes of the device that may be used
  std::string numeric_profile;     // of all chunks that it renders
  std::string why_cpu;             // why `auto` came to the CPU; empty where it did not, or where no reason is needed
  /// For people: "cpu (avx512)", "cuda (NVIDIA H200)".
  [[nodiscard]] std::string name() const;
};

/// The device that CUDA would run on. Errors: Errc::backend_not_built, a phrase that says why there is none.
[[nodiscard]] Result<Backend> cuda_backend(int device);

/// What the options ask for. `cuda` where it is not there is an error, `auto` then is the CPU.
/// Errors: Errc::invalid_input, whole and ready to be shown.
[[nodiscard]] Result<Backend> choose_backend(const BackendOptions& options);

/// The numeric profile that a render without options has here: `plan` and `explain` ask the store for its chunks.
[[nodiscard]] std::string usual_profile();

}  // namespace dubfarm::cli
