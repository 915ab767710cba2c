// What a valid mix document means as data.
#include "common/mix/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/common/mix/mix_text.hpp"

namespace dubfarm::mix {
namespace {

using testing::ElementsAre;

TEST(ParseMix, ReadsTheClockAndWhereTheDocumentStands) {
  const Document document = parsed(MixText{});
  EXPECT_EQ(document.title, "Night Train");
  EXPECT_EQ(document.path, "reel/night.mix.json");
  EXPECT_EQ(document.folder, "reel");
  EXPECT_EQ(document.sample_rate, 48000);
  EXPECT_EQ(name_of(document.frame_rate), "24");
  EXPECT_EQ(document.start_frames, 86400);
  EXPECT_EQ(document.length, 60 * 48000);
  EXPECT_EQ(parse_mix(MixText{}.text(), "night.mix.json").document->folder, ".");
}

TEST(ParseMix, AMixWithoutTracksVersionsOrReverbsIsValidAndHasTheVersionMain) {
  const Document document = parsed(MixText{.reverbs = ""});
  EXPECT_TRUE(document.tracks.empty());
  ASSERT_EQ(document.versions.size(), 1U);
  EXPECT_EQ(document.versions[0].name, "main");
  EXPECT_EQ(
      mistakes(
          R"({"dubfarm": 1, "sample_rate": 44100, "frame_rate": "25", "length": 1, "deliverables": [{"name": "m", "layout": "mono", "file": "m.wav"}]})"),
      "valid");
}

TEST(ParseMix, PositionsCountFromStartIfTheyAreTimecodeAndFromSampleZeroIfNot) {
  const auto at = [](const std::string& position) {
    const Document document =
        parsed(MixText{.tracks = R"({"name": "T", "bus": "FX", "clips": [{"file": "a.wav", "at": )" + position + "}]}"});
    return document.tracks[0].clips[0].at;
  };
  EXPECT_EQ(at("96000"), 96000);
  EXPECT_EQ(at("\"01:00:04:12\""), 216000);
  EXPECT_EQ(at("\"12.5s\""), 600000);
  EXPECT_EQ(at("\"250ms\""), 12000);
  EXPECT_EQ(at("\"00:59:59:23\""), -2000) << "before the timeline: what stands there is not heard";
  EXPECT_EQ(at("-5"), -5);
}

TEST(ParseMix, LengthsAreDurationsAndHalfASampleRoundsUpAsWritten) {
  const auto in = [](const std::string& length) {
    const Document document =
        parsed(MixText{.clock = R"("sample_rate": 44100, "frame_rate": "29.97df", "start": "01:00:00;00", "length": "00:01:00;02",)",
                       .tracks = R"({"name": "T", "bus": "FX", "clips": [{"file": "a.wav", "at": 0, "in": )" + length + "}]}"});
    return document.tracks[0].clips[0].in;
  };
  EXPECT_EQ(in("\"00:00:01:00\""), 44144);  // 30 * 44100 * 1001 / 30000 = 44144.1
  EXPECT_EQ(in("\"15ms\""), 662);           // 661.5
  EXPECT_EQ(in("\"0.015s\""), 662);
  EXPECT_EQ(in("\"0.5ms\""), 22);  // 22.05
  EXPECT_EQ(in("\"10s\""), 441000);
  EXPECT_EQ(in("0"), 0);
}

TEST(ParseMix, ReadsATrackWithEverythingOnIt) {
  const Document document = parsed(MixText{.tracks = R"({"name": "DX 1", "bus": "DX", "layout": "mono",
    "clips": [{"file": "a.flac", "channels": [2], "at": 10, "in": 5, "length": 96000, "gain_db": -3.5,
               "fade_in": {"length": "10ms", "curve": "equal_power"}, "fade_out": {"length": 480}}],
    "eq": [{"type": "highpass", "freq": 80}, {"type": "peak", "freq": [[0, 100], ["1s", 200]], "q": 1.2, "gain_db": 2.5}],
    "gain_db": [["01:00:00:00", -6], ["01:00:10:00", 0]], "pan": {"azimuth": [[0, 170], [10, 190]], "elevation": 0},
    "lfe_db": -10, "mute": true, "sends": [{"to": "Hall", "gain_db": -12, "pre_fader": true}], "x-colour": "red"})"});
  const Track& track = document.tracks.at(0);
  const Clip& clip = track.clips.at(0);
  EXPECT_EQ(track.bus, 0U);
  EXPECT_TRUE(track.mute);
  EXPECT_THAT(clip.channels, ElementsAre(2));
  EXPECT_EQ(clip.in, 5);
  EXPECT_EQ(clip.length, 96000);
  EXPECT_EQ(clip.gain_db, -3.5);
  EXPECT_EQ(clip.fade_in.length, 480);
  EXPECT_EQ(clip.fade_in.curve, FadeCurve::equal_power);
  EXPECT_EQ(clip.fade_out.curve, FadeCurve::linear) << "the curve where none is named";
  EXPECT_EQ(clip.place.pointer, "/tracks/0/clips/0/file");
  EXPECT_EQ(track.eq[0].type, FilterType::highpass);
  EXPECT_EQ(track.eq[0].q.constant, 0.70710678);
  EXPECT_THAT(track.eq[1].freq_hz.points, ElementsAre(AutomationPoint{0, 100}, AutomationPoint{48000, 200}));
  EXPECT_THAT(track.gain_db.points, ElementsAre(AutomationPoint{0, -6}, AutomationPoint{480000, 0}));
  EXPECT_THAT(track.azimuth_deg.points, ElementsAre(AutomationPoint{0, 170}, AutomationPoint{10, 190}));
  EXPECT_EQ(track.lfe_db->constant, -10);
  EXPECT_EQ(track.sends[0].reverb, 0U);
  EXPECT_TRUE(track.sends[0].pre_fader);
}

TEST(ParseMix, PanIsANumberOrAutomationOrAnObject) {
  const auto pan = [](const std::string& value) {
    return parsed(MixText{.tracks = R"({"name": "T", "bus": "FX", "pan": )" + value + "}"}).tracks[0].azimuth_deg;
  };
  EXPECT_EQ(pan("-30").constant, -30);
  EXPECT_EQ(pan("{\"azimuth\": 15}").constant, 15);
  EXPECT_EQ(pan("{}").constant, 0);
  EXPECT_THAT(pan("[[0, 1]]").points, ElementsAre(AutomationPoint{0, 1}));
}

TEST(ParseMix, BusesAndReverbsReferToEachOtherByIndexWhateverTheirOrder) {
  const Document document = parsed(MixText{
      .buses =
          R"({"name": "FOL", "layout": "stereo", "bus": "FX", "role": "foley", "gain_db": -1}, {"name": "FX", "layout": "7.1", "bus": null})",
      .reverbs = R"({"name": "R", "ir": "r.wav", "bus": "FX", "layout": "stereo", "input": "stereo", "predelay": "20ms", "gain_db": -6})"});
  EXPECT_EQ(document.buses[0].parent, 1U);
  EXPECT_EQ(document.buses[0].role, Role::foley);
  EXPECT_EQ(document.buses[1].parent, std::nullopt);
  EXPECT_EQ(document.reverbs[0].bus, 1U);
  EXPECT_EQ(document.reverbs[0].input, ReverbInput::stereo);
  EXPECT_EQ(document.reverbs[0].predelay, 960);
  EXPECT_EQ(document.reverbs[0].place.pointer, "/reverbs/0/ir");
}

TEST(ParseMix, DitherIsOnFor16And24BitsUnlessTurnedOffAndNeverForTheOthersUnlessAskedFor) {
  const auto deliverable = [](const std::string& settings) {
    return parsed(MixText{.deliverables = R"({"name": "m", "layout": "5.1", "file": "m.wav")" + settings + "}"}).deliverables[0];
  };
  EXPECT_EQ(deliverable("").sample_type, SampleType::int24);
  EXPECT_EQ(deliverable("").dither, Dither::tpdf);
  EXPECT_EQ(deliverable(", \"bits\": 16").dither, Dither::tpdf);
  EXPECT_EQ(deliverable(", \"bits\": 16, \"dither\": \"none\"").dither, Dither::none);
  EXPECT_EQ(deliverable(", \"bits\": 32").dither, Dither::none);
  EXPECT_EQ(deliverable(", \"bits\": 32, \"dither\": \"tpdf\"").dither, Dither::tpdf);
  EXPECT_EQ(deliverable(", \"bits\": \"float\"").sample_type, SampleType::float32);
  EXPECT_EQ(deliverable(", \"bits\": \"float\"").dither, Dither::none);
}

TEST(ParseMix, ReadsADeliverableWithEverythingOnIt) {
  const Document document = parsed(
      MixText{.deliverables = R"({"name": "m", "layout": "stereo", "file": "m.{channel}.wav", "include": ["DX", "[MF]X"], "mix": {"DX": -3},
    "matrix": [[1, 0, 0.7, 0, 0.7, 0], [0, 1, 0.7, 0, 0, 0.7]], "split": "mono", "order": "film", "loudness": "ebu-r128", "normalize": "none", "limiter": null,
    "measure": {"from": "01:00:01:00", "to": "50s"}})"});
  const Deliverable& deliverable = document.deliverables[0];
  EXPECT_EQ(deliverable.mix.at("DX"), -3);
  EXPECT_EQ(deliverable.matrix->rows, 2);
  EXPECT_EQ(deliverable.matrix->at(1, 5), 0.7);
  EXPECT_EQ(deliverable.split, Split::mono);
  EXPECT_EQ(deliverable.loudness, "ebu-r128");
  EXPECT_EQ(deliverable.measure_from, 48000);
  EXPECT_EQ(deliverable.measure_to, 50 * 48000);
}

TEST(ParseMix, OnePathForTwoOutputsIsFineWhereTheyAreTheSameRender) {
  const MixText me{.variables = R"("variables": {"lang": "en"},)",
                   .tracks = R"({"name": "D", "bus": "DX", "clips": [{"file": "{lang}.wav", "at": 0}]}, {"name": "M", "bus": "MX"})",
                   .versions = R"("versions": [{"name": "en"}, {"name": "fr", "set": {"lang": "fr"}, "mute": {"buses": ["DX"]}}],)",
                   .deliverables = R"({"name": "me", "layout": "5.1", "include": ["MX"], "file": "me.wav"})"};
  EXPECT_EQ(mistakes(me), "valid");
}

TEST(ParseMix, ReadsTenThousandTracks) {
  std::string tracks;
  for (int i = 0; i < 10000; ++i) {
    tracks +=
        (i > 0 ? ",\n" : "") + std::string("{\"name\": \"T") + std::to_string(i) +
        R"(", "bus": "FX", "clips": [{"file": "a.wav", "at": "01:00:01:00", "length": 48000, "fade_in": {"length": "10ms"}}], "eq": [{"type": "peak", "freq": 1000, "gain_db": 1}],
                 "gain_db": [[0, 0], [100, -3]], "pan": {"azimuth": 10}, "sends": [{"to": "Hall", "gain_db": -9}]})";
  }
  const Document document = parsed(MixText{.tracks = tracks});
  ASSERT_EQ(document.tracks.size(), 10000U);
  EXPECT_EQ(document.tracks[9999].name, "T9999");
  EXPECT_EQ(document.tracks[9999].clips[0].at, 48000);
}

TEST(ReadTextFile, GivesTheBytesOrSaysWhyItCannot) {
  const auto path =
      std::filesystem::temp_directory_path() / ("dubfarm_read_" + std::to_string(::testing::UnitTest::GetInstance()->random_seed()) + "_" +
                                                std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  std::ofstream(path) << std::string(100000, 'x');
  const auto text = read_text_file(path.string());
  std::filesystem::remove(path);
  ASSERT_TRUE(text.ok()) << text.error().message;
  EXPECT_EQ(*text, std::string(100000, 'x'));
  EXPECT_EQ(read_text_file("no/such/file.mix.json").error().code, Errc::not_found);
  EXPECT_EQ(read_text_file("no/such/file.mix.json").error().message, "no/such/file.mix.json: cannot read it: No such file or directory");
  EXPECT_EQ(read_text_file("/").error().code, Errc::io_error);
}

}  // namespace
}  // namespace dubfarm::mix
