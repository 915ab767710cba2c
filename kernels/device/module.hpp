// Finding and loading the device module: a program without it, or on a machine without a GPU, renders on the CPU and knows why.
#pragma once
#include <memory>
#include <string>

#include "common/result.hpp"
#include "kernels/device/module_abi.h"

namespace dubfarm::kernels {

/// A loaded module. It stays loaded until the process ends: drivers do not like to be unloaded. Threads: const, safe from many.
class DeviceModule {
 public:
  /// Loads $DUBFARM_CUDA_MODULE, else libdubfarm_cuda.so beside the program or in ../lib/dubfarm from there. Done once; later calls
  /// give the same answer.
  /// @return Errc::backend_not_built, saying why in a phrase: the build has none, the file is not there, it or a library that it needs
  ///   cannot be loaded, it belongs to another build.
  [[nodiscard]] static Result<const DeviceModule*> find();
  /// Loads one file, each call anew. Errors as above.
  [[nodiscard]] static Result<DeviceModule> load(const std::string& path);

  [[nodiscard]] const DubfarmModule& table() const { return *table_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// What this machine offers to the module.
  [[nodiscard]] DubfarmProbe probe() const;
  /// Errors: Errc::backend_not_built where there is no such device.
  [[nodiscard]] Result<DubfarmDeviceInfo> device_info(int device) const;
  /// All that may change a bit of what a device renders, as every chunk's key has it: "cuda 2 cufft 12000 sm_90".
  [[nodiscard]] std::string numeric_profile(const DubfarmDeviceInfo& device) const;

 private:
  DeviceModule(std::string path, const DubfarmModule* table) : path_(std::move(path)), table_(table) {}
  std::string path_;
  const DubfarmModule* table_;
};

/// "13.0" of 13000.
[[nodiscard]] std::string cuda_version_name(int version);
/// Of the sources that the kernels are built from: the same in the program and in the modules that it accepts.
[[nodiscard]] const char* kernels_build_id();

/// What a device adds to its numeric profile, raised whenever a change may change a bit of any chunk that it renders.
inline constexpr int kDeviceProfile = 2;

}  // namespace dubfarm::kernels
