// A programme's samples do not depend on the ranges in which they are read: gain, limiter, followers and measurements.
#include "worker/levelled_sum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/core/math.hpp"
#include "kernels/loudness/loudness.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/gain_measure.hpp"

namespace dubfarm::worker {
namespace {

using namespace dubfarm::testing;
using Samples = std::vector<std::vector<double>>;

/// Two stereo stems of 12 s in a store, in chunks of uneven length with silence between them; far too loud now and then.
class LevelledSumTest : public ::testing::Test {
 protected:
  LevelledSumTest() : store_(*Store::open(folder_.path("store"))) {
    Matrix plain;
    plain.rows = plain.columns = 2, plain.values = {1, 0, 0, 1};
    for (std::uint64_t s = 0; s < 2; ++s) {
      PrintStem stem{{}, plain};
      Frames at = s == 0 ? 0 : 5000;
      for (std::uint64_t k = 0; at < kLength; ++k) {
        const Frames length = std::min<Frames>(kLength - at, 60000 + 7777 * static_cast<Frames>(k));
        std::vector<std::vector<float>> channels;
        for (std::uint64_t c = 0; c < 2; ++c) {
          channels.push_back(noise(static_cast<std::size_t>(length), 100 * s + 10 * k + c, 0.4f));
          for (std::size_t n = 0; n < channels.back().size(); ++n)
            if (n % 31000 < 300) channels.back()[n] *= 5;
        }
        const program::Key key = program::key_of_bytes("chunk " + std::to_string(100 * s + k));
        const float* rows[] = {channels[0].data(), channels[1].data()};
        EXPECT_TRUE(store_.put(key, 48000, length, rows).ok());
        stem.placements.push_back({at, length, key});
        at += length + 3000;
      }
      stems_.push_back(std::move(stem));
    }
    limited_.limiter = kernels::LimiterSettings{48000, -3.0, 240, 4800, 0};
    limited_.gain_linear = &gain_;
  }
  Samples read(const std::vector<PrintStem>& stems, const Levelling& levelling, Frames first, Frames end, Frames block, LimiterFigures* figures = nullptr) const {
    LevelledSum sum(store_, nullptr, stems, 2, levelling, first, end);
    EXPECT_TRUE(sum.open().ok());
    Samples out(2, std::vector<double>(static_cast<std::size_t>(end - first)));
    for (Frames at = first; at < end; at += block) {
      double* to[] = {out[0].data() + (at - first), out[1].data() + (at - first)};
      EXPECT_TRUE(sum.next(std::min(block, end - at), to, true).ok());
    }
    EXPECT_TRUE(sum.lost().keys.empty());
    if (figures != nullptr) *figures = merged(*figures, sum.figures());
    return out;
  }

  static constexpr Frames kLength = 12 * 48000;
  TemporaryFolder folder_;
  Store store_;
  std::vector<PrintStem> stems_;
  double gain_ = 1.25;
  Levelling limited_;
};

TEST_F(LevelledSumTest, RangesAndBlocksChangeNoBit) {
  LimiterFigures whole_figures, range_figures;
  const Samples whole = read(stems_, limited_, 0, kLength, 8192, &whole_figures);
  EXPECT_GT(whole_figures.max_reduction_db, 6);
  std::mt19937 random(4);
  for (Frames at = 0; at < kLength;) {
    const Frames end = std::min<Frames>(kLength, at + 1 + static_cast<Frames>(random() % 120000));
    const Samples part = read(stems_, limited_, at, end, 1 + static_cast<Frames>(random() % 9000), &range_figures);
    for (std::size_t c = 0; c < 2; ++c) ASSERT_TRUE(std::equal(part[c].begin(), part[c].end(), whole[c].begin() + at)) << at << " to " << end;
    at = end;
  }
  EXPECT_EQ(range_figures.limited_frames, whole_figures.limited_frames);
  EXPECT_EQ(range_figures.max_reduction_db, whole_figures.max_reduction_db);
}

TEST_F(LevelledSumTest, FollowersTakeTheCurveOfTheSum) {
  const Samples whole = read(stems_, limited_, 0, kLength, 8192);
  Levelling follow = limited_;
  follow.key = stems_;
  Samples sum(2, std::vector<double>(kLength, 0.0));
  for (const PrintStem& stem : stems_) {
    const Samples one = read({stem}, follow, 0, kLength, 5000);
    for (std::size_t c = 0; c < 2; ++c)
      for (std::size_t n = 0; n < kLength; ++n) sum[c][n] += one[c][n];
  }
  for (std::size_t c = 0; c < 2; ++c)
    for (std::size_t n = 0; n < kLength; ++n) ASSERT_NEAR(sum[c][n], whole[c][n], 1e-15) << n;
}

TEST_F(LevelledSumTest, ABlobThatIsGoneIsNamed) {
  store_.discard(stems_[1].placements[1].key);
  LevelledSum sum(store_, nullptr, stems_, 2, limited_, 0, kLength);
  ASSERT_TRUE(sum.open().ok());
  ASSERT_EQ(sum.lost().keys.size(), 1u);
  EXPECT_EQ(sum.lost().keys[0], stems_[1].placements[1].key);
}

/// Energies of a round, from ranges of `groups` groups.
std::vector<std::vector<double>> measured(GainMeasure& measure, const Store& store, Frames length, Frames groups) {
  PrintScratch scratch;
  const Frames step = groups * kernels::group_frames(48000);
  for (Frames first = 0; first < length; first += step) {
    const auto lost = measure.measure_range(store, first, std::min(step, length - first), scratch);
    EXPECT_TRUE(lost.ok() && !*lost);
  }
  return measure.measurement().energy;
}

TEST_F(LevelledSumTest, MeasuringRoundsHearWhatWouldBePrinted) {
  PrintSpec spec;
  spec.length = kLength;
  spec.stems = stems_;
  spec.levelling.limiter = limited_.limiter;
  for (const double gain : {1.25, 0.2}) {  // the limiter at work, and idle in most groups
    std::vector<std::vector<double>> first, second;
    for (const Frames groups : {1, 3, 6}) {
      GainMeasure measure(spec);
      const auto open = measured(measure, store_, kLength, groups);
      measure.begin_round(gain);
      const auto limited = measured(measure, store_, kLength, groups);
      if (groups == 1) first = open, second = limited;
      EXPECT_EQ(open, first) << "ranges change no energy";
      EXPECT_EQ(limited, second);
    }
    gain_ = gain;
    const Samples printed = read(stems_, limited_, 0, kLength, 8192);
    const Frames history = kernels::history_frames(48000), subblocks = kernels::subblock_count(kLength, 48000);
    std::vector<std::vector<float>> padded;
    for (const auto& channel : printed) {
      padded.emplace_back(static_cast<std::size_t>(history), 0.0f);
      for (const double v : channel) padded.back().push_back(static_cast<float>(v));
    }
    const float* rows[] = {padded[0].data() + history, padded[1].data() + history};
    std::vector<double> want(static_cast<std::size_t>(2 * subblocks));
    kernels::subblock_energies(rows, 2, kLength, 48000, want.data(), subblocks);
    for (std::size_t c = 0; c < 2; ++c)
      for (std::size_t b = 0; b < static_cast<std::size_t>(subblocks); ++b)
        ASSERT_NEAR(second[c][b], want[c * static_cast<std::size_t>(subblocks) + b], 1e-6 * want[c * static_cast<std::size_t>(subblocks) + b] + 1e-12) << b;
  }
}

}  // namespace
}  // namespace dubfarm::worker
