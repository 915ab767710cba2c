// The farm over real sockets and processes: whatever happens to a worker, the outputs are those of one render.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <functional>
#include <random>
#include <thread>

#include "common/wire/keys.hpp"
#include "tests/farm/farm_folder.hpp"
#include "tests/farm/null_farm.hpp"

namespace dubfarm::testing {
namespace {

using std::chrono::seconds;

class Farm : public ::testing::Test {
 protected:
  Farm() {
    reel_.write();
    const CommandResult rendered = reel_.render("alone", "alone-store");
    EXPECT_EQ(rendered.status, 0) << rendered.err;
    expected_ = digests(reel_.report("alone"));
  }
  /// A log line for every failure that follows.
  [[nodiscard]] std::string story(FarmFolder& farm, const http::JobView& job) const {
    return std::string(name_of(job.state)) + (job.problems.empty() ? "" : ": " + job.problems.front().message) + "\n" + farm.log();
  }
  Reel reel_;
  Json expected_;
};

TEST_F(Farm, TwoWorkersMakeWhatOneRenderMakes) {
  FarmFolder farm(reel_);
  farm.start_scheduler();
  const auto a = farm.worker("a"), b = farm.worker("b");
  const http::JobId job = farm.submit("film");
  const http::JobView view = farm.wait(job);
  ASSERT_EQ(view.state, http::JobState::done) << story(farm, view);
  EXPECT_EQ(farm.digests_of("film"), expected_);
  a->signal(SIGTERM);
  b->signal(SIGTERM);
  const CommandResult left = a->result();
  EXPECT_EQ(left.status, 0) << left.err;
  EXPECT_EQ(b->result().status, 0);
}

bool has_joined(FarmFolder& farm, const std::string& name) {
  for (const http::WorkerView& worker : farm.service().workers())
    if (worker.name == name && worker.state != http::WorkerState::lost) return true;
  return false;
}
std::uint32_t count(const http::JobView& job, http::TaskState state) { return job.tasks[static_cast<std::size_t>(state)]; }

TEST_F(Farm, AWorkerKilledWithWorkInHandHarmsNothing) {
  FarmFolder farm(reel_);
  farm.start_scheduler();
  const auto a = farm.worker("a");
  ASSERT_TRUE(eventually([&] { return has_joined(farm, "a"); })) << a->result().err;
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // by now it has asked for work
  a->signal(SIGSTOP);  // from here on it holds what it is given
  const http::JobId job = farm.submit("film");
  const http::JobView given = farm.wait(job, [](const http::JobView& view) { return count(view, http::TaskState::running) > 0; });
  ASSERT_GT(count(given, http::TaskState::running), 0u) << story(farm, given);
  a->signal(SIGKILL);
  const auto b = farm.worker("b");
  const http::JobView view = farm.wait(job);
  ASSERT_EQ(view.state, http::JobState::done) << story(farm, view);
  EXPECT_EQ(farm.digests_of("film"), expected_);
}

TEST_F(Farm, AWorkerStoppedForLongComesBackAndHarmsNothing) {
  FarmFolder farm(reel_);
  farm.start_scheduler();
  const auto a = farm.worker("a");
  ASSERT_TRUE(eventually([&] { return has_joined(farm, "a"); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  a->signal(SIGSTOP);
  const http::JobId job = farm.submit("film");
  const http::JobView given = farm.wait(job, [](const http::JobView& view) { return count(view, http::TaskState::running) > 0; });
  ASSERT_GT(count(given, http::TaskState::running), 0u) << story(farm, given);
  const auto b = farm.worker("b");
  const http::JobView view = farm.wait(job);
  ASSERT_EQ(view.state, http::JobState::done) << story(farm, view);
  a->signal(SIGCONT);
  EXPECT_TRUE(eventually([&] { return has_joined(farm, "a"); }));
  a->signal(SIGTERM);
  EXPECT_EQ(a->result().status, 0);
  EXPECT_EQ(farm.digests_of("film"), expected_);
}

TEST_F(Farm, ADrainedWorkerDeliversAndLeavesWithZero) {
  FarmFolder farm(reel_);
  farm.start_scheduler();
  const auto a = farm.worker("a", {"--drain-budget", "5s"});
  const http::JobId job = farm.submit("film");
  farm.wait(job, [](const http::JobView& view) { return count(view, http::TaskState::done) > 0; });
  a->signal(SIGTERM);
  const CommandResult left = a->result();
  EXPECT_EQ(left.status, 0) << left.err;
  EXPECT_TRUE(files_below(farm.folder / "worker-a").empty()) << "a result was left behind";
  const auto b = farm.worker("b", {"--idle-exit", "1s"});
  const http::JobView view = farm.wait(job);
  ASSERT_EQ(view.state, http::JobState::done) << story(farm, view);
  EXPECT_EQ(farm.digests_of("film"), expected_);
  const CommandResult idle = b->result();
  EXPECT_EQ(idle.status, 0) << idle.err;
}

TEST_F(Farm, ASchedulerKilledAgainAndAgainLosesNothing) {
  const int kills = number_from("DUBFARM_KILLS", 6);
  const int jobs = number_from("DUBFARM_JOBS", 2 + kills / 3);  // so that there is work left for the last of them
  FarmFolder farm(reel_);
  farm.start_scheduler();
  std::vector<http::JobId> submitted;
  std::vector<Json> expected;
  for (int n = 0; n < jobs; ++n) {  // each with chunks of its own
    reel_.document["reverbs"][0]["gain_db"] = -6 - n;
    reel_.document["tracks"][0]["eq"][0]["freq"] = 80 + n;
    reel_.document["tracks"][1]["gain_db"] = -n;
    reel_.write();
    const CommandResult rendered = reel_.render(fmt::format("alone-{}", n), "alone-store");
    ASSERT_EQ(rendered.status, 0) << rendered.err;
    expected.push_back(digests(reel_.report(fmt::format("alone-{}", n))));
    submitted.push_back(farm.submit(fmt::format("film-{}", n)));
  }
  for (const http::JobId job : submitted) farm.wait(job, [](const http::JobView& view) { return view.state != http::JobState::planning; });
  farm.stop_scheduler();
  const std::vector<std::string> scheduler = {"scheduler", "--state", farm.folder / "state", "--store", farm.folder / "store", "--keys", farm.folder / "keys",
                                              "--listen", farm.endpoint, "--http", "", "--root", "media=" + reel_.folder.path(), "--root", "out=" + farm.folder / "out"};
  const auto a = farm.worker("a"), b = farm.worker("b");
  std::mt19937 random(static_cast<unsigned>(number_from("DUBFARM_SEED", 1)));
  int killed = 0, killed_amid = 0;
  for (; killed < kills && !std::filesystem::exists(farm.folder / fmt::format("out/film-{}/report.json", jobs - 1)); ++killed) {
    std::optional<FaultyFiles> faulty;
    if (killed % 2 == 1) faulty.emplace(fmt::format("wsr:{}:1:KILL:/state/", 1 + random() % 40));  // amid what it writes, if it comes to it
    Command process(scheduler);
    faulty.reset();
    if (process.ends_within(std::chrono::milliseconds(200 + random() % 500))) ++killed_amid;
    process.signal(SIGKILL);
    process.result();
  }
  EXPECT_GT(killed, 0);
  farm.start_scheduler();
  for (int n = 0; n < jobs; ++n) {
    const http::JobView view = farm.wait(submitted[static_cast<std::size_t>(n)]);
    ASSERT_EQ(view.state, http::JobState::done) << story(farm, view);
    EXPECT_EQ(farm.digests_of(fmt::format("film-{}", n)), expected[static_cast<std::size_t>(n)]);
  }
  fmt::print("{} kills, {} of them amid writes; {} jobs, the same bytes\n", killed, killed_amid, jobs);
}

TEST_F(Farm, AnUnknownKeyIsNotLetInAndARevokedOneIsLetOut) {
  FarmFolder farm(reel_);
  farm.start_scheduler();
  const auto a = farm.worker("a");
  ASSERT_TRUE(eventually([&] { return has_joined(farm, "a"); }));
  ASSERT_TRUE(wire::revoke_worker(farm.folder / "keys", "a").ok());
  EXPECT_TRUE(eventually([&] { return !has_joined(farm, "a"); }, seconds(2)));
  const CommandResult out = a->result();
  EXPECT_EQ(out.status, 2) << out.err;
  EXPECT_NE(out.err.find("error: this key is not allowed any more\nhelp: make a key with dubfarm keys worker, on the scheduler's machine\n"), std::string::npos) << out.err;
  const CommandResult unknown = farm.worker("a")->result();  // its file is there, its name is not on the list
  EXPECT_EQ(unknown.status, 2) << unknown.err;
  EXPECT_NE(unknown.err.find("error: the scheduler does not let this key in\n"), std::string::npos) << unknown.err;
}

}  // namespace
}  // namespace dubfarm::testing
