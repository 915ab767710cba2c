#include "cli/measure.hpp"

#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>

#include "common/units.hpp"

namespace dubfarm::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Measure : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("dubfarm-measure-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) + "-" +
                                           ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// A 1 kHz sine of the same level in every channel, as float WAV.
  std::string write_tone(const std::string& name, int channels, double seconds, double dbfs, Frames bad_frame = -1) {
    const std::string path = (folder_ / name).string();
    SF_INFO info{};
    info.channels = channels, info.samplerate = 48000, info.format = SF_FORMAT_WAV | SF_FORMAT_FLOAT;
    SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
    EXPECT_NE(file, nullptr) << sf_strerror(nullptr);
    std::vector<float> samples;
    for (Frames i = 0; i < static_cast<Frames>(seconds * 48000); ++i) {
      const double v = std::pow(10, dbfs / 20) * std::sin(2 * std::numbers::pi * 1000 * static_cast<double>(i) / 48000);
      for (int c = 0; c < channels; ++c) samples.push_back(i == bad_frame && c == 1 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(v));
    }
    EXPECT_EQ(sf_writef_float(file, samples.data(), static_cast<Frames>(seconds * 48000)), static_cast<Frames>(seconds * 48000));
    sf_close(file);
    return path;
  }

  struct Outcome { int status; std::string out, err; };
  static Outcome run(const std::vector<std::string>& files, bool as_json, int threads = 2, mix::ChannelOrder order = mix::ChannelOrder::smpte) {
    return run({.files = files, .spec = "", .dialogue = "", .leqm = false, .order = order, .json = as_json, .threads = threads});
  }
  static Outcome run(const MeasureOptions& options) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int status = run_measure(options);
    std::fflush(stdout);
    return {status, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
  }

  fs::path folder_;
};

TEST_F(Measure, ReadsAStereoToneAtItsLevel) {
  const std::string file = write_tone("tone.wav", 2, 10, -23);
  const Outcome o = run({file}, true);
  ASSERT_EQ(o.status, 0) << o.err;
  const json list = json::parse(o.out);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["file"], file);
  EXPECT_EQ(list[0]["layout"], "stereo");
  const json& loudness = list[0]["loudness"];
  EXPECT_NEAR(loudness["integrated_lufs"].get<double>(), -23, 0.05);
  EXPECT_NEAR(loudness["max_momentary_lufs"].get<double>(), -23, 0.05);
  EXPECT_NEAR(loudness["max_short_term_lufs"].get<double>(), -23, 0.05);
  EXPECT_NEAR(loudness["range_lu"].get<double>(), 0, 0.05);
  EXPECT_NEAR(loudness["true_peak_dbtp"].get<double>(), -23, 0.2);
  EXPECT_NEAR(loudness["sample_peak_dbfs"].get<double>(), -23, 0.01);
}

TEST_F(Measure, GivesTheSameNumbersOnAnyNumberOfThreads) {
  const std::string file = write_tone("long.wav", 6, 40, -20);
  const std::string one = run({file}, true, 1).out;
  EXPECT_FALSE(one.empty());
  EXPECT_EQ(one, run({file}, true, 3).out);
}

/// A tone in the sixth channel alone: Rs in SMPTE order, LFE, which does not count, in film order.
TEST_F(Measure, WeighsTheChannelsOfAFileInFilmOrder) {
  const std::string path = (folder_ / "film.wav").string();
  SF_INFO info{};
  info.channels = 6, info.samplerate = 48000, info.format = SF_FORMAT_WAV | SF_FORMAT_FLOAT;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  ASSERT_NE(file, nullptr);
  std::vector<float> samples(6 * 5 * 48000);
  for (std::size_t i = 0; i < samples.size() / 6; ++i) samples[6 * i + 5] = static_cast<float>(0.1 * std::sin(2 * std::numbers::pi * static_cast<double>(i) / 48));
  sf_writef_float(file, samples.data(), 5 * 48000);
  sf_close(file);
  const json smpte = json::parse(run({path}, true).out)[0]["loudness"];
  const json film = json::parse(run({path}, true, 2, mix::ChannelOrder::film).out)[0]["loudness"];
  EXPECT_NEAR(smpte["integrated_lufs"].get<double>(), -23.0 + 1.5, 0.1);  // a mono tone of -20 dBFS peak, and 1.5 dB for a surround
  EXPECT_EQ(film["integrated_lufs"], nullptr);
  EXPECT_EQ(film["true_peak_dbtp"], smpte["true_peak_dbtp"]);
  EXPECT_EQ(smpte["channels"][5]["true_peak_dbtp"], smpte["true_peak_dbtp"]);
  EXPECT_EQ(film["channels"][3]["channel"], "LFE");
  EXPECT_EQ(film["channels"][3]["true_peak_dbtp"], smpte["true_peak_dbtp"]);
  const std::string heights = write_tone("heights.wav", 12, 1, -23);
  const Outcome o = run({heights}, false, 1, mix::ChannelOrder::film);
  EXPECT_EQ(o.status, 2);
  EXPECT_EQ(o.err, "error: " + heights + ": 7.1.4 has no film order; measure it without --order film\n");
}

