// `dubfarm recut`: two cut lists into a change list, and the boundary report for the mixer, word for word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/command.hpp"
#include "tests/support/json_schema.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using ::testing::HasSubstr, ::testing::StartsWith;

constexpr const char* kOldCut =
    "TITLE: CUT 1\nFCM: NON-DROP FRAME\n"
    "001  A001 V C 10:00:00:00 10:00:02:00 01:00:00:00 01:00:02:00\n* FROM CLIP NAME: 1-1\n"
    "002  A002 V C 11:00:00:00 11:00:01:00 01:00:02:00 01:00:03:00\n* FROM CLIP NAME: 2-1\n"
    "003  A003 V C 12:00:00:00 12:00:03:00 01:00:03:00 01:00:06:00\n* FROM CLIP NAME: 3-1\n";
// 2-1 is gone, a new shot stands after 3-1's first second.
constexpr const char* kNewCut =
    "TITLE: CUT 2\nFCM: NON-DROP FRAME\n"
    "001  A001 V C 10:00:00:00 10:00:02:00 01:00:00:00 01:00:02:00\n* FROM CLIP NAME: 1-1\n"
    "002  A003 V C 12:00:00:00 12:00:01:00 01:00:02:00 01:00:03:00\n* FROM CLIP NAME: 3-1\n"
    "003  C009 V C 09:00:00:00 09:00:00:12 01:00:03:00 01:00:03:12\n* FROM CLIP NAME: 9-9\n"
    "004  A003 V C 12:00:01:00 12:00:03:00 01:00:03:12 01:00:05:12\n* FROM CLIP NAME: 3-1\n";

