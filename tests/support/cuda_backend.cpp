#include "tests/support/cuda_backend.hpp"

#include <filesystem>
#include <memory>
#include <stdexcept>

#include "kernels/device/device.hpp"
#include "kernels/device/emulate.hpp"
#include "kernels/device/module.hpp"
#include "tests/support/command.hpp"

namespace dubfarm::testing {
namespace {

class EmulatedCuda final : public CudaBackend {
 public:
  std::string name() const override { return "cuda-emulated"; }
  const kernels::cuda::Operations& operations() const override { return kernels::cuda::operations(); }
  void* allocate(std::size_t bytes) override { return std::malloc(bytes); }
  void free(void* memory) override { std::free(memory); }
  void upload(void* device, const void* host, std::size_t bytes) override { std::memcpy(device, host, bytes); }
  void download(void* host, const void* device, std::size_t bytes) override { std::memcpy(host, device, bytes); }
};

/// A device of a module, all on one stream.
class ModuleCuda final : public CudaBackend {
 public:
  explicit ModuleCuda(const kernels::DeviceModule& module) : table_(module.table()) {
    check(table_.open(0, &context_));
    check(table_.create_stream(context_, &stream_));
  }
  ~ModuleCuda() override {
    table_.destroy_stream(context_, stream_);
    table_.close(context_);
  }
  ModuleCuda(const ModuleCuda&) = delete;
  ModuleCuda& operator=(const ModuleCuda&) = delete;
  std::string name() const override { return table_.kind; }
  const kernels::cuda::Operations& operations() const override { return *static_cast<const kernels::cuda::Operations*>(table_.operations); }
  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    check(table_.allocate(context_, bytes, &memory));
    return memory;
  }
  void free(void* memory) override {
    check(table_.synchronize(context_, stream_));
    table_.release(context_, memory);
  }
  void upload(void* device, const void* host, std::size_t bytes) override {
    check(table_.copy_up(context_, stream_, device, host, bytes));
    check(table_.synchronize(context_, stream_));
  }
  void download(void* host, const void* device, std::size_t bytes) override {
    check(table_.copy_down(context_, stream_, host, device, bytes));
    check(table_.synchronize(context_, stream_));
  }
  kernels::cuda::StreamHandle stream() const override { return stream_; }

 private:
  void check(int status) const {
    if (status != DUBFARM_OK) throw std::runtime_error(table_.last_error());
  }
  const DubfarmModule& table_;
  DubfarmContext* context_ = nullptr;
  void* stream_ = nullptr;
};

std::unique_ptr<CudaBackend> gpu() {
  const char* const named = std::getenv("DUBFARM_CUDA_MODULE");
  const std::string path = named != nullptr && *named != '\0' ? named : std::filesystem::path(program_file()).parent_path() / "libdubfarm_cuda.so";
  const Result<kernels::DeviceModule> module = kernels::DeviceModule::load(path);
  if (!module.ok() || module->probe().device_count == 0) return nullptr;  // the table shows that it did not run
  return std::make_unique<ModuleCuda>(*module);
}

}  // namespace

std::span<CudaBackend* const> cuda_backends() {
  static EmulatedCuda emulated;
  static const std::unique_ptr<CudaBackend> device = gpu();
  static const std::vector<CudaBackend*> all = device != nullptr ? std::vector<CudaBackend*>{&emulated, device.get()} : std::vector<CudaBackend*>{&emulated};
  static std::uint64_t calls = 0;
  kernels::cuda::emulate::set_seed(test_seed() + calls++);
  return all;
}

}  // namespace dubfarm::testing
