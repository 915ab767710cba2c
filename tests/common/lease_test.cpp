// Leases: held while the process runs, whoever looks; free the moment it is gone.
#include "common/lease.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace dubfarm {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Writes `text` as a lease that was last touched `seconds` ago.
void write_lease(const std::string& path, const std::string& text, int seconds) {
  std::ofstream(path, std::ios::binary) << text;
  const timespec then[2] = {{::time(nullptr) - seconds, 0}, {::time(nullptr) - seconds, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), then, 0), 0);
}

class LeaseTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder_;
  std::string path_ = folder_ / "lease";
};

TEST_F(LeaseTest, NamesItsHolderAndIsGoneWithIt) {
  {
    const Result<Lease> lease = Lease::take(path_, "one\ntwo\n");
    ASSERT_TRUE(lease.ok());
    std::string body;
    const std::optional<LeaseHolder> holder = lease_holder(path_, &body);
    ASSERT_TRUE(holder);
    EXPECT_EQ(holder->pid, ::getpid());
    EXPECT_FALSE(holder->host.empty());
    EXPECT_EQ(body, "one\ntwo\n");
    EXPECT_FALSE(Lease::take(path_).ok()) << "a name of one's own is taken once";
  }
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_FALSE(lease_holder(path_));
}

TEST_F(LeaseTest, IsRefusedWhileItIsHeldAndGivenAfterwards) {
  {
    const auto first = Lease::take_exclusive(path_);
    ASSERT_TRUE(first.ok() && *first);
    const auto second = Lease::take_exclusive(path_);
    ASSERT_TRUE(second.ok());
    EXPECT_FALSE(*second);
  }
  const auto third = Lease::take_exclusive(path_);
  EXPECT_TRUE(third.ok() && *third);
}

TEST_F(LeaseTest, OfAProcessThatWasKilledIsTakenOverAtOnce) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lease = Lease::take_exclusive(path_);
    if (!lease.ok() || !*lease) ::_exit(1);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_TRUE(fs::exists(path_)) << "nobody removed it";
  EXPECT_FALSE(lease_holder(path_));
  const auto taken = Lease::take_exclusive(path_);
  ASSERT_TRUE(taken.ok() && *taken);
  EXPECT_EQ(lease_holder(path_)->pid, ::getpid());
}

TEST_F(LeaseTest, OfAnotherMachineLivesAsLongAsItIsTouched) {
  write_lease(path_, "dubfarm lease 1\nhost elsewhere\nspace another/boot\nprocess 4242 17\nbody", kLeaseTimeoutSeconds - 10);
  std::string body;
  const std::optional<LeaseHolder> holder = lease_holder(path_, &body);
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->host, "elsewhere");
  EXPECT_EQ(holder->pid, 4242);
  EXPECT_EQ(body, "body");
  EXPECT_FALSE(*Lease::take_exclusive(path_));
  write_lease(path_, text_of(path_), kLeaseTimeoutSeconds + 10);
  EXPECT_FALSE(lease_holder(path_));
  EXPECT_TRUE(*Lease::take_exclusive(path_));
}

TEST_F(LeaseTest, ThatIsEmptyOrDamagedIsJudgedByItsAge) {
  for (const char* text : {"", "dubfarm lea", "nonsense\nwithout end"}) {
    write_lease(path_, text, 1);
    EXPECT_TRUE(lease_holder(path_)) << "it may be written this moment";
    write_lease(path_, text, kLeaseTimeoutSeconds + 10);
    EXPECT_FALSE(lease_holder(path_));
  }
}

TEST_F(LeaseTest, GoesToOneOfManyThatWantItAtOnce) {
  for (int round = 0; round < 20; ++round) {
    write_lease(path_, "dubfarm lease 1\nhost elsewhere\nspace another/boot\nprocess 4242 17\n", kLeaseTimeoutSeconds + 10);
    std::atomic<int> held{0}, most{0}, taken{0};
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
          const auto lease = Lease::take_exclusive(path_);
          if (!lease.ok() || !*lease) return;
          ++taken;
          most = std::max(most.load(), ++held);
          std::this_thread::sleep_for(std::chrono::milliseconds(2));
          --held;
        });
    }
    EXPECT_GE(taken, 1);
    EXPECT_EQ(most, 1);
  }
}

}  // namespace
}  // namespace dubfarm
