// CMX3600 lists as systems write them: what is read from each habit, and what is said of each mistake.
#include "common/edl/edl.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dubfarm::edl {
namespace {

using ::testing::ElementsAre, ::testing::IsEmpty;

mix::FrameRate rate(std::string_view name) { return mix::frame_rate_named(name).value(); }

List read(std::string_view text, std::string_view rate_name = "24") {
  Outcome outcome = parse(text, "cut.edl", rate(rate_name));
  for (const mix::Diagnostic& error : outcome.errors) ADD_FAILURE() << error.place.line << ": " << error.message;
  return outcome.list ? std::move(*outcome.list) : List{};
}

/// The message block of the only mistake, or of all.
std::string mistakes(std::string_view text, std::optional<mix::FrameRate> frame_rate = rate("24")) {
  const Outcome outcome = parse(text, "cut.edl", frame_rate);
  EXPECT_EQ(outcome.list.has_value(), outcome.errors.empty());
  return mix::format_diagnostics("", "film.mix.json", outcome.errors, {{"cut.edl", std::string(text)}});
}

TEST(Edl, ReadsAnAvidListWithNamesAndChannels) {
  const List list = read(
      "TITLE:   REEL_1\n"
      "FCM: NON-DROP FRAME\n"
      "001  A056C007 V     C        19:56:27:14 19:56:41:00 01:00:00:00 01:00:13:10 \n"
      "* FROM CLIP NAME:  2G-3 \n"
      "* SOURCE FILE: A056C007_160819_R1BY\n"
      "002  SR018    A2/V  C        19:11:54:10 19:11:58:18 01:00:13:10 01:00:17:18 \n"
      "AUD  3    4\n");
  EXPECT_EQ(list.title, "REEL_1");
  ASSERT_EQ(list.events.size(), 2U);
  const Event& first = list.events[0];
  EXPECT_EQ(first.line, 3);
  EXPECT_EQ(first.number, "001");
  EXPECT_EQ(first.reel, "A056C007");
  EXPECT_EQ(first.channels, 1U);
  EXPECT_EQ(first.clip_name, "2G-3");
  EXPECT_EQ(first.source_file, "A056C007_160819_R1BY");
  EXPECT_EQ(first.record_in, 24 * 3600);
  EXPECT_EQ(first.length(), 13 * 24 + 10) << "outs are exclusive";
  EXPECT_EQ(first.source_out - first.source_in, 13 * 24 + 10);
  EXPECT_EQ(list.events[1].channels, 0b11101U) << "sound 2 and picture, and 3 and 4 by AUD";
}

TEST(Edl, TakesReelNamesOfAnyLengthWithSpacesToo) {
  const List list = read(
      "000001  UNILOGO_2012_S235_MONO_DNX175X.M V     C        00:00:00:00 00:00:24:00 01:00:08:00 01:00:32:00\n"
      "2 MY TAPE 7 AA/V C 00:00:00:00 00:00:01:00 01:00:32:00 01:00:33:00\n"
      "3 001 NONE C 00:00:00:00 00:00:01:00 01:00:33:00 01:00:34:00\n");
  EXPECT_EQ(list.events.at(0).reel, "UNILOGO_2012_S235_MONO_DNX175X.M");
  EXPECT_EQ(list.events.at(1).reel, "MY TAPE 7");
  EXPECT_EQ(list.events.at(1).channels, 0b111U);
  EXPECT_EQ(list.events.at(2).reel, "001");
  EXPECT_EQ(list.events.at(2).channels, 0U);
}

TEST(Edl, KnowsEveryWayToWriteChannels) {
  const auto channels = [](const std::string& text) { return read("1 R " + text + " C 00:00:00:00 00:00:01:00 00:00:00:00 00:00:01:00").events.at(0).channels; };
  EXPECT_EQ(channels("V"), 0b1U);
  EXPECT_EQ(channels("A"), 0b10U);
  EXPECT_EQ(channels("A1"), 0b10U);
  EXPECT_EQ(channels("A2"), 0b100U);
  EXPECT_EQ(channels("A12"), Channels{1} << 12);
  EXPECT_EQ(channels("AA"), 0b110U);
  EXPECT_EQ(channels("B"), 0b11U);
  EXPECT_EQ(channels("A/V"), 0b11U);
  EXPECT_EQ(channels("VA1A2"), 0b111U);
  EXPECT_EQ(channels("aa/v"), 0b111U);
}

TEST(Edl, ReadsDissolvesWipesAndKeysWithBothSides) {
  const List list = read(
      "001  TST V     C        01:00:04:05 01:00:04:14 01:00:00:00 01:00:00:09\r\n"
      "* FROM CLIP NAME:  clip_A\r\n"
      "002  TST V     C        01:00:04:14 01:00:04:14 01:00:00:09 01:00:00:09\r\n"
      "002  TST V     D    010 01:00:08:08 01:00:08:18 01:00:00:09 01:00:00:19\r\n"
      "* BLEND, DISSOLVE\r\n"
      "* FROM CLIP NAME:  clip_A\r\n"
      "* TO CLIP NAME:  clip_B\r\n"
      "003  TST V     W001    012 01:00:08:08 01:00:08:18 01:00:00:19 01:00:01:05\r\n"
      "004  AX V     K B      00:00:01:06 00:00:01:08 01:00:01:05 01:00:01:07\r\n"
      "004  AX V     K    000 00:00:03:08 00:00:03:08 01:00:01:05 01:00:01:05\r\n");
  ASSERT_EQ(list.events.size(), 6U);
  EXPECT_EQ(list.events[1].clip_name, "clip_A") << "the side that goes";
  EXPECT_EQ(list.events[1].length(), 0);
  EXPECT_EQ(list.events[2].transition, Transition::dissolve);
  EXPECT_EQ(list.events[2].transition_frames, 10);
  EXPECT_EQ(list.events[2].clip_name, "clip_B") << "the side that comes";
  EXPECT_EQ(list.events[3].transition, Transition::wipe);
  EXPECT_EQ(list.events[3].transition_frames, 12);
  EXPECT_EQ(list.events[4].transition, Transition::key);
  EXPECT_EQ(list.events[5].transition, Transition::key);
}

TEST(Edl, ReadsSpeedsOfTheReelThatTheyName) {
  const List list = read(
      "001  FOO      V     C        01:00:00:00 01:00:27:14 01:00:00:00 01:00:27:14\n"
      "001  BL       V     D    024 00:00:00:00 00:00:01:00 01:00:27:14 01:00:28:14\n"
      "M2   FOO            035.0                01:00:00:00\n"
      "002  R2       V     C        01:00:00:00 01:00:01:00 01:00:28:14 01:00:29:14\n"
      "M2   R2        -024.0                01:00:00:00\n");
  EXPECT_EQ(list.events.at(0).speed_fps, 35.0);
  EXPECT_EQ(list.events.at(1).speed_fps, std::nullopt);
  EXPECT_EQ(list.events.at(2).speed_fps, -24.0);
}

TEST(Edl, DoesNotMindLineEndsMarksTabsBlankLinesAndOldLetters) {
  const std::string list =
      "\xEF\xBB\xBFTITLE: Caf\xE9\r\r001\tR1\tV\tC\t00:00:00:00\t00:00:01:00\t00:00:00:00\t00:00:01:00\r*FROM CLIP NAME: Z\xFC" "rich\r\r\x1A";
  const List read_list = read(list);
  EXPECT_EQ(read_list.title, "Caf\xC3\xA9");
  ASSERT_EQ(read_list.events.size(), 1U);
  EXPECT_EQ(read_list.events[0].line, 3);
  EXPECT_EQ(read_list.events[0].clip_name, "Z\xC3\xBCrich");
  EXPECT_EQ(read("1 R V C 00:00:00:00 00:00:01:00 00:00:00:00 00:00:01:00\nFROM CLIP NAME: bare").events.at(0).clip_name, "bare") << "without its star";
}

TEST(Edl, CountsDropFrameAsTheListSays) {
  const std::string list = "FCM: DROP FRAME\n1 R V C 00:00:59:29 00:01:00:02 01:00:00;00 01:00:00;01\n";
  const Event event = read(list, "29.97df").events.at(0);
  EXPECT_EQ(event.source_out - event.source_in, 1) << "00:01:00:00 and :01 do not exist";
  const Outcome by_itself = parse(list, "cut.edl", std::nullopt);
  ASSERT_TRUE(by_itself.list);
  EXPECT_EQ(mix::name_of(by_itself.list->rate), "29.97df");
  // A source on a tape without drop-frame, in a list that drops frames.
  const List mixed = read("FCM: DROP FRAME\n1 R V C 00:00:59;29 00:01:00;02 01:00:00;00 01:00:00;01\nFCM: NON-DROP FRAME\n2 S V C 00:00:59:29 00:01:00:02 01:00:00;01 01:00:00;04\n", "29.97df");
  EXPECT_EQ(mixed.events.at(1).source_out - mixed.events.at(1).source_in, 3);
}

TEST(Edl, GoesOnPastMidnight) {
  const Event event = read("1 R V C 23:59:59:00 00:00:01:00 23:59:50:00 00:00:10:00").events.at(0);
  EXPECT_EQ(event.source_out - event.source_in, 48);
  EXPECT_EQ(event.length(), 480);
}

TEST(Edl, DoesNotTakeAnyOutBeforeItsInForMidnight) {
  EXPECT_THAT(mistakes("1 R V C 44:11:58:10 19:11:58:18 01:00:13:10 01:00:17:18\n"), ::testing::StartsWith("error: source out 19:11:58:18 is before source in 44:11:58:10\n"));
  EXPECT_THAT(mistakes("1 R V C 23:00:00:00 01:00:00:00 01:00:13:10 01:00:17:18\n"), ::testing::StartsWith("error: source out 01:00:00:00 is before source in 23:00:00:00\n"))
      << "two hours in one event are a mistake";
}

TEST(Edl, FindsWhatOverlapsOnOneChannel) {
  const List list = read(
      "1 R V  C 00:00:00:00 00:00:02:00 00:00:00:00 00:00:02:00\n"
      "2 R A  C 00:00:00:00 00:00:02:00 00:00:01:00 00:00:03:00\n"
      "3 R V  C 00:00:00:00 00:00:01:00 00:00:02:00 00:00:03:00\n"
      "4 R AA C 00:00:00:00 00:00:01:00 00:00:02:23 00:00:03:23\n");
  EXPECT_THAT(overlaps(list), ElementsAre(std::pair<std::size_t, std::size_t>(3, 1)));
  EXPECT_THAT(overlaps(read("1 R V C 00:00:00:00 00:00:02:00 00:00:00:00 00:00:02:00\n2 R V C 00:00:00:00 00:00:02:00 00:00:02:00 00:00:04:00\n")), IsEmpty())
      << "an out is the next one's in";
}

TEST(Edl, SeesOutsThatAreInclusive) {
  const auto list = [](const char* second, const char* third) {
    return read(std::string("1 R V C 00:00:00:00 00:00:01:23 00:00:00:00 00:00:01:23\n2 R V C 00:00:00:00 00:00:01:23 ") + second +
                " 00:00:03:23\n3 R V C 00:00:00:00 00:00:01:23 " + third + " 00:00:05:23\n4 R V C 00:00:00:00 00:00:01:23 00:00:06:00 00:00:07:23\n");
  };
  EXPECT_TRUE(outs_look_inclusive(list("00:00:02:00", "00:00:04:00")));
  EXPECT_FALSE(outs_look_inclusive(list("00:00:02:00", "00:00:04:02")));
}

TEST(Edl, SaysWhatIsWrongWithALineAndWhere) {
  EXPECT_EQ(mistakes("TITLE: X\n001  R1  V  C  01:00:00:00 01:00:05:00 01:00:10:00\n"),
            "error: an event with 3 timecodes, and it needs 4: source in and out, record in and out\n"
            " --> cut.edl:2:1\n  |\n2 | 001  R1  V  C  01:00:00:00 01:00:05:00 01:00:10:00\n  | ^^^ not a whole event\n"
            "help: an event reads: 001  REEL  V  C  01:00:00:00 01:00:05:00 01:00:10:00 01:00:15:00\n");
  EXPECT_EQ(mistakes("001  R1  V  C  01:00:00:00 01:00:05:00 01:00:10:00 01:00:04:00\n"),
            "error: record out 01:00:04:00 is before record in 01:00:10:00\n"
            " --> cut.edl:1:52\n  |\n1 | 001  R1  V  C  01:00:00:00 01:00:05:00 01:00:10:00 01:00:04:00\n  |                                                    ^^ before its in\n"
            "help: an event plays from its in up to, and not with, its out\n");
  EXPECT_EQ(mistakes("001  R1  V  C  01:00:00:00 00:59:59:00 01:00:10:00 01:00:14:00\n").substr(0, 59), "error: source out 00:59:59:00 is before source in 01:00:00:");
  EXPECT_EQ(mistakes("001  R1  V  C  01:00:00:24 01:00:05:00 01:00:10:00 01:00:15:00\n"),
            "error: \"01:00:00:24\" has frame 24; at 24 frames a second they run from 0 to 23\n"
            " --> cut.edl:1:16\n  |\n1 | 001  R1  V  C  01:00:00:24 01:00:05:00 01:00:10:00 01:00:15:00\n  |                ^^ not a timecode at this frame rate\n"
            "help: check the frame rate that the list was made with\n");
  EXPECT_THAT(mistakes("001  R1  X9  C  01:00:00:00 01:00:05:00 01:00:10:00 01:00:15:00\n"), ::testing::StartsWith("error: unknown channels \"X9\"\n --> cut.edl:1:10\n"));
  EXPECT_THAT(mistakes("001  R1  V  Q  01:00:00:00 01:00:05:00 01:00:10:00 01:00:15:00\n"), ::testing::StartsWith("error: unknown transition \"Q\"\n --> cut.edl:1:13\n"));
  EXPECT_THAT(mistakes("001  R1  V  D  01:00:00:00 01:00:05:00 01:00:10:00 01:00:15:00\n"), ::testing::StartsWith("error: a dissolve without its length in frames\n"));
  EXPECT_THAT(mistakes("001  V  C  01:00:00:00 01:00:05:00 01:00:10:00 01:00:15:00\n"),
              ::testing::StartsWith("error: an event without a reel, channels and a transition before its timecodes\n"));
  EXPECT_THAT(mistakes("01:00:00:00 01:00:05:00 01:00:10:00 01:00:15:00\n"), ::testing::StartsWith("error: an event with 3 timecodes, and it needs 4: "));
  EXPECT_THAT(mistakes("1 01:00:00:00 01:00:05:00 01:00:10:00 01:00:15:00\n"), ::testing::StartsWith("error: unknown transition \"1\"\n"));
  EXPECT_THAT(mistakes("1 R V C 00:01:00;00 00:01:00;05 01:00:10;00 01:00:10;05\n", rate("29.97df")),
              ::testing::StartsWith("error: \"00:01:00;00\" does not exist: drop-frame counting skips frames 0 to 1 there; the next label is \"00:01:00;02\"\n"));
  EXPECT_THAT(mistakes("1 R V C 00:01:00;04 00:01:00;05 01:00:10;00 01:00:10;01\n"), ::testing::StartsWith("error: \"00:01:00;04\" is drop-frame timecode, and 24 frames a second has none"));
}

TEST(Edl, SaysWhenTheFrameRateIsMissingOrContradicted) {
  EXPECT_EQ(mistakes("FCM: NON-DROP FRAME\n1 R V C 00:00:00:00 00:00:01:23 00:00:00:00 00:00:01:23\n", std::nullopt),
            "error: the list does not say its frame rate\n --> cut.edl\n"
            "help: give it: 23.976, 24, 25, 29.97, 29.97df, 30, 47.952, 48, 50, 59.94, 59.94df or 60; the highest frame number in the list is 23\n");
  EXPECT_EQ(mistakes("FCM: DROP FRAME\n", rate("29.97")),
            "error: the list counts drop-frame, and the frame rate is 29.97\n --> cut.edl:1:1\n  |\n1 | FCM: DROP FRAME\n  | ^^^ another way to count\n"
            "help: use frame rate 29.97df, or export the list without drop-frame\n");
  EXPECT_THAT(mistakes("FCM: NON-DROP FRAME\n", rate("59.94df")), ::testing::StartsWith("error: the list counts without drop-frame, and the frame rate is 59.94df\n"));
  EXPECT_TRUE(parse("FCM: DROP FRAME\n1 R V C 00:00:00:00 00:00:01:23 00:00:00:00 00:00:01:23\n", "f", rate("24")).list) << "no drop-frame at 24, so it says nothing";
}

TEST(Edl, SaysWhenAFileIsNoList) {
  EXPECT_EQ(mistakes(""), "error: no event: this is not a CMX3600 list\n --> cut.edl\nhelp: an event reads: 001  REEL  V  C  01:00:00:00 01:00:05:00 01:00:10:00 01:00:15:00\n");
  EXPECT_EQ(mistakes("<xml/>\n").substr(0, 43), "error: no event: this is not a CMX3600 list");
  EXPECT_THAT(mistakes(std::string_view("\xFF\xFE" "T\0I\0", 6)), ::testing::StartsWith("error: this is UTF-16, not a CMX3600 list in plain text\n"));
  EXPECT_THAT(mistakes(std::string_view("RIFF\0\0", 6)), ::testing::StartsWith("error: this is not text, and no CMX3600 list\n"));
}

TEST(Edl, ReadsAHundredThousandEvents) {
  std::string text = "TITLE: LONG\n";
  const mix::FrameRate r = rate("25");
  for (int i = 0; i < 100000; ++i)
    text += fmt::format("{:06}  REEL_{:03} V     C        {} {} {} {} \r\n* FROM CLIP NAME:  SHOT {}\r\n", i + 1, i % 300, mix::format_timecode(i, r), mix::format_timecode(i + 5, r),
                        mix::format_timecode(i * 5, r), mix::format_timecode(i * 5 + 5, r), i);
  const List list = read(text, "25");
  EXPECT_EQ(list.events.size(), 100000U);
  EXPECT_THAT(overlaps(list), IsEmpty());
}

}  // namespace
}  // namespace dubfarm::edl
