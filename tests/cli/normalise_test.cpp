// Normalisation and stem nulls, through the command.
#include <ebur128.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/command.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using ::testing::HasSubstr;

/// Another meter's programme loudness of a file.
double libebur128_lufs(const std::string& path) {
  const Sound sound = read_sound(path);
  const auto channels = sound.channels.size();
  ebur128_state* state = ebur128_init(static_cast<unsigned>(channels), static_cast<unsigned long>(sound.sample_rate), EBUR128_MODE_I);
  std::vector<double> interleaved;
  for (std::size_t n = 0; n < sound.channels[0].size(); ++n)
    for (const auto& channel : sound.channels) interleaved.push_back(channel[n]);
  ebur128_add_frames_double(state, interleaved.data(), sound.channels[0].size());
  double lufs = 0;
  ebur128_loudness_global(state, &lufs);
  ebur128_destroy(&state);
  return lufs;
}

/// 25 s: someone speaks half of the time, music plays softly, and there are four clicks of 10 ms, 20 dB above it all.
class Normalised : public ::testing::Test {
 protected:
  Normalised() {
    Signal voice = white_noise(2, 25 * kRate, 1, 0.05);
    for (auto& channel : voice)
      for (std::size_t n = 0; n < channel.size(); ++n)
        if (n / (3 * kRate) % 2 == 1) channel[n] = 0;
    folder_.sound("voice.wav", voice);
    folder_.sound("score.wav", white_noise(2, 25 * kRate, 2, 0.02));
    folder_.sound("hit.wav", white_noise(2, kRate / 100, 3, 0.7));
    Json hits = Json::array();
    for (const int at : {2, 9, 16, 23}) hits.push_back({{"file", "hit.wav"}, {"at", at * kRate}});
    mix_ = {{"dubfarm", 1},
            {"title", "Quiet"},
            {"sample_rate", kRate},
            {"frame_rate", "25"},
            {"length", "25s"},
            {"buses",
             {{{"name", "DX"}, {"layout", "stereo"}, {"role", "dialogue"}},
              {{"name", "MX"}, {"layout", "stereo"}, {"role", "music"}},
              {{"name", "FX"}, {"layout", "stereo"}, {"role", "effects"}}}},
            {"tracks",
             {{{"name", "Voice"}, {"bus", "DX"}, {"layout", "stereo"}, {"clips", {{{"file", "voice.wav"}, {"at", 0}}}}},
              {{"name", "Score"}, {"bus", "MX"}, {"layout", "stereo"}, {"clips", {{{"file", "score.wav"}, {"at", 0}}}}},
              {{"name", "Hits"}, {"bus", "FX"}, {"layout", "stereo"}, {"clips", hits}}}},
            {"deliverables", Json::array()}};
  }
  void also(Json deliverable) { mix_["deliverables"].push_back(std::move(deliverable)); }
  CommandResult run(const std::string& out = "out", const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"render", folder_.mix(mix_), "--out", folder_ / out, "--store", folder_ / "store"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    CommandResult result = dubfarm(arguments);
    if (result.status <= 1) report_ = Json::parse(file_text(folder_ / out + "/report.json"));
    return result;
  }
  [[nodiscard]] const Json& output(const std::string& deliverable) const {
    for (const Json& o : report_["outputs"])
      if (o["deliverable"] == deliverable) return o;
    throw std::logic_error("no output of " + deliverable);
  }
  [[nodiscard]] const Json& check(const std::string& deliverable, const std::string& id) const {
    for (const Json& c : output(deliverable)["checks"])
      if (c["id"] == id) return c;
    throw std::logic_error("no check " + id);
  }
  [[nodiscard]] double lufs(const std::string& deliverable) const { return output(deliverable)["loudness"]["integrated_lufs"]; }
  [[nodiscard]] double true_peak(const std::string& deliverable) const { return output(deliverable)["loudness"]["true_peak_dbtp"]; }
  [[nodiscard]] Signal read(const std::string& name) const { return read_sound(folder_ / "out/" + name).channels; }

  static constexpr std::size_t kRate = 48000;
  MixFolder folder_;
  Json mix_, report_;
};

