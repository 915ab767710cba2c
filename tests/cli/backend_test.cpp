// Which backend renders, what is said where the one that was asked for is not there, and that the one that is named is the one that ran.
// None of it needs a GPU, and none of it fails beside one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/command.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using ::testing::HasSubstr;

class Backends : public ::testing::Test {
 protected:
  Backends() {
    folder_.sound("voice.wav", white_noise(1, 48000, 1));
    mix_ = folder_.mix(Json::parse(R"({"dubfarm": 1, "sample_rate": 48000, "frame_rate": "24", "length": "1s",
      "buses": [{"name": "DX", "layout": "stereo"}], "tracks": [{"name": "Voice", "bus": "DX", "clips": [{"file": "voice.wav", "at": 0}]}],
      "deliverables": [{"name": "stereo", "layout": "stereo", "file": "out.wav"}]})"));
  }
  CommandResult render(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"render", mix_, "--out", folder_ / "out", "--store", folder_ / "store"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return dubfarm(arguments);
  }
  Json report() { return Json::parse(file_text(folder_ / "out/report.json")); }
  Json doctor() { return Json::parse(dubfarm({"doctor", "--json", "--store", folder_ / "store"}).out); }
  MixFolder folder_;
  std::string mix_;
};

TEST_F(Backends, CudaWithoutAModuleIsRefused) {
  const Variable module("DUBFARM_CUDA_MODULE", folder_ / "none.so");
  const CommandResult result = render({"--backend", "cuda"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "error: --backend cuda: " + folder_ / "none.so" + ": no such file\n"
                        "help: render with --backend cpu or auto; `dubfarm doctor` says what this machine offers\n");
  EXPECT_EQ(files_below(folder_ / "out"), std::vector<std::string>{});
}

TEST_F(Backends, AutoRendersOnTheCpuAndSaysWhy) {
  const Variable module("DUBFARM_CUDA_MODULE", folder_ / "none.so");
  const CommandResult result = render({"--backend", "auto"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "note: the CPU renders: " + folder_ / "none.so" + ": no such file\n");
  EXPECT_THAT(report()["backend"].get<std::string>(), HasSubstr("cpu ("));
}

TEST_F(Backends, CpuRendersWithoutAWordAboutCuda) {
  const Variable module("DUBFARM_CUDA_MODULE", folder_ / "none.so");
  for (const std::vector<std::string>& asked : {std::vector<std::string>{"--backend", "cpu"}, std::vector<std::string>{}}) {
    const CommandResult result = render(asked);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(report()["backend"].get<std::string>(), HasSubstr("cpu ("));
  }
}

TEST_F(Backends, AFileThatIsNoModuleIsNamed) {
  std::ofstream(folder_ / "text.so") << "not a library";
  const Variable module("DUBFARM_CUDA_MODULE", folder_ / "text.so");
  const Json cuda = doctor()["backends"]["cuda"];
  EXPECT_FALSE(cuda["available"].get<bool>());
  EXPECT_EQ(cuda["reason"].get<std::string>(), "the CUDA module cannot be loaded: " + folder_ / "text.so" + ": file too short");
}

TEST_F(Backends, DeviceMemoryMustBeASize) {
  const CommandResult result = render({"--device-memory", "much"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err, "error: --device-memory: \"much\" is no size; write 200G, 1.5T, 700M or a number of bytes\n");
}

TEST_F(Backends, TheModuleOfThisBuildLoadsAndSaysWhatTheMachineOffers) {
  const Json cuda = doctor()["backends"]["cuda"];
  const std::string text = dubfarm({"doctor", "--store", folder_ / "store"}).out;
  if (!cuda.contains("module")) {  // built without nvcc
    EXPECT_EQ(cuda["reason"], "this build has no CUDA module (no nvcc was there when it was built)");
    EXPECT_THAT(text, HasSubstr("cuda: not used: this build has no CUDA module (no nvcc was there when it was built)\n"));
    return;
  }
  EXPECT_EQ(cuda["module"]["kind"], "cuda");
  EXPECT_THAT(cuda["module"]["fft"].get<std::string>(), HasSubstr("cufft "));
  EXPECT_EQ(cuda["available"].get<bool>(), !cuda["devices"].empty());
  if (cuda["driver_cuda"].is_null()) {
    EXPECT_EQ(cuda["reason"], "no device: no NVIDIA driver is installed here");
    EXPECT_THAT(text, HasSubstr("cuda: not used: no device: no NVIDIA driver is installed here\n"));
    const CommandResult result = render({"--backend", "cuda"});
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.err, "error: --backend cuda: no device: no NVIDIA driver is installed here\n"
                          "help: render with --backend cpu or auto; `dubfarm doctor` says what this machine offers\n");
  }
}

TEST_F(Backends, AModuleOfAnotherBuildIsRefused) {
  const Variable module("DUBFARM_CUDA_MODULE", stale_module());
  const std::string reason = doctor()["backends"]["cuda"]["reason"].get<std::string>();
  EXPECT_THAT(reason, HasSubstr(stale_module() + ": the module was built from other sources (module 0123456789abcdef, program "));
  EXPECT_THAT(reason, HasSubstr("); install both from one build"));
}

/// With the emulated device: everything but the GPU itself.
class EmulatedDevice : public Backends {
 protected:
  const Variable module_{"DUBFARM_CUDA_MODULE", emulated_module()};
};

TEST_F(EmulatedDevice, TheBackendThatIsAskedForIsTheOneThatRenders) {
  ASSERT_EQ(render({"--backend", "cpu"}).status, 0);
  const std::string by_cpu = file_text(folder_ / "out/out.wav");
  EXPECT_THAT(report()["backend"].get<std::string>(), HasSubstr("cpu ("));
  for (const std::vector<std::string>& asked : {std::vector<std::string>{"--backend", "cuda", "--profile"}, std::vector<std::string>{}}) {
    const CommandResult result = render(asked);
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(report()["backend"], "cuda-emulated (Emulated GPU 0)");
    EXPECT_TRUE(file_text(folder_ / "out/out.wav") == by_cpu);
    if (asked.empty()) continue;
    EXPECT_THAT(result.out, HasSubstr("1 chunks: 1 rendered, 0 reused"));  // the store had the CPU's, under another profile
    for (const char* stage : {"\nread ", "\nupload ", "\ndownload ", "\nhash, write ", "\nprint ", "\nbottleneck: "}) EXPECT_THAT("\n" + result.err, HasSubstr(stage));
  }
}

TEST_F(EmulatedDevice, DoctorSaysWhatThereIs) {
  const Variable devices("DUBFARM_EMULATED_DEVICES", "2");
  const Json cuda = doctor()["backends"]["cuda"];
  EXPECT_TRUE(cuda["available"].get<bool>());
  EXPECT_TRUE(cuda["reason"].is_null());
  EXPECT_EQ(cuda["driver_cuda"], "13.0");
  ASSERT_EQ(cuda["devices"].size(), 2u);
  EXPECT_EQ(cuda["devices"][1]["name"], "Emulated GPU 1");
  EXPECT_EQ(cuda["devices"][1]["memory_gib"], 1.0);
  EXPECT_EQ(cuda["devices"][1]["numeric_profile"], "cuda-emulated 2 fft-on-cpu sm_90");
  EXPECT_THAT(dubfarm({"doctor", "--store", folder_ / "store"}).out,
              HasSubstr("device 1: Emulated GPU 1, compute capability 9.0, 1.0 GiB, 1.0 GiB free, numeric profile \"cuda-emulated 2 fft-on-cpu sm_90\"\n"));
}

TEST_F(EmulatedDevice, ADriverThatIsTooOldIsNamed) {
  const Variable driver("DUBFARM_EMULATED_DRIVER", "12040");
  const std::string why = "the NVIDIA driver is too old: it knows CUDA 12.4, this build needs CUDA 13.0; install a newer driver";
  const CommandResult refused = render({"--backend", "cuda"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_EQ(refused.err, "error: --backend cuda: " + why + "\nhelp: render with --backend cpu or auto; `dubfarm doctor` says what this machine offers\n");
  const CommandResult rendered = render({});  // there is a driver, so somebody wonders
  EXPECT_EQ(rendered.status, 0);
  EXPECT_EQ(rendered.err, "note: the CPU renders: " + why + "\n");
}

TEST_F(EmulatedDevice, ADeviceThatIsNotThereIsRefused) {
  const CommandResult result = render({"--backend", "cuda", "--device", "3"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("error: --backend cuda: device 3: there is no such device; this machine has 1, counted from 0\n"));
}

TEST_F(EmulatedDevice, MoreMemoryThanThereIsIsRefused) {
  const CommandResult result = render({"--device-memory", "2G"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err, "error: --device-memory 2G: Emulated GPU 0 has 1024 MiB\n");
}

TEST_F(EmulatedDevice, WithoutMemoryTheCpuTakesOverWithAWarning) {
  const CommandResult result = render({"--backend", "cuda", "--device-memory", "100K"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.err, HasSubstr("warning: the CPU rendered 1 of the chunks and printed 1 of the ranges of outputs, for which the device had no memory: device 0: 0 MiB are in use, "));
}

TEST_F(EmulatedDevice, ReverbsThatTheCpuTakesOverAreCounted) {
  folder_.sound("hall.wav", white_noise(2, 4800, 2));
  Json mix = Json::parse(file_text(mix_));
  mix["reverbs"] = Json::parse(R"([{"name": "Hall", "ir": "hall.wav", "bus": "DX", "layout": "stereo", "gain_db": -40}])");
  mix["tracks"][0]["sends"] = Json::parse(R"([{"to": "Hall", "gain_db": -20}])");
  folder_.mix(mix);
  ASSERT_EQ(render({"--backend", "cpu"}).status, 0);
  const std::string by_cpu = file_text(folder_ / "out/out.wav");
  const CommandResult result = render({"--backend", "cuda", "--device-memory", "100K"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "warning: the CPU rendered 1 of the chunks (1 with reverbs, which differ from the device's below -120 dBFS) and printed 1 of the ranges of outputs, for which the device had no memory: "
                        "the reverbs of a chunk take 3 MiB of device memory, the limit is 0 MiB\n");
  EXPECT_TRUE(file_text(folder_ / "out/out.wav") == by_cpu);
}

TEST_F(EmulatedDevice, ALostDeviceEndsTheRenderAndLeavesNoOutput) {
  const Variable lost("DUBFARM_EMULATED_LOST_AFTER", "1");
  const CommandResult result = render({"--backend", "cuda"});
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.err, ::testing::EndsWith("error: device 0: the device failed: unspecified launch failure (cudaErrorLaunchFailure); nothing more can be "
                                              "rendered on it: start again, or render with --backend cpu\n"));
  EXPECT_THAT(files_below(folder_ / "out"), ::testing::Not(::testing::Contains("out.wav")));
  const Variable mended("DUBFARM_EMULATED_LOST_AFTER", "0");
  EXPECT_EQ(render({"--backend", "cuda"}).status, 0);
}

}  // namespace
}  // namespace dubfarm::cli
