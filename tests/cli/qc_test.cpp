// Quality control through a render: faults planted in the sources are in the report at their timecodes, the same however the print is cut.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/mix_folder.hpp"
#include "tests/support/command.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using ::testing::HasSubstr;

TEST(QualityControl, FindsWhatWasPlanted) {
  const MixFolder folder;
  constexpr Frames kRate = 48000, kLength = 40 * kRate;
  Signal stereo = white_noise(2, kLength, 1, 0.2);
  for (Frames n = 0; n < kLength; ++n) stereo[1][static_cast<std::size_t>(n)] = -stereo[0][static_cast<std::size_t>(n)];  // out of phase
  for (Signal::value_type& channel : stereo) {
    std::fill_n(channel.begin() + 5 * kRate, 960, 0.0);                        // a dropout
    std::fill_n(channel.begin() + 10 * kRate, 20 * kRate, 0.0);                // a silence
  }
  folder.sound("stereo.wav", stereo);
  Signal tone(1, std::vector<double>(static_cast<std::size_t>(2 * kRate)));
  for (std::size_t n = 0; n < tone[0].size(); ++n) tone[0][n] = 0.3 * std::cos(0.01 * static_cast<double>(n));
  folder.sound("tone.wav", tone);
  const Json document = {
      {"dubfarm", 1},
      {"sample_rate", kRate},
      {"frame_rate", "25"},
      {"start", "10:00:00:00"},
      {"length", kLength},
      {"buses", {{{"name", "A"}, {"layout", "stereo"}}, {{"name", "B"}, {"layout", "5.1"}}}},
      {"tracks",
       {{{"name", "Noise"}, {"bus", "A"}, {"layout", "stereo"}, {"clips", {{{"file", "stereo.wav"}, {"at", 0}}}}},
        {{"name", "Tone"}, {"bus", "B"}, {"clips", {{{"file", "tone.wav"}, {"at", "20s"}}}}}}},
      {"deliverables",
       {{{"name", "a"}, {"layout", "stereo"}, {"include", {"A"}}, {"file", "a.wav"}, {"qc", {{"silence", "15s"}}}},
        {{"name", "b"}, {"layout", "5.1"}, {"include", {"B"}}, {"file", "b.wav"}, {"qc", {{"strict", true}}}},
        {{"name", "c"}, {"layout", "stereo"}, {"include", {"A"}}, {"file", "c.wav"}, {"qc", nullptr}}}}};
  const CommandResult result = dubfarm({"render", folder.mix(document), "--out", folder / "out", "--store", folder / "store"});
  EXPECT_EQ(result.status, 1) << "b is strict, and most of its channels are empty";
  const Json report = Json::parse(file_text(folder / "out/report.json"));
  const auto check = [&](int output, const std::string& id) {
    for (const Json& c : report["outputs"][static_cast<std::size_t>(output)]["checks"])
      if (c["id"] == id) return c["result"].get<std::string>() + ": " + c["measured_text"].get<std::string>();
    return std::string("none");
  };
  EXPECT_EQ(check(0, "qc_length"), "pass: 1920000 samples");
  EXPECT_EQ(check(0, "qc_silence"), "warning: 20.00 s at 10:00:10:00");
  EXPECT_EQ(check(0, "qc_dropouts"), "warning: 2: 10:00:05:00 (L), 10:00:05:00 (R)");
  EXPECT_EQ(check(0, "qc_phase"), "warning: -1.00");
  EXPECT_THAT(check(0, "qc_mono"), HasSubstr("warning: "));
  EXPECT_EQ(check(1, "qc_channels"), "fail: L, R, Ls, Rs empty");
  EXPECT_EQ(check(1, "qc_clicks"), "fail: 2: 10:00:20:00 (C), 10:00:22:00 (C)") << "the tone begins and ends at its crest, without a fade";
  EXPECT_EQ(report["outputs"][1]["pass"], false);
  EXPECT_EQ(report["outputs"][2]["checks"], Json::array());
}

}  // namespace
}  // namespace dubfarm::cli
