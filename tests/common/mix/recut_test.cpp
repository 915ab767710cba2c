// Recuts: change lists into events, events into a map of time, clips into pieces.
#include "common/mix/recut.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/common/mix/mix_text.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::mix {
namespace {

using ::testing::ElementsAre, ::testing::IsEmpty, ::testing::StartsWith;

/// One minute at 24 frames a second from 01:00:00:00, 48 kHz: 2000 samples a frame.
Document document_with(const std::string& version) { return parsed(MixText{.versions = R"("versions": [{"name": "v2", )" + version + "}],"}); }
std::string mistakes_of(const std::string& version) { return mistakes(MixText{.versions = R"("versions": [{"name": "v2", )" + version + "}],"}); }

std::vector<TimeStretch> stretches(const Document& document) {
  const TimeMap time(document, document.versions.front());
  return {time.stretches().begin(), time.stretches().end()};
}
std::vector<ClipPiece> pieces(const std::string& version, Frames at, Frames length) {
  const Document document = document_with(version);
  return TimeMap(document, document.versions.front()).pieces(at, length);
}

TEST(ChangeListInADocument, GivesEventsInSamplesInTheNewOrder) {
  const Document document = document_with(R"("recut": [{"new": "01:00:10:00", "old": "01:00:02:12", "length": "00:00:01:00"}, {"new": 0, "old": "2s", "length": "500ms"}])");
  const Recut& recut = *document.versions.front().recut;
  EXPECT_THAT(recut.events, ElementsAre(RecutEvent{0, 96000, 24000}, RecutEvent{480000, 120000, 48000}));
  EXPECT_EQ(recut.fade, 480) << "10 ms";
  EXPECT_EQ(length_of(document, document.versions.front()), 528000) << "the end of the last event";
  EXPECT_EQ(length_of(document_with(R"("recut": [{"new": 0, "old": 0, "length": 9}], "length": "3s")"), document.versions.front()), 528000);
  const Document longer = document_with(R"("recut": [{"new": 0, "old": 0, "length": 9}], "length": "3s", "recut_fade": 7)");
  EXPECT_EQ(length_of(longer, longer.versions.front()), 144000);
  EXPECT_EQ(longer.versions.front().recut->fade, 7);
}

TEST(ChangeListInADocument, MeetsItsNeighbourAtRatesWhereAFrameIsNoWholeNumberOfSamples) {
  MixText mix{.versions = R"("versions": [{"name": "v2", "recut": [)"};
  mix.clock = R"("sample_rate": 48000, "frame_rate": "29.97", "start": "01:00:00:00", "length": "00:01:00:00",)";
  for (int i = 0; i < 60; ++i)  // 1601.6 samples a frame
    mix.versions += fmt::format(R"({}{{"new": "01:00:{:02}:{:02}", "old": "01:00:00:00", "length": "00:00:00:01"}})", i ? ", " : "", i / 30, i % 30);
  mix.versions += "]}],";
  const Document document = parsed(mix);
  const std::vector<RecutEvent>& events = document.versions.front().recut->events;
  ASSERT_EQ(events.size(), 60U);
  for (std::size_t i = 0; i + 1 < events.size(); ++i) EXPECT_EQ(events[i].at + events[i].length, events[i + 1].at) << i;
  EXPECT_EQ(events.back().at + events.back().length, 96096);
}

TEST(ChangeListInADocument, RefusesWhatCannotBe) {
  EXPECT_EQ(mistakes_of(R"("recut": [])"), "/versions/0/recut: a change list without an event");
  EXPECT_EQ(mistakes_of(R"("recut": 3)"), "/versions/0/recut: \"recut\" is 3, not a change list");
  EXPECT_EQ(mistakes_of(R"("recut": [{"new": 0, "old": 0}])"), "/versions/0/recut/0: a recut event without \"length\"");
  EXPECT_EQ(mistakes_of(R"("recut": [{"new": 0, "old": 0, "length": 0}])"), "/versions/0/recut/0/length: \"length\" is 0 samples, and must be at least 1");
  EXPECT_EQ(mistakes_of(R"("recut": [{"new": 0, "old": 0, "length": 9, "speed": 2}])"), "/versions/0/recut/0/speed: unknown key \"speed\" in a recut event");
  EXPECT_EQ(mistakes_of(R"("recut": [{"new": "00:59:59:23", "old": 0, "length": 9}])"), "/versions/0/recut/0/new: an event begins 2000 samples before the timeline");
  EXPECT_EQ(mistakes_of(R"("recut": [{"new": 0, "old": -1, "length": 9}])"),
            "/versions/0/recut/0/old: an event takes samples -1 to 8 of the old timeline, which has samples 0 to 2880000");
  EXPECT_EQ(mistakes_of(R"("recut": [{"new": 0, "old": 2879000, "length": 3002}])"),
            "/versions/0/recut/0/old: an event takes samples 2879000 to 2882002 of the old timeline, which has samples 0 to 2880000");
  EXPECT_EQ(mistakes_of(R"("recut": [{"new": 10, "old": 0, "length": 10}, {"new": 0, "old": 0, "length": 11}])"),
            "/versions/0/recut/0: events overlap on the new timeline: this one begins at sample 10, and event 2 ends at sample 11");
  EXPECT_EQ(mistakes_of(R"("recut": [{"new": 0, "old": 0, "length": 9}], "recut_fade": "-1ms")"), "/versions/0/recut_fade: \"recut_fade\" is -48 samples, and must be at least 0");
  EXPECT_EQ(mistakes_of(R"("recut": "{langg}.edl")"), "/versions/0/recut: unknown variable {langg}");
}

TEST(TimeMapOfAVersion, IsTheIdentityWithoutARecut) {
  const Document document = document_with(R"("set": {})");
  EXPECT_THAT(stretches(document), ElementsAre(TimeStretch{0, 2880000, 0}));
  EXPECT_THAT(TimeMap(document, document.versions.front()).pieces(-5, 100), ElementsAre(ClipPiece{-5, 0, 100, 0, 0}));
  EXPECT_THAT(TimeMap(document, document.versions.front()).holes(), IsEmpty());
}

TEST(TimeMapOfAVersion, JoinsEventsThatGoOnAndListsHoles) {
  const Document document = document_with(
      R"("recut": [{"new": 100, "old": 1000, "length": 50}, {"new": 150, "old": 1050, "length": 50}, {"new": 200, "old": 3000, "length": 10}, {"new": 300, "old": 1200, "length": 10}], "length": 500)");
  EXPECT_THAT(stretches(document), ElementsAre(TimeStretch{0, 100, std::nullopt}, TimeStretch{100, 200, 900}, TimeStretch{200, 210, 2800},
                                               TimeStretch{210, 300, std::nullopt}, TimeStretch{300, 310, 900}, TimeStretch{310, 500, std::nullopt}));
  const TimeMap time(document, document.versions.front());
  EXPECT_THAT(time.holes(), ElementsAre(TimeStretch{0, 100, std::nullopt}, TimeStretch{210, 300, std::nullopt}, TimeStretch{310, 500, std::nullopt}));
  const auto met = time.stretches(199, 210);
  EXPECT_THAT(std::vector<TimeStretch>(met.begin(), met.end()), ElementsAre(TimeStretch{100, 200, 900}, TimeStretch{200, 210, 2800}));
  EXPECT_EQ(stretches(document_with(R"("recut": [{"new": 0, "old": 0, "length": 50}, {"new": 50, "old": 70, "length": 50}], "length": 50)")),
            (std::vector<TimeStretch>{{0, 50, 0}})) << "what reaches past the length is not there";
}

TEST(PiecesOfAClip, AreExtendedOverEdgesThatDoNotJoin) {
  // [0, 1000) stays, [1000, 1400) goes, the rest closes up; the clip stands on [200, 3000).
  const std::string recut = R"("recut": [{"new": 0, "old": 0, "length": 1000}, {"new": 1000, "old": 1400, "length": 5000}], "recut_fade": 100)";
  EXPECT_THAT(pieces(recut, 200, 2800), ElementsAre(ClipPiece{200, 0, 850, 0, 100}, ClipPiece{950, 1150, 1650, 100, 0}));
  EXPECT_THAT(pieces(recut, 200, 820), ElementsAre(ClipPiece{200, 0, 820, 0, 40})) << "20 samples are left of it behind the edge";
  EXPECT_THAT(pieces(recut, 200, 800), ElementsAre(ClipPiece{200, 0, 800, 0, 0})) << "it ends with the event";
  EXPECT_THAT(pieces(recut, 970, 1000), ElementsAre(ClipPiece{950, 380, 620, 100, 0}, ClipPiece{970, 0, 60, 0, 60})) << "no longer than the piece, 30";
  EXPECT_THAT(pieces(recut, 1100, 200), IsEmpty());
  EXPECT_THAT(pieces(recut, 1390, 100), ElementsAre(ClipPiece{990, 0, 100, 20, 0})) << "it begins 10 before the edge";
}

TEST(PiecesOfAClip, AreWholeOverEdgesThatJoinAndAtTheEndsOfTheTimeline) {
  const std::string recut = R"("recut": [{"new": 0, "old": 500, "length": 100}, {"new": 100, "old": 600, "length": 3}, {"new": 103, "old": 603, "length": 100}], "recut_fade": 1000)";
  EXPECT_THAT(pieces(recut, 400, 1000), ElementsAre(ClipPiece{0, 100, 203, 0, 0}));
  const std::string shorter = recut + R"(, "length": 150)";
  EXPECT_THAT(pieces(shorter, 400, 1000), ElementsAre(ClipPiece{0, 100, 203, 0, 0})) << "the timeline ends inside the last event";
  const std::string longer = recut + R"(, "length": 250)";
  EXPECT_THAT(pieces(longer, 400, 1000), ElementsAre(ClipPiece{0, 100, 303, 0, 200})) << "the edge at 203 is one now; h is the last event's length, 100";
}

TEST(PiecesOfAClip, FollowRepeatsInTheNewOrder) {
  const std::string recut = R"("recut": [{"new": 0, "old": 1000, "length": 100}, {"new": 200, "old": 1000, "length": 100}, {"new": 400, "old": 900, "length": 50}], "recut_fade": 0)";
  EXPECT_THAT(pieces(recut, 930, 1000), ElementsAre(ClipPiece{0, 70, 100, 0, 0}, ClipPiece{200, 70, 100, 0, 0}, ClipPiece{430, 0, 20, 0, 0}));
}

class ChangeListFile : public ::testing::Test {
 protected:
  /// Loads `text` as the change list of the only version. @return the errors and warnings as people see them.
  std::string load(const std::string& text, const std::string& name = "v2.edl") {
    folder_.text(name, text);
    document_ = std::move(*parse_mix(MixText{.versions = R"("versions": [{"name": "v2", "recut": ")" + name + "\"}],"}.text(), folder_ / "film.mix.json").document);
    const std::vector<std::size_t> all{0};
    const RecutOutcome outcome = load_recuts(document_, all);
    std::vector<Diagnostic> said = outcome.warnings;
    said.insert(said.end(), outcome.errors.begin(), outcome.errors.end());
    std::string shown = format_diagnostics("", "film.mix.json", said, outcome.texts);
    for (std::size_t at; (at = shown.find(folder_.path())) != std::string::npos;) shown.erase(at, folder_.path().size() + 1);
    return shown;
  }
  [[nodiscard]] const std::vector<RecutEvent>& events() const { return document_.versions.front().recut->events; }

