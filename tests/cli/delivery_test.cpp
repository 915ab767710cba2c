// Outputs judged by delivery specs: what is measured of them, what the report says, how the command ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/loudness/m_weighting.hpp"
#include "tests/kernels/loudness/signals.hpp"
#include "tests/support/command.hpp"
#include "tests/support/json_schema.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using ::testing::HasSubstr;

constexpr Frames kRate = 48000;

/// 40 s: somebody speaks (noise at one level) from 0 to 10 s and from 30 to 34 s; music, much louder, from 12 to 28 s.
class Delivery : public ::testing::Test {
 protected:
  Delivery() {
    folder_.sound("voice.wav", white_noise(1, 10 * kRate, 1, 0.05));
    folder_.sound("music.wav", white_noise(2, 16 * kRate, 2, 0.25));
    mix_ = {{"dubfarm", 1},
            {"title", "Film"},
            {"sample_rate", kRate},
            {"frame_rate", "24"},
            {"length", "40s"},
            {"buses", {{{"name", "DX"}, {"layout", "mono"}, {"role", "dialogue"}}, {{"name", "MX"}, {"layout", "stereo"}, {"role", "music"}}}},
            {"tracks",
             {{{"name", "Voice"}, {"bus", "DX"}, {"clips", {{{"file", "voice.wav"}, {"at", 0}}, {{"file", "voice.wav"}, {"at", "30s"}, {"length", "4s"}}}}},
              {{"name", "Music"}, {"bus", "MX"}, {"layout", "stereo"}, {"clips", {{{"file", "music.wav"}, {"at", "12s"}}}}}}},
            {"versions", {{{"name", "fr"}}}},
            {"deliverables", {{{"name", "stereo"}, {"layout", "stereo"}, {"file", "{version}.wav"}, {"bits", 24}, {"dither", "none"}}}}};
  }
  Json& deliverable() { return mix_["deliverables"][0]; }
  CommandResult render(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"render", folder_.mix(mix_), "--out", folder_ / "out", "--store", folder_ / "store"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return dubfarm(arguments);
  }
  Json report() const {
    const Json of = Json::parse(file_text(folder_ / "out/report.json"));
    EXPECT_EQ(misfits(Json::parse(file_text(project_file("docs/formats/report.schema.json"))), of), "");
    return of;
  }
  Json output() const { return report()["outputs"][0]; }
  static Json check(const Json& output, const std::string& id) {
    for (const Json& one : output["checks"])
      if (one["id"] == id) return one;
    ADD_FAILURE() << "no check " << id;
    return {};
  }
  /// Seconds [from, to) of a delivered stereo file, measured on its own.
  scheduler::LoudnessReading stretch(const std::string& name, double from, double to) const {
    const Sound sound = read_sound(folder_ / name);
    Audio audio;
    for (const auto& channel : sound.channels) {
      audio.channels.emplace_back();
      for (auto f = static_cast<std::size_t>(from * kRate); f < static_cast<std::size_t>(to * kRate); ++f) audio.channels.back().push_back(static_cast<float>(channel[f]));
    }
    return measure(audio);
  }
  MixFolder folder_;
  Json mix_;
};

TEST_F(Delivery, IsJudgedByItsSpec) {
  deliverable()["loudness"] = "ebu-r128";
  const CommandResult result = render();
  EXPECT_EQ(result.status, 1) << result.err;
  const Json out = output();
  EXPECT_EQ(out["pass"], false);
  EXPECT_EQ(out["spec"]["title"], "EBU R 128");
  EXPECT_EQ(out["spec"]["verified"], false);
  const Json loudness = check(out, "loudness");
  EXPECT_EQ(loudness["result"], "fail");
  EXPECT_NEAR(loudness["measured"].get<double>(), *stretch("out/fr.wav", 0, 40).integrated_lufs, 0.001);
  EXPECT_THAT(loudness["sentence"].get<std::string>(), HasSubstr("The French stereo is "));
  EXPECT_EQ(check(out, "true_peak")["result"], "pass");
  EXPECT_THAT(result.out, HasSubstr("FAIL: The French stereo is "));
  EXPECT_THAT(result.out, HasSubstr(" LU too loud for EBU R 128; "));
  EXPECT_THAT(result.out, HasSubstr("(EBU R 128 v5.0, recommendation on the target level, with the tolerance for measurement error in quality control; not verified)\n"));
}

