// Workers with a device: the emulated one, in processes of their own. docs/decisions/0016, 0017.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <filesystem>
#include <set>

#include "cli/farm/self_test.hpp"
#include "tests/farm/farm_folder.hpp"
#include "tests/farm/null_farm.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kEmulatedProfile = "cuda-emulated 2 fft-on-cpu sm_90";

class CudaFarm : public ::testing::Test {
 protected:
  CudaFarm() {
    reel_.document["length"] = "00:00:06:00";  // the device is a slow one
    reel_.document["tracks"][2]["clips"][0]["at"] = "1s";
    reel_.write();
  }
  Json alone(const std::string& backend) {
    const CommandResult rendered = reel_.render("alone-" + backend, "alone-store-" + backend, {"--backend", backend});
    EXPECT_EQ(rendered.status, 0) << rendered.err;
    return digests(reel_.report("alone-" + backend));
  }
  std::optional<http::WorkerView> view_of(const std::string& name) {
    for (const http::WorkerView& worker : farm_.service().workers())
      if (worker.name == name && worker.state != http::WorkerState::lost) return worker;
    return std::nullopt;
  }
  std::set<std::string> makers_of(http::JobId job) {
    std::set<std::string> makers;
    for (const http::TaskView& task : farm_.service().tasks(job, 0, 1000))
      if (!task.worker.empty()) makers.insert(task.worker);
    return makers;
  }
  const Variable module_{"DUBFARM_CUDA_MODULE", emulated_module()};
  Reel reel_;
  FarmFolder farm_{reel_};
};

TEST_F(CudaFarm, AWorkerOnADeviceMakesWhatARenderOnItMakes) {
  const Json expected = alone("cuda");
  farm_.start_scheduler();
  const auto gpu = farm_.worker("gpu", {"--backend", "cuda", "--profile"});
  ASSERT_TRUE(eventually([&] { return view_of("gpu").has_value(); })) << gpu->result().err;
  EXPECT_EQ(view_of("gpu")->device, "cuda-emulated (Emulated GPU 0), 1 threads");
  EXPECT_EQ(view_of("gpu")->profile, kEmulatedProfile);
  const http::JobId job = farm_.submit("film");  // names no profile: the device's
  const http::JobView view = farm_.wait(job);
  ASSERT_EQ(view.state, http::JobState::done) << farm_.log();
  EXPECT_EQ(view.profile, kEmulatedProfile);
  EXPECT_EQ(farm_.digests_of("film"), expected);
  gpu->signal(SIGTERM);
  const CommandResult left = gpu->result();
  EXPECT_EQ(left.status, 0) << left.err;
  for (const char* stage : {"\nread ", "\nupload ", "\nconvolve ", "\ndownload ", "\nhash, write ", "\nprint ", "\nbottleneck: "}) EXPECT_THAT(left.err, HasSubstr(stage));
  EXPECT_THAT(left.err, Not(HasSubstr("warning")));
}

TEST_F(CudaFarm, EachJobGoesToTheWorkersOfItsProfile) {
  farm_.start_scheduler();
  const auto gpu = farm_.worker("gpu", {"--backend", "cuda"}), cpu = farm_.worker("cpu", {"--backend", "cpu"});
  ASSERT_TRUE(eventually([&] { return view_of("gpu") && view_of("cpu"); })) << farm_.log();
  const http::JobId by_cpu = farm_.submit("by-cpu", "en", worker::kNumericProfile), by_gpu = farm_.submit("by-gpu", "en", kEmulatedProfile);
  ASSERT_EQ(farm_.wait(by_cpu).state, http::JobState::done) << farm_.log();
  ASSERT_EQ(farm_.wait(by_gpu).state, http::JobState::done) << farm_.log();
  for (const auto& [backend, out] : {std::pair("cpu", "by-cpu"), std::pair("cuda", "by-gpu")}) {
    const Json expected = alone(backend), made = farm_.digests_of(out);
    ASSERT_EQ(made.size(), 1u);
    EXPECT_EQ(made["en/Reel.wav"], expected["en/Reel.wav"]) << backend;
  }
  // A job that is over shows no tasks: what each did is counted. Chunks, a group of prints and a report, each for itself.
  EXPECT_EQ(view_of("cpu")->tasks_done, view_of("gpu")->tasks_done) << farm_.log();
  EXPECT_GE(view_of("cpu")->tasks_done, 5u) << farm_.log();
}

