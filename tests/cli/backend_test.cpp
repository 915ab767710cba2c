// Which backend renders, what is said where the one that was asked for is not there, and that the one that is named is the one that ran.
// None of it needs a GPU, and none of it fails beside one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/support/command.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using ::testing::HasSubstr;

/// A variable of the environment for the commands that a test runs.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

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

}  // namespace
}  // namespace dubfarm::cli