  testing::MixFolder folder_;
  Document document_;
};

TEST_F(ChangeListFile, IsJsonWhereItBeginsWithABracket) {
  EXPECT_EQ(load("\xEF\xBB\xBF\r\n [ {\"new\": 0, \"old\": \"01:00:01:00\", \"length\": 7} ]", "v2.changes"), "");
  EXPECT_THAT(events(), ElementsAre(RecutEvent{0, 48000, 7}));
  EXPECT_EQ(load("[ {\"new\": 0, \"old\": 0, \"length\": \"x\"} ]"),
            "error: \"length\" is \"x\", not a time\n --> v2.edl:1:34  at /0/length\n  |\n1 | [ {\"new\": 0, \"old\": 0, \"length\": \"x\"} ]\n"
            "  |                                  ^^^ expected a time\n"
            "help: write samples (96000), a timecode (\"01:00:04:12\"), seconds (\"12.5s\") or milliseconds (\"250ms\")\n");
  EXPECT_THAT(load("[ {"), StartsWith("error: "));
  EXPECT_THAT(load("{}"), StartsWith("error: \"document\" is an object, not a list of events\n"));
}

TEST_F(ChangeListFile, TakesSourceAsOldAndRecordAsNew) {
  EXPECT_EQ(load("TITLE: V2\r\nFCM: NON-DROP FRAME\r\n"
                 "001  OLD  V     C  01:00:00:00 01:00:10:00 01:00:00:00 01:00:10:00\r\n"
                 "002  OLD  V     C  01:00:12:00 01:00:20:00 01:00:10:00 01:00:18:00\r\n"
                 "003  OLD  A     C  01:00:12:00 01:00:20:00 01:00:10:00 01:00:18:00\r\n"
                 "004  BL   V     C  00:00:00:00 00:00:01:00 01:00:18:00 01:00:19:00\r\n"),
            "");
  EXPECT_THAT(events(), ElementsAre(RecutEvent{0, 0, 480000}, RecutEvent{480000, 576000, 384000})) << "channels repeat each other, black keeps nothing";
}

