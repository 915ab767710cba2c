// The CUDA operations under test: emulated, and on the GPU where the module finds one. Memory on them is guarded.
#pragma once
#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/device/operations.hpp"
#include "tests/support/contract.hpp"

namespace dubfarm::testing {

class CudaBackend {
 public:
  virtual ~CudaBackend() = default;
  [[nodiscard]] virtual std::string name() const = 0;  // as the contract table has it
  [[nodiscard]] virtual const kernels::cuda::Operations& operations() const = 0;
  [[nodiscard]] virtual void* allocate(std::size_t bytes) = 0;
  virtual void free(void* memory) = 0;
  virtual void upload(void* device, const void* host, std::size_t bytes) = 0;
  virtual void download(void* host, const void* device, std::size_t bytes) = 0;  // after all that was launched
  [[nodiscard]] virtual kernels::cuda::StreamHandle stream() const { return nullptr; }
};

/// Those at hand on this machine: the emulation; then, where the CUDA module of this build finds a GPU, that. DUBFARM_CUDA_MODULE names another
/// module. Each call gives the emulation another order of threads, from test_seed().
[[nodiscard]] std::span<CudaBackend* const> cuda_backends();

/// `count` values in device memory between guard zones; all bytes are set until written, which makes floating-point values NaN.
template <class T>
class OnDevice {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  OnDevice(CudaBackend& backend, std::size_t count) : backend_(&backend), count_(count), bytes_(2 * kGuardBytes + count * sizeof(T), kFill) { allocate(); }
  OnDevice(CudaBackend& backend, std::span<const T> values) : OnDevice(backend, values.size(), values.data()) {}
  OnDevice(CudaBackend& backend, const std::vector<T>& values) : OnDevice(backend, values.size(), values.data()) {}
  ~OnDevice() {
    if (memory_ != nullptr) backend_->free(memory_);
  }
  OnDevice(OnDevice&& other) noexcept
      : backend_(other.backend_), count_(other.count_), bytes_(std::move(other.bytes_)), memory_(std::exchange(other.memory_, nullptr)) {}
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  OnDevice& operator=(OnDevice&&) = delete;

  [[nodiscard]] T* data() const { return reinterpret_cast<T*>(static_cast<unsigned char*>(memory_) + kGuardBytes); }
  [[nodiscard]] std::size_t size() const { return count_; }
  /// Brings back what the device holds. Fails the test if anything was written outside.
  std::span<const T> download() {
    backend_->download(bytes_.data(), memory_, bytes_.size());
    const auto is_fill = [](unsigned char byte) { return byte == kFill; };
    EXPECT_TRUE(std::all_of(bytes_.begin(), bytes_.begin() + kGuardBytes, is_fill)) << "written before device memory";
    EXPECT_TRUE(std::all_of(bytes_.end() - kGuardBytes, bytes_.end(), is_fill)) << "written past device memory";
    return {reinterpret_cast<const T*>(bytes_.data() + kGuardBytes), count_};
  }

 private:
  OnDevice(CudaBackend& backend, std::size_t count, const T* values)
      : backend_(&backend), count_(count), bytes_(2 * kGuardBytes + count * sizeof(T), kFill) {
    if (count > 0) std::memcpy(bytes_.data() + kGuardBytes, values, count * sizeof(T));
    allocate();
  }
  void allocate() {
    memory_ = backend_->allocate(bytes_.size());
    backend_->upload(memory_, bytes_.data(), bytes_.size());
  }
  static constexpr std::ptrdiff_t kGuardBytes = 1024;
  static constexpr unsigned char kFill = 0xFF;
  CudaBackend* backend_;
  std::size_t count_;
  std::vector<unsigned char> bytes_;
  void* memory_ = nullptr;
};

/// Equal byte for byte, NaN included.
template <class A, class B>
[[nodiscard]] bool same_bytes(const A& a, const B& b) {
  return std::size(a) == std::size(b) && (std::size(a) == 0 || std::memcmp(std::data(a), std::data(b), std::size(a) * sizeof(*std::data(a))) == 0);
}

}  // namespace dubfarm::testing
