#include "scheduler/state/job_state.hpp"

#include <gtest/gtest.h>

#include <random>

namespace dubfarm::scheduler {
namespace {

// Two chunks, a range that hears both, one that hears the second, and the finish.
std::vector<Task> small_job() {
  return {{TaskKind::chunk, 0, 0, 10, {}},
          {TaskKind::chunk, 1, 0, 10, {}},
          {TaskKind::range, 0, 0, 10, {0, 1}},
          {TaskKind::range, 0, 10, 10, {1}},
          {TaskKind::finish, 0, 0, 20, {2, 3}}};
}

JobState fresh() { return JobState(small_job(), std::vector<bool>(5, false)); }

TEST(JobState, ATaskStartsOnlyWhenAllThatItNeedsIsDone) {
  JobState job = fresh();
  ASSERT_EQ(job.lease(), TaskId{0});
  ASSERT_EQ(job.lease(), TaskId{1});
  EXPECT_EQ(job.lease(), std::nullopt);
  job.finished(0);
  EXPECT_EQ(job.state(2), TaskState::waiting);
  job.finished(1);
  EXPECT_EQ(job.lease(), TaskId{2});
}

TEST(JobState, WorkThatCompletesOutputsGoesBeforeNewChunks) {
  JobState job = fresh();
  job.lease();
  job.lease();
  job.finished(1);  // chunk 0 still runs; the range that needs only chunk 1 is ready
  EXPECT_EQ(job.lease(), TaskId{3});
}

TEST(JobState, OfAKindTheLeastTurnStartsFirst) {
  std::vector<Task> tasks = small_job();
  tasks[0].turn = 2;
  tasks[1].turn = 1;
  JobState job(std::move(tasks), std::vector<bool>(5, false));
  EXPECT_EQ(job.lease(), TaskId{1});
  EXPECT_EQ(job.lease(), TaskId{0});
}

TEST(JobState, MoreTasksAreLeasedOfThoseThatComeNext) {
  JobState job({{TaskKind::chunk, 0, 0, 10, {}}, {TaskKind::chunk, 1, 0, 10, {}}, {TaskKind::chunk, 2, 0, 10, {}}, {TaskKind::chunk, 3, 0, 10, {}}},
               std::vector<bool>(4, false));
  EXPECT_EQ(job.lease_more(3, [](TaskId id) { return id == 0 || id == 2 || id == 3; }), (std::vector<TaskId>{0, 2})) << "3 is not looked at";
  EXPECT_EQ(job.leased_count(), 2u);
  EXPECT_EQ(job.state(1), TaskState::ready);
  EXPECT_EQ(job.lease(), TaskId{1});
  EXPECT_EQ(job.lease_more(9, [](TaskId) { return true; }), (std::vector<TaskId>{3}));
}

TEST(JobState, WhatIsInTheStoreIsNotRenderedAgain) {
  JobState job(small_job(), {true, true, false, false, false});
  ASSERT_EQ(job.lease(), TaskId{2});
  ASSERT_EQ(job.lease(), TaskId{3});
  job.finished(2);
  job.finished(3);
  ASSERT_EQ(job.lease(), TaskId{4});
  job.finished(4);
  EXPECT_TRUE(job.all_done());
  EXPECT_TRUE(job.is_over());
}

TEST(JobState, ALostBlobIsRenderedAgainBeforeTheRangeThatMissedIt) {
  JobState job(small_job(), {true, true, false, false, false});
  const TaskId range = job.lease().value();
  ASSERT_EQ(range, TaskId{2});
  const TaskId lost[] = {1};
  job.lost_inputs(range, lost);
  EXPECT_EQ(job.lease(), TaskId{1});     // not range 3, which needs chunk 1 too
  EXPECT_EQ(job.lease(), std::nullopt);
  job.finished(1);
  EXPECT_EQ(job.lease(), TaskId{2});
  EXPECT_EQ(job.lease(), TaskId{3});
}

TEST(JobState, TwoRangesThatMissOneBlobRenderItOnce) {
  JobState job(small_job(), {true, true, false, false, false});
  job.lease();
  job.lease();
  const TaskId lost[] = {1};
  job.lost_inputs(2, lost);
  job.lost_inputs(3, lost);
  ASSERT_EQ(job.lease(), TaskId{1});
  EXPECT_EQ(job.lease(), std::nullopt);
  job.finished(1);
  EXPECT_EQ(job.lease(), TaskId{2});
  EXPECT_EQ(job.lease(), TaskId{3});
}

TEST(JobState, ARangeThatMissedABlobBeforeItWasRenderedAnewLosesNothing) {
  JobState job(small_job(), {true, true, false, false, false});
  job.lease();
  job.lease();
  const TaskId lost[] = {1};
  EXPECT_EQ(job.lost_inputs(2, lost), std::vector<TaskId>{1});
  ASSERT_EQ(job.lease(), TaskId{1});
  job.finished(1);
  EXPECT_EQ(job.lost_inputs(3, lost), std::vector<TaskId>{}) << "it read the old blob";
  EXPECT_EQ(job.lease(), TaskId{2});
  EXPECT_EQ(job.lease(), TaskId{3}) << "and reads the new one";
  EXPECT_EQ(job.lost_inputs(3, lost), std::vector<TaskId>{1}) << "which may be lost in its turn";
}

TEST(JobState, AnErrorEndsTheJobOnceWhatRunsHasEnded) {
  JobState job = fresh();
  job.lease();
  job.lease();
  job.fail(fail(Errc::no_space, "disk full"));
  job.fail(fail(Errc::internal, "later and less to the point"));
  EXPECT_EQ(job.lease(), std::nullopt);
  EXPECT_FALSE(job.is_over());
  job.finished(0);
  job.finished(1);
  EXPECT_TRUE(job.is_over());
  EXPECT_FALSE(job.all_done());
  EXPECT_EQ(job.error()->message, "disk full");
}

// A thousand jobs with random graphs, random workers and random losses: every one ends, with every task done and nothing done out of order.
TEST(JobState, EveryJobEndsWhateverIsLostOnTheWay) {
  for (unsigned seed = 0; seed < 1000; ++seed) {
    std::mt19937 random(seed);
    const std::size_t chunks = 1 + random() % 12, ranges = 1 + random() % 8;
    std::vector<Task> tasks;
    for (std::size_t c = 0; c < chunks; ++c) tasks.push_back({TaskKind::chunk, c, 0, 1, {}});
    Task finish{TaskKind::finish, 0, 0, 0, {}};
    for (std::size_t r = 0; r < ranges; ++r) {
      Task range{TaskKind::range, 0, 0, 1, {}};
      for (std::size_t c = 0; c < chunks; ++c)
        if (random() % 3 == 0) range.needs.push_back(c);
      finish.needs.push_back(tasks.size());
      tasks.push_back(range);
    }
    tasks.push_back(finish);
    std::vector<bool> done(tasks.size(), false);
    for (std::size_t c = 0; c < chunks; ++c) done[c] = random() % 2 == 0;
    JobState job(tasks, done);
    std::vector<TaskId> running;
    int losses = 20;
    for (int step = 0; !job.is_over(); ++step) {
      ASSERT_LT(step, 10'000) << "seed " << seed;
      if (const std::optional<TaskId> id = running.size() < 4 ? job.lease() : std::nullopt) {
        running.push_back(*id);
        for (const TaskId need : job.task(*id).needs) ASSERT_EQ(job.state(need), TaskState::done) << "seed " << seed;
        if (random() % 2 == 0) continue;
      }
      ASSERT_FALSE(running.empty()) << "seed " << seed << ": nothing runs and nothing is ready";
      const std::size_t pick = random() % running.size();
      const TaskId id = running[pick];
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(pick));
      const std::vector<TaskId>& needs = job.task(id).needs;
      if (job.task(id).kind == TaskKind::range && !needs.empty() && losses > 0 && random() % 2 == 0) {
        --losses;
        const TaskId lost[] = {needs[random() % needs.size()]};
        job.lost_inputs(id, lost);
      } else {
        job.finished(id);
      }
    }
    EXPECT_TRUE(job.all_done());
  }
}

}  // namespace
}  // namespace dubfarm::scheduler