TEST_F(Normalised, ReachesTheTargetOfEachSpecInOneJob) {
  also({{"name", "open"}, {"layout", "stereo"}, {"file", "open.wav"}, {"bits", "float"}});
  also({{"name", "r128"}, {"layout", "stereo"}, {"file", "r128.wav"}, {"loudness", "ebu-r128"}, {"normalize", "program"}, {"limiter", {{"ceiling_dbtp", -1.5}, {"max_reduction_db", 20}}}});
  also({{"name", "a85"}, {"layout", "stereo"}, {"file", "a85.wav"}, {"loudness", "op-59"}, {"normalize", "program"}, {"limiter", {{"ceiling_dbtp", -2.3}, {"max_reduction_db", 20}}}});
  also({{"name", "netflix"}, {"layout", "stereo"}, {"split", "mono"}, {"file", "netflix.{channel}.wav"}, {"loudness", "netflix-2.0"}, {"normalize", "dialogue"},
        {"limiter", {{"ceiling_dbtp", -2.3}, {"max_reduction_db", 20}}}});
  const CommandResult result = run();
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_GT(check("r128", "limiter")["measured"], 1.0) << "the limiter is in the loop";
  EXPECT_NEAR(lufs("r128"), -23, 0.05);
  EXPECT_LE(true_peak("r128"), -1.5);
  EXPECT_NEAR(libebur128_lufs(folder_ / "out/r128.wav"), -23, 0.06);
  EXPECT_NEAR(lufs("a85"), -24, 0.05);
  EXPECT_NEAR(libebur128_lufs(folder_ / "out/a85.wav"), -24, 0.06);
  EXPECT_LE(true_peak("a85"), -2.3);
  EXPECT_NEAR(output("netflix")["loudness"]["dialogue"]["loudness_lufs"].get<double>(), -27, 0.05);
  for (const char* name : {"r128", "a85", "netflix"}) EXPECT_EQ(check(name, "normalization")["result"], "pass") << name;
}

TEST_F(Normalised, WithoutPeaksInTheWayIsAMultiplication) {
  mix_["tracks"].erase(2);
  also({{"name", "open"}, {"layout", "stereo"}, {"file", "open.wav"}, {"bits", "float"}});
  also({{"name", "r128"}, {"layout", "stereo"}, {"file", "r128.wav"}, {"bits", "float"}, {"loudness", "ebu-r128"}, {"normalize", "program"}, {"limiter", {{"ceiling_dbtp", -1.5}}}});
  EXPECT_EQ(run().status, 0);
  const double gain = std::pow(10.0, (-23 - lufs("open")) / 20);
  Signal scaled = read("open.wav");
  for (auto& channel : scaled)
    for (double& v : channel) v *= gain;
  EXPECT_LT(difference_db(scaled, read("r128.wav")), -80) << "the report's loudness has three decimals";
  EXPECT_NEAR(lufs("r128"), -23, 0.001);
  EXPECT_EQ(check("r128", "limiter")["sentence"], "The r128 stays below its limiter's ceiling: nothing was taken off.");
}

TEST_F(Normalised, FailsWithItsReasonWhereTheSpecCannotBeMet) {
  also({{"name", "r128"}, {"layout", "stereo"}, {"file", "r128.wav"}, {"loudness", "ebu-r128"}, {"normalize", "program"}, {"limiter", {{"ceiling_dbtp", -1}, {"max_reduction_db", 1}}}});
  also({{"name", "bare"}, {"layout", "stereo"}, {"file", "bare.wav"}, {"loudness", "ebu-r128"}, {"normalize", "program"}});
  const CommandResult result = run();
  EXPECT_EQ(result.status, 1) << result.out << result.err;
  const std::string limited = check("r128", "normalization")["sentence"], bare = check("bare", "normalization")["sentence"];
  EXPECT_THAT(limited, ::testing::MatchesRegex("The r128 needs \\+[0-9.]+ dB to reach a programme loudness of -23 LUFS; its true peak would need [0-9.]+ dB of "
                                               "limiting, and 1.0 dB is allowed; it was given [-+][0-9.]+ dB."));
  EXPECT_THAT(bare, HasSubstr("EBU R 128 allows -1 dBTP, and it has no limiter; it was given -"));
  EXPECT_THAT(result.out, HasSubstr(limited));
  EXPECT_LE(true_peak("r128"), -1.0);
  EXPECT_NEAR(check("r128", "limiter")["measured"].get<double>(), 1, 0.01);
  EXPECT_NEAR(true_peak("bare"), -1.0, 0.01) << "as far as its peaks allow";
  EXPECT_FALSE(output("r128")["pass"].get<bool>());
}

TEST_F(Normalised, SilenceIsSaid) {
  mix_["tracks"] = Json::array();
  also({{"name", "r128"}, {"layout", "stereo"}, {"file", "r128.wav"}, {"loudness", "ebu-r128"}, {"normalize", "program"}, {"limiter", {{"ceiling_dbtp", -1}}}});
  EXPECT_EQ(run().status, 1);
  EXPECT_EQ(check("r128", "normalization")["sentence"],
            "The r128 is silent, or too short for a loudness: no gain brings it to a programme loudness of -23 LUFS; it was left as it is.");
}