TEST_F(CudaFarm, ADeviceThatIsLostGivesItsTasksBackAndAnotherWorkerDoesThem) {
  const Json expected = alone("cuda");
  farm_.start_scheduler();
  const std::string device_log = farm_.folder / "device.log";
  const auto waits = [&] {  // of the device, in all that the worker did
    int count = 0;
    EXPECT_EQ(std::sscanf(file_text(device_log).c_str(), "device 0 waited %d ", &count), 1);
    std::filesystem::remove(device_log);
    return count;
  };
  int before_chunks = 0, in_all = 0;
  {
    const Variable log("DUBFARM_EMULATED_LOG", device_log);
    ASSERT_EQ(farm_.worker("idle", {"--backend", "cuda", "--idle-exit", "10ms"})->result().status, 0);
    before_chunks = waits();  // of the self-test
    const auto whole = farm_.worker("whole", {"--backend", "cuda"});
    ASSERT_TRUE(eventually([&] { return view_of("whole").has_value(); })) << whole->result().err;
    ASSERT_EQ(farm_.wait(farm_.submit("whole")).state, http::JobState::done) << farm_.log();
    whole->signal(SIGTERM);
    ASSERT_EQ(whole->result().status, 0);
    in_all = waits();
  }
  const std::string why = "device 0: the device failed: unspecified launch failure (cudaErrorLaunchFailure); nothing more can be rendered on it: start again, or render with --backend cpu";
  for (const int lost_after : {before_chunks + 3, in_all - 6}) {  // in the first chunk, in the last print
    FarmFolder farm(reel_);
    farm.start_scheduler();
    std::unique_ptr<Command> bad;
    {
      const Variable lost("DUBFARM_EMULATED_LOST_AFTER", std::to_string(lost_after));
      bad = farm.worker("bad", {"--backend", "cuda"});
    }
    ASSERT_TRUE(eventually([&] { return !farm.service().workers().empty(); })) << bad->result().err;
    const http::JobId job = farm.submit("film");
    const CommandResult left = bad->result();
    EXPECT_EQ(left.status, 3) << "after " << lost_after << " waits of " << in_all;
    EXPECT_THAT(left.err, HasSubstr(" draining: " + why + "\n"));
    EXPECT_THAT(left.err, ::testing::EndsWith("error: " + why + "\n"));
    EXPECT_TRUE(files_below(farm.folder / "worker-bad").empty()) << "a result was left behind";
    EXPECT_EQ(farm.service().job(job)->state, http::JobState::running) << farm.log();
    const auto good = farm.worker("good", {"--backend", "cuda"});
    ASSERT_EQ(farm.wait(job).state, http::JobState::done) << farm.log();
    EXPECT_EQ(farm.digests_of("film"), expected);
    EXPECT_THAT(farm.log(), HasSubstr("worker.hindered device 0: the device failed"));
    EXPECT_THAT(farm.log(), Not(HasSubstr("task.failed")));
    EXPECT_THAT(farm.log(), Not(HasSubstr("task.killed")));
  }
}

TEST_F(CudaFarm, WhatTheDeviceHasNoMemoryForIsSaidAndDoneByTheCpu) {
  farm_.start_scheduler();
  const auto gpu = farm_.worker("gpu", {"--backend", "cuda", "--device-memory", "8M"});
  ASSERT_TRUE(eventually([&] { return view_of("gpu").has_value(); })) << gpu->result().err;
  ASSERT_EQ(farm_.wait(farm_.submit("film", "en")).state, http::JobState::done) << farm_.log();
  gpu->signal(SIGTERM);
  const CommandResult left = gpu->result();
  EXPECT_EQ(left.status, 0) << left.err;
  EXPECT_THAT(left.err, HasSubstr("Z warning: the CPU rendered 1 of the chunks of job 1 (1 with reverbs, which differ from the device's below -120 dBFS)"));
  EXPECT_THAT(left.err, HasSubstr(", for which the device had no memory: the reverbs of a chunk take "));
}

TEST_F(CudaFarm, CudaWithoutAModuleIsRefusedAndAutoSaysWhyTheCpuRenders) {
  const Variable none("DUBFARM_CUDA_MODULE", farm_.folder / "none.so");
  farm_.start_scheduler();
  const CommandResult refused = farm_.worker("a", {"--backend", "cuda"})->result();
  EXPECT_EQ(refused.status, 2);
  EXPECT_EQ(refused.err, "error: --backend cuda: " + farm_.folder / "none.so" + ": no such file\n"
                         "help: render with --backend cpu or auto; `dubfarm doctor` says what this machine offers\n");
  const CommandResult gone = farm_.worker("a", {"--backend", "auto", "--idle-exit", "100ms"})->result();
  EXPECT_EQ(gone.status, 0) << gone.err;
  EXPECT_THAT(gone.err, HasSubstr("Z note: the CPU renders: " + farm_.folder / "none.so" + ": no such file\n"));
}

TEST_F(CudaFarm, ADeviceThatRendersOtherSamplesTakesNoWork) {
  farm_.start_scheduler();
  const auto refused = [&](const char* copy) {
    const Variable wrong("DUBFARM_EMULATED_WRONG_COPY", copy);
    const CommandResult unfit = farm_.worker("a", {"--backend", "cuda"})->result();
    EXPECT_EQ(unfit.status, 3);
    return unfit.err;
  };
  const std::string end = "; the device, its driver or this build is faulty, and the worker takes no work; start it with --backend cpu until that is found\n";
  // What comes down: a table and six channels without the reverb; of a print its samples, its figures, the end of six channels, the limiter's gains; then as
  // much as at first with the reverb.
  const std::string dry = refused("2"), printed = refused("8"), measured = refused("9"), wet = refused("19");
  EXPECT_THAT(dry, ::testing::ContainsRegex("error: self-test: without a reverb the device renders [-0-9.e]+ in channel 0, frame 21118, where the CPU renders [-0-9.e]+" + end));
  EXPECT_THAT(wet, ::testing::ContainsRegex("error: self-test: with a reverb the device differs from the CPU by -[0-9]{1,2}\\.[0-9] dBFS, it must stay below -120" + end));
  EXPECT_THAT(printed, HasSubstr("error: self-test: the device prints other samples than the CPU" + end));
  EXPECT_THAT(measured, HasSubstr("error: self-test: the device measures another loudness, or other peaks, than the CPU" + end));
  EXPECT_TRUE(farm_.service().workers().empty());
}

TEST_F(CudaFarm, ADeviceWithoutRoomForTheSelfTestTakesNoWork) {
  farm_.start_scheduler();
  const CommandResult unfit = farm_.worker("a", {"--backend", "cuda", "--device-memory", "1M"})->result();
  EXPECT_EQ(unfit.status, 3);
  EXPECT_THAT(unfit.err, ::testing::ContainsRegex("error: self-test: .*; give the worker more with --device-memory, or start it with --backend cpu\n"));
}

}  // namespace
}  // namespace dubfarm::testing
