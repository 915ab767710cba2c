// One device, several jobs: whose turn it is, and that nothing of one job lies where another's audio comes.
#include "cli/farm/farm_device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>

#include "tests/farm/null_farm.hpp"
#include "tests/support/command.hpp"
#include "tests/support/local_render.hpp"
#include "tests/support/mix_folder.hpp"
#include "tests/support/random_mix.hpp"
#include "worker/gpu/staging.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using std::chrono::milliseconds;

const kernels::DeviceModule& module() {
  static const kernels::DeviceModule loaded = kernels::DeviceModule::load(emulated_module()).value();
  return loaded;
}

/// A job of one chunk or more, and what renders it.
struct SmallJob {
  SmallJob(const std::string& package, unsigned seed) : planned(plan_mix(folder.mix(random_mix(seed, folder, {.seconds = 1, .tracks = 4})))), store(*Store::open(folder / "store")) {
    std::vector<worker::SourceFile> files;
    for (const auto& [digest, file] : planned.plan.sources) files.push_back({digest, file->info, file->stamp});
    job = {package, seed, std::make_shared<worker::Sources>(files, planned.plan.sample_rate, store)};
    irs = std::make_unique<worker::IrCache>(*job.sources, 64u << 20);
  }
  MixFolder folder;
  PlannedMix planned;
  Store store;
  FarmDevice::Job job;
  std::unique_ptr<worker::IrCache> irs;
};

class FarmDevices : public ::testing::Test {
 protected:
  void open(milliseconds turn, std::uint64_t memory = std::uint64_t{1} << 30) {
    Backend backend;
    backend.module = &module();
    backend.memory_limit = memory;
    device_ = FarmDevice::open(backend, 2, nullptr, [this](const std::string& line) { log_ += line + "\n"; }, turn).value();
  }
  FarmDevice::Turn enter(const SmallJob& job) { return device_->enter(job.job, go_on_).value(); }
  std::unique_ptr<FarmDevice::Turn> share(const SmallJob& job) { return std::make_unique<FarmDevice::Turn>(enter(job)); }
  void render(const SmallJob& job, const FarmDevice::Turn& turn, std::size_t chunks = 1000) {
    const kernels::FlushDenormals flush;
    worker::RenderScratch scratch;
    for (std::size_t c = 0; c < std::min(chunks, job.planned.plan.chunks.size()); ++c)
      EXPECT_TRUE(worker::render_chunk(job.planned.plan.chunks[c].program, *job.job.sources, *job.irs, scratch, go_on_, &turn.renderer()).ok());
  }
  std::atomic<bool> go_on_{false};
  std::string log_;
  std::unique_ptr<FarmDevice> device_;
  SmallJob a_{"package-a", 61}, b_{"package-b", 62};
};

TEST_F(FarmDevices, AreClearedBetweenJobsAndNotWithinOne) {
  const Variable log("DUBFARM_EMULATED_LOG", a_.folder / "log");
  open(std::chrono::hours(1));
  render(a_, enter(a_), 2);
  const std::uint64_t kept = device_->device().memory_use().in_use;
  EXPECT_GT(kept, 0u);  // spectra and sources, for the job's next chunk
  {
    const FarmDevice::Turn again = enter(a_);
    EXPECT_EQ(device_->device().memory_use().in_use, kept);
  }
  {
    const FarmDevice::Turn other = enter(b_);
    EXPECT_EQ(device_->device().memory_use().in_use, 0u);
    EXPECT_EQ(device_->device().memory_use().at_hand, 0u);
    render(b_, other, 2);
  }
  device_.reset();
  EXPECT_THAT(file_text(a_.folder / "log"), ::testing::HasSubstr(" left 0 dirty 0\n"));
  EXPECT_EQ(log_, "");
}

TEST_F(FarmDevices, ChangeJobsOnlyWhenNothingOfTheEarlierOneRuns) {
  open(std::chrono::hours(1));
  auto first = share(a_), second = share(a_);  // two chunks of one job at once
  std::atomic<bool> is_in{false};
  std::jthread other([&] {
    const FarmDevice::Turn turn = enter(b_);
    is_in = true;
  });
  first.reset();
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_FALSE(is_in);
  EXPECT_EQ(device_->favoured(), "package-a");
  auto third = share(a_);  // the turn lasts
  EXPECT_FALSE(is_in);
  second.reset();
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_FALSE(is_in);
  third.reset();
  EXPECT_TRUE(eventually([&] { return is_in.load(); }));
}

