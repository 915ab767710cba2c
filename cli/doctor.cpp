#include "cli/doctor.hpp"

#include <fmt/format.h>
#include <sndfile.h>
#include <soxr.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/exit_code.hpp"
#include "cli/render.hpp"
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

}  // namespace

int run_doctor(const std::string& store_folder, bool json) {
  const std::string folder = store_folder.empty() ? default_store_folder() : store_folder;
  const Result<Store> store = Store::open(folder);
  struct statvfs disk {};
  const bool has_disk = store.ok() && ::statvfs(folder.c_str(), &disk) == 0;
  const double free_gib = has_disk ? gibibytes(static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize)) : 0;
  const double memory_gib = gibibytes(static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  const char* const no_cuda = "this build has no CUDA backend";
  if (json) {
    nlohmann::ordered_json isas = nlohmann::ordered_json::array();
    for (const kernels::Isa isa : kernels::available_isas()) isas.push_back(kernels::name_of(isa));
    const nlohmann::ordered_json result = {
        {"dubfarm", DUBFARM_VERSION},
        {"processor", {{"name", processor_name()}, {"threads", default_threads()}, {"isas", isas}, {"uses", kernels::name_of(kernels::best_isa())}}},
        {"memory_gib", memory_gib},
        {"backends", {{"cpu", {{"available", true}, {"numeric_profile", worker::kNumericProfile}}}, {"cuda", {{"available", false}, {"reason", no_cuda}}}}},
        {"store", {{"folder", folder}, {"usable", store.ok()}, {"free_gib", free_gib}, {"problem", store.ok() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(store.error().message)}}},
        {"libraries", {{"libsndfile", sf_version_string()}, {"soxr", soxr_version()}}}};
    fmt::print("{}\n", result.dump(2));
  } else {
    std::string isas;
    for (const kernels::Isa isa : kernels::available_isas()) isas += fmt::format("{}{}", isas.empty() ? "" : ", ", kernels::name_of(isa));
    fmt::print("dubfarm     {}\n", DUBFARM_VERSION);
    fmt::print("processor   {}, {} threads; {} (uses {})\n", processor_name(), default_threads(), isas, kernels::name_of(kernels::best_isa()));
    fmt::print("memory      {:.1f} GiB\n", memory_gib);
    fmt::print("backend     cpu: ready, numeric profile \"{}\"\n", worker::kNumericProfile);
    fmt::print("            cuda: not used: {}\n", no_cuda);
    if (store.ok()) fmt::print("store       {}, {:.1f} GiB free\n", folder, free_gib);
    else fmt::print("store       NOT USABLE: {}\n            name another folder with --store\n", store.error().message);
    fmt::print("libraries   {}, {}\n", sf_version_string(), soxr_version());
  }
  return store.ok() ? kDone : kCannotRun;
}

}  // namespace dubfarm::cli
