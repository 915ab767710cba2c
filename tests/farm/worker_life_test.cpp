// How a worker's life ends when nobody kills it: --once, --idle-exit, --max-life, no scheduler, an unfit machine.
#include <gtest/gtest.h>
#include <signal.h>

#include "cli/farm/self_test.hpp"
#include "tests/farm/farm_folder.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::testing {
namespace {

class WorkerLife : public ::testing::Test {
 protected:
  WorkerLife() { reel_.write(); }
  static std::uint32_t tasks_done(const http::JobView& job) { return job.tasks[static_cast<std::size_t>(http::TaskState::done)]; }
  Reel reel_;
  FarmFolder farm_{reel_};
};

TEST_F(WorkerLife, OnceIsOneTask) {
  farm_.start_scheduler();
  const http::JobId job = farm_.submit("film");
  farm_.wait(job, [](const http::JobView& view) { return view.state != http::JobState::planning; });
  const CommandResult left = farm_.worker("a", {"--once"})->result();
  EXPECT_EQ(left.status, 0) << left.err;
  EXPECT_NE(left.err.find(" draining: it was started with --once\n"), std::string::npos) << left.err;
  const http::JobView view = *farm_.service().job(job);
  // One batch: chunks that share their sources are rendered together, and those it held but had not begun came back.
  EXPECT_GE(tasks_done(view), 1u) << farm_.log();
  EXPECT_LT(tasks_done(view), view.tasks[0] + view.tasks[1] + tasks_done(view)) << farm_.log();
  EXPECT_EQ(view.tasks[static_cast<std::size_t>(http::TaskState::running)], 0u) << farm_.log();
  EXPECT_EQ(farm_.log().find("lease.lost"), std::string::npos) << farm_.log();
}

TEST_F(WorkerLife, AnIdleOneLeaves) {
  farm_.start_scheduler();
  const CommandResult left = farm_.worker("a", {"--idle-exit", "300ms"})->result();
  EXPECT_EQ(left.status, 0) << left.err;
  EXPECT_NE(left.err.find(" draining: nothing to do (--idle-exit)\n"), std::string::npos) << left.err;
  EXPECT_NE(left.err.find(" left: drained\n"), std::string::npos) << left.err;
}

TEST_F(WorkerLife, AfterItsLifeItDrainsAndAnotherGoesOn) {
  farm_.start_scheduler();
  const http::JobId job = farm_.submit("film");
  const CommandResult left = farm_.worker("a", {"--max-life", "250ms"})->result();
  EXPECT_EQ(left.status, 0) << left.err;
  EXPECT_NE(left.err.find(" draining: its life is over (--max-life)\n"), std::string::npos) << left.err;
  const auto b = farm_.worker("b");
  EXPECT_EQ(farm_.wait(job).state, http::JobState::done) << farm_.log();
}

TEST_F(WorkerLife, WithoutASchedulerItGivesUp) {
  farm_.start_scheduler();
  farm_.stop_scheduler();  // its address is known now, and nobody listens there
  const CommandResult orphan = farm_.worker("a", {"--orphan-timeout", "700ms"})->result();
  EXPECT_EQ(orphan.status, 3) << orphan.err;
  EXPECT_NE(orphan.err.find("error: no scheduler for "), std::string::npos) << orphan.err;
  EXPECT_NE(orphan.err.find(" s; 0 results wait in " + farm_.folder.path() + "/worker-a; start the worker again when the scheduler is there\n"), std::string::npos) << orphan.err;
}

TEST_F(WorkerLife, TimesThatAreNoTimesAreRefused) {
  for (const char* option : {"--idle-exit", "--max-life", "--drain-budget", "--orphan-timeout"})
    for (const char* time : {"0s", "-1s", "soon", "5 parsecs", "nan"}) {
      const CommandResult refused = farm_.worker("a", {std::string(option) + "=" + time})->result();
      EXPECT_EQ(refused.status, 2) << option << " " << time;
      EXPECT_EQ(refused.err, std::string("error: ") + option + " \"" + time + "\": write a time above 0 such as 90s, 15m or 4h\n");
    }
}

TEST_F(WorkerLife, AnUnfitMachineTakesNoWork) {
  farm_.start_scheduler();
  const Variable nowhere("TMPDIR", farm_.folder / "not-there");
  const CommandResult unfit = farm_.worker("a")->result();
  EXPECT_EQ(unfit.status, 3);
  EXPECT_EQ(unfit.err, "error: self-test: no temporary folder can be made; set TMPDIR to a folder that can be written\n");
  EXPECT_TRUE(farm_.service().workers().empty());
}

TEST(SelfTest, SaysBothSumsWhereTheyDiffer) {
  EXPECT_TRUE(cli::self_test().ok());
  const Result<void> other = cli::self_test("0123");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().message, "self-test: this machine renders " + std::string(cli::kSelfTestSum) + " where \"" + worker::kNumericProfile +
                                       "\" gives 0123; its processor or its build is faulty, and it takes no work");
}

}  // namespace
}  // namespace dubfarm::testing