TEST_F(FarmDevices, AreSharedWithPrintsThatNeitherWaitNorTakeThemFromAnotherJob) {
  open(std::chrono::hours(1));
  std::optional<FarmDevice::Turn> print = device_->try_enter(a_.job);  // it is nobody's yet
  ASSERT_TRUE(print);
  EXPECT_EQ(device_->favoured(), "package-a");
  EXPECT_FALSE(device_->try_enter(b_.job));
  auto chunk = share(a_);  // beside it
  EXPECT_FALSE(device_->try_enter(a_.job)) << "both threads have a part";
  print.reset();
  EXPECT_TRUE(device_->try_enter(a_.job));
  chunk.reset();
  EXPECT_FALSE(device_->try_enter(b_.job)) << "what lies there is of use to the other job";
  device_->set_failed("device 0: it is gone");
  EXPECT_FALSE(device_->try_enter(a_.job));
}

TEST_F(FarmDevices, HaveSlotsForAsManyPrintsAsChunksAtOnce) {
  open(std::chrono::hours(1));
  std::vector<kernels::PinnedSlot> slots;  // of two threads with a chunk, and two with a range
  for (int i = 0; i < 4 * worker::gpu::kStagingSlots; ++i) slots.push_back(device_->device().take_slot().value());  // waits for ever where there are fewer
}

TEST_F(FarmDevices, LetTheOtherJobInWhenATurnIsOver) {
  open(milliseconds(0));
  auto first = share(a_);
  EXPECT_EQ(device_->favoured(), "");
  std::vector<std::string> order;
  std::mutex mutex;
  const auto go = [&](const SmallJob& job) {
    const FarmDevice::Turn turn = enter(job);
    const std::lock_guard lock(mutex);
    order.push_back(job.job.package);
  };
  std::jthread b([&] { go(b_); });
  std::this_thread::sleep_for(milliseconds(50));  // b waits
  std::jthread a([&] { go(a_); });
  std::this_thread::sleep_for(milliseconds(50));
  first.reset();
  b.join();
  a.join();
  EXPECT_THAT(order, ::testing::ElementsAre("package-b", "package-a"));
}

TEST_F(FarmDevices, WhoWaitsHearsAStopAndALostDevice) {
  open(std::chrono::hours(1));
  const FarmDevice::Turn turn = enter(a_);
  std::atomic<bool> stop{true};
  EXPECT_EQ(device_->enter(b_.job, stop).error().code, Errc::cancelled);
  std::optional<Error> error;
  {
    std::jthread waits([&] { error = device_->enter(b_.job, go_on_).error(); });
    std::this_thread::sleep_for(milliseconds(20));
    device_->set_failed("device 0: it is gone");
    device_->set_failed("device 0: the same once more");
  }
  EXPECT_EQ(error->code, Errc::backend_not_built);
  EXPECT_EQ(error->message, "device 0: it is gone");
  EXPECT_EQ(device_->failure(), "device 0: it is gone");
  EXPECT_FALSE(device_->enter(a_.job, go_on_).ok());
}

TEST_F(FarmDevices, SayOnceForAJobWhatTheCpuTookOver) {
  open(std::chrono::hours(1), 100'000);
  render(a_, enter(a_));
  const std::string first = log_;
  EXPECT_THAT(first, ::testing::StartsWith("warning: the CPU rendered "));
  EXPECT_THAT(first, ::testing::HasSubstr(" of the chunks of job 61 ("));
  render(a_, enter(a_));
  EXPECT_EQ(log_, first);
  render(b_, enter(b_));
  EXPECT_THAT(log_, ::testing::HasSubstr(" of job 62 ("));
  device_.reset();  // what was not said yet
  EXPECT_THAT(log_, ::testing::HasSubstr(fmt::format("the CPU rendered {} of the chunks of job 61 (", 2 * a_.planned.plan.chunks.size())));
}

}  // namespace
}  // namespace dubfarm::cli
