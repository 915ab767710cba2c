#include "scheduler/farm/farm.hpp"

#include <gmock/gmock.h>

#include "tests/scheduler/farm/fake_farm.hpp"

namespace dubfarm::farm {
namespace {

using ::testing::HasSubstr;

TEST(Dispatch, GivesNoMoreThanAWorkerAsksForAndWhatCompletesOutputsFirst) {
  FakeFarm farm;
  const JobId first = farm.submit(2, {}, true);
  farm.submit(5, {.project = "film", .name = {}, .submitter = {}, .priority = 100});
  farm.join("a", 1, 2);
  ASSERT_EQ(farm.given["a"].size(), 2u);
  EXPECT_NE(farm.given["a"][0].lease.job, first);  // priority 100
  farm.report("a");
  farm.report("a");
  EXPECT_TRUE(farm.given["a"].empty());  // its credit is used up
  farm.step(SetPriority{1, first, 100});
  EXPECT_EQ(farm.answered, "");
  farm.want("a", 2);
  ASSERT_EQ(farm.given["a"].size(), 2u);
  EXPECT_EQ(farm.given["a"][0].lease.job, first);  // as urgent, and older
  farm.report("a");
  farm.report("a");
  farm.want("a", 1);
  ASSERT_EQ(farm.given["a"].size(), 1u);
  EXPECT_EQ(farm.given["a"][0].kind, TaskKind::print);
  farm.report("a");
  farm.want("a", 1);
  EXPECT_EQ(farm.given["a"].at(0).kind, TaskKind::package);
  farm.report("a");
  EXPECT_EQ(farm.state(first), JobState::done);
}

TEST(Dispatch, GivesMoreThanFourASlotWhereChunksAreSoonDoneAndAsManyAreLeftForEverybody) {
  for (const Time each : {Time(100), Time(3000)}) {
    FakeFarm farm;
    farm.hello("a", 1);
    farm.hello("b", 2);
    farm.submit(120);
    farm.want("a", 40);
    EXPECT_EQ(farm.given["a"].size(), 4u) << "how long a chunk takes is not known yet";
    for (int done = 0; done < 8; ++done) {
      if (each < Time(1000)) farm.now += each;
      else farm.advance(each, {"a", "b"});
      farm.report("a");
      farm.want("a", 40);
    }
    EXPECT_EQ(farm.given["a"].size(), each < Time(1000) ? 32u : 4u);
    farm.want("b", 40);
    EXPECT_EQ(farm.given["b"].size(), each < Time(1000) ? 27u : 4u) << "of 80";
  }
}

TEST(Dispatch, SharesPrintsOutEvenly) {
  FakeFarm farm;
  farm.hello("a", 1);
  farm.hello("b", 2);
  farm.want("a", 4);
  auto tasks = std::make_shared<TaskList>();
  for (std::uint32_t p = 0; p < 6; ++p) tasks->add(TaskKind::print, p, 1);
  farm.step(SubmitJob{7, {.project = "film", .tasks = tasks}});
  EXPECT_EQ(farm.given["a"].size(), 1u) << "b has none yet";
  farm.want("b", 4);
  farm.advance(Time(1000), {"a", "b"});
  farm.advance(Time(1000), {"a", "b"});
  EXPECT_EQ(farm.given["a"].size(), 3u);
  EXPECT_EQ(farm.given["b"].size(), 3u);
}

TEST(Dispatch, PrintsLetTheirJobsChunksGoFirstForFiveSeconds) {
  FakeFarm farm;
  auto tasks = std::make_shared<TaskList>();
  for (std::uint32_t c = 0; c < 6; ++c) tasks->add(TaskKind::chunk, c, 1);
  for (std::uint32_t p = 0; p < 2; ++p) tasks->add(TaskKind::print, p, 1, std::vector<TaskIndex>{0});
  farm.step(SubmitJob{7, {.project = "film", .tasks = tasks}});
  farm.join("a", 1, 1);
  farm.report("a");  // both prints are ready
  const auto next = [&] {
    farm.want("a", 1);
    const TaskKind kind = farm.given["a"].at(0).kind;
    farm.report("a");
    return kind;
  };
  EXPECT_EQ(next(), TaskKind::chunk);
  farm.advance(Time(4000), {"a"});
  EXPECT_EQ(next(), TaskKind::chunk);
  farm.advance(Time(1000), {"a"});
  EXPECT_EQ(next(), TaskKind::print);
  EXPECT_EQ(next(), TaskKind::print);
  EXPECT_EQ(next(), TaskKind::chunk);
}

TEST(Dispatch, AWorkerHoldsEightPrintsHoweverFewItsSlotsAre) {
  FakeFarm farm;
  auto tasks = std::make_shared<TaskList>();
  for (std::uint32_t p = 0; p < 12; ++p) tasks->add(TaskKind::print, p, 1);
  farm.step(SubmitJob{7, {.project = "film", .tasks = tasks}});
  farm.hello("a", 1);
  farm.want("a", 16);
  EXPECT_EQ(farm.given["a"].size(), 8u);
}

TEST(Dispatch, AnIdleWorkerWaitsForNobody) {
  FakeFarm farm;
  farm.hello("a", 1);
  farm.hello("b", 2);
  auto tasks = std::make_shared<TaskList>();
  for (std::uint32_t p = 0; p < 3; ++p) tasks->add(TaskKind::print, p, 1);
  farm.step(SubmitJob{7, {.project = "film", .tasks = tasks}});
  for (int done = 0; done < 3; ++done) {  // b never asks
    farm.want("a", 1);
    ASSERT_EQ(farm.given["a"].size(), 1u);
    farm.report("a");
  }
  EXPECT_EQ(farm.state(farm.answered_job), JobState::done);
}

TEST(Lease, ReturnsToTheQueueWhenItsWorkerIsSilentForFiveSeconds) {
  FakeFarm farm;
  farm.advance(Time(10'000));  // past the grace after a start
  const JobId job = farm.submit(1);
  farm.join("a", 1);
  ASSERT_EQ(farm.state(job, 0), TaskState::leased);
  farm.advance(Time(5000));
  ASSERT_EQ(farm.state(job, 0), TaskState::leased);
  farm.advance(Time(1000));
  EXPECT_EQ(farm.state(job, 0), TaskState::ready);
  EXPECT_EQ(farm.health(1), WorkerHealth::gone);
  EXPECT_EQ(farm.farm.job(job)->kills, 1u);
}

TEST(Lease, OfAWorkerThatOnlySeemedDeadIsNotHeldAgainstTheTaskAndGoesOn) {
  FakeFarm farm;
  farm.advance(Time(10'000));
  const JobId job = farm.submit(1);
  farm.join("a", 1);
  const LeaseRef lease = farm.given["a"].at(0).lease;
  farm.advance(Time(7000));
  ASSERT_EQ(farm.state(job, 0), TaskState::ready);
  farm.hello("a", 1, 1, "cpu", {}, {lease});
  EXPECT_THAT(farm.messages<Welcome>("a").back().keep, ::testing::ElementsAre(lease));
  EXPECT_EQ(farm.state(job, 0), TaskState::leased);
  farm.report("a");
  EXPECT_EQ(farm.state(job), JobState::done);
  EXPECT_TRUE(std::ranges::any_of(farm.rows, [](const Row& row) { return std::holds_alternative<AttemptForgiven>(row); }));
}

TEST(Lease, ThatItsWorkerNeverNamesNeverArrivedAndIsGivenAgain) {
  FakeFarm farm;
  const JobId job = farm.submit(1);
  farm.join("a", 1);
  const LeaseRef lease = farm.given["a"].at(0).lease;
  farm.given["a"].clear();
  farm.advance(Time(6000), {"a"});
  EXPECT_EQ(farm.state(job, 0), TaskState::ready);
  EXPECT_EQ(farm.farm.job(job)->kills, 0u);
  farm.want("a", 1);
  EXPECT_NE(farm.given["a"].at(0).lease.lease, lease.lease);
}

TEST(Lease, OutlivesASchedulerThatWasStopped) {
  FakeFarm farm;
  farm.advance(Time(10'000));
  const JobId job = farm.submit(1);
  farm.join("a", 1);
  farm.now += Time(60'000);  // SIGSTOP, SIGCONT
  farm.step(Tick{});
  EXPECT_EQ(farm.state(job, 0), TaskState::leased);
  farm.advance(Time(4000));
  EXPECT_EQ(farm.state(job, 0), TaskState::leased);
  farm.advance(Time(3000));
  EXPECT_EQ(farm.state(job, 0), TaskState::ready);  // it is really gone
}

TEST(Task, IsNeverGivenTwiceToAWorkerThatFailedItAndFailsAfterThree) {
  FakeFarm farm;
  const JobId job = farm.submit(1);
  farm.join("a", 1, 1);
  farm.report("a", Outcome::failed, 0, "disk on fire");
  farm.want("a", 1);
  EXPECT_TRUE(farm.given["a"].empty());
  EXPECT_EQ(farm.state(job, 0), TaskState::ready);
  EXPECT_THAT(farm.why(job), HasSubstr("failed_everywhere: 1 of its tasks failed on every worker that is here; with no other in 60 s they fail for good"));
  farm.join("b", 2);
  farm.report("b", Outcome::failed, 0, "disk on fire");
  farm.join("c", 3);
  farm.report("c", Outcome::failed, 0, "disk still on fire");
  EXPECT_EQ(farm.state(job), JobState::failed);
  EXPECT_EQ(farm.farm.job(job)->error, "chunk 0 failed on 3 workers; the last said: disk still on fire");
  EXPECT_EQ(farm.health(1), WorkerHealth::well);  // nobody else could do it either
  farm.step(Retry{1, job});
  EXPECT_EQ(farm.answered, "");
  EXPECT_EQ(farm.state(job), JobState::running);
  EXPECT_EQ(farm.given["a"].size(), 1u);
}

TEST(Task, FailsAfterAMinuteWhereNoOtherWorkerIsLeft) {
  FakeFarm farm;
  const JobId job = farm.submit(1);
  farm.join("a", 1, 1);
  farm.report("a", Outcome::failed, 0, "no such file");
  farm.advance(Time(59'000), {"a"});
  ASSERT_EQ(farm.state(job), JobState::running);
  farm.advance(Time(2000), {"a"});
  EXPECT_EQ(farm.state(job), JobState::failed);
  EXPECT_EQ(farm.farm.job(job)->error, "chunk 0: every worker here has tried it, and there is no other; the last said: no such file");
}

TEST(Task, ThatThreeWorkersDiedOfIsPoisonAndWhatRanBesideItIsNot) {
  FakeFarm farm;
  farm.advance(Time(10'000));
  const JobId job = farm.submit(3);
  farm.join("a", 1, 3);
  ASSERT_EQ(farm.given["a"].size(), 3u);
  farm.advance(Time(6000));
  farm.join("b", 2, 3);
  ASSERT_EQ(farm.given["b"].size(), 1u) << "of those that one died beside, one at a time";
  ASSERT_EQ(farm.given["b"][0].lease.task, 0u);
  farm.advance(Time(6000));
  farm.join("c", 3, 3);
  ASSERT_EQ(farm.given["c"].size(), 1u);
  farm.advance(Time(6000));
  EXPECT_EQ(farm.state(job), JobState::failed);
  EXPECT_THAT(farm.farm.job(job)->error, HasSubstr("3 workers died or fell silent while they ran chunk 0"));
  EXPECT_EQ(farm.state(job, 1), TaskState::ready);
}

TEST(Task, WhoseInputsAreLostWaitsForThemToBeMadeAfreshAndNoAttemptIsCounted) {
  FakeFarm farm;
  const JobId job = farm.submit(2, {}, true);
  farm.join("a", 1, 2);
  farm.report("a");
  farm.report("a");
  farm.want("a", 1);
  ASSERT_EQ(farm.given["a"].at(0).kind, TaskKind::print);
  farm.report("a", Outcome::lost_inputs, 0, {}, {1, 77});
  EXPECT_EQ(farm.state(job, 0), TaskState::done);
  EXPECT_EQ(farm.state(job, 1), TaskState::ready);
  EXPECT_EQ(farm.state(job, 2), TaskState::waiting);
  EXPECT_EQ(farm.farm.job(job)->failures, 0u);
  farm.want("a", 1);
  EXPECT_TRUE(farm.given["a"].at(0).afresh);
  farm.report("a");
  EXPECT_EQ(farm.state(job, 2), TaskState::ready);
}

TEST(Worker, ThatFailsThreeTasksWhichOthersDoIsSetAsideWithTheReason) {
  FakeFarm farm;
  const JobId job = farm.submit(9);
  farm.join("bad", 1, 3);
  farm.join("good", 2, 6);
  for (int i = 0; i < 3; ++i) farm.report("bad", Outcome::failed, 0, "GPU fell off the bus");
  EXPECT_EQ(farm.health(1), WorkerHealth::resting);
  farm.want("bad", 3);
  EXPECT_TRUE(farm.given["bad"].empty());
  for (int i = 0; i < 6; ++i) farm.report("good");
  farm.want("good", 3);
  for (int i = 0; i < 3; ++i) farm.report("good");
  EXPECT_EQ(farm.state(job), JobState::done);
  EXPECT_EQ(farm.health(1), WorkerHealth::sick);
  EXPECT_THAT(farm.farm.worker(1)->reason, HasSubstr("failed 3 tasks that other workers did; the last: job 1, chunk"));
  farm.submit(1);
  farm.want("bad", 1);
  EXPECT_TRUE(farm.given["bad"].empty());
  farm.step(HealWorker{1, 1});
  farm.want("bad", 1);
  EXPECT_EQ(farm.given["bad"].size(), 1u);
}

TEST(Result, OfALeaseThatEndedFillsTheStoreAndTouchesNoOthersLease) {
  FakeFarm farm;
  farm.advance(Time(10'000));
  const JobId job = farm.submit(2);
  farm.join("slow", 1, 1);
  const LeaseRef lease = farm.given["slow"].at(0).lease;
  farm.advance(Time(6000));
  farm.join("other", 2, 1);
  ASSERT_EQ(farm.given["other"].at(0).lease.task, 0u);
  farm.hello("slow", 1);
  farm.step(farm.result("slow", lease));
  EXPECT_EQ(farm.state(job, 0), TaskState::leased);
  EXPECT_EQ(farm.messages<ResultAck>("slow").size(), 1u);  // it may forget it all the same
  farm.step(farm.result("slow", {99, job, 1, 1}));          // a lease that nobody knows
  EXPECT_EQ(farm.state(job, 1), TaskState::done);
  farm.step(farm.result("slow", {99, 12345, 1, 1}));
  EXPECT_EQ(farm.messages<ResultAck>("slow").size(), 3u);
}

TEST(Result, ThatDiffersFromAnotherSetsBothAsideAndAThirdDecides) {
  FakeFarm farm;
  farm.advance(Time(10'000));
  const JobId job = farm.submit(1, {}, true);
  farm.join("honest", 1);
  const LeaseRef lease = farm.given["honest"].at(0).lease;
  farm.advance(Time(6000));
  farm.join("liar", 2);
  farm.report("liar", Outcome::done, 66);
  ASSERT_EQ(farm.state(job, 0), TaskState::done);
  farm.hello("honest", 1, 1, "cpu", {}, {}, {farm.result("honest", lease)});
  EXPECT_EQ(farm.state(job, 0), TaskState::ready);
  EXPECT_EQ(farm.state(job, 1), TaskState::waiting);
  farm.want("honest", 1);
  farm.want("liar", 1);
  EXPECT_TRUE(farm.given["liar"].empty());
  farm.join("third", 3);
  ASSERT_TRUE(farm.given["third"].at(0).afresh);
  farm.report("third");
  EXPECT_EQ(farm.state(job, 0), TaskState::done);
  EXPECT_EQ(farm.health(1), WorkerHealth::well);
  EXPECT_EQ(farm.health(2), WorkerHealth::sick);
  EXPECT_EQ(farm.farm.worker(2)->reason, "its result of job 1, chunk 0, differs from what two others made");
}

TEST(Result, WithoutADigestAgreesWithNobodyAndIsNoLie) {
  FakeFarm farm;
  farm.advance(Time(10'000));
  const JobId job = farm.submit(1, {}, true);
  farm.join("honest", 1);
  const LeaseRef lease = farm.given["honest"].at(0).lease;
  farm.advance(Time(6000));
  farm.join("liar", 2);
  farm.report("liar", Outcome::done, 66);
  farm.hello("honest", 1, 1, "cpu", {}, {}, {farm.result("honest", lease)});
  for (const char* silent : {"third", "fourth"}) {
    farm.join(silent, silent[0] == 't' ? 3 : 4);
    farm.report(silent, Outcome::done, 0);
    EXPECT_EQ(farm.state(job, 0), TaskState::ready) << silent;
  }
  farm.join("fifth", 5);
  farm.report("fifth");
  EXPECT_EQ(farm.state(job, 0), TaskState::done);
  for (const WorkerId id : {1, 3, 4, 5}) EXPECT_EQ(farm.health(id), WorkerHealth::well) << id;
  EXPECT_EQ(farm.health(2), WorkerHealth::sick);
}

TEST(Straggler, IsCopiedWhenNothingElseIsLeftAndTheLoserIsCancelled) {
  FakeFarm farm;
  const JobId job = farm.submit(9);
  farm.join("slow", 1, 1);
  farm.join("fast", 2, 1);
  for (int i = 0; i < 8; ++i) {
    farm.advance(Time(1000), {"slow", "fast"});
    farm.report("fast");
    farm.want("fast", 1);
  }
  ASSERT_EQ(farm.state(job, 0), TaskState::leased);
  farm.advance(Time(1000), {"slow", "fast"});
  ASSERT_EQ(farm.given["fast"].size(), 1u);
  EXPECT_EQ(farm.given["fast"][0].lease.task, 0u);
  farm.report("fast");
  EXPECT_EQ(farm.state(job), JobState::done);
  EXPECT_EQ(farm.messages<CancelLease>("slow").size(), 1u);
}

TEST(Projects, ShareDeviceSecondsByTheirWeights) {
  FakeFarm farm;
  farm.submit(400, {.project = "a"});
  farm.submit(400, {.project = "b"});
  farm.step(SetLimits{1, "a", 3, 0});
  farm.join("w", 1, 1);
  std::map<JobId, int> count;
  for (int i = 0; i < 200; ++i) {
    ++count[farm.given["w"].at(0).lease.job];
    farm.report("w");
    farm.want("w", 1);
  }
  EXPECT_NEAR(count[1], 150, 2);
  EXPECT_NEAR(count[2], 50, 2);
}

TEST(Projects, ThatWereIdleHaveSavedNothingUp) {
  FakeFarm farm;
  farm.submit(400, {.project = "a"});
  farm.join("w", 1, 1);
  for (int i = 0; i < 100; ++i) {
    farm.report("w");
    farm.want("w", 1);
  }
  farm.submit(400, {.project = "b"});
  std::map<JobId, int> count;
  for (int i = 0; i < 40; ++i) {
    farm.report("w");
    farm.want("w", 1);
    ++count[farm.given["w"].at(0).lease.job];
  }
  EXPECT_NEAR(count[1], 20, 2);
}

TEST(Job, GetsATurnInTheEndWhateverGoesBeforeIt) {
  FakeFarm farm;
  const JobId patient = farm.submit(5, {.project = "film", .name = {}, .submitter = {}, .priority = 45});
  farm.submit(2000, {.project = "film", .name = {}, .submitter = {}, .priority = 50});
  farm.join("w", 1, 1);
  int turns = 0;
  for (int second = 0; second < 600; ++second) {
    farm.advance(Time(1000), {"w"});
    if (farm.given["w"].at(0).lease.job == patient) ++turns;
    farm.report("w");
    farm.want("w", 1);
  }
  EXPECT_EQ(turns, 1);  // after five minutes without a task, and so on
}

TEST(Job, BelongsToTheProfileThatBeginsItAndToWorkersWithItsTags) {
  FakeFarm farm;
  const JobId job = farm.submit(3, {.project = "film", .name = {}, .submitter = {}, .priority = 50, .tags = {"reel", "fast"}});
  EXPECT_EQ(farm.why(job), "no_worker: no worker is connected\n");
  farm.join("a", 1, 1, "cpu 2", {"fast"});
  EXPECT_TRUE(farm.given["a"].empty());
  EXPECT_EQ(farm.why(job), "tags: no worker has the tags [reel, fast]; 1 are connected\n");
  farm.join("b", 2, 1, "cpu 2", {"fast", "reel"});
  ASSERT_EQ(farm.given["b"].size(), 1u);
  farm.join("c", 3, 1, "gpu 1", {"fast", "reel"});
  EXPECT_TRUE(farm.given["c"].empty());
  EXPECT_EQ(farm.farm.job(job)->profile, "cpu 2");
  farm.report("b");
  farm.step(Bye{farm.session_of["b"], "end of the day"});
  EXPECT_EQ(farm.why(job), "profile: its tasks belong to numeric profile cpu 2; none of the 1 workers with its tags has that: start one that has, or submit the job again with --profile \"gpu 1\"\n");
}

TEST(Job, ThatNothingWasMadeForYetMayGoToAnotherProfile) {
  FakeFarm farm;
  const JobId job = farm.submit(1);
  farm.join("a", 1, 1, "cpu 2");
  farm.step(Bye{farm.session_of["a"], "end"});
  farm.join("b", 2, 1, "gpu 1");
  EXPECT_TRUE(farm.given["b"].empty());
  farm.advance(Time(1000), {"b"});
  EXPECT_EQ(farm.given["b"].size(), 1u);
  EXPECT_EQ(farm.farm.job(job)->profile, "gpu 1");
}

TEST(Job, ThatWasPlannedForAProfileNeverGoesToAnother) {
  FakeFarm farm;
  JobSpec spec{.project = "film", .name = {}, .submitter = {}};
  farm.step(SubmitJob{7, spec});
  const JobId job = farm.answered_job;
  auto tasks = std::make_shared<TaskList>();
  tasks->add(TaskKind::chunk, 0, 1);
  farm.step(PlanReady{1, job, tasks, "abc", "cpu 2"});  // the keys of its chunks have it
  farm.join("b", 2, 1, "gpu 1");
  farm.advance(Time(5000), {"b"});
  EXPECT_TRUE(farm.given["b"].empty());
  EXPECT_EQ(farm.farm.spec(job)->numeric_profile, "cpu 2");
  EXPECT_EQ(farm.why(job), "profile: its tasks belong to numeric profile cpu 2; none of the 1 workers with its tags has that: start one that has, or submit the job again with "
                           "--profile \"gpu 1\"\n");
  farm.join("a", 1, 1, "cpu 2");
  EXPECT_EQ(farm.given["a"].size(), 1u);
}

TEST(Job, KeepsToItsLimitAndItsProjects) {
  FakeFarm farm;
  farm.step(SetLimits{1, "film", 1, 3});
  const JobId one = farm.submit(5, {.project = "film", .name = {}, .submitter = {}, .priority = 50, .tags = {}, .max_running = 2});
  const JobId two = farm.submit(5);
  farm.join("w", 1, 8);
  EXPECT_EQ(farm.given["w"].size(), 3u);
  EXPECT_EQ(farm.farm.job(one)->tasks.of(TaskState::leased), 2u);
  EXPECT_THAT(farm.why(one), HasSubstr("job_limit: 2 of its tasks run, its limit\nproject_limit: project film runs 3 tasks, its limit\n"));
  EXPECT_EQ(farm.farm.job(two)->tasks.of(TaskState::leased), 1u);
  farm.report("w");
  EXPECT_EQ(farm.given["w"].size(), 3u);
}

TEST(Job, PausesResumesAndIsCancelled) {
  FakeFarm farm;
  const JobId job = farm.submit(5);
  farm.step(Pause{1, job});
  farm.join("w", 1, 2);
  EXPECT_TRUE(farm.given["w"].empty());
  EXPECT_EQ(farm.state(job), JobState::paused);
  EXPECT_EQ(farm.why(job), "paused: the job is paused; resume it\n");
  farm.step(Resume{1, job});
  EXPECT_EQ(farm.given["w"].size(), 2u);
  farm.step(CancelJob{1, job});
  EXPECT_EQ(farm.state(job), JobState::cancelled);
  EXPECT_EQ(farm.messages<CancelLease>("w").size(), 2u);
  farm.step(Pause{1, job});
  EXPECT_EQ(farm.answered, "job 1 is cancelled already");
  farm.step(Pause{1, 9});
  EXPECT_EQ(farm.answered, "there is no job 9");
  farm.step(ForgetJob{1, job});
  EXPECT_EQ(farm.answered, "");
  EXPECT_FALSE(farm.farm.job(job));
}

TEST(Worker, ThatDrainsGetsNothingMore) {
  FakeFarm farm;
  farm.submit(5);
  farm.join("w", 1, 1);
  farm.step(DrainWorker{1, 1, 30});
  EXPECT_EQ(farm.messages<Drain>("w").at(0).budget_s, 30u);
  farm.report("w");
  farm.want("w", 1);
  EXPECT_TRUE(farm.given["w"].empty());
  EXPECT_EQ(farm.health(1), WorkerHealth::draining);
  farm.step(DrainWorker{1, 0x99, 0});
  EXPECT_EQ(farm.answered, "there is no worker 0000000000000099");
}

TEST(Worker, WhoseKeyIsRevokedIsCutOffAtOnce) {
  FakeFarm farm;
  const JobId job = farm.submit(1);
  farm.join("w", 1, 1);
  const auto actions = farm.step(RevokeKey{1, "key w"});
  EXPECT_TRUE(std::ranges::any_of(actions, [](const Action& action) { return std::holds_alternative<CloseSession>(action); }));
  EXPECT_EQ(farm.state(job, 0), TaskState::ready);
  EXPECT_EQ(farm.farm.job(job)->kills, 0u);
  farm.step(farm.result("w", farm.given["w"].at(0).lease));
  EXPECT_EQ(farm.messages<Nak>("w").at(0).code, "session");
  EXPECT_EQ(farm.state(job, 0), TaskState::ready);
}

TEST(Storage, ThatIsFullStopsTheGivingAndSaysSo) {
  FakeFarm farm;
  const JobId job = farm.submit(5);
  farm.step(StorageTrouble{"the disk is full"});
  farm.join("w", 1, 1);
  EXPECT_TRUE(farm.given["w"].empty());
  EXPECT_THAT(farm.why(job), HasSubstr("storage: nothing is given out while the scheduler cannot store what it does: the disk is full"));
  farm.step(StorageTrouble{""});
  EXPECT_EQ(farm.given["w"].size(), 1u);
}

TEST(Storage, OfAWorkerThatIsFullIsSaidAndHeldAgainstNobody) {
  FakeFarm farm;
  const JobId job = farm.submit(2);
  farm.join("w", 1, 1);
  for (int i = 0; i < 5; ++i) {
    farm.report("w", Outcome::released, 1, "store/tmp/1: cannot write: No space left on device");
    farm.want("w", 1);
    ASSERT_EQ(farm.given["w"].size(), 1u);
  }
  EXPECT_THAT(farm.why(job), HasSubstr("hindered: worker 0000000000000001 on host w gives its tasks back undone: store/tmp/1: cannot write: No space left on device"));
  EXPECT_EQ(farm.farm.worker(1)->reason, "store/tmp/1: cannot write: No space left on device");
  EXPECT_EQ(std::ranges::count(farm.logs, "worker.hindered"), 1) << "once is enough";
  EXPECT_EQ(farm.farm.job(job)->failures, 0u);
  farm.report("w");
  EXPECT_EQ(farm.farm.worker(1)->reason, "");
}

TEST(Submit, RefusesWhatCannotBeAJob) {
  FakeFarm farm;
  farm.submit(1, {.project = "film", .name = {}, .submitter = {}, .priority = 101});
  EXPECT_EQ(farm.answered, "priority 101 is not in 0 ... 100");
  auto tasks = std::make_shared<TaskList>();
  tasks->add(TaskKind::chunk, 0, 0);
  farm.step(SubmitJob{1, {.project = "film", .tasks = tasks}});
  EXPECT_EQ(farm.answered, "task 0 costs 0 device-seconds; more than 0 is expected");
  tasks = std::make_shared<TaskList>();
  tasks->add(TaskKind::print, 0, 1, std::vector<TaskIndex>{0});
  farm.step(SubmitJob{1, {.project = "film", .tasks = tasks}});
  EXPECT_EQ(farm.answered, "task 0 needs task 0, which does not come before it");
  farm.step(SubmitJob{1, {.project = ""}});
  EXPECT_EQ(farm.answered, "a job belongs to a project; name it");
  EXPECT_TRUE(farm.farm.jobs().empty());
}

TEST(Submit, TwiceWithTheSameRequestIsOneJob) {
  FakeFarm farm;
  const JobSpec spec{.project = "film", .name = {}, .submitter = "ada", .priority = 50, .tags = {}, .max_running = 0, .numeric_profile = {}, .package = {}, .request = "r1"};
  const JobId job = farm.submit(1, spec);
  EXPECT_EQ(farm.submit(1, spec), job);
  EXPECT_EQ(farm.farm.jobs().size(), 1u);
}

TEST(Submit, WithoutTasksWaitsForItsPlan) {
  FakeFarm farm;
  farm.step(SubmitJob{1, {.project = "film"}});
  const JobId job = farm.answered_job;
  EXPECT_EQ(farm.state(job), JobState::planning);
  EXPECT_EQ(farm.why(job), "planning: its plan is being made\n");
  auto tasks = std::make_shared<TaskList>();
  tasks->add(TaskKind::chunk, 0, 1);
  tasks->add(TaskKind::chunk, 1, 1);
  tasks->already_done = {1};
  farm.step(PlanReady{1, job, tasks, "abc", ""});
  EXPECT_EQ(farm.answered, "tasks are done already, and no numeric profile is named for which they are");
  farm.step(PlanReady{1, job, tasks, "abc", "cpu"});
  EXPECT_EQ(farm.answered, "");
  EXPECT_EQ(farm.farm.job(job)->reused, 1u);
  farm.join("w", 1, 2);
  EXPECT_EQ(farm.given["w"].size(), 1u);
  EXPECT_EQ(farm.given["w"][0].package, "abc");
  EXPECT_EQ(farm.farm.task_states(job), std::string({2, 19}));
}

TEST(Backlog, SaysHowManyMoreWorkersWouldEachHaveATask) {
  FakeFarm farm;
  farm.submit(5);
  farm.submit(2, {.project = "film", .name = {}, .submitter = {}, .priority = 50, .tags = {"gpu"}});
  farm.join("w", 1, 1);
  const auto backlog = farm.farm.backlog();
  ASSERT_EQ(backlog.size(), 2u);
  std::uint64_t ready = 0, missing = 0;
  for (const Backlog& kind : backlog) {
    ready += kind.ready_tasks;
    missing += kind.missing_workers;
  }
  EXPECT_EQ(ready, 6u);
  EXPECT_EQ(missing, 6u);
}

}  // namespace
}  // namespace dubfarm::farm
