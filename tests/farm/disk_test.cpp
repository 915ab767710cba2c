// Disks that are full, fail, or give back what was never written, under real processes: what is acknowledged stays, what cannot go on says why and waits.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/farm/farm_folder.hpp"
#include "tests/farm/null_farm.hpp"
#include "tests/support/http_client.hpp"

namespace dubfarm::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// No file of that process may grow beyond so many bytes: its disk is full. `RLIM_INFINITY`: there is room again.
void set_room(const Command& process, rlim_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  ASSERT_EQ(::prlimit(process.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
}

struct Fault {
  int first;
  const char* what;
};

class DatabaseFault : public ::testing::TestWithParam<Fault> {};

TEST_P(DatabaseFault, AtTheNthWriteLosesNothing) {
  NullFarm farm;
  constexpr std::uint32_t kChunks = 60;
  const farm::JobId job = farm.add_job(kChunks);
  farm.start();  // learns its port
  farm.kill();
  {
    const FaultyFiles faulty(fmt::format("ws:{}:2:{}:/state/farm.db", GetParam().first, GetParam().what));
    farm.start({}, false);
  }
  NullWorker& worker = farm.join("a", {.slots = 1, .work_ms = 2, .digest = null_digest});
  // It goes on once the disk does, or it did not start, and says why.
  ASSERT_TRUE(eventually([&] { return farm.log().find("job.done") != std::string::npos || farm.scheduler().ends_within(milliseconds(0)); })) << farm.log();
  if (farm.scheduler().ends_within(milliseconds(0))) {
    const CommandResult refused = farm.scheduler().result();
    EXPECT_EQ(refused.status, 3);
    EXPECT_NE(refused.err.find(farm.folder / "state/farm.db: "), std::string::npos) << refused.err;
    farm.start();
    ASSERT_TRUE(farm.wait_done()) << farm.log();
  } else {
    const std::string said = GetParam().what == std::string("ENOSPC") ? "the disk is full, or a quota is; make room; no work is given out" : "disk I/O error: Input/output error";
    EXPECT_NE(farm.log().find("error storage.failed " + farm.folder / "state/farm.db: " + said), std::string::npos) << farm.log();
    EXPECT_NE(farm.log().find("info storage.mended "), std::string::npos) << farm.log();
  }
  EXPECT_TRUE(eventually([&] { return worker.acknowledged().size() == kChunks + 2; }));
  for (const auto& [task, times] : worker.runs()) EXPECT_EQ(times, 1);
  farm.kill();
  EXPECT_TRUE(NullFarm::is_done(farm.stored(), job));
}
INSTANTIATE_TEST_SUITE_P(Writes, DatabaseFault, ::testing::Values(Fault{2, "EIO"}, Fault{9, "ENOSPC"}, Fault{45, "EIO"}),
                         [](const auto& fault) { return fmt::format("{}{}", fault.param.what, fault.param.first); });

TEST(FullDisk, OfTheSchedulerStopsTheGivingWithTheReasonUntilThereIsRoom) {
  NullFarm farm;
  constexpr std::uint32_t kChunks = 150;
  const farm::JobId job = farm.add_job(kChunks);
  farm.start({"--http", "127.0.0.1:0"});
  NullWorker& worker = farm.join("a", {.slots = 1, .work_ms = 5, .digest = null_digest});
  ASSERT_TRUE(eventually([&] { return worker.acknowledged().size() > 5; })) << farm.log();
  set_room(farm.scheduler(), fs::file_size(farm.folder / "state/farm.db-wal"));  // which is longer than the log
  ASSERT_TRUE(eventually([&] { return farm.log().find("storage.failed") != std::string::npos; })) << farm.log();
  std::this_thread::sleep_for(milliseconds(300));  // what it had in hand ends
  const std::size_t begun = worker.runs().size(), acknowledged = worker.acknowledged().size();
  const std::string said = farm.scheduler().out();
  const HttpClient api(std::stoi(said.substr(said.rfind(':') + 1)));
  const HttpReply health = api.get("/healthz");
  EXPECT_EQ(health.status, 503) << health.body;
  EXPECT_NE(health.body.find("not_dispatching"), std::string::npos) << health.body;
  EXPECT_NE(farm.log().find("storage.failed " + farm.folder / "state/farm.db: the disk is full, or a quota is; make room; no work is given out until it can be stored"),
            std::string::npos) << farm.log();
  std::this_thread::sleep_for(milliseconds(1500));
  EXPECT_EQ(worker.runs().size(), begun) << "tasks are given out that are stored nowhere";
  EXPECT_EQ(worker.acknowledged().size(), acknowledged) << "results are acknowledged that are stored nowhere";
  EXPECT_LT(begun, kChunks);
  set_room(farm.scheduler(), RLIM_INFINITY);
  ASSERT_TRUE(farm.wait_done()) << farm.log();
  EXPECT_EQ(api.get("/healthz").status, 200);
  EXPECT_TRUE(eventually([&] { return worker.acknowledged().size() == kChunks + 2; }));
  for (const auto& [task, times] : worker.runs()) EXPECT_EQ(times, 1);
  farm.kill();
  EXPECT_TRUE(NullFarm::is_done(farm.stored(), job));
}

class Disk : public ::testing::Test {
 protected:
  Disk() {
    reel_.write();
    EXPECT_EQ(reel_.render("alone", "alone-store").status, 0);
    expected_ = digests(reel_.report("alone"));
  }
  static void expect_no_remains(const FarmFolder& farm) {
    EXPECT_TRUE(files_below(farm.folder / "store/tmp").empty());
    for (const std::string& file : files_below(farm.folder / "out")) EXPECT_EQ(file.find(".partial"), std::string::npos) << file;
  }
  Reel reel_;
  Json expected_;
};

TEST_F(Disk, OfTheStoreThatIsFullHoldsTheJobUpWithTheReasonAndFailsNothing) {
  FarmFolder farm(reel_);
  farm.start_scheduler();
  const auto a = farm.worker("a");
  ASSERT_TRUE(eventually([&] { return !farm.service().workers().empty(); })) << a->err();
  set_room(*a, 100'000);
  const http::JobId job = farm.submit("film");
  const auto why = [&] {
    std::string text;
    for (const http::Waiting& reason : farm.service().waiting(job)) text += reason.code + ": " + reason.message + "\n";
    return text;
  };
  ASSERT_TRUE(eventually([&] { return why().find("hindered: ") != std::string::npos; })) << why() << farm.log();
  EXPECT_NE(why().find("gives its tasks back undone: " + farm.folder / "store/"), std::string::npos) << why();
  EXPECT_NE(why().find("allows no larger file"), std::string::npos) << why();
  EXPECT_NE(farm.service().workers().at(0).reason.find("allows no larger file"), std::string::npos);
  std::this_thread::sleep_for(milliseconds(2500));  // it tries, again and again
  EXPECT_EQ(farm.log().find("task.failed"), std::string::npos) << farm.log();
  set_room(*a, RLIM_INFINITY);
  const http::JobView view = farm.wait(job);
  ASSERT_EQ(view.state, http::JobState::done) << farm.log();
  EXPECT_EQ(farm.digests_of("film"), expected_);
  EXPECT_EQ(farm.service().workers().at(0).reason, "");
  expect_no_remains(farm);
}

TEST_F(Disk, OfOneWorkerThatFailsIsNobodyElsesTrouble) {
  FarmFolder farm(reel_);
  farm.start_scheduler();
  std::unique_ptr<Command> broken;
  {
    const FaultyFiles faulty("w:1:1000000:EIO:/store/tmp/");  // where blobs are written
    broken = farm.worker("broken");
  }
  ASSERT_TRUE(eventually([&] { return !farm.service().workers().empty(); })) << broken->err();
  std::this_thread::sleep_for(milliseconds(300));
  const http::JobId job = farm.submit("film");
  ASSERT_TRUE(eventually([&] { return farm.log().find("task.failed") != std::string::npos; })) << farm.log();
  const auto sound = farm.worker("sound");
  const http::JobView view = farm.wait(job);
  ASSERT_EQ(view.state, http::JobState::done) << farm.log();
  EXPECT_EQ(farm.digests_of("film"), expected_);
  EXPECT_NE(farm.log().find("Input/output error"), std::string::npos) << farm.log();
  broken.reset();
  expect_no_remains(farm);
}

TEST_F(Disk, ThatLosesAndTurnsBlobsCostsNothingButTime) {
  FarmFolder farm(reel_);
  farm.start_scheduler();
  const auto a = farm.worker("a");
  ASSERT_EQ(farm.wait(farm.submit("first")).state, http::JobState::done) << farm.log();
  fs::remove_all(farm.folder / "out/first");
  fs::remove_all(farm.folder / "store/prints");
  std::size_t blobs = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(farm.folder / "store/blobs")) {
    if (!entry.is_regular_file()) continue;
    if (++blobs % 2 == 0) {  // lost: seen when the job is planned
      fs::remove(entry.path());
      continue;
    }
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);  // turned: seen when it is read
    file.seekg(static_cast<std::streamoff>(entry.file_size() / 2));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(entry.file_size() / 2));
    file.put(static_cast<char>(byte ^ 1));
  }
  ASSERT_GT(blobs, 3u);
  const http::JobView view = farm.wait(farm.submit("second"));
  ASSERT_EQ(view.state, http::JobState::done) << farm.log();
  EXPECT_EQ(farm.digests_of("second"), expected_);
  EXPECT_EQ(farm.log().find("task.failed"), std::string::npos) << farm.log();
}

}  // namespace
}  // namespace dubfarm::testing
