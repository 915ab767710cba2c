// The scheduler's process killed at random moments: nothing that it acknowledged is lost, and nothing that runs is begun again.
// DUBFARM_KILLS=200 kills so often (usually 12), DUBFARM_SEED draws other moments.
#include <gtest/gtest.h>
#include <signal.h>

#include <random>
#include <thread>

#include "tests/farm/null_farm.hpp"

namespace dubfarm::testing {
namespace {

using std::chrono::microseconds;

TEST(SchedulerKilled, AtAnyMomentLosesNothingAcknowledgedAndBeginsNothingAgain) {
  const int kills = number_from("DUBFARM_KILLS", 12);
  const auto seed = static_cast<unsigned>(number_from("DUBFARM_SEED", 1));
  SCOPED_TRACE(fmt::format("DUBFARM_SEED={}", seed));
  std::mt19937 random(seed);
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };

  NullFarm farm;
  const auto chunks = static_cast<std::uint32_t>(2000 + 150 * kills);  // workers go on with what they hold while nobody schedules
  const farm::JobId job = farm.add_job(chunks);
  farm.start();
  for (const char* name : {"a", "b"}) farm.join(name, {.slots = 2, .work_ms = 8, .digest = null_digest});
  farm.join("slow", {.slots = 1, .work_ms = 300, .digest = null_digest});  // has work in hand when the next scheduler comes
  const auto acknowledged = [&] {
    std::set<NullTask> all;
    for (const auto& worker : farm.workers) all.merge(worker->acknowledged());
    return all;
  };

  int at_start = 0, at_work = 0, at_write = 0;
  bool is_running = true;
  for (int kill = 0; kill < kills; ++kill) {
    switch (kill % 3) {
      case 0: {  // at work: some time after the first result of this run
        if (!is_running) farm.start();
        const std::size_t before = acknowledged().size();
        ASSERT_TRUE(eventually([&] { return acknowledged().size() > before; })) << "nothing is acknowledged any more, after " << kill << " kills";
        std::this_thread::sleep_for(microseconds(below(60'000)));
        farm.kill();
        ++at_work;
        break;
      }
      case 1:  // while it starts
        farm.start({}, false);
        std::this_thread::sleep_for(microseconds(below(80'000)));
        farm.kill();
        ++at_start;
        break;
      default: {  // amid what it writes, syncs or renames, half of the bytes written
        const FaultyFiles faulty(fmt::format("wsr:{}:1:KILL:/state/", 1 + below(80)));
        farm.start({}, false);
        if (!farm.scheduler().ends_within(std::chrono::seconds(20))) FAIL() << "it does not write so often: " << farm.log();
        EXPECT_EQ(farm.scheduler().result().status, 128 + SIGKILL) << farm.log();
        ++at_write;
      }
    }
    is_running = false;
    const std::set<NullTask> promised = acknowledged();  // by a scheduler that is dead now
    const farm::Saved saved = farm.stored();
    if (NullFarm::is_done(saved, job)) FAIL() << "the job was done after " << kill << " kills; it should have been longer";
    const std::map<NullTask, farm::Digest> kept = NullFarm::done(saved);
    for (const NullTask& task : promised) {
      const auto found = kept.find(task);
      ASSERT_NE(found, kept.end()) << "task " << task.second << " was acknowledged, and is not stored after kill " << kill;
      EXPECT_EQ(std::string(found->second.begin(), found->second.end()), null_digest(task));
    }
  }

  for (const auto& worker : farm.workers) worker->work_ms = 0;
  farm.start();
  ASSERT_TRUE(farm.wait_done()) << farm.log();
  EXPECT_TRUE(eventually([&] { return acknowledged().size() == chunks + 2; })) << acknowledged().size();
  std::map<NullTask, int> runs;
  std::size_t kept = 0, dropped = 0;
  for (const auto& worker : farm.workers) {
    for (const auto& [task, times] : worker->runs()) runs[task] += times;
    kept += worker->times_said(" keeps ") - worker->times_said(" keeps 0 ");
    dropped += worker->times_said(" drops ") - worker->times_said(" drops 0 ");
  }
  EXPECT_EQ(runs.size(), chunks + 2);
  for (const auto& [task, times] : runs) EXPECT_EQ(times, 1) << "task " << task.second << " was begun " << times << " times";
  EXPECT_GT(kept, 0u) << "no scheduler took over what ran";
  EXPECT_EQ(dropped, 0u);
  if (HasFailure()) for (const auto& worker : farm.workers) fmt::print("{}\n", worker->log());
  if (HasFailure()) fmt::print("{}\n", farm.log());
  fmt::print("{} kills: {} at work, {} while it started, {} amid its writes; {} tasks, each begun once; tasks taken over at {} reconnections\n", kills, at_work, at_start,
             at_write, chunks, kept);
}

}  // namespace
}  // namespace dubfarm::testing