TEST_F(Delivery, PassesWhereEveryCheckHolds) {
  folder_.text("house.json", R"({"spec": 1, "name": "house", "title": "Our house", "edition": "v2", "verified": true,
    "loudness": [{"gating": "program", "lowest": -60, "highest": 0, "section": "3.1"}], "range": {"max": 0.001, "advice": true, "section": "3.2"}})");
  deliverable()["loudness"] = "house.json";
  const CommandResult result = render();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(output()["pass"], true);
  EXPECT_EQ(output()["spec"]["verified"], true);
  EXPECT_EQ(check(output(), "range")["result"], "warning");
  EXPECT_THAT(result.out, HasSubstr("warning: The loudness range of the French stereo is "));
  EXPECT_THAT(result.out, HasSubstr("(Our house v2, 3.2)\n"));
}

TEST_F(Delivery, IsMeasuredWhereItsDialogueSpeaks) {
  deliverable()["loudness"] = "netflix-2.0";
  ASSERT_EQ(render().status, 1);
  const Json dialogue = output()["loudness"]["dialogue"];
  EXPECT_NEAR(dialogue["speech_share"].get<double>(), 14.0 / 40, 0.006);
  EXPECT_NEAR(dialogue["loudness_lufs"].get<double>(), *stretch("out/fr.wav", 0, 10).integrated_lufs, 0.1);
  EXPECT_NEAR(dialogue["stem_lufs"].get<double>(), dialogue["loudness_lufs"].get<double>(), 0.01) << "nothing else sounds there";
  EXPECT_NEAR(dialogue["ratio_lu"].get<double>(), output()["loudness"]["integrated_lufs"].get<double>() - dialogue["loudness_lufs"].get<double>(), 0.002);
  EXPECT_EQ(check(output(), "loudness")["title"], "Dialogue loudness");
  EXPECT_EQ(check(output(), "loudness")["measured"], dialogue["loudness_lufs"]);
  EXPECT_EQ(check(output(), "split")["result"], "fail") << "one interleaved file";
}

TEST_F(Delivery, TheGateIsTheStemAndTheMeasuredSignalTheWholeMix) {
  mix_["tracks"][1]["clips"].push_back({{"file", "music.wav"}, {"at", 0}, {"length", "5s"}});  // music under the first half of the first line
  deliverable()["loudness"] = "netflix-2.0";
  ASSERT_EQ(render().status, 1);
  const Json dialogue = output()["loudness"]["dialogue"];
  EXPECT_GT(dialogue["loudness_lufs"].get<double>(), dialogue["stem_lufs"].get<double>() + 5);
  EXPECT_NEAR(dialogue["speech_share"].get<double>(), 14.0 / 40, 0.006);
}

TEST_F(Delivery, WithLittleSpeechIsJudgedByProgramme) {
  mix_["tracks"][0]["clips"] = {{{"file", "voice.wav"}, {"at", 0}, {"length", "2s"}}};
  deliverable()["loudness"] = "netflix-2.0";
  ASSERT_EQ(render().status, 1);
  EXPECT_NEAR(output()["loudness"]["dialogue"]["speech_share"].get<double>(), 0.05, 0.003);
  EXPECT_EQ(check(output(), "loudness")["title"], "Programme loudness");
  EXPECT_EQ(check(output(), "loudness")["max"], -22);
}

TEST_F(Delivery, MeasuresTheStretchThatIsAsked) {
  deliverable()["loudness"] = "disney-plus-2.0";
  deliverable()["measure"] = {{"from", "12s"}, {"to", "28s"}};
  ASSERT_EQ(render().status, 1);
  EXPECT_NEAR(check(output(), "loudness")["measured"].get<double>(), *stretch("out/fr.wav", 12, 28).integrated_lufs, 0.002);
  EXPECT_EQ(check(output(), "window")["result"], "pass");
}

