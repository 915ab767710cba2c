#include "scheduler/delivery/print_record.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace dubfarm::scheduler {
namespace {

PrintRecord full_record() {
  PrintRecord record;
  record.files = {{std::string(64, 'a'), 123456789012, {{"/films/one/fr.wav", 0xFFFFFFFFFFFFFFFF, 1'700'000'000'123'456'789, -5}, {"/films/two/fr.wav", 1, 2, 3}}},
                  {std::string(64, '0'), 0, {}}};
  LoudnessReading& l = record.loudness;
  l.integrated_lufs = -23.000000000000004, l.max_momentary_lufs = 0.1, l.true_peak_dbtp = std::numeric_limits<double>::infinity();
  l.channel_true_peak_dbtp = {std::nullopt, -1.1}, l.channel_sample_peak_dbfs = {-0.0, 5e-324}, l.channel_dc_offset = {1e-300, -1.0 / 3};
  l.dialogue = DialogueReading{0.3, -27.1, std::nullopt, 4.0, std::nullopt};
  l.leqm_db = 82.7, l.is_too_short = true;
  record.series = {1234, {-20.05, std::nullopt}, {std::nullopt}, {-3.14, -100, 0}};
  record.peaks = {{960, -1.23}, {4800, -0.1}};
  Check check;
  check.id = "dropouts", check.title = "Dropouts", check.max = 0, check.result = CheckResult::warning, check.is_verified = false, check.sentence = "Le \"fr\" est à voir.";
  record.qc = {check};
  record.clipped_samples = 7, record.limiter_reduction_db = 2.0 / 3;
  record.gain = PrintRecord::Gain{program::key_of_bytes("k"), {LevelTarget{Gating::dialogue, -27}, false, 3.3, -27.01, -2.2}};
  return record;
}

TEST(PrintRecord, ComesBackWithTheSameBits) {
  const PrintRecord record = full_record();
  const std::string text = print_record_json(record);
  const std::optional<PrintRecord> back = parse_print_record(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(print_record_json(*back), text);
  ASSERT_EQ(back->files.size(), 2u);
  EXPECT_EQ(back->files[0].bytes, record.files[0].bytes);
  EXPECT_EQ(back->files[0].places[0].inode, record.files[0].places[0].inode);
  EXPECT_EQ(back->files[0].places[0].mtime_ns, record.files[0].places[0].mtime_ns);
  EXPECT_EQ(back->files[0].places[1].path, "/films/two/fr.wav");
  EXPECT_EQ(back->loudness.integrated_lufs, record.loudness.integrated_lufs);
  EXPECT_EQ(back->loudness.range_lu, std::nullopt);
  EXPECT_EQ(back->loudness.true_peak_dbtp, record.loudness.true_peak_dbtp);
  EXPECT_TRUE(std::signbit(*back->loudness.channel_sample_peak_dbfs[0]));
  EXPECT_EQ(back->loudness.channel_sample_peak_dbfs[1], 5e-324);
  EXPECT_EQ(back->loudness.channel_dc_offset, record.loudness.channel_dc_offset);
  EXPECT_EQ(back->loudness.dialogue->speech_share, 0.3);
  EXPECT_EQ(back->series.peak_dbfs, record.series.peak_dbfs);
  EXPECT_EQ(back->peaks[1].at, 4800);
  EXPECT_EQ(back->qc[0].sentence, record.qc[0].sentence);
  EXPECT_EQ(back->qc[0].result, CheckResult::warning);
  EXPECT_FALSE(back->qc[0].is_verified);
  EXPECT_EQ(back->limiter_reduction_db, record.limiter_reduction_db);
  EXPECT_EQ(back->gain->key, record.gain->key);
  EXPECT_EQ(back->gain->answer.target, record.gain->answer.target);
  EXPECT_EQ(back->gain->answer.gain_db, 3.3);
}

TEST(PrintRecord, WhatIsNotANumberIsStillTheSame) {
  PrintRecord record = full_record();
  record.loudness.sample_peak_dbfs = std::nan("");
  record.gain.reset();
  record.loudness.dialogue.reset();
  const std::optional<PrintRecord> back = parse_print_record(print_record_json(record));
  ASSERT_TRUE(back && back->loudness.sample_peak_dbfs);
  EXPECT_TRUE(std::isnan(*back->loudness.sample_peak_dbfs));
  EXPECT_FALSE(back->gain);
  EXPECT_FALSE(back->loudness.dialogue);
}

TEST(PrintRecord, AnythingElseIsNone) {
  const std::string text = print_record_json(full_record());
  for (std::size_t size = 0; size + 2 < text.size(); size += 1 + size / 16) EXPECT_FALSE(parse_print_record(text.substr(0, size))) << size;
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string other = text;
    const std::size_t at = other.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return other.replace(at, from.size(), to);
  };
  EXPECT_FALSE(parse_print_record(changed("\"dubfarm_print_record\":1", "\"dubfarm_print_record\":2")));
  EXPECT_FALSE(parse_print_record(changed("\"dubfarm_print_record\":1", "\"dubfarm_print_record\":\"1\"")));
  EXPECT_FALSE(parse_print_record(changed("aaaaaa", "AAAAAA"))) << "digests are lower case";
  EXPECT_FALSE(parse_print_record(changed("123456789012", "1e300")));
  EXPECT_FALSE(parse_print_record(changed("\"warning\"", "\"fine\"")));
  EXPECT_FALSE(parse_print_record(changed("\"inf\"", "\"much\"")));
  EXPECT_FALSE(parse_print_record(changed("\"is_silent\":false", "\"is_silent\":0")));
  EXPECT_FALSE(parse_print_record(changed("\"target\"", "\"aim\""))) << "a gain without a target is one of silence";
}

}  // namespace
}  // namespace dubfarm::scheduler
