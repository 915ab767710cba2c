#include "kernels/automation/automation.hpp"

#include <cmath>
#include <string>

#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using mix::Automation;
using testing::Guarded;

/// By the letter of the mix format, one position at a time.
double gain_at(const Automation& a, double add_db, Frames at) {
  double db = a.constant;
  if (!a.points.empty()) {
    db = at < a.points.front().at ? a.points.front().value : a.points.back().value;
    for (std::size_t i = 0; i + 1 < a.points.size(); ++i) {
      const auto [p0, v0] = a.points[i];
      const auto [p1, v1] = a.points[i + 1];
      if (at >= p0 && at < p1) db = v0 + (v1 - v0) * static_cast<double>(at - p0) / static_cast<double>(p1 - p0);
    }
  }
  return linear_from_db(db + add_db);
}

const Automation kRide{0, {{-700, -6}, {-100, 0}, {13, -20}, {14, 3}, {600, -144}, {601, -150}, {900, -80}, {1500, 12}}};

class Automated : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, Automated, ::testing::ValuesIn(available_isas().begin(), available_isas().end()),
                         [](const auto& isa) { return std::string(name_of(isa.param)); });

TEST_P(Automated, GainRunsLinearlyInDecibelsAtEverySample) {
  for (const double add_db : {0.0, -6.5, 4.0})
    for (const Frames n : {1, 15, 16, 17, 511, 512, 513, 4097}) {
      const GainCurve curve(kRide, add_db);
      Guarded<double> got(static_cast<std::size_t>(n));
      curve.evaluate(-900, n, got.data(), GetParam());
      EXPECT_TRUE(got.guards_intact());
      for (Frames i = 0; i < n; ++i) {
        const double want = gain_at(kRide, add_db, i - 900);
        ASSERT_NEAR(got.data()[i], want, 1e-13 * want) << "at " << i - 900 << ", adjust " << add_db << " dB";
      }
    }
  testing::ran("gain curve", std::string(name_of(GetParam())));
}

TEST_P(Automated, GainIsExactSilenceAtAndBelowMinus144AndOnlyThere) {
  const GainCurve fade({0, {{0, -100}, {440, -144}, {500, -144}}});
  std::vector<double> gain(460);
  fade.evaluate(0, 460, gain.data(), GetParam());
  EXPECT_GT(gain[439], 0);
  EXPECT_NEAR(20 * std::log10(gain[439]), -143.9, 1e-9) << "no jump before it: the ramp is linear in dB to its end";
  EXPECT_EQ(gain[440], 0);
  EXPECT_EQ(gain[459], 0);
}

TEST_P(Automated, GainHasTheSameBitsWhereverCallsEndAndOnEveryInstructionSet) {
  const GainCurve curve(kRide, -1);
  std::vector<double> want(3000), got(3000);
  curve.evaluate(-1000, 3000, want.data(), Isa::generic);
  for (const Frames block : {1, 7, 64, 1000}) {
    for (Frames i = 0; i < 3000; i += block) curve.evaluate(i - 1000, std::min<Frames>(block, 3000 - i), &got[static_cast<std::size_t>(i)], GetParam());
    EXPECT_EQ(std::memcmp(want.data(), got.data(), want.size() * sizeof(double)), 0) << block;
  }
}

TEST_P(Automated, GainDependsOnTheTwoPointsAroundItAlone) {
  const Automation cut{0, {{-100, 0}, {13, -20}, {14, 3}, {600, -144}}};
  std::vector<double> whole(690), window(690);
  GainCurve(kRide).evaluate(-90, 690, whole.data(), GetParam());
  GainCurve(cut).evaluate(-90, 690, window.data(), GetParam());
  EXPECT_EQ(std::memcmp(whole.data(), window.data(), whole.size() * sizeof(double)), 0);
}

TEST_P(Automated, GainMovedInTimeKeepsItsBits) {
  Automation moved = kRide;
  for (auto& p : moved.points) p.at += 172800000;  // an hour
  std::vector<double> here(3000), there(3000);
  GainCurve(kRide).evaluate(-1000, 3000, here.data(), GetParam());
  GainCurve(moved).evaluate(172800000 - 1000, 3000, there.data(), GetParam());
  EXPECT_EQ(std::memcmp(here.data(), there.data(), here.size() * sizeof(double)), 0);
}

/// kRide up to 77, a constant up to 500, then kRide as it is 900 positions earlier.
Automation pieced_ride() {
  Automation earlier = kRide, a = kRide;
  for (auto& p : earlier.points) p.at += 900;
  a.later = {{77, -9, {}}, {500, 0, earlier.points}};
  return a;
}

TEST_P(Automated, GainJumpsWhereAPieceBeginsAndFollowsItFromThere) {
  const GainCurve curve(pieced_ride(), -1);
  std::vector<double> want(3000), got(3000);
  GainCurve(kRide, -1).evaluate(-1000, 1077, want.data(), Isa::generic);
  std::fill_n(&want[1077], 423, linear_from_db(-10));
  GainCurve(kRide, -1).evaluate(500 - 900, 1500, &want[1500], Isa::generic);
  for (const Frames block : {1, 7, 64, 1000, 3000}) {
    for (Frames i = 0; i < 3000; i += block) curve.evaluate(i - 1000, std::min<Frames>(block, 3000 - i), &got[static_cast<std::size_t>(i)], GetParam());
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (i >= 1077 && i < 1500) ASSERT_NEAR(got[i], want[i], 1e-15) << i;
      else ASSERT_EQ(got[i], want[i]) << i << " in blocks of " << block;
    }
  }
}

TEST(GainCurve, IsConstantWithoutPointsOrWherePointsDoNotMove) {
  EXPECT_TRUE(GainCurve({-6, {}}).is_constant());
  EXPECT_TRUE(GainCurve({0, {{0, -6}, {10, -6}}}).is_constant());
  EXPECT_FALSE(GainCurve({0, {{0, -6}, {10, -7}}}).is_constant());
  EXPECT_EQ(GainCurve({0, {}}).constant_linear(), 1);
  EXPECT_EQ(GainCurve({4, {}}, -4).constant_linear(), 1);
  EXPECT_NEAR(GainCurve({0, {{0, -6}}}, 1).constant_linear(), std::pow(10, -5 / 20.0), 1e-15);
  EXPECT_TRUE(GainCurve({-144, {}}).is_silent());
  EXPECT_TRUE(GainCurve({-140, {}}, -4).is_silent());
  EXPECT_FALSE(GainCurve({-143.9, {}}).is_silent());
  EXPECT_TRUE(GainCurve({-6, {}, {{10, -6, {}}, {20, 0, {{0, -6}}}}}).is_constant()) << "pieces of one value";
  EXPECT_FALSE(GainCurve({-6, {}, {{10, -5, {}}}}).is_constant());
}

}  // namespace
}  // namespace dubfarm::kernels
