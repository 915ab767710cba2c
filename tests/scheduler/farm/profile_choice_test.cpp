// Which numeric profile a job gets that names none.
#include "scheduler/farm/profile_choice.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace dubfarm::farm {
namespace {

WorkerView worker(const std::string& profile, std::uint32_t slots, std::vector<std::string> tags = {}, WorkerHealth health = WorkerHealth::well) {
  WorkerView view;
  view.profile = profile;
  view.slots = slots;
  view.tags = std::move(tags);
  view.health = health;
  return view;
}
std::string choose(const std::vector<WorkerView>& workers, const std::vector<std::string>& tags = {}) { return choose_profile(workers, tags, "cpu 3"); }

TEST(ProfileChoice, WithoutWorkersIsTheCpus) { EXPECT_EQ(choose({}), "cpu 3"); }

TEST(ProfileChoice, IsTheOneWithTheMostSlots) {
  EXPECT_EQ(choose({worker("cpu 2", 8), worker("cpu 3", 4), worker("cpu 3", 5)}), "cpu 3");
  EXPECT_EQ(choose({worker("cpu 3", 4), worker("cpu 2", 8)}), "cpu 2");  // workers of another release, and more of them
}

TEST(ProfileChoice, IsADevicesBeforeTheCpusHoweverManySlotsThatHas) {
  EXPECT_EQ(choose({worker("cpu 3", 64), worker("cuda 2 cufft 12000 sm_90", 1)}), "cuda 2 cufft 12000 sm_90");
  EXPECT_EQ(choose({worker("cuda 2 cufft 12000 sm_80", 16), worker("cpu 3", 64), worker("cuda 2 cufft 12000 sm_90", 8), worker("cuda 2 cufft 12000 sm_90", 9)}),
            "cuda 2 cufft 12000 sm_90");
}

TEST(ProfileChoice, OfEquallyManySlotsIsTheFirstByNameInAnyOrder) {
  const WorkerView a = worker("cuda 2 a", 4), b = worker("cuda 2 b", 4);
  EXPECT_EQ(choose({a, b}), "cuda 2 a");
  EXPECT_EQ(choose({b, a}), "cuda 2 a");
}

TEST(ProfileChoice, LooksAtNobodyWhoMayNotTakeTheJob) {
  const WorkerView cpu = worker("cpu 3", 1, {"reel"});
  EXPECT_EQ(choose({cpu, worker("cuda 2", 8, {"tv"})}, {"reel"}), "cpu 3");
  EXPECT_EQ(choose({cpu, worker("cuda 2", 8, {"tv", "reel"})}, {"reel"}), "cuda 2");
  for (const WorkerHealth health : {WorkerHealth::sick, WorkerHealth::draining, WorkerHealth::gone}) EXPECT_EQ(choose({cpu, worker("cuda 2", 8, {}, health)}), "cpu 3");
  EXPECT_EQ(choose({cpu, worker("cuda 2", 8, {}, WorkerHealth::resting)}), "cuda 2");  // for a minute at most
}

TEST(ProfileChoice, CountsAWorkerThatIsOnItsWayBack) { EXPECT_EQ(choose({worker("cuda 2", 0)}), "cuda 2"); }

}  // namespace
}  // namespace dubfarm::farm
