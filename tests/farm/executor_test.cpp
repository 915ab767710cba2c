// What a worker does with a task: from the job's package to blobs, files and the words of its result.
#include "cli/farm/executor.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "tests/support/command.hpp"
#include "tests/support/mix_folder.hpp"
#include "tests/support/reel.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Json;

class ExecutorTest : public ::testing::Test {
 protected:
  ExecutorTest() {
    reel_.write();
    fs::create_directories(folder_ / "out");
    roots_ = MediaRoots::parse({"media=" + reel_.folder.path(), "out=" + folder_ / "out"}).value();
    store_.emplace(Store::open(folder_ / "store").value());
    Submission submission;
    submission.name = "film.mix.json";
    submission.text = testing::file_text(reel_.mix);
    submission.folder = "{media}";
    submission.out = "{out}/film";
    submission.numeric_profile = worker::kNumericProfile;
    PlanOutcome outcome = plan_submission(submission, roots_, *store_, 1);
    if (auto* problems = std::get_if<std::vector<http::Problem>>(&outcome)) throw std::runtime_error(problems->front().message);
    planned_.emplace(std::move(std::get<PlannedJob>(outcome)));
    package_ = write_job_package(*store_, planned_->package).value();
    executor_.emplace(*store_, roots_, 1);
  }
  worker::AssignedTask task(const std::string& kind, std::uint32_t subject, bool afresh = false) const {
    worker::AssignedTask one;
    one.lease.set_lease(subject + 1);
    one.kind = kind;
    one.subject = subject;
    one.package = package_;
    one.afresh = afresh;
    return one;
  }
  std::vector<wire::Result> run(const std::vector<worker::AssignedTask>& tasks) {
    std::vector<std::optional<wire::Result>> results(tasks.size());
    executor_->run(tasks, control_, [&](std::size_t index, wire::Result result) {
      EXPECT_FALSE(results.at(index).has_value()) << "two results of one task";
      results.at(index) = std::move(result);
    });
    std::vector<wire::Result> all;
    for (auto& result : results) {
      EXPECT_TRUE(result.has_value()) << "a task without a result";
      all.push_back(result.value_or(wire::Result()));
    }
    return all;
  }
  wire::Result run(const worker::AssignedTask& one) { return run(std::vector{one}).front(); }
  /// Whom it chooses in the end: where more may be on their way it wants to be asked again.
  std::vector<std::size_t> company(const std::vector<worker::AssignedTask>& waiting, std::size_t free_threads) {
    while (true) {
      std::vector<std::size_t> chosen = executor_->company(waiting, free_threads);
      if (!chosen.empty()) return chosen;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  [[nodiscard]] std::uint32_t chunks() const { return static_cast<std::uint32_t>(planned_->plan.chunks.size()); }
  void render_all() {
    for (std::uint32_t c = 0; c < chunks(); ++c) ASSERT_EQ(run(task("chunk", c)).outcome(), wire::DONE);
  }

  testing::Reel reel_;
  testing::TemporaryFolder folder_;
  MediaRoots roots_;
  std::optional<Store> store_;
  std::optional<PlannedJob> planned_;
  std::string package_;
  std::optional<Executor> executor_;
  worker::TaskControl control_;
};

TEST_F(ExecutorTest, MakesWhatARenderMakes) {
  render_all();
  for (std::uint32_t g = 0; g < planned_->groups.size(); ++g) {
    const wire::Result result = run(task("print", g));
    ASSERT_EQ(result.outcome(), wire::DONE) << result.error();
    EXPECT_EQ(result.digest().size(), 16u);
  }
  const wire::Result report = run(task("package", 0));
  ASSERT_EQ(report.outcome(), wire::DONE) << report.error();
  EXPECT_EQ(reel_.render("alone", "alone-store").status, 0);
  EXPECT_EQ(testing::digests(Json::parse(testing::file_text(folder_ / "out/film/report.json"))), testing::digests(reel_.report("alone")));
}

TEST_F(ExecutorTest, RendersAChunkOnceUnlessItIsToBeMadeAfresh) {
  const wire::Result first = run(task("chunk", 0)), second = run(task("chunk", 0)), afresh = run(task("chunk", 0, true));
  EXPECT_GT(first.bytes_written(), 0u);
  EXPECT_GT(first.device_seconds(), 0);
  EXPECT_EQ(second.bytes_written(), 0u) << "the store had it";
  EXPECT_GT(afresh.bytes_written(), 0u);
  for (const wire::Result& result : {first, second, afresh}) {
    EXPECT_EQ(result.outcome(), wire::DONE);
    EXPECT_EQ(result.digest(), first.digest());
  }
  EXPECT_NE(run(task("chunk", 1)).digest(), first.digest());
}

TEST_F(ExecutorTest, ReportsTheTasksWhoseBlobsAPrintDoesNotFind) {
  render_all();
  const std::vector<std::uint32_t>& heard = planned_->heard.at(0);
  ASSERT_GE(heard.size(), 2u);
  store_->discard(planned_->plan.chunks[heard.front()].key);
  store_->discard(planned_->plan.chunks[heard.back()].key);
  const wire::Result result = run(task("print", 0));
  EXPECT_EQ(result.outcome(), wire::LOST_INPUTS);
  EXPECT_THAT(result.lost(), ElementsAre(heard.front(), heard.back()));
  EXPECT_TRUE(testing::files_below(folder_ / "out").empty());
}

TEST_F(ExecutorTest, GroupsOfPrintsThatWaitTogetherArePrintedTogether) {
  render_all();
  ASSERT_GE(planned_->groups.size(), 2u);
  std::vector<worker::AssignedTask> all;
  for (std::uint32_t g = 0; g < planned_->groups.size(); ++g) all.push_back(task("print", g));
  std::vector<worker::AssignedTask> new_ones = all;
  new_ones.back().since += std::chrono::hours(1);
  EXPECT_THAT(executor_->company(new_ones, 1), IsEmpty()) << "one only just came: more may be on their way";
  EXPECT_EQ(company(new_ones, 1).size(), std::min<std::size_t>(8, all.size())) << "but that is not waited for long";
  std::vector<worker::AssignedTask> waiting = all;
  waiting.insert(waiting.begin() + 1, task("chunk", 0));
  EXPECT_THAT(company(waiting, 0), ElementsAre(1u)) << "they wait while chunks do";
  waiting.front().since -= std::chrono::seconds(6);
  EXPECT_THAT(company(waiting, 0), ElementsAre(0u, 2u)) << "but not for ever: outputs are to appear";
  EXPECT_EQ(company(all, 1).size(), std::min<std::size_t>(8, all.size())) << "another thread takes ranges of them";
  std::vector<std::string> together;
  for (const wire::Result& result : run(all)) {
    ASSERT_EQ(result.outcome(), wire::DONE) << result.error();
    together.push_back(result.digest());
  }
  for (std::size_t g = 0; g < all.size(); ++g) EXPECT_EQ(run(all[g]).digest(), together[g]) << "as when it is printed alone";
}

TEST_F(ExecutorTest, OfGroupsThatArePrintedTogetherTheOneThatFailsIsTheOneThatIsNamed) {
  render_all();
  const plan::Print& blocked = planned_->plan.prints[planned_->groups.at(1).front()];
  fs::create_directories(folder_ / ("out/film/" + blocked.files.front().path));  // a folder stands where the output is to be
  const std::vector<wire::Result> results = run({task("print", 0), task("print", 1)});
  EXPECT_EQ(results[0].outcome(), wire::DONE) << results[0].error();
  EXPECT_EQ(results[1].outcome(), wire::FAILED);
  EXPECT_THAT(results[1].error(), HasSubstr("a folder of this name stands in the way"));
  EXPECT_FALSE(control_.stop);
}

TEST_F(ExecutorTest, OfGroupsThatArePrintedTogetherTheOneThatLacksABlobIsTheOneThatIsNamed) {
  render_all();
  const std::vector<std::uint32_t>&first = planned_->heard.at(0), &second = planned_->heard.at(1);
  const auto own = std::ranges::find_if(second, [&](std::uint32_t chunk) { return std::ranges::find(first, chunk) == first.end(); });
  ASSERT_NE(own, second.end());
  store_->discard(planned_->plan.chunks[*own].key);
  const std::vector<wire::Result> results = run({task("print", 0), task("print", 1)});
  EXPECT_EQ(results[0].outcome(), wire::DONE) << results[0].error();
  EXPECT_EQ(results[1].outcome(), wire::LOST_INPUTS);
  EXPECT_THAT(results[1].lost(), ElementsAre(*own));
}

TEST_F(ExecutorTest, TasksThatCannotBeAreNamed) {
  const auto problem = [&](const worker::AssignedTask& one) {
    const wire::Result result = run(one);
    EXPECT_EQ(result.outcome(), wire::FAILED);
    return result.error();
  };
  EXPECT_EQ(problem(task("chunk", 999)), "the plan has no chunk 999");
  EXPECT_EQ(problem(task("print", 999)), "the plan has no group of prints 999");
  EXPECT_EQ(problem(task("dance", 0)), "\"dance\" is no kind of task that this build knows");
  worker::AssignedTask other = task("chunk", 0);
  other.package = std::string(64, '0');
  EXPECT_THAT(problem(other), HasSubstr(other.package));
}

TEST_F(ExecutorTest, ASourceThatChangedSinceItWasPlannedFailsItsTasks) {
  reel_.folder.sound("steps.wav", testing::white_noise(1, 4 * 48000 + 7, 8));
  const wire::Result result = run(task("chunk", 0));
  EXPECT_EQ(result.outcome(), wire::FAILED);
  EXPECT_THAT(result.error(), HasSubstr("steps.wav"));
}

TEST_F(ExecutorTest, WhatIsStoppedIsGivenBack) {
  control_.stop = true;
  const wire::Result result = run(task("chunk", 0));
  EXPECT_EQ(result.outcome(), wire::RELEASED);
  EXPECT_EQ(result.error(), "");
  EXPECT_FALSE(store_->has(planned_->plan.chunks[0].key));
}

TEST_F(ExecutorTest, ChunksOfOneJobKeepCompanyAndLeaveOthersTheirShare) {
  std::vector<worker::AssignedTask> waiting;
  for (std::uint32_t c = 0; c < chunks(); ++c) waiting.push_back(task("chunk", c));
  EXPECT_THAT(executor_->company(waiting, 0), ElementsAre(0u)) << "nothing is known of the job yet";
  ASSERT_EQ(run(waiting[0]).outcome(), wire::DONE);
  const std::vector<std::size_t> alone = executor_->company(waiting, 0);
  EXPECT_EQ(alone.front(), 0u);
  EXPECT_TRUE(std::is_sorted(alone.begin(), alone.end()));
  EXPECT_LE(executor_->company(waiting, 3).size(), std::max<std::size_t>(1, waiting.size() / 4 + 1));
  std::vector<worker::AssignedTask> mixed = {waiting[0], task("print", 0), waiting[0]};
  mixed[2].package = std::string(64, '0');
  EXPECT_THAT(executor_->company(mixed, 0), ElementsAre(0u)) << "prints and other jobs are no company";
  EXPECT_THAT(executor_->company(std::vector{task("print", 0), waiting[0]}, 0), ElementsAre(1u)) << "a print waits for others that read what it reads";
  EXPECT_THAT(company(std::vector{task("print", 0), mixed[2]}, 0), ElementsAre(0u)) << "but not for another job";
  std::vector<worker::AssignedTask> batch;
  for (const std::size_t i : alone) batch.push_back(waiting[i]);
  for (const wire::Result& result : run(batch)) EXPECT_EQ(result.outcome(), wire::DONE);
}

class DeviceExecutor : public ExecutorTest {
 protected:
  void open(std::uint64_t memory) {
    static const kernels::DeviceModule module = kernels::DeviceModule::load(testing::emulated_module()).value();
    Backend backend;
    backend.module = &module;
    backend.memory_limit = memory;
    device_ = FarmDevice::open(backend, 1, &times_, [](const std::string&) {}, std::chrono::hours(1)).value();
    executor_.emplace(*store_, roots_, 1, device_.get(), &times_);
  }
  worker::StageTimes times_;
  std::unique_ptr<FarmDevice> device_;
};

TEST_F(DeviceExecutor, DoesNotHoldWhatTheCpuTookOverAgainstAnothersWork) {
  open(100'000);  // enough for nothing
  std::size_t with_reverbs = 0;
  for (std::uint32_t c = 0; c < chunks(); ++c) {
    const wire::Result result = run(task("chunk", c));
    ASSERT_EQ(result.outcome(), wire::DONE) << result.error();
    const bool has_reverb = !planned_->plan.chunks[c].program.reverbs.empty();
    EXPECT_EQ(result.digest().empty(), has_reverb) << "with a reverb a device renders other bits";
    with_reverbs += has_reverb;
  }
  EXPECT_GT(with_reverbs, 0u);
  EXPECT_LT(with_reverbs, chunks());
}

TEST_F(DeviceExecutor, PutsOffWhatWouldWaitForTheDevice) {
  open(std::uint64_t{1} << 30);
  const auto chunk_without_reverb = [&] {
    std::uint32_t c = 0;
    while (!planned_->plan.chunks[c].program.reverbs.empty() || planned_->plan.chunks[c].program.layout() != Layout::mono) ++c;
    return task("chunk", c);
  }();
  worker::AssignedTask other = chunk_without_reverb;
  other.package = std::string(64, '0');
  EXPECT_THAT(executor_->company(std::vector{other, chunk_without_reverb}, 0), ElementsAre(0u)) << "nobody's turn yet";
  const wire::Result result = run(chunk_without_reverb);
  ASSERT_EQ(result.outcome(), wire::DONE) << result.error();
  EXPECT_FALSE(result.digest().empty());
  EXPECT_GT(times_.bytes(worker::Stage::upload), 0);
  EXPECT_THAT(executor_->company(std::vector{other, other, chunk_without_reverb}, 0), ElementsAre(2u)) << "its turn lasts";
  EXPECT_THAT(executor_->company(std::vector{other, task("print", 0), chunk_without_reverb}, 0), ElementsAre(1u)) << "a print needs no device";
  EXPECT_THAT(executor_->company(std::vector{other, other}, 0), ElementsAre(0u)) << "what else is there to do";
  EXPECT_THAT(executor_->company(std::vector{chunk_without_reverb, chunk_without_reverb}, 0), ElementsAre(0u)) << "chunks are rendered one by one";
}

TEST_F(DeviceExecutor, GivesBackWhatADeviceThatFailedDidNotDo) {
  const testing::Variable lost("DUBFARM_EMULATED_LOST_AFTER", "1");
  open(std::uint64_t{1} << 30);
  for (int n = 0; n < 2; ++n) {
    const wire::Result result = run(task("chunk", 0));
    EXPECT_EQ(result.outcome(), wire::RELEASED);
    EXPECT_EQ(result.error(), device_->failure());
  }
  EXPECT_THAT(device_->failure(), ::testing::StartsWith("device 0: the device failed: "));
}

}  // namespace
}  // namespace dubfarm::cli
