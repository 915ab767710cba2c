// The report's curves: bounded in number, and no peak lost between their points.
#include "scheduler/delivery/series.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace dubfarm::scheduler {
namespace {

constexpr Frames kSubblock = 960;

/// Mono, every sub-block at the same K-weighted power.
LoudnessMaterial steady(std::size_t subblocks, double lufs) {
  LoudnessMaterial material;
  material.subblock_frames = kSubblock;
  material.weights = {1};
  material.energy = {std::vector<double>(subblocks, kSubblock * std::pow(10, (lufs + 0.691) / 10))};
  return material;
}

TEST(Series, HasOnePointForEachSubblockOfAShortMix) {
  const LoudnessMaterial material = steady(200, -23);
  const std::vector<float> peaks(200, 0.5f);
  const Series series = series_of(material, peaks);
  EXPECT_EQ(series.step, kSubblock);
  ASSERT_EQ(series.momentary_lufs.size(), 200u);
  EXPECT_FALSE(series.momentary_lufs[18]) << "no whole window has ended yet";
  EXPECT_NEAR(*series.momentary_lufs[19], -23, 1e-9);
  EXPECT_FALSE(series.short_term_lufs[148]);
  EXPECT_NEAR(*series.short_term_lufs[149], -23, 1e-9);
  EXPECT_NEAR(*series.peak_dbfs[0], -6.0206, 1e-4);
}

TEST(Series, KeepsTheHighestValueOfEachStretchOfALongMix) {
  const std::size_t hours = 2 * 3600 * 50;
  LoudnessMaterial material = steady(hours, -30);
  for (std::size_t b = 100'000; b < 100'020; ++b) material.energy[0][b] *= 100;  // one moment, 20 dB louder
  std::vector<float> peaks(hours, 0.1f);
  peaks[200'001] = 0.9f;
  const Series series = series_of(material, peaks);
  ASSERT_LE(series.momentary_lufs.size(), kSeriesPoints);
  EXPECT_GE(series.momentary_lufs.size(), kSeriesPoints - 1);
  const auto step = static_cast<std::size_t>(series.step / kSubblock);
  EXPECT_NEAR(*series.momentary_lufs[100'019 / step], -10, 1e-9);
  EXPECT_NEAR(*series.momentary_lufs[50'000 / step], -30, 1e-9);
  EXPECT_NEAR(*series.peak_dbfs[200'001 / step], 20 * std::log10(0.9), 1e-5);
}

TEST(Series, SilenceHasNoPoints) {
  LoudnessMaterial material = steady(400, -23);
  material.energy[0].assign(400, 0);
  const Series series = series_of(material, std::vector<float>(400, 0.0f));
  for (const auto& point : series.momentary_lufs) EXPECT_FALSE(point);
  for (const auto& point : series.peak_dbfs) EXPECT_FALSE(point);
  EXPECT_EQ(series_of(steady(0, 0), {}).momentary_lufs.size(), 1u) << "shorter than a sub-block";
}

TEST(PeakMarks, AreTheHighestASecondApart) {
  std::vector<float> peaks(50 * 60, 0.0001f);
  peaks[100] = 0.9f;
  peaks[120] = 0.8f;  // 0.4 s later: the same place for a listener
  peaks[1000] = 0.7f;
  const auto marks = peak_marks(peaks, kSubblock, 48000);
  ASSERT_EQ(marks.size(), 2u) << "the rest is below -60 dBTP";
  EXPECT_EQ(marks[0].at, 100 * kSubblock);
  EXPECT_NEAR(marks[0].dbtp, 20 * std::log10(0.9), 1e-5);
  EXPECT_EQ(marks[1].at, 1000 * kSubblock);
  EXPECT_EQ(peak_marks(std::vector<float>(5000, 0.5f), kSubblock, 48000).size(), kPeakMarks);
  EXPECT_TRUE(peak_marks({}, kSubblock, 48000).empty());
}

}  // namespace
}  // namespace dubfarm::scheduler
