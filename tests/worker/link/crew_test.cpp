// The worker's threads and the tasks that wait for them, with a runner that works when the test says so.
#include "worker/link/crew.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <set>

namespace dubfarm::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

AssignedTask task(std::uint64_t lease) {
  AssignedTask one;
  one.lease.set_lease(lease);
  one.kind = "chunk";
  return one;
}

/// Takes up to `together` tasks at once, and ends them when it is let to, or stopped.
class Runner : public TaskRunner {
 public:
  std::vector<std::size_t> company(std::span<const AssignedTask> waiting, std::size_t) override {
    std::vector<std::size_t> chosen;
    if (hesitates > 0) return --hesitates, chosen;
    for (std::size_t i = 0; i < std::min(together, waiting.size()); ++i) chosen.push_back(i);
    return chosen;
  }
  void run(std::span<const AssignedTask> tasks, TaskControl& control, const std::function<void(std::size_t, wire::Result)>& finished) override {
    std::unique_lock lock(mutex_);
    for (const AssignedTask& one : tasks) running_.insert(one.lease.lease());
    changed_.notify_all();
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const std::uint64_t lease = tasks[i].lease.lease();
      while (!may_end_.contains(lease) && !control.stop) changed_.wait_for(lock, std::chrono::milliseconds(1));
      running_.erase(lease);
      if (control.stop || forgets.contains(lease)) continue;
      lock.unlock();
      wire::Result result;
      result.set_outcome(wire::DONE);
      finished(i, result);
      if (doubles.contains(lease)) finished(i, result);
      lock.lock();
    }
    changed_.notify_all();
  }
  void let_end(std::uint64_t lease) {
    const std::lock_guard lock(mutex_);
    may_end_.insert(lease);
    changed_.notify_all();
  }
  /// Waits until just these run.
  void wait_for(const std::set<std::uint64_t>& leases) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return running_ == leases; }));
  }
  std::size_t together = 1;
  int hesitates = 0;  // so often it chooses none at first
  std::set<std::uint64_t> forgets, doubles;  // gives no result of these; gives two

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::uint64_t> running_, may_end_;
};

class CrewTest : public ::testing::Test {
 protected:
  void rang() {
    const std::lock_guard lock(mutex_);
    ++rings_;
    changed_.notify_all();
  }
  /// Waits until it rang so often: a result is there before its ring is. @return false where it did not within 30 s.
  bool has_rung(int times) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return rings_ >= times; });
  }
  /// Waits until so many results are there. @return their leases and outcomes.
  std::map<std::uint64_t, wire::Outcome> results(Crew& crew, std::size_t count) {
    std::map<std::uint64_t, wire::Outcome> all;
    std::unique_lock lock(mutex_);
    for (int i = 0; i < 3000 && all.size() < count; ++i) {
      for (const wire::Result& result : crew.take_results()) EXPECT_TRUE(all.emplace(result.lease().lease(), result.outcome()).second) << "two results of one lease";
      if (all.size() < count) changed_.wait_for(lock, std::chrono::milliseconds(10));
    }
    return all;
  }
  std::vector<std::uint64_t> held(const Crew& crew) {
    std::vector<std::uint64_t> leases;
    for (const Crew::Held& one : crew.held()) leases.push_back(one.lease.lease());
    return leases;
  }
  Runner runner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int rings_ = 0;
};

TEST_F(CrewTest, WorksInTheOrderOfArrivalAndHoldsWhatWaitsAndWhatRuns) {
  Crew crew(runner_, 1, [this] { rang(); });
  crew.add(task(1));
  runner_.wait_for({1});
  crew.add(task(2));
  crew.add(task(3));
  crew.add(task(2));  // an Assign that came twice
  crew.add(task(1));
  EXPECT_THAT(held(crew), UnorderedElementsAre(1u, 2u, 3u));
  runner_.let_end(1);
  runner_.wait_for({2});
  EXPECT_THAT(held(crew), UnorderedElementsAre(2u, 3u));
  runner_.let_end(2);
  runner_.let_end(3);
  EXPECT_EQ(results(crew, 3), (std::map<std::uint64_t, wire::Outcome>{{1, wire::DONE}, {2, wire::DONE}, {3, wire::DONE}}));
  EXPECT_EQ(crew.held_count(), 0u);
  EXPECT_TRUE(has_rung(3));
}