TEST_F(ChangeListFile, SaysWhatARecutCannotFollow) {
  EXPECT_EQ(load("1 OLD V C 01:00:00:00 01:00:10:00 01:00:00:00 01:00:10:00\n2 OLD V C 01:00:20:00 01:00:22:00 01:00:09:23 01:00:11:23\n"),
            "error: record times overlap: this event begins at 01:00:09:23, and the one in line 1 ends at 01:00:10:00\n"
            " --> v2.edl:2:1\n  |\n2 | 2 OLD V C 01:00:20:00 01:00:22:00 01:00:09:23 01:00:11:23\n  | ^\n"
            "help: each moment of the new timeline has one event or none, on all channels alike\n");
  EXPECT_EQ(load("1 A192C008 V C 19:26:32:20 19:26:38:13 01:00:51:23 01:00:57:16\n"),
            "error: reel \"A192C008\" from 19:26:32:20 to 19:26:38:13 is no part of the old timeline, 01:00:00:00 to 01:01:00:00\n"
            " --> v2.edl:1:1\n  |\n1 | 1 A192C008 V C 19:26:32:20 19:26:38:13 01:00:51:23 01:00:57:16\n  | ^\n"
            "help: a change list has the old timeline as its source; two cut lists make one: dubfarm recut OLD.edl NEW.edl -o changes.json\n");
  EXPECT_THAT(load("1 OLD V C 01:00:00:00 01:00:10:00 00:00:00:00 00:00:10:00\n"), StartsWith("error: record in 00:00:00:00 is before the mix's start, 01:00:00:00\n"));
  EXPECT_THAT(load("1 OLD V C 01:00:00:00 01:00:10:00 01:00:00:00 01:00:05:00\nM2 OLD 048.0 01:00:00:00\n"),
              StartsWith("error: this event plays \"OLD\" at 48 frames a second, and a recut plays at its own speed, 24\n"));
  EXPECT_THAT(load("1 OLD V K B 01:00:00:00 01:00:10:00 01:00:00:00 01:00:10:00\n"), StartsWith("error: a key in a change list\n"));
  EXPECT_THAT(load("1 BL V C 00:00:00:00 00:00:10:00 01:00:00:00 01:00:10:00\n"), StartsWith("error: no event of this list keeps anything: all are black or without length\n"));
  EXPECT_THAT(load("FCM: NON-DROP FRAME\n1 OLD V C 01:00:00:25 01:00:10:00 01:00:00:00 01:00:10:00\n"), StartsWith("error: \"01:00:00:25\" has frame 25;"));
}

