// A version that follows a change list, rendered by the command.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/command.hpp"
#include "tests/support/json_schema.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using ::testing::HasSubstr;

/// One stereo clip of 4 s on a timeline of 4 s that begins at 01:00:00:00, and a version "v2" that follows v2.edl.
class RecutVersion : public ::testing::Test {
 protected:
  RecutVersion() {
    sound_ = white_noise(2, 4 * 48000, 3);
    folder_.sound("a.wav", sound_, 48000, 0x010006);  // float: what is written is what is read
    mix_ = Json::parse(R"({"dubfarm": 1, "title": "Cut", "sample_rate": 48000, "frame_rate": "24", "start": "01:00:00:00", "length": "4s",
      "buses": [{"name": "A", "layout": "stereo"}],
      "tracks": [{"name": "T", "bus": "A", "layout": "stereo", "clips": [{"file": "a.wav", "at": 0}]}],
      "versions": [{"name": "v1"}, {"name": "v2", "recut": "v2.edl", "recut_fade": 0}],
      "deliverables": [{"name": "d", "layout": "stereo", "file": "{version}.wav", "bits": "float"}]})");
  }
  CommandResult run(const std::string& verb = "render") {
    std::vector<std::string> arguments = {verb, folder_.mix(mix_)};
    if (verb == "render") arguments.insert(arguments.end(), {"--out", folder_ / "out", "--store", folder_ / "store"});
    CommandResult result = dubfarm(arguments);
    for (std::string* text : {&result.out, &result.err})
      for (std::size_t at; (at = text->find(folder_.path())) != std::string::npos;) text->replace(at, folder_.path().size(), "<folder>");
    return result;
  }
  MixFolder folder_;
  Signal sound_;
  Json mix_;
};

constexpr const char* kList =
    "TITLE: CUT 2\n"
    "001  OLD  V  C  01:00:02:00 01:00:03:00 01:00:00:00 01:00:01:00\n"
    "002  OLD  V  C  01:00:00:12 01:00:01:00 01:00:01:12 01:00:02:00\n"
    "003  OLD  V  C  01:00:03:00 01:00:03:06 01:00:03:00 01:00:03:06\n";

TEST_F(RecutVersion, PlaysWhatTheListSaysAndReportsTheHoles) {
  folder_.text("v2.edl", kList);
  const CommandResult rendered = run();
  ASSERT_EQ(rendered.status, 0) << rendered.err;
  EXPECT_THAT(rendered.out, HasSubstr("version v2 has 2 holes without sound of the old cut:\n  01:00:01:00 to 01:00:01:12\n  01:00:02:00 to 01:00:03:00\n"));

  const Signal got = read_sound(folder_ / "out/v2.wav").channels;
  ASSERT_EQ(got[0].size(), 156000U) << "its own length: 3 s and 6 frames";
  Signal want(2, std::vector<double>(156000));
  for (std::size_t c = 0; c < 2; ++c) {
    std::copy_n(&sound_[c][96000], 48000, want[c].begin());
    std::copy_n(&sound_[c][24000], 24000, &want[c][72000]);
    std::copy_n(&sound_[c][144000], 12000, &want[c][144000]);
  }
  EXPECT_LT(difference_db(got, want), -140);
  EXPECT_EQ(read_sound(folder_ / "out/v1.wav").channels[0].size(), 192000U);

  const Json report = Json::parse(file_text(folder_ / "out/report.json"));
  EXPECT_EQ(misfits(Json::parse(file_text(project_file("docs/formats/report.schema.json"))), report), "");
  EXPECT_EQ(report["length"], 192000);
  EXPECT_EQ(report["versions"], Json::parse(R"([{"name": "v1", "length": 192000}, {"name": "v2", "length": 156000, "holes": [
    {"from": 48000, "to": 72000, "from_timecode": "01:00:01:00", "to_timecode": "01:00:01:12"},
    {"from": 96000, "to": 144000, "from_timecode": "01:00:02:00", "to_timecode": "01:00:03:00"}]}])"));
}

TEST_F(RecutVersion, SaysWhatIsWrongWithItsListAndWhere) {
  folder_.text("v2.edl", std::string(kList) + "004  OLD  V  C  01:00:03:00 01:00:02:06 01:00:03:06 01:00:03:12\n");
  const std::string said =
      "error: source out 01:00:02:06 is before source in 01:00:03:00\n"
      " --> <folder>/v2.edl:5:29\n"
      "  |\n"
      "5 | 004  OLD  V  C  01:00:03:00 01:00:02:06 01:00:03:06 01:00:03:12\n"
      "  |                             ^^ before its in\n"
      "help: an event plays from its in up to, and not with, its out\n";
  for (const char* verb : {"render", "validate"}) {
    const CommandResult result = run(verb);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.err, said);
    EXPECT_EQ(result.out, "");
  }
  EXPECT_TRUE(files_below(folder_ / "out").empty());
  const CommandResult json = dubfarm({"validate", folder_ / "film.mix.json", "--json"});
  EXPECT_EQ(Json::parse(json.out)[0]["file"], folder_ / "v2.edl");
  EXPECT_EQ(Json::parse(json.out)[0]["line"], 5);
}

TEST_F(RecutVersion, MissesAListThatIsNotThere) {
  EXPECT_EQ(run("validate").err,
            "error: there is no change list \"<folder>/v2.edl\" (version \"v2\")\n"
            "  --> <folder>/film.mix.json:33:13  at /versions/1/recut\n"
            "   |\n"
            "33 |    \"recut\": \"v2.edl\",\n"
            "   |             ^^^^^^^^ no such file\n"
            "help: paths count from the mix document's folder; check the name, its case, and the variables in it\n");
}

TEST_F(RecutVersion, MeasuresOnItsOwnTimeline) {
  folder_.text("v2.edl", kList);
  mix_["deliverables"][0]["measure"] = {{"from", "3.5s"}, {"to", "4s"}};
  const CommandResult result = run("validate");
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("error: version \"v2\" is 156000 samples long, and deliverable \"d\" measures from sample 168000 on\n"));
}

TEST_F(RecutVersion, RendersAWarnedOfListAllTheSame) {
  folder_.text("v2.edl", "1 OLD V C 01:00:00:00 01:00:01:00 01:00:00:00 01:00:01:00\n1 OLD V D 012 01:00:02:00 01:00:03:00 01:00:01:00 01:00:02:00\n");
  const CommandResult result = run("validate");
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.err, ::testing::StartsWith("warning: a dissolve or wipe in a change list is taken as a cut at its start\n --> <folder>/v2.edl:2:1\n"));
}

TEST_F(RecutVersion, IsADifferentRenderFromTheVersionsBesideIt) {
  mix_["versions"][1] = {{"name", "v2"}, {"recut", Json::parse(R"([{"new": 0, "old": 0, "length": "2s"}])")}};
  mix_["deliverables"][0]["file"] = "one.wav";
  EXPECT_THAT(run("validate").err, HasSubstr("two outputs are \"one.wav\""));
}

}  // namespace
}  // namespace dubfarm::cli
