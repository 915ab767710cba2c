// Output files: their samples, formats, channels, metadata and measured loudness, read back by others' code where there is any.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>

#include "tests/support/reel.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;

/// 4 s of a loud 5.1 stem and a stereo one.
class Outputs : public ::testing::Test {
 protected:
  Outputs() {
    folder_.sound("loud.wav", white_noise(6, 4 * kRate, 1, 0.7));
    folder_.sound("soft.wav", white_noise(2, 4 * kRate, 2, 0.2));
    mix_ = {{"dubfarm", 1},
            {"title", "Formats"},
            {"sample_rate", kRate},
            {"frame_rate", "25"},
            {"start", "10:00:00:00"},
            {"length", "4s"},
            {"buses", {{{"name", "A"}, {"layout", "5.1"}, {"gain_db", 4}}, {{"name", "B"}, {"layout", "stereo"}}}},
            {"tracks", {{{"name", "Loud"}, {"bus", "A"}, {"layout", "5.1"}, {"clips", {{{"file", "loud.wav"}, {"at", 0}}}}},
                        {{"name", "Soft"}, {"bus", "B"}, {"layout", "stereo"}, {"clips", {{{"file", "soft.wav"}, {"at", 0}}}}}}},
            {"deliverables", {{{"name", "float"}, {"layout", "5.1"}, {"file", "float.wav"}, {"bits", "float"}}}}};
  }
  /// Adds a deliverable in 5.1.
  void also(Json deliverable) {
    if (!deliverable.contains("layout") && !deliverable.contains("per_bus")) deliverable["layout"] = "5.1";
    mix_["deliverables"].push_back(std::move(deliverable));
  }
  void render() {
    const CommandResult result = dubfarm({"render", folder_.mix(mix_), "--out", folder_ / "out", "--store", folder_ / "store"});
    ASSERT_EQ(result.status, 0) << result.err;
    report_ = Json::parse(file_text(folder_ / "out/report.json"));
  }
  [[nodiscard]] Sound read(const std::string& name) const { return read_sound(folder_ / "out/" + name); }
  /// The first output of a deliverable in the report.
  [[nodiscard]] const Json& output(const std::string& deliverable) const {
    for (const Json& o : report_["outputs"])
      if (o["deliverable"] == deliverable) return o;
    throw std::logic_error("no output of " + deliverable);
  }

  static constexpr Frames kRate = 48000;
  MixFolder folder_;
  Json mix_, report_;
};

/// round_half_even(x * 2^(bits-1)), clamped, as libsndfile gives it back; and how many had to be clamped.
struct Quantised {
  Signal samples;
  std::int64_t clipped = 0;
};
Quantised quantised(const Signal& exact, int bits) {
  Quantised q{exact};
  const double scale = std::ldexp(1.0, bits - 1);
  for (auto& channel : q.samples)
    for (double& x : channel) {
      const double whole = std::nearbyint(x * scale), fits = std::clamp(whole, -scale, scale - 1);
      q.clipped += whole != fits ? 1 : 0;
      x = fits / scale;
    }
  return q;
}

TEST_F(Outputs, HoldTheirSamplesInEveryFormat) {
  const std::pair<int, int> formats[] = {{16, SF_FORMAT_PCM_16}, {24, SF_FORMAT_PCM_24}, {32, SF_FORMAT_PCM_32}};
  for (const auto& [bits, subtype] : formats) {
    const std::string name = std::to_string(bits);
    also({{"name", "plain " + name}, {"file", name + ".wav"}, {"bits", bits}, {"dither", "none"}});
    if (bits < 32) also({{"name", "dithered " + name}, {"file", name + "d.wav"}, {"bits", bits}});
  }
  render();
  const Sound exact = read("float.wav");
  EXPECT_EQ(exact.format & SF_FORMAT_SUBMASK, SF_FORMAT_FLOAT);
  EXPECT_EQ(output("float")["clipped_samples"], 0) << "float holds what is above full scale";
  for (const auto& [bits, subtype] : formats) {
    const std::string name = std::to_string(bits);
    const Quantised want = quantised(exact.channels, bits);
    const Sound plain = read(name + ".wav");
    EXPECT_EQ(plain.format & SF_FORMAT_SUBMASK, subtype);
    EXPECT_EQ(plain.frames(), 4 * kRate);
    // The float file is itself rounded to 24 bits: where that moves a sample across a step, one step.
    EXPECT_LE(difference_db(plain.channels, want.samples), 20 * std::log10(std::ldexp(1.0, bits == 32 ? -24 : 1 - bits)) + 1e-6) << bits;
    ASSERT_GT(want.clipped, 100) << "the mix is loud enough";
    EXPECT_NEAR(output("plain " + name)["clipped_samples"].get<double>(), static_cast<double>(want.clipped), 2);
    if (bits == 32) continue;
    const double db = difference_db(read(name + "d.wav").channels, want.samples), step_db = 20 * std::log10(std::ldexp(1.0, 1 - bits));
    EXPECT_GT(db, step_db - 0.1) << "dither is heard";
    EXPECT_LT(db, step_db + 6.03) << "two steps from peak to peak, and the rounding";
  }
}