TEST_F(Measure, GivesNullForSilence) {
  const json list = json::parse(run({write_tone("silence.wav", 1, 5, -std::numeric_limits<double>::infinity())}, true).out);
  for (const auto& [name, value] : list[0]["loudness"].items())
    EXPECT_TRUE(value.is_null() || name == "in_words" || name == "channels") << name;
  EXPECT_EQ(list[0]["loudness"]["in_words"], "-inf: silence, or nothing above -70 LUFS");
  EXPECT_TRUE(list[0]["loudness"]["channels"][0]["true_peak_dbtp"].is_null());
}

TEST_F(Measure, PrintsATableForPeople) {
  const std::string file = write_tone("tone.wav", 2, 5, -23);
  EXPECT_EQ(run({file}, false).out, "  I LUFS  LRA LU    M max    S max  TP dBTP  peak dB  layout  file\n"
                                    "  -22.99    0.00   -22.99   -22.99   -22.99   -23.00  stereo  " + file + "\n");
}

TEST_F(Measure, MeasuresTheOthersWhereOneFileCannotBeRead) {
  const std::string missing = (folder_ / "missing.wav").string(), good = write_tone("good.wav", 2, 5, -23);
  const Outcome o = run({missing, good}, true);
  EXPECT_EQ(o.status, 2);
  EXPECT_NE(o.err.find("error: " + missing + ": "), std::string::npos) << o.err;
  ASSERT_EQ(json::parse(o.out).size(), 1u);
  EXPECT_EQ(json::parse(o.out)[0]["file"], good);
}

TEST_F(Measure, NamesTheFirstSampleThatIsNotANumber) {
  const std::string file = write_tone("nan.wav", 2, 5, -23, 120000);
  const Outcome o = run({file}, true);
  EXPECT_EQ(o.status, 2);
  EXPECT_EQ(o.err, "error: " + file + ": frame 120000 (2.500 s) of channel 2 is not a finite number; render or convert the file again\n");
  EXPECT_EQ(json::parse(o.out), json::array());
}

TEST_F(Measure, SaysThatItKnowsNoLayoutOfThreeChannels) {
  const Outcome o = run({write_tone("three.wav", 3, 5, -23)}, true);
  EXPECT_EQ(o.status, 0);
  EXPECT_NE(o.err.find("3 channels are no layout that dubfarm knows; every channel has weight 1"), std::string::npos) << o.err;
  EXPECT_NEAR(json::parse(o.out)[0]["loudness"]["integrated_lufs"].get<double>(), -23 + 10 * std::log10(1.5), 0.05);
}

// ---- with a delivery spec

