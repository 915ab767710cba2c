// A scheduler that starts again with what the last one stored: the real database, in a file.
#include <gmock/gmock.h>

#include <optional>

#include "cli/farm/scheduler.hpp"
#include "scheduler/db/database.hpp"
#include "tests/scheduler/farm/fake_farm.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dubfarm::farm {
namespace {

struct Stored {
  testing::TemporaryFolder folder;
  std::optional<db::Database> database;
  Stored() { open(); }
  void open() {
    auto opened = db::Database::open(folder.path() + "/farm.db");
    ASSERT_TRUE(opened) << opened.error().message;
    database.emplace(std::move(*opened));
  }
  void keep(FakeFarm& farm) {
    const auto done = database->apply(farm.rows);
    ASSERT_TRUE(done) << done.error().message;
    farm.rows.clear();
  }
  Saved again() {
    database.reset();
    open();
    auto saved = database->load();
    EXPECT_TRUE(saved) << saved.error().message;
    return std::move(*saved);
  }
};

TEST(Restart, AdoptsWhatRunsKeepsWhatIsDoneAndWaitsForWorkersToSayHello) {
  Stored stored;
  FakeFarm before;
  const JobId job = before.submit(3, {.project = "film", .name = "reel 1", .submitter = "ada", .priority = 60, .tags = {}, .max_running = 4});
  before.join("a", 1, 1);
  before.report("a");
  before.want("a", 1);
  before.join("b", 2, 1);
  before.step(SetLimits{1, "film", 2.5, 7});
  const LeaseRef running = before.given["a"].at(0).lease;
  stored.keep(before);

  FakeFarm after({.epoch = 2}, stored.again(), Time(500));
  after.step(Tick{});
  EXPECT_EQ(after.state(job, 0), TaskState::done);
  EXPECT_EQ(after.state(job, 1), TaskState::leased);
  EXPECT_EQ(after.state(job, 2), TaskState::leased);
  EXPECT_EQ(after.farm.job(job)->priority, 60);
  EXPECT_EQ(after.farm.job(job)->name, "reel 1");
  EXPECT_EQ(after.farm.job(job)->profile, "cpu");
  EXPECT_EQ(after.farm.projects().at(0).weight, 2.5);
  after.step(Want{"a", 1234, 1});
  EXPECT_EQ(after.messages<Nak>("a").at(0).code, "session");
  after.hello("a", 1, 1, "cpu", {}, {running});
  EXPECT_THAT(after.messages<Welcome>("a").at(0).keep, ::testing::ElementsAre(running));
  EXPECT_EQ(after.messages<Welcome>("a").at(0).epoch, 2u);
  after.given["a"].push_back({running});
  after.advance(Time(6000), {"a"});
  EXPECT_EQ(after.state(job, 2), TaskState::leased) << "b has until the grace is over";
  after.advance(Time(2000), {"a"});
  EXPECT_EQ(after.state(job, 2), TaskState::ready);
  after.report("a");
  after.want("a", 1);
  after.report("a");
  EXPECT_EQ(after.state(job), JobState::done);
  EXPECT_EQ(after.submit(1), job + 1);
}

TEST(Restart, DoesNotCopyWhatAWorkerOnItsWayBackMayHaveDone) {
  Stored stored;
  FakeFarm before;
  const JobId job = before.submit(10);
  before.join("a", 1, 1);
  stored.keep(before);

  FakeFarm after({.epoch = 2}, stored.again());
  after.join("fast", 2, 1);
  for (int i = 0; i < 9; ++i) {
    after.advance(Time(400), {"fast"});
    after.report("fast");
    after.want("fast", 1);
  }
  after.advance(Time(2000), {"fast"});
  EXPECT_EQ(after.state(job, 0), TaskState::leased);
  EXPECT_TRUE(after.given["fast"].empty()) << "a's task is copied before a could say Hello";
  after.advance(Time(2000), {"fast"});
  EXPECT_EQ(after.given["fast"].size(), 1u) << "the grace is over";
}

TEST(Restart, TakesAResultThatWasKeptFromAWorkerThatStartedAgainToo) {
  Stored stored;
  FakeFarm before;
  const JobId job = before.submit(1);
  before.join("a", 1, 1);
  const TaskResult result = before.result("a", before.given["a"].at(0).lease);
  stored.keep(before);

  FakeFarm after({.epoch = 2}, stored.again());
  after.hello("a", 77, 1, "cpu", {}, {}, {result});
  EXPECT_EQ(after.state(job), JobState::done);
  EXPECT_EQ(after.messages<ResultAck>("a").size(), 1u);
}

TEST(Restart, ForgetsNoFailureAndNobodyWhoIsSick) {
  Stored stored;
  FakeFarm before;
  const JobId job = before.submit(4);
  before.join("a", 1, 1);
  before.report("a", Outcome::failed, 0, "no such file");
  before.join("b", 2, 1);
  before.report("b", Outcome::failed, 0, "no such file");
  stored.keep(before);

  FakeFarm after({.epoch = 2}, stored.again());
  after.join("c", 3, 1);
  ASSERT_EQ(after.given["c"].at(0).lease.task, 0u);
  EXPECT_EQ(after.given["c"].at(0).lease.attempt, 3u);
  after.report("c", Outcome::failed, 0, "still no such file");
  EXPECT_EQ(after.state(job), JobState::failed);
  EXPECT_EQ(after.farm.job(job)->error, "chunk 0 failed on 3 workers; the last said: still no such file");
  after.step(Retry{1, job});
  stored.keep(after);

  FakeFarm third({.epoch = 3}, stored.again());
  third.step(Tick{});
  EXPECT_EQ(third.state(job), JobState::running);
  EXPECT_EQ(third.farm.job(job)->failures, 0u);
}

TEST(Restart, ShowsJobsThatAreOver) {
  Stored stored;
  FakeFarm before;
  const JobId job = before.submit(2);
  before.join("a", 1, 2);
  before.report("a");
  before.report("a");
  const JobId cancelled = before.submit(3);
  before.step(CancelJob{1, cancelled});
  before.step(SubmitJob{2, {.project = "film"}});
  const JobId planning = before.answered_job;
  stored.keep(before);

  FakeFarm after({.epoch = 2}, stored.again());
  const JobView view = *after.farm.job(job);
  EXPECT_EQ(view.state, JobState::done);
  EXPECT_EQ(view.tasks.of(TaskKind::chunk, TaskState::done), 2u);
  EXPECT_EQ(view.cost_total, 2);
  EXPECT_EQ(view.device_seconds, 2);
  EXPECT_EQ(after.farm.task_states(job), before.farm.task_states(job));
  EXPECT_EQ(after.state(cancelled), JobState::cancelled);
  EXPECT_EQ(after.state(planning), JobState::planning);
  after.step(Retry{1, cancelled});
  EXPECT_EQ(after.answered, "");
  after.step(ForgetJob{1, job});
  stored.keep(after);
  EXPECT_EQ(stored.again().jobs.size(), 2u);
}

TEST(Job, OfAHundredThousandChunksIsDoneOverTwoRestarts) {
  constexpr std::uint32_t kChunks = 100'000, kAtOnce = 2000;
  Stored stored;
  auto tasks = std::make_shared<TaskList>();
  std::vector<TaskIndex> all(kChunks);
  for (std::uint32_t i = 0; i < kChunks; ++i) all[i] = tasks->add(TaskKind::chunk, i, 1);
  std::vector<TaskIndex> prints;
  for (std::uint32_t i = 0; i < 4; ++i) prints.push_back(tasks->add(TaskKind::print, i, 1, all));
  tasks->add(TaskKind::package, 0, 1, prints);
  std::uint64_t numbers = 0;
  std::uint32_t given = 0;
  JobId job = 0;
  for (const std::uint32_t until : {kChunks / 3, 2 * kChunks / 3, kChunks + 5}) {
    std::vector<Row> rows;
    std::vector<Assign> held;
    SessionId session = 0;
    Farm farm({.epoch = until, .leases_per_slot = kAtOnce}, [&] { return ++numbers * 0x9E37'79B9'7F4A'7C15u; }, Instant{}, stored.again());
    const auto step = [&](Event event) {
      for (Action& action : farm.step(std::move(event), Instant{Time(1), 1})) {
        if (auto* store = std::get_if<Store>(&action)) rows.push_back(std::move(store->row));
        if (const auto* send = std::get_if<Send>(&action)) {
          if (const auto* welcome = std::get_if<Welcome>(&send->message)) session = welcome->session;
          if (const auto* assign = std::get_if<Assign>(&send->message)) held.push_back(*assign);
        }
        if (const auto* answer = std::get_if<Answer>(&action)) job = answer->job;
      }
    };
    if (job == 0) step(SubmitJob{1, {.project = "film", .tasks = tasks}});
    step(Hello{.connection = "w", .key = "k", .boot = 1, .profile = "cpu", .slots = 1});
    step(Want{"w", session, kAtOnce});
    while (!held.empty() && given < until) {
      for (const Assign& assign : std::exchange(held, {})) {
        step(TaskResult{.connection = "w", .session = session, .lease = assign.lease, .digest = {1}, .device_seconds = 1, .bytes_written = 1});
        ++given;
      }
      step(Want{"w", session, kAtOnce});
      const auto done = stored.database->apply(rows);
      ASSERT_TRUE(done) << done.error().message;
      rows.clear();
    }
    const auto view = farm.job(job);
    ASSERT_TRUE(view);
    EXPECT_EQ(farm.inconsistency(), "");
    EXPECT_EQ(view->state, given == kChunks + 5 ? JobState::done : JobState::running);
  }
  EXPECT_EQ(given, kChunks + 5) << "a task was done twice, or never";
  const Saved saved = stored.again();
  EXPECT_EQ(saved.jobs.at(0).now.ending, JobState::done);
  EXPECT_TRUE(saved.leases.empty());
}

TEST(Silence, IsSeenInTheTimeThatWasAskedFor) {
  const Settings settings = cli::settings_for(5000);
  FakeFarm farm(settings);
  farm.advance(Time(10'000));  // past the grace after a start
  const JobId job = farm.submit(1);
  farm.join("a", 1);
  ASSERT_EQ(farm.state(job, 0), TaskState::leased);
  const Time fell_silent = farm.now;
  while (farm.state(job, 0) == TaskState::leased && farm.now < fell_silent + Time(20'000)) {
    farm.now += Time(250);  // as the reactor ticks
    farm.step(Tick{});
  }
  EXPECT_LE(farm.now - fell_silent, Time(5000));
  EXPECT_GT(farm.now - fell_silent, 4 * settings.ping_interval) << "a few pings may be late";
}

}  // namespace
}  // namespace dubfarm::farm
