#include "scheduler/state/job_tasks.hpp"

#include <gmock/gmock.h>

#include <map>

namespace dubfarm::scheduler {
namespace {

using ::testing::Contains;
using ::testing::Not;

/// 40 s in stereo, four chunks of 10 s: a printmaster of one stem, the stem that follows it, and a print of its own.
plan::Plan small_plan() {
  plan::Plan plan;
  plan.sample_rate = 48000;
  constexpr Frames kLength = 40 * 48000;
  Matrix plain;
  plain.rows = plain.columns = 2, plain.values = {1, 0, 0, 1};
  plan::StemTimeline timeline;
  for (std::size_t c = 0; c < 4; ++c) {
    plan.chunks.emplace_back();
    timeline.placements.push_back({static_cast<Frames>(c) * 480000, 480000, c});
  }
  plan.timelines.push_back(timeline);
  plan.masters.push_back({0, 0, 2, {{0, plain}}, kLength});
  for (int p = 0; p < 3; ++p) {
    plan::Print& print = plan.prints.emplace_back();
    print.length = kLength;
    print.inputs = {{0, plain}};
    if (p < 2) print.master = 0;
  }
  return plan;
}

std::vector<TaskId> of_kind(const std::vector<Task>& tasks, TaskKind kind, std::size_t subject) {
  std::vector<TaskId> ids;
  for (TaskId id = 0; id < tasks.size(); ++id)
    if (tasks[id].kind == kind && tasks[id].subject == subject) ids.push_back(id);
  return ids;
}

TEST(JobTasks, AGainIsFoundBeforeAnythingIsPrintedWithIt) {
  const plan::Plan plan = small_plan();
  const MasterReach reach[] = {{48000, 500, true}};
  const std::vector<Task> tasks = job_tasks(plan, 4800, reach);
  const auto measures = of_kind(tasks, TaskKind::measure, 0), solves = of_kind(tasks, TaskKind::solve, 0);
  ASSERT_EQ(measures.size(), 3u) << "30 s, and the rest by 8 s";
  EXPECT_EQ(tasks[measures[1]].first, 30 * 48000);
  EXPECT_EQ(tasks[measures[2]].first, 38 * 48000);
  EXPECT_EQ(tasks[measures[2]].length, 2 * 48000);
  ASSERT_EQ(solves.size(), 1u);
  EXPECT_EQ(tasks[solves[0]].needs, measures);
  for (const std::size_t print : {0u, 1u})
    for (const TaskId range : of_kind(tasks, TaskKind::range, print)) EXPECT_THAT(tasks[range].needs, Contains(solves[0]));
  for (const TaskId range : of_kind(tasks, TaskKind::range, 2)) EXPECT_THAT(tasks[range].needs, Not(Contains(solves[0]))) << "it has no gain";
}

TEST(JobTasks, ALimiterHearsBeyondTheRangeAndWithoutAGainNothingIsMeasured) {
  const plan::Plan plan = small_plan();
  const MasterReach reach[] = {{48000, 500, false}};
  const std::vector<Task> tasks = job_tasks(plan, 4800, reach);
  EXPECT_TRUE(of_kind(tasks, TaskKind::measure, 0).empty());
  const Task& first = tasks[of_kind(tasks, TaskKind::range, 0)[0]];
  EXPECT_EQ(first.length, 30 * 48000);
  EXPECT_THAT(first.needs, ::testing::ElementsAre(0, 1, 2, 3)) << "the look-ahead reaches into the last chunk";
  EXPECT_THAT(tasks[of_kind(tasks, TaskKind::range, 2)[0]].needs, ::testing::ElementsAre(0, 1, 2));
}

TEST(JobTasks, StemSetsAreComparedOnceTheirFilesAreThere) {
  const plan::Plan plan = small_plan();
  const MasterReach reach[] = {{}};
  plan::StemSet set;
  set.master = 0, set.stems = {1};
  const std::vector<Task> tasks = job_tasks(plan, 4800, reach, std::span(&set, 1));
  const auto compares = of_kind(tasks, TaskKind::compare, 0);
  ASSERT_EQ(compares.size(), 1u);
  EXPECT_EQ(tasks[compares[0]].length, plan.prints[0].length);
  EXPECT_THAT(tasks[compares[0]].needs, ::testing::ElementsAre(of_kind(tasks, TaskKind::finish, 0)[0], of_kind(tasks, TaskKind::finish, 1)[0]));
}

TEST(JobTasks, EightPrintsAreMadeSideBySideAndTheChunksThatTheyHearComeInTheirOrder) {
  plan::Plan plan = small_plan();
  for (int p = 3; p < 10; ++p) {
    plan.prints.push_back(plan.prints[2]);
    plan.prints.back().inputs[0].timeline = 1;  // another stem, of one chunk, that stands at the end
  }
  plan.timelines.push_back(plan.timelines[0]);
  plan.chunks.emplace_back();
  plan.timelines[1].placements = {{30 * 48000, 10 * 48000, 4}};
  const MasterReach reach[] = {{}};
  const std::vector<Task> tasks = job_tasks(plan, 4800, reach);
  std::vector<std::pair<std::uint64_t, TaskId>> order;
  for (TaskId id = plan.chunks.size(); id < tasks.size(); ++id)
    if (tasks[id].kind == TaskKind::range) order.emplace_back(tasks[id].turn, id);
  std::sort(order.begin(), order.end());
  ASSERT_EQ(order.size(), 30u) << "three ranges of ten prints";
  std::vector<std::pair<std::size_t, Frames>> is, expected;
  for (const auto& [turn, id] : order) is.emplace_back(tasks[id].subject, tasks[id].first);
  for (const auto& [begin, end] : {std::pair<std::size_t, std::size_t>{0, 8}, {8, 10}})
    for (const Frames first : {Frames{0}, Frames{30 * 48000}, Frames{38 * 48000}})
      for (std::size_t p = begin; p < end; ++p) expected.emplace_back(p, first);
  EXPECT_EQ(is, expected);
  EXPECT_EQ(tasks[0].turn, 0u);
  EXPECT_EQ(tasks[2].turn, 0u) << "30 s, less the meters' history, are heard by the first ranges";
  EXPECT_EQ(tasks[4].turn, tasks[order[8].second].turn) << "what only the end hears comes with the end";
}

TEST(JobTasks, PrintsThatAreLeftOutHaveNoTasks) {
  plan::Plan plan = small_plan();
  for (int c = 0; c < 2; ++c) plan.chunks.emplace_back();
  plan.timelines.push_back({0, 1, {{0, 480000, 4}, {480000, 480000, 5}}});
  plan.prints[2].inputs[0].timeline = 1;
  const MasterReach reach[] = {{0, 0, true}};
  plan::StemSet set;
  set.master = 0, set.stems = {1};
  const auto kinds = [&](const std::vector<bool>& prints, bool is_compared) {
    const std::vector<Task> tasks = job_tasks(plan, 4800, reach, std::span(&set, is_compared ? 1 : 0), prints);
    std::map<TaskKind, std::size_t> count;
    for (const Task& task : tasks) ++count[task.kind];
    return std::pair(count, needed_chunks(tasks, plan.chunks.size()));
  };
  using Kinds = std::map<TaskKind, std::size_t>;
  const auto [only_plain, plain_chunks] = kinds({false, false, true}, false);
  EXPECT_EQ(only_plain, (Kinds{{TaskKind::chunk, 6}, {TaskKind::range, 3}, {TaskKind::finish, 1}})) << "no gain is found that nobody takes";
  EXPECT_EQ(plain_chunks, (std::vector<bool>{false, false, false, false, true, true}));
  const auto [only_stem, stem_chunks] = kinds({false, true, false}, true);
  EXPECT_EQ(only_stem, (Kinds{{TaskKind::chunk, 6}, {TaskKind::measure, 3}, {TaskKind::solve, 1}, {TaskKind::range, 3}, {TaskKind::finish, 1}, {TaskKind::compare, 1}}))
      << "held against a printmaster that is there already";
  EXPECT_EQ(stem_chunks, (std::vector<bool>{true, true, true, true, false, false}));
  EXPECT_EQ(kinds({true, true, true}, true), kinds({}, true));
}

}  // namespace
}  // namespace dubfarm::scheduler
