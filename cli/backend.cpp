#include "cli/backend.hpp"

#include "common/store/upkeep.hpp"
#include "kernels/device/isa.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::cli {
namespace {

Backend cpu_backend(std::string why) {
  Backend backend;
  backend.numeric_profile = worker::kNumericProfile;
  backend.why_cpu = std::move(why);
  return backend;
}

/// Whether this machine looks as if it had an NVIDIA GPU; where it does not, nobody who did not ask misses CUDA.
bool has_driver() {
  const Result<const kernels::DeviceModule*> module = kernels::DeviceModule::find();
  return module.ok() && (*module)->probe().driver_version > 0;
}

}  // namespace

std::string Backend::name() const {
  if (module == nullptr) return fmt::format("cpu ({})", kernels::name_of(kernels::best_isa()));
  return fmt::format("{} ({})", module->table().kind, info.name);
}

Result<Backend> cuda_backend(int device) {
  Backend backend;
  TRY_ASSIGN(backend.module, kernels::DeviceModule::find());
  const DubfarmProbe probe = backend.module->probe();
  if (probe.status != DUBFARM_OK) return fail(Errc::backend_not_built, "{}", probe.message);
  if (backend.module->table().operations == nullptr) return fail(Errc::backend_not_built, "{}: the module has no kernels", backend.module->path());
  TRY_ASSIGN(backend.info, backend.module->device_info(device));
  backend.device = device;
  backend.memory_limit = backend.info.free_bytes / 10 * 9;  // the driver and others need some
  backend.numeric_profile = backend.module->numeric_profile(backend.info);
  return backend;
}

Result<Backend> choose_backend(const BackendOptions& options) {
  std::uint64_t limit = 0;
  if (!options.device_memory.empty()) {
    const Result<std::uint64_t> size = parse_size(options.device_memory);
    if (!size.ok()) return fail(Errc::invalid_input, "--device-memory: {}", size.error().message);
    limit = *size;
  }
  if (options.backend == "cpu") return cpu_backend("");
  Result<Backend> cuda = cuda_backend(options.device);
  if (!cuda.ok()) {
    if (options.backend != "cuda") return cpu_backend(options.backend.empty() && !has_driver() ? "" : cuda.error().message);
    return fail(Errc::invalid_input, "--backend cuda: {}\nhelp: render with --backend cpu or auto; `dubfarm doctor` says what this machine offers", cuda.error().message);
  }
  if (limit > cuda->info.memory_bytes)
    return fail(Errc::invalid_input, "--device-memory {}: {} has {} MiB", options.device_memory, cuda->info.name, cuda->info.memory_bytes >> 20);
  if (limit > 0) cuda->memory_limit = limit;
  return cuda;
}

std::string usual_profile() {
  const Result<Backend> cuda = cuda_backend(0);
  return cuda.ok() ? cuda->numeric_profile : worker::kNumericProfile;
}

}  // namespace dubfarm::cli
