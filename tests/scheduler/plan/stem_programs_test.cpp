// Cutting curves to windows: what a chunk hears of an automation is what the whole timeline would have heard there.
#include "scheduler/plan/stem_programs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "common/filter/svf_design.hpp"

namespace dubfarm::plan {
namespace {

using mix::Automation;

TEST(CutLevel, IsAConstantWhereNothingMovesInsideTheWindow) {
  const Automation fade{0, {{1000, -20}, {2000, 0}}};
  EXPECT_EQ(cut_level(fade, 0, 0, 0, 1000), (Automation{-20, {}})) << "all before the first point, and the point itself not heard";
  EXPECT_EQ(cut_level(fade, 0, 2000, 2000, 3000), (Automation{0, {}})) << "from the last point on";
  EXPECT_EQ(cut_level(fade, 2.5, 5000, 5000, 6000), (Automation{2.5, {}})) << "what a version adds is in it";
  EXPECT_EQ(cut_level(Automation{-3, {}}, 1, 700, 0, 9), (Automation{-2, {}}));
  EXPECT_EQ(cut_level(Automation{0, {{500, -4}}}, 0, 0, 0, 1000), (Automation{-4, {}})) << "one point is a constant";
  EXPECT_EQ(cut_level(Automation{0, {{0, -6}, {900, -6}, {5000, 0}}}, 0, 0, 0, 900), (Automation{-6, {}})) << "flat in the window, moving later";
}

TEST(CutLevel, KeepsThePointsAroundTheWindowRelativeToItsOrigin) {
  const Automation a{0, {{0, -40}, {100, -30}, {200, -20}, {300, -10}, {400, 0}}};
  EXPECT_EQ(cut_level(a, 0, 1000, 150, 250), (Automation{0, {{-900, -30}, {-800, -20}, {-700, -10}}}));
  EXPECT_EQ(cut_level(a, 1, 200, 200, 300), (Automation{0, {{0, -19}, {100, -9}}})) << "points on the edges serve as they are";
}

TEST(CutLevel, DoesNotKnowHowFarAFlatStretchReachesOutOfTheWindow) {
  const Automation a{0, {{0, -6}, {500, -6}, {9000, -6}, {9500, 0}, {20000, 0}, {30000, 0}}};
  EXPECT_EQ(cut_level(a, 0, 8000, 8000, 12000), (Automation{0, {{1000, -6}, {1500, 0}}}));
  EXPECT_EQ(cut_level(a, 0, 9200, 9200, 9300), (Automation{0, {{-200, -6}, {300, 0}}})) << "but every point of a slope";
}

Automation random_automation(std::mt19937& random, double low, double high) {
  Automation a;
  Frames at = static_cast<Frames>(random() % 4000) - 2000;
  for (auto count = random() % 7; count > 0; --count) {
    const bool repeats = !a.points.empty() && random() % 4 == 0;
    a.points.push_back({at, repeats ? a.points.back().value : low + (high - low) * static_cast<double>(random() % 1001) / 1000});
    at += 1 + static_cast<Frames>(random() % (random() % 3 == 0 ? 50 : 3000));
  }
  if (a.points.empty()) a.constant = low;
  return a;
}

TEST(CutLevel, HasTheSameValueAtEveryPositionOfTheWindow) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    const Automation a = random_automation(random, -60, 6);
    const Frames origin = static_cast<Frames>(random() % 9000), from = origin - static_cast<Frames>(random() % 3000),
                 until = origin + 1 + static_cast<Frames>(random() % 3000);
    const Automation cut = cut_level(a, 1.5, origin, from, until);
    for (Frames at = from; at < until; at += 1 + static_cast<Frames>(random() % 7))
      ASSERT_NEAR(linear_value(cut, at - origin), linear_value(a, at) + 1.5, 1e-11) << "seed " << seed << " at " << at;
  }
}

/// The control points of a band that decide coefficients on [from, until): the last at or before `from`, to the first at or after `until`
/// (mix format, Levels and automation). A band is still before the first of all points and after the last.
std::vector<Frames> controls(const Automation& f, const Automation& q, const Automation& g, Frames from, Frames until) {
  std::vector<Frames> points, grid;
  for (const Automation* a : {&f, &q, &g})
    for (const mix::AutomationPoint& p : a->points) points.push_back(p.at);
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  for (std::size_t i = 0; i < points.size(); ++i)
    for (Frames at = points[i]; at == points[i] || (i + 1 < points.size() && at < points[i + 1]); at += 64) grid.push_back(at);
  std::vector<Frames> heard;
  for (std::size_t i = 0; i < grid.size(); ++i) {
    const bool begins_before_end = grid[i] < until || (i > 0 && grid[i - 1] < until - 1);
    const bool ends_after_begin = i + 1 == grid.size() ? grid[i] > from : grid[i + 1] > from;
    if (begins_before_end && ends_after_begin) heard.push_back(grid[i]);
  }
  return heard;
}