TEST_F(Normalised, StemsFollowAndAddUp) {
  for (const int bits : {16, 24}) {
    const std::string name = "pm" + std::to_string(bits);
    also({{"name", name}, {"layout", "stereo"}, {"file", name + ".wav"}, {"bits", bits}, {"loudness", "ebu-r128"}, {"normalize", "program"},
          {"limiter", {{"ceiling_dbtp", -1.5}, {"max_reduction_db", 20}}}});
    also({{"name", "stems" + std::to_string(bits)}, {"per_bus", true}, {"file", "{bus}" + std::to_string(bits) + ".wav"}, {"bits", bits}, {"follow", name}});
  }
  EXPECT_EQ(run().status, 0);
  for (const int bits : {16, 24}) {
    const std::string tail = std::to_string(bits) + ".wav";
    Signal sum = read("DX" + tail);
    for (const char* stem : {"MX", "FX"}) {
      const Signal more = read(stem + tail);
      for (std::size_t c = 0; c < 2; ++c)
        for (std::size_t n = 0; n < sum[c].size(); ++n) sum[c][n] += more[c][n];
    }
    const double null_db = difference_db(sum, read("pm" + tail)), step_db = 20 * std::log10(std::ldexp(1.0, 1 - bits));
    EXPECT_LE(null_db, step_db + 20 * std::log10(3.0) + 1e-6) << "a step for each stem, dither and all";
    EXPECT_GE(null_db, step_db - 1e-6) << "four files are rounded";
    const Json& measured = check("pm" + std::to_string(bits), "stem_null");
    EXPECT_NEAR(measured["measured"].get<double>(), null_db, 0.01);
    EXPECT_EQ(measured["result"], "pass");
  }
  const std::string stem = file_text(folder_ / "out/MX24.wav");
  EXPECT_EQ(run("alone", {"--deliverable", "stems24", "--reprint"}).status, 0);
  EXPECT_EQ(file_text(folder_ / "alone/MX24.wav"), stem) << "a stem does not depend on what else is rendered";
}

TEST_F(Normalised, AStemThatIsNotItsPrintmastersFailsTheNull) {
  // The printmaster clips where its stems do not: then they cannot add up to it.
  mix_["buses"][2]["gain_db"] = 5;
  mix_["buses"][1]["gain_db"] = 22;
  also({{"name", "pm"}, {"layout", "stereo"}, {"file", "pm.wav"}});
  also({{"name", "stems"}, {"per_bus", true}, {"file", "{bus}.wav"}, {"follow", "pm"}});
  const CommandResult result = run();
  EXPECT_EQ(result.status, 1) << result.out;
  EXPECT_EQ(check("pm", "stem_null")["result"], "fail");
  EXPECT_THAT(check("pm", "stem_null")["sentence"].get<std::string>(), ::testing::MatchesRegex("The stems do not add up to the pm: they differ by [-0-9.]+ dBFS.*"));
}

TEST_F(Normalised, AnMEIsReportedFreeOfDialogue) {
  also({{"name", "me"}, {"layout", "stereo"}, {"include", {"MX", "FX"}}, {"file", "me.wav"}, {"kind", "me"}});
  EXPECT_EQ(run().status, 0);
  EXPECT_EQ(check("me", "free_of_dialogue")["sentence"], "No track that speaks is heard in the me: not through a bus, and not through a reverb.");
}

TEST_F(Normalised, MistakesAreErrorsOfTheDocument) {
  const auto error = [&](Json deliverable) {
    deliverable["name"] = "pm", deliverable["layout"] = "stereo", deliverable["file"] = "pm.wav";
    mix_["deliverables"] = Json::array({deliverable});
    const CommandResult result = dubfarm({"validate", folder_.mix(mix_)});
    EXPECT_EQ(result.status, 2);
    return result.out + result.err;
  };
  EXPECT_THAT(error({{"normalize", "program"}}), HasSubstr("\"normalize\" without \"loudness\""));
  EXPECT_THAT(error({{"normalize", "dialogue"}, {"loudness", "ebu-r128"}}), HasSubstr("EBU R 128 names no target for dialogue loudness"));
  EXPECT_THAT(error({{"limiter", {{"ceiling_dbtp", -0.5}}}, {"loudness", "ebu-r128"}}),
              HasSubstr("the limiter's ceiling of -0.5 dBTP is above the -1 dBTP that EBU R 128 allows"));
}

}  // namespace
}  // namespace dubfarm::cli
