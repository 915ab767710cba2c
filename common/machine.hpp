// What this process may use of the machine that it runs on. A container or a batch job seldom gets all of it, and the system's own counts do not say so.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace dubfarm {

/// What the control groups that this process is in allow; absent where they set no limit.
struct CgroupLimits {
  std::optional<double> processors;        // CPU quota over its period
  std::optional<std::uint64_t> memory_bytes;
};
/// Reads the limits of versions 1 and 2 (https://docs.kernel.org/admin-guide/cgroup-v2.html, cpu.max and memory.max; cpu.cfs_quota_us and
/// memory.limit_in_bytes): of the process's group and of all above it, the least. What cannot be read is no limit.
/// @param root  stands before /proc and /sys; for tests.
[[nodiscard]] CgroupLimits cgroup_limits(const std::string& root = "");

/// How many threads can be busy at once: the processors that this process may run on, no more than its CPU quota, rounded up. At least 1.
[[nodiscard]] int usable_processors();
/// The machine's memory in bytes, no more than the process's control groups allow.
[[nodiscard]] std::uint64_t usable_memory_bytes();

}  // namespace dubfarm
