#include "common/mix/timecode.hpp"

#include <gtest/gtest.h>

namespace dubfarm::mix {
namespace {

constexpr const char* kRateNames[] = {"23.976", "24", "25", "29.97", "29.97df", "30", "47.952", "48", "50", "59.94", "59.94df", "60"};

FrameRate rate(std::string_view name) {
  const auto found = frame_rate_named(name);
  EXPECT_TRUE(found.has_value()) << name;
  return found.value_or(FrameRate{});
}

std::int64_t frames(std::string_view timecode, std::string_view rate_name) {
  const auto parsed = parse_timecode(timecode, rate(rate_name));
  EXPECT_TRUE(parsed.ok()) << parsed.error().message;
  return parsed.ok() ? *parsed : -1;
}

std::string refusal(std::string_view timecode, std::string_view rate_name) {
  const auto parsed = parse_timecode(timecode, rate(rate_name));
  return parsed.ok() ? "accepted" : parsed.error().message;
}

TEST(Timecode, EveryRateOfTheFormatHasItsExactFractionAndItsName) {
  for (const char* name : kRateNames) EXPECT_EQ(name_of(rate(name)), name);
  EXPECT_EQ(rate("23.976"), (FrameRate{24000, 1001, 24, false}));
  EXPECT_EQ(rate("29.97df"), (FrameRate{30000, 1001, 30, true}));
  EXPECT_EQ(rate("59.94"), (FrameRate{60000, 1001, 60, false}));
  EXPECT_FALSE(frame_rate_named("23.98"));
  EXPECT_FALSE(frame_rate_named(""));
}

TEST(Timecode, CountsToTheNominalRateWithoutDropFrame) {
  EXPECT_EQ(frames("01:00:00:00", "23.976"), 86400);
  EXPECT_EQ(frames("01:00:00:00", "24"), 86400);
  EXPECT_EQ(frames("01:00:00:00", "25"), 90000);
  EXPECT_EQ(frames("01:00:00:00", "29.97"), 108000);
  EXPECT_EQ(frames("01:00:00:00", "30"), 108000);
  EXPECT_EQ(frames("01:00:00:00", "47.952"), 172800);
  EXPECT_EQ(frames("01:00:00:00", "48"), 172800);
  EXPECT_EQ(frames("01:00:00:00", "50"), 180000);
  EXPECT_EQ(frames("01:00:00:00", "59.94"), 216000);
  EXPECT_EQ(frames("01:00:00:00", "60"), 216000);
  EXPECT_EQ(frames("00:00:01:23", "24"), 47);
}

TEST(Timecode, DropFrameSkipsTwoLabelsAMinuteAt30AndFourAt60ButNotEveryTenth) {
  EXPECT_EQ(frames("00:00:59;29", "29.97df"), 1799);
  EXPECT_EQ(frames("00:01:00;02", "29.97df"), 1800);
  EXPECT_EQ(frames("00:10:00;00", "29.97df"), 17982);
  EXPECT_EQ(frames("01:00:00;00", "29.97df"), 107892);
  EXPECT_EQ(frames("23:59:59;29", "29.97df"), 2589407);
  EXPECT_EQ(frames("00:01:00;04", "59.94df"), 3600);
  EXPECT_EQ(frames("00:10:00;00", "59.94df"), 35964);
  EXPECT_EQ(frames("01:00:00;00", "59.94df"), 215784);
  EXPECT_EQ(frames("01:00:00:00", "29.97df"), 107892) << "a colon is drop-frame as well, at a drop-frame rate";
}

TEST(Timecode, EveryFrameOfTwentyMinutesAndEveryHourKeepsItsLabelAtEveryRate) {
  for (const char* name : kRateNames) {
    const FrameRate r = rate(name);
    for (std::int64_t n = 0; n < 20 * 60 * r.nominal + 5; ++n) ASSERT_EQ(frames(format_timecode(n, r), name), n) << name;
    for (std::int64_t n = 0; n < 24 * 3600 * r.nominal; n += 35964) ASSERT_EQ(frames(format_timecode(n, r), name), n) << name;
  }
}

TEST(Timecode, LabelsAreWrittenWithASemicolonForDropFrameAndAMinusBeforeZero) {
  EXPECT_EQ(format_timecode(1800, rate("29.97df")), "00:01:00;02");
  EXPECT_EQ(format_timecode(107892, rate("29.97df")), "01:00:00;00");
  EXPECT_EQ(format_timecode(86399, rate("24")), "00:59:59:23");
  EXPECT_EQ(format_timecode(-25, rate("25")), "-00:00:01:00");
}

TEST(Timecode, WhatIsNoTimecodeIsRefusedWithItsReason) {
  EXPECT_EQ(refusal("1:00:00:00", "24"), "\"1:00:00:00\" is not a timecode of the form HH:MM:SS:FF");
  EXPECT_EQ(refusal("01:00:00", "24"), "\"01:00:00\" is not a timecode of the form HH:MM:SS:FF");
  EXPECT_EQ(refusal("01-00-00-00", "24"), "\"01-00-00-00\" is not a timecode of the form HH:MM:SS:FF");
  EXPECT_EQ(refusal("01:60:00:00", "24"), "\"01:60:00:00\" has 60 minutes; an hour has 0 to 59");
  EXPECT_EQ(refusal("01:00:75:00", "24"), "\"01:00:75:00\" has 75 seconds; a minute has 0 to 59");
  EXPECT_EQ(refusal("01:00:00:24", "23.976"), "\"01:00:00:24\" has frame 24; at 23.976 frames a second they run from 0 to 23");
  EXPECT_EQ(refusal("01:00:00;00", "29.97"),
            "\"01:00:00;00\" is drop-frame timecode, and 29.97 frames a second has none; write \":\" before the frames");
  EXPECT_EQ(refusal("00:01:00;00", "29.97df"),
            "\"00:01:00;00\" does not exist: drop-frame counting skips frames 0 to 1 there; the next label is \"00:01:00;02\"");
  EXPECT_EQ(refusal("00:59:00:03", "59.94df"),
            "\"00:59:00:03\" does not exist: drop-frame counting skips frames 0 to 3 there; the next label is \"00:59:00:04\"");
}

TEST(Timecode, FramesBecomeSamplesByTheExactRate) {
  EXPECT_EQ(audio_frames(1, 48000, rate("24")), 2000);
  EXPECT_EQ(audio_frames(1, 48000, rate("23.976")), 2002);
  EXPECT_EQ(audio_frames(86400, 48000, rate("23.976")), 172972800);  // an hour of timecode lasts 3603.6 s
  EXPECT_EQ(audio_frames(1, 48000, rate("29.97df")), 1602);          // 1601.6
  EXPECT_EQ(audio_frames(5, 48000, rate("29.97df")), 8008);
  EXPECT_EQ(audio_frames(107892, 48000, rate("29.97df")), 172799827);  // 107892 * 1601.6 = 172799827.2
  EXPECT_EQ(audio_frames(1, 44100, rate("59.94")), 736);               // 735.735
  EXPECT_EQ(audio_frames(3, 192000, rate("47.952")), 12012);
}

TEST(Timecode, HalfASampleRoundsUpOnBothSidesOfZero) {
  EXPECT_EQ(audio_frames(1, 44100, rate("24")), 1838);    // 1837.5
  EXPECT_EQ(audio_frames(-1, 44100, rate("24")), -1837);  // -1837.5
  EXPECT_EQ(audio_frames(-1, 48000, rate("29.97")), -1602);
  EXPECT_EQ(audio_frames(0, 48000, rate("29.97")), 0);
}

}  // namespace
}  // namespace dubfarm::mix
