#include "common/machine.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_folder.hpp"

namespace dubfarm {
namespace {

class Cgroups : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(folder_ / path).parent_path());
    folder_.file(path, text);
  }
  [[nodiscard]] CgroupLimits limits() const { return cgroup_limits(folder_ / "."); }
  testing::TemporaryFolder folder_;
};

TEST_F(Cgroups, WithoutLimitsAllOfTheMachineIsUsable) {
  EXPECT_FALSE(limits().processors) << "no /proc";
  write("proc/self/cgroup", "0::/user.slice\n");
  write("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/user.slice/memory.max", "max\n");
  EXPECT_FALSE(limits().processors);
  EXPECT_FALSE(limits().memory_bytes);
}

TEST_F(Cgroups, OfAGroupAndThoseAboveItTheLeastCounts) {
  write("proc/self/cgroup", "0::/batch/job.7/step\n");
  write("sys/fs/cgroup/batch/cpu.max", "400000 100000\n");
  write("sys/fs/cgroup/batch/job.7/cpu.max", "150000 100000\n");
  write("sys/fs/cgroup/batch/job.7/step/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/batch/memory.max", "2147483648\n");
  write("sys/fs/cgroup/batch/job.7/memory.max", "8589934592\n");
  EXPECT_EQ(limits().processors, 1.5);
  EXPECT_EQ(limits().memory_bytes, std::uint64_t{2} << 30);
}

TEST_F(Cgroups, AContainerThatSeesOnlyItsOwnGroupFindsItAtTheMount) {
  write("proc/self/cgroup", "0::/docker/0123abcd\n");
  write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  write("sys/fs/cgroup/memory.max", "1073741824\n");
  EXPECT_EQ(limits().processors, 2.0);
  EXPECT_EQ(limits().memory_bytes, std::uint64_t{1} << 30);
}

TEST_F(Cgroups, VersionOneHasAFolderForEachController) {
  write("proc/self/cgroup", "4:memory:/box\n3:cpuset:/\n1:cpu,cpuacct:/box\n0::/\nnonsense\n");
  write("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "250000\n");
  write("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(limits().processors, 2.5);
  EXPECT_FALSE(limits().memory_bytes) << "this number says that there is none";
  write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "536870912\n");
  EXPECT_EQ(limits().memory_bytes, std::uint64_t{512} << 20);
}

TEST(Machine, HasAProcessorAndMemory) {
  EXPECT_GE(usable_processors(), 1);
  EXPECT_GT(usable_memory_bytes(), std::uint64_t{64} << 20);
}

}  // namespace
}  // namespace dubfarm
