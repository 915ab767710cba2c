#include "kernels/device/module.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "kernels_build_id.hpp"

namespace dubfarm::kernels {
namespace {

constexpr const char* kFileName = "libdubfarm_cuda.so";

/// The folder of the running program, with a slash; empty where the system does not say.
std::string program_folder() {
  std::error_code failure;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", failure);
  return failure ? std::string() : program.parent_path().string() + "/";
}

Result<DeviceModule> find_and_load() {
  if (const char* named = std::getenv("DUBFARM_CUDA_MODULE"); named != nullptr && *named != '\0') return DeviceModule::load(named);
  const std::string folder = program_folder();
  for (const std::string& path : {folder + kFileName, folder + "../lib/dubfarm/" + kFileName})
    if (::access(path.c_str(), F_OK) == 0) return DeviceModule::load(path);
#ifdef DUBFARM_HAS_CUDA
  return fail(Errc::backend_not_built, "{} is not beside the program, in {}", kFileName, folder);
#else
  return fail(Errc::backend_not_built, "this build has no CUDA module (no nvcc was there when it was built)");
#endif
}

}  // namespace

std::string cuda_version_name(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

const char* kernels_build_id() { return DUBFARM_KERNELS_BUILD_ID; }

Result<DeviceModule> DeviceModule::load(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) return fail(Errc::backend_not_built, "{}: no such file", path);
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const why = ::dlerror();
    return fail(Errc::backend_not_built, "the CUDA module cannot be loaded: {}", why != nullptr ? why : path);
  }
  const auto entry = reinterpret_cast<DubfarmModuleEntry>(::dlsym(library, DUBFARM_MODULE_SYMBOL));
  if (entry == nullptr) return fail(Errc::backend_not_built, "{}: this is no module of dubfarm (it has no {})", path, DUBFARM_MODULE_SYMBOL);
  const DubfarmModule* const table = entry();
  if (table->abi != DUBFARM_MODULE_ABI || table->size_bytes != sizeof(DubfarmModule))
    return fail(Errc::backend_not_built, "{}: the module has interface {}, this program has {}; install both from one build", path, table->abi,
                DUBFARM_MODULE_ABI);
  if (std::string_view(table->build_id) != kernels_build_id())
    return fail(Errc::backend_not_built, "{}: the module was built from other sources (module {}, program {}); install both from one build", path,
                table->build_id, kernels_build_id());
  return DeviceModule(path, table);
}

Result<const DeviceModule*> DeviceModule::find() {
  static const Result<DeviceModule> found = find_and_load();
  if (!found.ok()) return found.error();
  return &*found;
}

DubfarmProbe DeviceModule::probe() const {
  DubfarmProbe probe{};
  table_->probe(&probe);
  return probe;
}

Result<DubfarmDeviceInfo> DeviceModule::device_info(int device) const {
  DubfarmDeviceInfo info{};
  if (table_->device_info(device, &info) != DUBFARM_OK) return fail(Errc::backend_not_built, "device {}: {}", device, table_->last_error());
  return info;
}

std::string DeviceModule::numeric_profile(const DubfarmDeviceInfo& device) const {
  return fmt::format("{} {} {} sm_{}{}", table_->kind, kDeviceProfile, probe().fft, device.compute_major, device.compute_minor);
}

}  // namespace dubfarm::kernels