TEST_F(Measure, JudgesFilesByASpec) {
  const std::string good = write_tone("good.wav", 2, 10, -23), loud = write_tone("loud.wav", 2, 10, -20);
  MeasureOptions options{.files = {good}, .spec = "ebu-r128", .dialogue = "", .leqm = false, .order = {}, .json = false, .threads = 1};
  Outcome o = run(options);
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.out, "  I LUFS  LRA LU    M max    S max  TP dBTP  peak dB  layout  file\n"
                   "  -22.99    0.00   -22.99   -22.99   -22.99   -23.00  stereo  " + good + "\npasses: EBU R 128 v5.0\n");
  options.files = {loud, good};
  o = run(options);
  EXPECT_EQ(o.status, 1);
  EXPECT_EQ(o.out, "  I LUFS  LRA LU    M max    S max  TP dBTP  peak dB  layout  file\n"
                   "  -19.99    0.00   -19.99   -19.99   -19.99   -20.00  stereo  " + loud + "\n"
                   "FAIL: loud.wav is 2.8 LU too loud for EBU R 128; 3.0 LU less would meet its target. (EBU R 128 v5.0, recommendation on the target level, with "
                   "the tolerance for measurement error in quality control; not verified)\nfails: EBU R 128 v5.0\n"
                   "  -22.99    0.00   -22.99   -22.99   -22.99   -23.00  stereo  " + good + "\npasses: EBU R 128 v5.0\n");
  options.json = true;
  const json list = json::parse(run(options).out);
  EXPECT_EQ(list[0]["pass"], false);
  EXPECT_EQ(list[1]["pass"], true);
  EXPECT_EQ(list[0]["spec"]["name"], "ebu-r128");
  EXPECT_EQ(list[0]["checks"][0]["id"], "loudness");
}

TEST_F(Measure, SaysThatASpecIsUnknown) {
  const Outcome o = run({.files = {"any.wav"}, .spec = "ebu-r129", .dialogue = "", .leqm = false, .order = {}, .json = false, .threads = 1});
  EXPECT_EQ(o.status, 2);
  EXPECT_EQ(o.err, "error: unknown delivery spec \"ebu-r129\"\nhelp: did you mean \"ebu-r128\"?\n");
}

TEST_F(Measure, AsksForTheDialogueStemWhereDialogueIsTheGate) {
  const Outcome o = run({.files = {write_tone("mix.wav", 2, 5, -23)}, .spec = "netflix-2.0", .dialogue = "", .leqm = false, .order = {}, .json = false, .threads = 1});
  EXPECT_EQ(o.status, 2);
  EXPECT_EQ(o.err, "error: Netflix 2.0 is judged by dialogue, and a finished file does not say where its dialogue is\n"
                   "help: name its dialogue stem with --dialogue FILE\n");
}

TEST_F(Measure, OpensTheGateWithADialogueStem) {
  const std::string mix = write_tone("mix.wav", 2, 10, -27), stem = write_tone("dx.wav", 1, 10, -30), brief = write_tone("brief.wav", 1, 9, -30);
  MeasureOptions options{.files = {mix}, .spec = "wbd-max", .dialogue = stem, .leqm = false, .order = {}, .json = true, .threads = 1};
  const json dialogue = json::parse(run(options).out)[0]["loudness"]["dialogue"];
  EXPECT_EQ(dialogue["speech_share"], 1.0);
  EXPECT_NEAR(dialogue["loudness_lufs"].get<double>(), -27, 0.05);
  EXPECT_NEAR(dialogue["stem_lufs"].get<double>(), -33, 0.05) << "one channel";
  options.dialogue = brief;
  const Outcome o = run(options);
  EXPECT_EQ(o.status, 2);
  EXPECT_EQ(o.err, "error: " + mix + ": 480000 frames at 48000 Hz, and the dialogue stem " + brief + " has 432000 at 48000 Hz; a stem is as long as its mix\n");
}

TEST_F(Measure, FindsLeqMAndClippedSamples) {
  // 1 kHz is weighted by -5.6 dB: a sine at -20 dBFS in one screen channel replays at 85 - 5.6 dB.
  const Outcome o = run({.files = {write_tone("tone.wav", 1, 5, -20)}, .spec = "", .dialogue = "", .leqm = true, .order = {}, .json = true, .threads = 1});
  EXPECT_NEAR(json::parse(o.out)[0]["loudness"]["leqm_db"].get<double>(), 79.36, 0.05);
  EXPECT_EQ(json::parse(o.out)[0]["clipped_samples"], 0);
  EXPECT_NEAR(json::parse(o.out)[0]["loudness"]["channels"][0]["dc_offset"].get<double>(), 0, 1e-6);
  const Outcome clipped = run({.files = {write_tone("hot.wav", 1, 5, 0.1)}, .spec = "", .dialogue = "", .leqm = false, .order = {}, .json = false, .threads = 1});
  EXPECT_NE(clipped.out.find(" samples at full scale\n"), std::string::npos) << clipped.out;
}

}  // namespace
}  // namespace dubfarm::cli