TEST(CutBand, HasTheSameCoefficientsAtEveryControlPointOfTheWindow) {
  int moving = 0;
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    const auto type = static_cast<mix::FilterType>(random() % 8);
    const mix::EqBand band{type, random_automation(random, 100, 10000), random_automation(random, 0.5, 4), random_automation(random, -9, 9), {}};
    const Frames origin = static_cast<Frames>(random() % 9000), from = origin - static_cast<Frames>(random() % 3000),
                 until = origin + 1 + static_cast<Frames>(random() % 3000);
    const program::Band cut = cut_band(band, origin, from, until);
    const std::vector<Frames> want = controls(band.freq_hz, band.q, band.gain_db, from, until);
    std::vector<Frames> got = controls(cut.freq_hz, cut.q, cut.gain_db, from - origin, until - origin);
    for (Frames& at : got) at += origin;
    ASSERT_EQ(got, want) << "seed " << seed << ": the grid is counted from the same points";
    moving += want.empty() ? 0 : 1;
    const auto same_at = [&](Frames at) {
      const SvfCoeffs a = design_svf(type, logarithmic_value(band.freq_hz, at), logarithmic_value(band.q, at), linear_value(band.gain_db, at), 48000);
      const SvfCoeffs b = design_svf(type, logarithmic_value(cut.freq_hz, at - origin), logarithmic_value(cut.q, at - origin),
                                     linear_value(cut.gain_db, at - origin), 48000);
      ASSERT_EQ(a, b) << "seed " << seed << " at " << at;
    };
    for (const Frames at : want) same_at(at);
    same_at(from);
    same_at(until - 1);
  }
  EXPECT_GT(moving, 500);
}

/// A minute at 48 kHz whose only version is recut: [0, 1000) of the new time is [5000, 6000) of the old, then a hole to 1200, then old 2000 on.
mix::Document recut_document() {
  mix::Document document;
  document.length = 60 * 48000;
  document.versions.resize(1);
  document.versions[0].recut = mix::Recut{"", {{0, 5000, 1000}, {1200, 2000, 9000}}, 480, std::nullopt, {}};
  return document;
}

TEST(CutThroughARecut, InsideOneEventIsWhatTheOldTimelineHadThere) {
  const mix::Document document = recut_document();
  const mix::TimeMap time(document, document.versions[0]);
  const Automation a{0, {{1000, -40}, {5100, -30}, {5700, -20}, {9000, 0}}};
  EXPECT_EQ(cut_level(a, 1, time, 200, 100, 900), cut_level(a, 1, 5200, 5100, 5900)) << "the key of a chunk that moved is the key it had";
  const mix::EqBand band{mix::FilterType::peak, a, {1, {}}, {6, {}}, {}};
  EXPECT_EQ(cut_band(band, time, 200, 100, 900).freq_hz, cut_band(band, 5200, 5100, 5900).freq_hz);
}

TEST(CutThroughARecut, HasAPieceForEachStretchThatTheWindowMeets) {
  const mix::Document document = recut_document();
  const mix::TimeMap time(document, document.versions[0]);
  const Automation a{0, {{-100, -50}, {2500, -40}, {5900, -30}}};
  const Automation cut = cut_level(a, 0, time, 500, 400, 2000);
  EXPECT_EQ(cut.points, (std::vector<mix::AutomationPoint>{{2500 - 5500, -40}, {400, -30}})) << "the old points, moved; the second is at the window's 900";
  ASSERT_EQ(cut.later.size(), 2U);
  EXPECT_EQ(cut.later[0].from, 500);
  EXPECT_NEAR(cut.later[0].constant, -50 + 10.0 * 99 / 2600, 1e-12) << "the hole: the value before the old timeline began";
  EXPECT_EQ(cut.later[1], (mix::AutomationPiece{700, 0, {{-100 - 1300, -50}, {2500 - 1300, -40}, {5900 - 1300, -30}}}));
  const Automation flat{0, {{0, -6}, {9000, -6}}};
  EXPECT_EQ(cut_level(flat, 0, time, 0, 0, 3000), (Automation{-6, {}})) << "nothing jumps where all is of one value";
}

TEST(CutBand, StandsStillWhereNothingMoves) {
  const mix::EqBand band{mix::FilterType::peak, {0, {{1000, 200}, {2000, 400}}}, {1, {}}, {6, {}}, {}};
  const program::Band before = cut_band(band, 0, 0, 1000), after = cut_band(band, 0, 2000, 9000);
  EXPECT_EQ(before.freq_hz, (Automation{200, {}}));
  EXPECT_EQ(after.freq_hz, (Automation{400, {}}));
  EXPECT_EQ(after.gain_db, (Automation{6, {}}));
}

}  // namespace
}  // namespace dubfarm::plan
