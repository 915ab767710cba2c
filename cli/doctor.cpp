#include "cli/doctor.hpp"

#include <fmt/format.h>
#include <sndfile.h>
#include <soxr.h>
#include <sys/statvfs.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/backend.hpp"
#include "cli/exit_code.hpp"
#include "cli/render.hpp"
#include "common/machine.hpp"
#include "common/store/store.hpp"
#include "kernels/device/isa.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::cli {
namespace {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != std::string::npos) return line.substr(colon + 2);
  return "unknown";
}

double gibibytes(double bytes) { return bytes / (1 << 30); }

/// What there is of CUDA, as far as it goes.
struct CudaFindings {
  const kernels::DeviceModule* module = nullptr;
  DubfarmProbe probe{};                    // where there is a module
  std::vector<Result<Backend>> devices;    // every device that the probe counts
  std::string why_not;                     // empty where CUDA is used
};

CudaFindings look_for_cuda() {
  CudaFindings found;
  const Result<const kernels::DeviceModule*> module = kernels::DeviceModule::find();
  if (!module.ok()) {
    found.why_not = module.error().message;
    return found;
  }
  found.module = *module;
  found.probe = found.module->probe();
  found.why_not = found.probe.message;
  for (int device = 0; device < found.probe.device_count; ++device) found.devices.push_back(cuda_backend(device));
  if (!found.devices.empty() && !found.devices.front().ok()) found.why_not = found.devices.front().error().message;
  return found;
}

nlohmann::ordered_json cuda_json(const CudaFindings& cuda) {
  nlohmann::ordered_json result = {{"available", cuda.why_not.empty()}, {"reason", cuda.why_not.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(cuda.why_not)}};
  if (cuda.module == nullptr) return result;
  result["module"] = {{"path", cuda.module->path()}, {"kind", cuda.module->table().kind}, {"build_id", cuda.module->table().build_id},
                      {"cuda", kernels::cuda_version_name(cuda.probe.runtime_version)}, {"fft", cuda.probe.fft}};
  result["driver_cuda"] = cuda.probe.driver_version == 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(kernels::cuda_version_name(cuda.probe.driver_version));
  result["devices"] = nlohmann::ordered_json::array();
  for (const Result<Backend>& device : cuda.devices) {
    if (!device.ok()) {
      result["devices"].push_back({{"problem", device.error().message}});
      continue;
    }
    const DubfarmDeviceInfo& info = device->info;
    result["devices"].push_back({{"device", device->device}, {"name", info.name}, {"compute_capability", fmt::format("{}.{}", info.compute_major, info.compute_minor)},
                                 {"multiprocessors", info.multiprocessors}, {"memory_gib", gibibytes(static_cast<double>(info.memory_bytes))},
                                 {"free_gib", gibibytes(static_cast<double>(info.free_bytes))}, {"bus_id", info.bus_id}, {"numeric_profile", device->numeric_profile}});
  }
  return result;
}

void print_cuda(const CudaFindings& cuda) {
  fmt::print("            cuda: {}\n", cuda.why_not.empty() ? "ready" : "not used: " + cuda.why_not);
  if (cuda.module == nullptr) return;
  fmt::print("            module {}, {}, built with CUDA {}, {}\n", cuda.module->path(), cuda.module->table().kind, kernels::cuda_version_name(cuda.probe.runtime_version), cuda.probe.fft);
  fmt::print("            driver {}\n", cuda.probe.driver_version == 0 ? "none" : "for CUDA " + kernels::cuda_version_name(cuda.probe.driver_version));
  for (const Result<Backend>& device : cuda.devices) {
    if (!device.ok()) {
      fmt::print("            {}\n", device.error().message);
      continue;
    }
    const DubfarmDeviceInfo& info = device->info;
    fmt::print("            device {}: {}, compute capability {}.{}, {:.1f} GiB, {:.1f} GiB free, numeric profile \"{}\"\n", device->device, info.name, info.compute_major,
               info.compute_minor, gibibytes(static_cast<double>(info.memory_bytes)), gibibytes(static_cast<double>(info.free_bytes)), device->numeric_profile);
  }
}

}  // namespace

int run_doctor(const std::string& store_folder, bool json) {
  const std::string folder = store_folder.empty() ? default_store_folder() : store_folder;
  const Result<Store> store = Store::open(folder);
  struct statvfs disk {};
  const bool has_disk = store.ok() && ::statvfs(folder.c_str(), &disk) == 0;
  const double free_gib = has_disk ? gibibytes(static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize)) : 0;
  const double memory_gib = gibibytes(static_cast<double>(usable_memory_bytes()));
  const CudaFindings cuda = look_for_cuda();
  if (json) {
    nlohmann::ordered_json isas = nlohmann::ordered_json::array();
    for (const kernels::Isa isa : kernels::available_isas()) isas.push_back(kernels::name_of(isa));
    const nlohmann::ordered_json result = {
        {"dubfarm", DUBFARM_VERSION},
        {"processor", {{"name", processor_name()}, {"threads", usable_processors()}, {"isas", isas}, {"uses", kernels::name_of(kernels::best_isa())}}},
        {"memory_gib", memory_gib},
        {"backends", {{"cpu", {{"available", true}, {"numeric_profile", worker::kNumericProfile}}}, {"cuda", cuda_json(cuda)}}},
        {"store", {{"folder", folder}, {"usable", store.ok()}, {"free_gib", free_gib}, {"problem", store.ok() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(store.error().message)}}},
        {"libraries", {{"libsndfile", sf_version_string()}, {"soxr", soxr_version()}}}};
    fmt::print("{}\n", result.dump(2));
  } else {
    std::string isas;
    for (const kernels::Isa isa : kernels::available_isas()) isas += fmt::format("{}{}", isas.empty() ? "" : ", ", kernels::name_of(isa));
    fmt::print("dubfarm     {}\n", DUBFARM_VERSION);
    fmt::print("processor   {}, {} thread{}; {} (uses {})\n", processor_name(), usable_processors(), usable_processors() == 1 ? "" : "s", isas, kernels::name_of(kernels::best_isa()));
    fmt::print("memory      {:.1f} GiB\n", memory_gib);
    fmt::print("backend     cpu: ready, numeric profile \"{}\"\n", worker::kNumericProfile);
    print_cuda(cuda);
    if (store.ok()) fmt::print("store       {}, {:.1f} GiB free\n", folder, free_gib);
    else fmt::print("store       NOT USABLE: {}\n            name another folder with --store\n", store.error().message);
    fmt::print("libraries   {}, {}\n", sf_version_string(), soxr_version());
  }
  return store.ok() ? kDone : kCannotRun;
}

}  // namespace dubfarm::cli