class Recut : public ::testing::Test {
 protected:
  Recut() {
    folder_.text("old.edl", kOldCut);
    folder_.text("new.edl", kNewCut);
  }
  CommandResult run(std::vector<std::string> more = {"--frame-rate", "24"}) {
    std::vector<std::string> arguments = {"recut", folder_ / "old.edl", folder_ / "new.edl"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    CommandResult result = dubfarm(arguments);
    for (std::string* text : {&result.out, &result.err})
      for (std::size_t at; (at = text->find(folder_.path())) != std::string::npos;) text->replace(at, folder_.path().size(), "<folder>");
    return result;
  }
  MixFolder folder_;
};

TEST_F(Recut, WritesAChangeListAndSaysWhatChanged) {
  const CommandResult result = run({"--frame-rate", "24", "-o", folder_ / "changes.json"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(file_text(folder_ / "changes.json"),
            "[\n  { \"new\": \"01:00:00:00\", \"old\": \"01:00:00:00\", \"length\": \"00:00:02:00\" },\n"
            "  { \"new\": \"01:00:02:00\", \"old\": \"01:00:03:00\", \"length\": \"00:00:01:00\" },\n"
            "  { \"new\": \"01:00:03:12\", \"old\": \"01:00:04:00\", \"length\": \"00:00:02:00\" }\n]\n");
  EXPECT_EQ(result.out,
            "<folder>/old.edl (00:00:06:00) to <folder>/new.edl (00:00:05:12), 24 frames a second\n"
            "kept 00:00:05:00 in 3 runs, removed 00:00:01:00 in 1 place, inserted 00:00:00:12 in 1 place, moved 0 runs\n"
            "\n"
            "cuts: 2\n"
            "       new          old out      old in     \n"
            "    1  01:00:02:00  01:00:02:00  01:00:03:00  removed 00:00:01:00 (2-1)\n"
            "    2  01:00:03:00  01:00:04:00  01:00:04:00  needs sound for 00:00:00:12 (9-9)\n"
            "\n"
            "removed from the old cut: 1\n"
            "  01:00:02:00 to 01:00:03:00  00:00:01:00 (2-1)\n"
            "\n"
            "needs sound in the new cut: 1\n"
            "  01:00:03:00 to 01:00:03:12  00:00:00:12 (9-9)\n"
            "\n"
            "reels that the old cut does not have: 1\n"
            "  C009\n");
}

TEST_F(Recut, IsDataForScripts) {
  const CommandResult result = run({"--frame-rate", "24", "--json"});
  const Json report = Json::parse(result.out);
  EXPECT_EQ(misfits(Json::parse(file_text(project_file("docs/formats/recut-report.schema.json"))), report), "");
  EXPECT_EQ(report["frame_rate"], "24");
  EXPECT_EQ(report["kept"].size(), 3U);
  EXPECT_EQ(report["cuts"][1], Json::parse(R"({"new_from": "01:00:03:00", "new_to": "01:00:03:12", "old_out": "01:00:04:00", "old_in": "01:00:04:00",
    "removed_frames": 0, "hole_frames": 12})"));
  EXPECT_EQ(report["removed"], Json::parse(R"([{"from": "01:00:02:00", "to": "01:00:03:00", "frames": 24, "clips": "2-1"}])"));
  EXPECT_EQ(report["unknown_reels"], Json::parse(R"(["C009"])"));
}

/// A mix of the old cut: a voice with a fade-out over the first edge, a moving fader, a room.
class RecutOfAMix : public Recut {
 protected:
  RecutOfAMix() {
    folder_.sound("voice.wav", white_noise(1, 4 * 48000, 1));
    folder_.sound("room.wav", decaying_noise(2, 24000, 2));
    mix_ = Json::parse(R"({"dubfarm": 1, "title": "Cut", "sample_rate": 48000, "frame_rate": "24", "start": "01:00:00:00", "length": "6s",
      "buses": [{"name": "DX", "layout": "stereo", "gain_db": [["01:00:00:00", -20], ["01:00:06:00", 4]]}],
      "reverbs": [{"name": "Room", "ir": "room.wav", "bus": "DX", "layout": "stereo", "predelay": "100ms"}],
      "tracks": [{"name": "Anna", "bus": "DX", "clips": [{"file": "voice.wav", "at": 0, "length": "2.25s", "fade_out": {"length": "500ms"}}],
                  "pan": [["01:00:00:00", -30], ["01:00:06:00", 90]], "sends": [{"to": "Room"}]},
                 {"name": "Bo", "bus": "DX", "clips": [{"file": "voice.wav", "at": "01:00:04:00", "length": "2s"}]}],
      "versions": [{"name": "v1"}],
      "deliverables": [{"name": "d", "layout": "stereo", "file": "{version}.wav", "bits": "float"}]})");
  }
  CommandResult run_with_mix(std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--mix", folder_.mix(mix_)});
    return run(more);
  }
  Json mix_;
};

TEST_F(RecutOfAMix, SaysWhatTheMixerWantsToLookAt) {
  const CommandResult result = run_with_mix();
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("    1  01:00:02:00  01:00:02:00  01:00:03:00  removed 00:00:01:00 (2-1)\n"
                        "       fade: track \"Anna\": clip \"voice.wav\" ends here 0.250 s before the end of its fade-out of 0.500 s\n"
                        "       jump: track \"Anna\": azimuth goes from 10.0 to 30.0 degrees\n"
                        "       jump: bus \"DX\": gain_db goes from -12.0 to -8.0 dB\n"
                        "       tail: reverb \"Room\": rings across for up to 0.600 s, fed by track \"Anna\"\n"
                        "    2  01:00:03:00  01:00:04:00  01:00:04:00  needs sound for 00:00:00:12 (9-9)\n"
                        "\n"));
  EXPECT_THAT(run_with_mix({"--jump", "5"}).out, ::testing::Not(HasSubstr("gain_db goes")));
  const Json report = Json::parse(run_with_mix({"--json"}).out);
  EXPECT_EQ(misfits(Json::parse(file_text(project_file("docs/formats/recut-report.schema.json"))), report), "");
  EXPECT_EQ(report["cuts"][0]["findings"].size(), 4U);
  EXPECT_EQ(report["cuts"][0]["findings"][0], Json::parse(R"({"kind": "fade", "sample": 96000, "node": "track \"Anna\"",
    "detail": "clip \"voice.wav\" ends here 0.250 s before the end of its fade-out of 0.500 s"})"));
}

TEST_F(RecutOfAMix, WritesAListThatTheMixCanFollow) {
  mix_["length"] = "5s";  // the last second of the old cut is not in the mix
  const CommandResult result = run_with_mix({"-o", folder_ / "changes.json"});
  EXPECT_THAT(result.out, HasSubstr("note: 00:00:01:00 of what is kept lies outside of the mix's timeline, and is left out\n"));
  mix_["versions"][0]["recut"] = "changes.json";
  const CommandResult rendered = dubfarm({"render", folder_.mix(mix_), "--out", folder_ / "out", "--store", folder_ / "store"});
  EXPECT_EQ(rendered.status, 0) << rendered.err;
  EXPECT_EQ(read_sound(folder_ / "out/v1.wav").channels[0].size(), 48000U * 4 + 24000) << "to 01:00:04:12";
  EXPECT_THAT(rendered.out, HasSubstr("version v1 has a hole without sound of the old cut:\n  01:00:03:00 to 01:00:03:12\n"));
}

TEST_F(RecutOfAMix, TakesItsFrameRateFromTheMix) {
  EXPECT_EQ(run_with_mix({"--frame-rate", "25"}).err, "error: --frame-rate is 25, and the mix counts 24\nhelp: a change list counts as the mix does; leave --frame-rate out\n");
  mix_["start"] = "02:00:00:00";
  const CommandResult elsewhere = run_with_mix();
  EXPECT_EQ(elsewhere.status, 2);
  EXPECT_EQ(elsewhere.err, "error: nothing that the two cuts share lies on the mix's timeline, which begins at 02:00:00:00\nhelp: check \"start\" in the mix, and the hour of the lists\n");
  mix_["start"] = "01:00:00:00";
  mix_["reverbs"][0]["ir"] = "rooom.wav";
  EXPECT_THAT(run_with_mix().err, StartsWith("error: there is no file \"<folder>/rooom.wav\"\n"));
}

TEST_F(Recut, SaysWhatIsWrongWithItsLists) {
  const CommandResult no_rate = run({"-o", folder_ / "changes.json"});
  EXPECT_EQ(no_rate.status, 2);
  EXPECT_EQ(no_rate.err,
            "error: the list does not say its frame rate\n --> <folder>/old.edl\n"
            "help: give it with --frame-rate: 23.976, 24, 25, 29.97, 29.97df, 30, 47.952, 48, 50, 59.94, 59.94df or 60; the highest frame number in the list is 0\n"
            "error: the list does not say its frame rate\n --> <folder>/new.edl\n"
            "help: give it with --frame-rate: 23.976, 24, 25, 29.97, 29.97df, 30, 47.952, 48, 50, 59.94, 59.94df or 60; the highest frame number in the list is 12\n");
  EXPECT_EQ(run({"--frame-rate", "26"}).err, "error: unknown frame rate \"26\"\nhelp: write 23.976, 24, 25, 29.97, 29.97df, 30, 47.952, 48, 50, 59.94, 59.94df or 60\n");

  folder_.text("new.edl", "001  Z001 V C 10:00:00:00 10:00:02:00 01:00:00:00 01:00:02:00\n");
  const CommandResult strangers = run({"--frame-rate", "24", "-o", folder_ / "changes.json"});
  EXPECT_EQ(strangers.status, 2);
  EXPECT_EQ(strangers.err,
            "error: the two lists share nothing: no reel, source file or clip name of <folder>/new.edl has a source timecode that <folder>/old.edl has too\n"
            "help: a change list needs two cuts of one picture, with the same reels or clip names\n");
  EXPECT_EQ(strangers.out, "");

  folder_.text("new.edl", std::string(kNewCut) + "005  A001 V C 10:00:01:00 10:00:00:00 01:00:05:12 01:00:06:12\n");
  EXPECT_EQ(run().err,
            "error: source out 10:00:00:00 is before source in 10:00:01:00\n  --> <folder>/new.edl:11:27\n   |\n"
            "11 | 005  A001 V C 10:00:01:00 10:00:00:00 01:00:05:12 01:00:06:12\n   |                           ^^ before its in\n"
            "help: an event plays from its in up to, and not with, its out\n");
  EXPECT_EQ(dubfarm({"recut", folder_ / "old.edl", folder_ / "none.edl", "--frame-rate", "24"}).status, 2);
  EXPECT_FALSE(std::ifstream(folder_ / "changes.json").good()) << "no list was written";
}

TEST_F(Recut, WarnsOfOverlapsAndOfOutsThatLookInclusive) {
  folder_.text("new.edl", std::string(kNewCut) + "005  A002 V C 11:00:00:00 11:00:01:00 01:00:05:00 01:00:06:00\n");
  const CommandResult overlapping = run();
  EXPECT_EQ(overlapping.status, 0);
  EXPECT_THAT(overlapping.err, StartsWith("warning: record times overlap: this event begins at 01:00:05:00, and the one in line 9 ends at 01:00:05:12\n  --> <folder>/new.edl:11:1\n"));

  // The same cut, with outs that name the last frame.
  folder_.text("new.edl",
               "001  A001 V C 10:00:00:00 10:00:01:23 01:00:00:00 01:00:01:23\n002  A002 V C 11:00:00:00 11:00:00:23 01:00:02:00 01:00:02:23\n"
               "003  A003 V C 12:00:00:00 12:00:00:23 01:00:03:00 01:00:03:23\n004  A003 V C 12:00:01:00 12:00:02:23 01:00:04:00 01:00:05:23\n");
  const CommandResult inclusive = run();
  EXPECT_THAT(inclusive.err, StartsWith("warning: the outs of this list look inclusive: event after event ends one frame before the next begins\n --> <folder>/new.edl\n"
                                        "help: if they name the last frame, say so: --inclusive-outs new\n"));
  const CommandResult told = run({"--frame-rate", "24", "--inclusive-outs", "new"});
  EXPECT_EQ(told.err, "");
  EXPECT_THAT(told.out, HasSubstr("kept 00:00:06:00 in 1 run, removed 00:00:00:00 in 0 places, inserted 00:00:00:00 in 0 places, moved 0 runs\n\ncuts: 0\n"));
}

}  // namespace
}  // namespace dubfarm::cli
