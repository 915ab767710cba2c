#include "scheduler/http/event_hub.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace dubfarm::http {
namespace {

using std::chrono::milliseconds;
const Subject kJob1{Subject::Kind::job, "1"}, kJob2{Subject::Kind::job, "2"}, kWorker{Subject::Kind::worker, "a"};

TEST(EventHub, AWatcherGetsEachThingThatChangedOnceInTheOrderOfItsLastChange) {
  EventHub hub;
  hub.changed(kJob1);
  hub.changed(kWorker);
  hub.changed(kJob1);
  const EventHub::Changes changes = hub.since(0, milliseconds(0));
  EXPECT_EQ(changes.last, 3U);
  EXPECT_EQ(changes.subjects, (std::vector<Subject>{kWorker, kJob1}));
}

TEST(EventHub, OneWhoComesBackGetsOnlyWhatChangedMeanwhile) {
  EventHub hub;
  hub.changed(kJob1);
  hub.changed(kJob2);
  const std::uint64_t seen = hub.since(0, milliseconds(0)).last;
  EXPECT_TRUE(hub.since(seen, milliseconds(0)).subjects.empty());
  hub.changed(kJob1);
  EXPECT_EQ(hub.since(seen, milliseconds(0)).subjects, std::vector<Subject>{kJob1});
}

TEST(EventHub, AChangeWakesWhoWaits) {
  EventHub hub;
  std::thread other([&] { hub.changed(kJob2); });
  EXPECT_EQ(hub.since(0, std::chrono::minutes(5)).subjects, std::vector<Subject>{kJob2});
  other.join();
}

TEST(EventHub, ClosingWakesWhoWaitsForGood) {
  EventHub hub;
  std::thread other([&] { hub.close(); });
  EXPECT_TRUE(hub.since(0, std::chrono::minutes(5)).subjects.empty());
  other.join();
  hub.changed(kJob1);
  EXPECT_TRUE(hub.since(0, std::chrono::minutes(5)).subjects.empty());
  EXPECT_TRUE(hub.is_closed());
}

}  // namespace
}  // namespace dubfarm::http