TEST_F(Delivery, OfATrailerIsMeasuredInLeqM) {
  deliverable()["loudness"] = "tasa-trailer";
  const CommandResult result = render();
  EXPECT_EQ(result.status, 1);
  // White noise of mean square p, through the weighting: p times the mean of its squared gain from 0 to 24 kHz.
  double gain = 0;
  for (int i = 0; i < 24000; ++i) gain += std::pow(kernels::m_weighting_gain(i + 0.5), 2) / 24000;
  const double music = 2 * 0.25 * 0.25 / 3 * 16 / 40, voice = 2 * 0.5 * 0.05 * 0.05 / 3 * 14 / 40;  // two channels; the voice at -3 dB in each
  EXPECT_NEAR(check(output(), "leqm")["measured"].get<double>(), 85 + 10 * std::log10((music + voice) * gain / 0.005), 0.05);
  EXPECT_EQ(output()["loudness"]["leqm_db"], check(output(), "leqm")["measured"]);
}

TEST_F(Delivery, OfSilenceIsMinusInfinityInWords) {
  mix_["tracks"] = Json::array();
  deliverable()["loudness"] = "ebu-r128";
  const CommandResult result = render();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(output()["loudness"]["integrated_lufs"], nullptr);
  EXPECT_EQ(output()["loudness"]["in_words"], "-inf: silence, or nothing above -70 LUFS");
  EXPECT_EQ(check(output(), "loudness")["measured_text"], "-inf (silence)");
  EXPECT_THAT(result.out, HasSubstr("FAIL: The French stereo is silent: its loudness is minus infinity, and EBU R 128 asks for -23.2 to -22.8 LUFS. ("));
  EXPECT_THAT(result.out, HasSubstr("    -inf "));
}

TEST_F(Delivery, ShorterThanAGatingBlockHasNoLoudness) {
  mix_["length"] = "399ms";
  mix_["tracks"][1]["clips"][0]["at"] = 0;
  mix_["tracks"][0]["clips"].erase(1);
  deliverable()["loudness"] = "ebu-r128";
  const CommandResult result = render();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(output()["loudness"]["in_words"], "shorter than the 400 ms that loudness is measured over");
  EXPECT_THAT(result.out, HasSubstr("FAIL: The French stereo is shorter than the 400 ms that loudness is measured over. ("));
}

TEST_F(Delivery, WithoutASpecIsMeasuredAndNotJudged) {
  EXPECT_EQ(render().status, 0);
  const Json measured = output();
  for (const Json& check : measured["checks"]) EXPECT_TRUE(check["id"].get<std::string>().starts_with("qc_")) << check;
  EXPECT_EQ(output()["pass"], true);
  EXPECT_FALSE(output().contains("spec"));
  EXPECT_EQ(output()["loudness"]["channels"][1]["channel"], "R");
  EXPECT_NEAR(output()["loudness"]["channels"][0]["dc_offset"].get<double>(), 0, 1e-3);
}

TEST_F(Delivery, ReportsTheDcOffsetOfEveryChannel) {
  folder_.sound("music.wav", {std::vector<double>(16 * kRate, 0.125), std::vector<double>(16 * kRate, -0.25)});
  mix_["tracks"].erase(0);
  ASSERT_EQ(render().status, 0);
  EXPECT_NEAR(output()["loudness"]["channels"][0]["dc_offset"].get<double>(), 0.125 * 16 / 40, 1e-7);
  EXPECT_NEAR(output()["loudness"]["channels"][1]["dc_offset"].get<double>(), -0.25 * 16 / 40, 1e-7);
}

TEST_F(Delivery, IsTheSameOnAnyNumberOfThreads) {
  deliverable()["loudness"] = "netflix-2.0";
  ASSERT_EQ(render({"--threads", "1"}).status, 1);
  const Json one = output();
  ASSERT_EQ(render({"--threads", "3"}).status, 1);
  EXPECT_EQ(one, output());
}

}  // namespace
}  // namespace dubfarm::cli
