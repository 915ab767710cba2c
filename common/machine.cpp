#include "common/machine.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>

namespace dubfarm {
namespace {

template <class Value>
void lower(std::optional<Value>& limit, Value to) {
  limit = limit ? std::min(*limit, to) : to;
}

/// The first words of a file; fewer where there are fewer, none where it cannot be read. "max" and other text read as no number.
struct TwoNumbers {
  std::optional<double> first, second;
};
TwoNumbers read_numbers(const std::string& path) {
  std::ifstream file(path);
  TwoNumbers numbers;
  double value = 0;
  if (file >> value) numbers.first = value;
  if (numbers.first && file >> value) numbers.second = value;
  return numbers;
}

void read_group(const std::string& folder, CgroupLimits& limits) {
  if (const TwoNumbers max = read_numbers(folder + "/cpu.max"); max.first && max.second && *max.second > 0) lower(limits.processors, *max.first / *max.second);
  const std::optional<double> quota = read_numbers(folder + "/cpu.cfs_quota_us").first, period = read_numbers(folder + "/cpu.cfs_period_us").first;
  if (quota && period && *quota > 0 && *period > 0) lower(limits.processors, *quota / *period);  // -1: none
  for (const char* const file : {"/memory.max", "/memory.limit_in_bytes"})
    if (const std::optional<double> bytes = read_numbers(folder + file).first; bytes && *bytes > 0 && *bytes < 0x1p62) lower(limits.memory_bytes, static_cast<std::uint64_t>(*bytes));
}

}  // namespace

CgroupLimits cgroup_limits(const std::string& root) {
  CgroupLimits limits;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // number:controllers:path, no controllers in version 2
    std::istringstream fields(line);
    std::string number, controllers, path;
    if (!std::getline(fields, number, ':') || !std::getline(fields, controllers, ':') || !std::getline(fields, path)) continue;
    const std::string mount = root + "/sys/fs/cgroup" + (controllers.empty() ? "" : '/' + controllers);
    // Where a container sees only its own part of the tree, the path may be one of the host's, and its own group is the mount.
    for (;; path.erase(path.rfind('/'))) {
      read_group(mount + path, limits);
      if (path.find('/') == std::string::npos) break;
    }
  }
  return limits;
}

int usable_processors() {
  const double own = std::max(1u, std::thread::hardware_concurrency());  // of this process's affinity
  return std::max(1, static_cast<int>(std::ceil(std::min(own, cgroup_limits().processors.value_or(own)))));
}

std::uint64_t usable_memory_bytes() {
  const std::uint64_t all = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return std::min(all, cgroup_limits().memory_bytes.value_or(all));
}

}  // namespace dubfarm