TEST_F(CrewTest, AsksAgainWhereTheRunnerChoosesNone) {
  runner_.hesitates = 3;
  Crew crew(runner_, 1, [this] { rang(); });
  crew.add(task(1));
  runner_.wait_for({1});
  runner_.let_end(1);
  EXPECT_EQ(results(crew, 1), (std::map<std::uint64_t, wire::Outcome>{{1, wire::DONE}}));
}

TEST_F(CrewTest, DropsWhatWaitsAndStopsWhatRunsWithoutAWord) {
  Crew crew(runner_, 1, [this] { rang(); });
  crew.add(task(1));
  runner_.wait_for({1});
  crew.add(task(2));
  crew.add(task(3));
  crew.drop(2);
  crew.drop(1);
  crew.drop(99);
  runner_.wait_for({3});
  EXPECT_THAT(held(crew), ElementsAre(3u));
  runner_.let_end(3);
  EXPECT_EQ(results(crew, 1), (std::map<std::uint64_t, wire::Outcome>{{3, wire::DONE}}));
}

TEST_F(CrewTest, ATaskThatRunsBesideOthersStopsOnlyWithAllOfThem) {
  runner_.together = 2;
  Crew crew(runner_, 1, [this] { rang(); });
  crew.add(task(1));
  runner_.wait_for({1});
  crew.add(task(2));
  crew.add(task(3));
  runner_.let_end(1);
  runner_.wait_for({2, 3});
  crew.drop(2);
  EXPECT_THAT(held(crew), ElementsAre(3u)) << "what is dropped is held no more";
  runner_.let_end(2);
  runner_.let_end(3);
  EXPECT_EQ(results(crew, 2), (std::map<std::uint64_t, wire::Outcome>{{1, wire::DONE}, {3, wire::DONE}}));
}

TEST_F(CrewTest, ReleasesWhatHasNotBegunAndOnRequestWhatRuns) {
  Crew crew(runner_, 1, [this] { rang(); });
  crew.add(task(1));
  runner_.wait_for({1});
  crew.add(task(2));
  crew.release(false);
  EXPECT_EQ(results(crew, 1), (std::map<std::uint64_t, wire::Outcome>{{2, wire::RELEASED}}));
  EXPECT_THAT(held(crew), ElementsAre(1u));
  crew.release(true);
  EXPECT_EQ(crew.held_count(), 0u) << "given back at once, not when its thread gets to see it";
  EXPECT_EQ(results(crew, 1), (std::map<std::uint64_t, wire::Outcome>{{1, wire::RELEASED}}));
  runner_.wait_for({});
  crew.add(task(3));
  runner_.let_end(3);
  EXPECT_EQ(results(crew, 1), (std::map<std::uint64_t, wire::Outcome>{{3, wire::DONE}})) << "and nothing more of task 1";
}

TEST_F(CrewTest, GivesBackWhatItsRunnerForgotAndTakesOneResultOfEach) {
  runner_.forgets = {1};
  runner_.doubles = {2};
  Crew crew(runner_, 1, [this] { rang(); });
  crew.add(task(1));
  crew.add(task(2));
  runner_.let_end(1);
  runner_.let_end(2);
  EXPECT_EQ(results(crew, 2), (std::map<std::uint64_t, wire::Outcome>{{1, wire::RELEASED}, {2, wire::DONE}}));
}

TEST_F(CrewTest, EndsWhileTasksRunAndWait) {
  Crew crew(runner_, 3, [this] { rang(); });
  for (std::uint64_t lease = 1; lease <= 8; ++lease) crew.add(task(lease));
  runner_.wait_for({1, 2, 3});
}

}  // namespace
}  // namespace dubfarm::worker