TEST_F(Outputs, SplitIntoAFileForEachChannel) {
  also({{"name", "split"}, {"file", "split.{channel}.wav"}, {"split", "mono"}, {"bits", "float"}});
  render();
  const Sound whole = read("float.wav");
  const char* const names[] = {"L", "R", "C", "LFE", "Ls", "Rs"};
  Json files = Json::array();
  for (std::size_t c = 0; c < 6; ++c) {
    const std::string name = std::string("split.") + names[c] + ".wav";
    EXPECT_EQ(read(name).channels, Signal{whole.channels[c]}) << name;
    files.push_back(name);
  }
  Json reported = Json::array();
  for (const Json& file : output("split")["files"]) reported.push_back(file["path"]);
  EXPECT_EQ(reported, files);
  EXPECT_EQ(output("split")["loudness"], output("float")["loudness"]) << "measured as one programme";
}

TEST_F(Outputs, FilmOrderIsLeftCentreRightSurroundsLfe) {
  also({{"name", "film"}, {"file", "film.wav"}, {"order", "film"}, {"bits", "float"}});
  also({{"name", "film split"}, {"file", "film.{channel}.wav"}, {"order", "film"}, {"split", "mono"}, {"bits", "float"}});
  render();
  const Signal smpte = read("float.wav").channels;
  EXPECT_EQ(read("film.wav").channels, (Signal{smpte[0], smpte[2], smpte[1], smpte[4], smpte[5], smpte[3]}));
  EXPECT_EQ(read("film.C.wav").channels, Signal{smpte[2]});
  EXPECT_EQ(output("film split")["files"][1]["path"], "film.C.wav");
  EXPECT_EQ(output("film")["loudness"], output("float")["loudness"]);
}

TEST_F(Outputs, StemsAddUpToTheirPrintmaster) {
  also({{"name", "stems"}, {"per_bus", true}, {"file", "{bus}.wav"}, {"bits", "float"}});
  render();
  Signal sum = read("A.wav").channels;
  const Signal b = read("B.wav").channels;
  ASSERT_EQ(b.size(), 2u) << "a stem keeps its own layout";
  for (std::size_t c = 0; c < 2; ++c)
    for (std::size_t n = 0; n < sum[c].size(); ++n) sum[c][n] += b[c][n];
  EXPECT_LT(difference_db(read("float.wav").channels, sum), -136);
  EXPECT_EQ(output("stems")["bus"], "A");
}

TEST_F(Outputs, DrawTheSameDitherEveryTimeAndAnotherInEachDeliverableAndChannel) {
  mix_["buses"][0]["gain_db"] = -144;  // silence in: what comes out is dither
  mix_["buses"][1]["gain_db"] = -144;
  also({{"name", "a"}, {"file", "a.wav"}});
  also({{"name", "b"}, {"file", "b.wav"}});
  render();
  const Signal a = read("a.wav").channels;
  EXPECT_NE(a, read("b.wav").channels) << "deliverables do not share it";
  EXPECT_NE(a[0], a[1]) << "nor do channels";
  const std::string once = file_text(folder_ / "out/a.wav");
  render();
  EXPECT_EQ(file_text(folder_ / "out/a.wav"), once);
}

TEST_F(Outputs, CarryTheirPlaceInTimeAndTheirLoudness) {
  also({{"name", "wav"}, {"file", "bext.wav"}});
  render();
  SF_INFO info{};
  SNDFILE* file = sf_open((folder_ / "out/bext.wav").c_str(), SFM_READ, &info);
  ASSERT_NE(file, nullptr);
  SF_BROADCAST_INFO bext{};
  ASSERT_EQ(sf_command(file, SFC_GET_BROADCAST_INFO, &bext, sizeof bext), SF_TRUE);
  sf_close(file);
  EXPECT_EQ((std::uint64_t{bext.time_reference_high} << 32) + bext.time_reference_low, std::uint64_t{36000} * kRate);  // 10:00:00:00
  EXPECT_EQ(std::string(bext.originator), "dubfarm " DUBFARM_VERSION);
  EXPECT_EQ(std::string(bext.description), "Formats - main - wav");
  const double lufs = output("wav")["loudness"]["integrated_lufs"];
  EXPECT_NEAR(bext.loudness_value, 100 * lufs, 0.6);
  EXPECT_NEAR(bext.max_true_peak_level, 100 * output("wav")["loudness"]["true_peak_dbtp"].get<double>(), 0.6);
}

TEST_F(Outputs, MeasureAsTheirReportSays) {
  also({{"name", "51"}, {"file", "51.wav"}});
  also({{"name", "16"}, {"layout", "stereo"}, {"file", "16.wav"}, {"bits", 16}});
  also({{"name", "mono"}, {"layout", "mono"}, {"file", "mono.wav"}, {"mix", {{"A", -20}}}});
  also({{"name", "71"}, {"layout", "7.1"}, {"file", "71.wav"}});
  also({{"name", "714"}, {"layout", "7.1.4"}, {"file", "714.wav"}});
  render();
  std::vector<std::string> arguments = {"measure", "--json"};
  for (const Json& o : report_["outputs"]) arguments.push_back(folder_ / "out/" + o["files"][0]["path"].get<std::string>());
  const CommandResult measured = dubfarm(arguments);
  ASSERT_EQ(measured.status, 0) << measured.err;
  const Json list = Json::parse(measured.out);
  ASSERT_EQ(list.size(), 6u);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json &file = list[i]["loudness"], &reported = report_["outputs"][i]["loudness"];
    for (const char* value : {"integrated_lufs", "range_lu", "max_momentary_lufs", "max_short_term_lufs", "true_peak_dbtp"})
      EXPECT_NEAR(file[value].get<double>(), reported[value].get<double>(), 0.001) << arguments[i + 2] << " " << value;
    EXPECT_LT(reported["integrated_lufs"], 10);
    EXPECT_GT(reported["integrated_lufs"], -40);
  }
}

}  // namespace
}  // namespace dubfarm::cli