TEST_F(ChangeListFile, WarnsOfWhatItTakesInItsOwnWay) {
  EXPECT_EQ(load("1 OLD V C 01:00:00:00 01:00:10:00 01:00:00:00 01:00:10:00\n1 OLD V D 024 01:00:20:00 01:00:22:00 01:00:10:00 01:00:12:00\n"),
            "warning: a dissolve or wipe in a change list is taken as a cut at its start\n"
            " --> v2.edl:2:1\n  |\n2 | 1 OLD V D 024 01:00:20:00 01:00:22:00 01:00:10:00 01:00:12:00\n  | ^\n"
            "help: where two sides do not join, a recut fades over recut_fade\n");
  EXPECT_EQ(events().size(), 2U);
  EXPECT_THAT(load("1 OLD V C 01:00:00:00 01:00:10:00 01:00:00:00 01:00:09:00\n"), StartsWith("warning: source and record differ in length: the record side rules\n"));
  EXPECT_THAT(events(), ElementsAre(RecutEvent{0, 0, 432000}));
  std::string inclusive;
  for (int s = 0; s < 5; ++s) inclusive += fmt::format("{0} OLD V C 01:00:{1:02}:00 01:00:{1:02}:23 01:00:{0:02}:00 01:00:{0:02}:23\n", s, s * 2);
  EXPECT_EQ(load(inclusive),
            "warning: the outs of this list look inclusive: event after event ends one frame before the next begins\n --> v2.edl\n"
            "help: export the list with exclusive outs, as CMX3600 has them; as it is, every cut gets a hole of one frame\n");
}

TEST_F(ChangeListFile, IsMissedByName) {
  document_ = document_with(R"("recut": "changes/none.edl")");
  const std::vector<std::size_t> all{0};
  const RecutOutcome outcome = load_recuts(document_, all);
  ASSERT_EQ(outcome.errors.size(), 1U);
  EXPECT_EQ(outcome.errors[0].message, "there is no change list \"reel/changes/none.edl\" (version \"v2\")");
  EXPECT_EQ(outcome.errors[0].place.pointer, "/versions/0/recut");
}

}  // namespace
}  // namespace dubfarm::mix
