#include "kernels/pan/pan.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using mix::Automation;
using testing::Guarded;

double radians(double degrees) { return degrees * std::numbers::pi / 180; }
/// The angle counted anticlockwise from `from`, in [0, 360).
double angle_from(double from, double to) {
  const double a = std::fmod(to - from, 360.0);
  return a < 0 ? a + 360 : a;
}

/// By the letter of the mix format: 2-D VBAP by solving the two equations of each pair in turn.
std::vector<double> reference(Layout bus, double azimuth) {
  std::vector<double> gains(static_cast<std::size_t>(channel_count(bus)), 0.0);
  if (bus == Layout::mono) return {1.0};
  if (bus == Layout::stereo) {
    const double p = (30 - std::clamp(azimuth, -30.0, 30.0)) / 60;
    return {std::cos(p * std::numbers::pi / 2), std::sin(p * std::numbers::pi / 2)};
  }
  const auto ring = speaker_ring(bus);
  for (std::size_t m = 0; m < ring.size(); ++m) {
    const auto &one = ring[m], &two = ring[(m + 1) % ring.size()];
    if (angle_from(one.azimuth_deg, azimuth) > angle_from(one.azimuth_deg, two.azimuth_deg)) continue;
    const double x1 = std::cos(radians(one.azimuth_deg)), y1 = std::sin(radians(one.azimuth_deg));
    const double x2 = std::cos(radians(two.azimuth_deg)), y2 = std::sin(radians(two.azimuth_deg));
    const double x = std::cos(radians(azimuth)), y = std::sin(radians(azimuth)), det = x1 * y2 - x2 * y1;
    double g1 = (x * y2 - x2 * y) / det, g2 = (x1 * y - x * y1) / det;
    if (std::abs(g1) < 1e-12) g1 = 0;
    if (std::abs(g2) < 1e-12) g2 = 0;
    gains[static_cast<std::size_t>(one.channel)] = g1 / std::hypot(g1, g2);
    gains[static_cast<std::size_t>(two.channel)] = g2 / std::hypot(g1, g2);
    return gains;
  }
  ADD_FAILURE() << "no pair encloses " << azimuth;
  return gains;
}

std::vector<double> gains_of(Layout bus, double azimuth) {
  Guarded<double> gains(static_cast<std::size_t>(channel_count(bus)));
  pan_gains(bus, azimuth, gains.data());
  EXPECT_TRUE(gains.guards_intact());
  return {gains.span().begin(), gains.span().end()};
}

TEST(Pan, GivesTheGainsOfTheMixFormatAllTheWayRound) {
  for (const Layout bus : kLayouts)
    for (double azimuth = -725.3; azimuth < 730; azimuth += 0.7) {
      const std::vector<double> got = gains_of(bus, azimuth), want = reference(bus, azimuth);
      for (std::size_t c = 0; c < want.size(); ++c) ASSERT_NEAR(got[c], want[c], 2e-13) << name_of(bus) << ' ' << azimuth << " channel " << c;
    }
}

TEST(Pan, KeepsThePowerAtOne) {
  for (const Layout bus : kLayouts)
    for (double azimuth = -180; azimuth < 180; azimuth += 0.37) {
      double power = 0;
      for (const double g : gains_of(bus, azimuth)) power += g * g;
      ASSERT_NEAR(power, 1, 1e-14) << name_of(bus) << ' ' << azimuth;
    }
}

TEST(Pan, SoundsFromALoudspeakerAloneOnItsOwnAzimuthInEveryTurn) {
  for (const Layout bus : {Layout::stereo, Layout::surround_51, Layout::surround_71, Layout::immersive_714})
    for (const RingSpeaker& speaker : speaker_ring(bus))
      for (const double turns : {0.0, 360.0, -720.0}) {
        if (bus == Layout::stereo && turns != 0) continue;  // the stereo law clamps, it does not wrap
        std::vector<double> want(static_cast<std::size_t>(channel_count(bus)), 0.0);
        want[static_cast<std::size_t>(speaker.channel)] = 1;
        EXPECT_EQ(gains_of(bus, speaker.azimuth_deg + turns), want) << name_of(bus) << ' ' << speaker.azimuth_deg << " + " << turns;
      }
}

TEST(Pan, PlacesTheCentreBetweenStereoLoudspeakersThreeDecibelsDown) {
  const std::vector<double> gains = gains_of(Layout::stereo, 0);
  EXPECT_NEAR(20 * std::log10(gains[0]), -3.0103, 1e-4);
  EXPECT_EQ(gains[0], gains[1]);
}

class PanCurves : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, PanCurves, ::testing::ValuesIn(available_isas().begin(), available_isas().end()),
                         [](const auto& isa) { return std::string(name_of(isa.param)); });

const Automation kFlight{0, {{-300, 10}, {0, 200}, {500, -400}, {501, 30}, {900, 30}, {1300, 110}}};

double azimuth_at(const Automation& a, Frames at) {
  if (at < a.points.front().at) return a.points.front().value;
  for (std::size_t i = 0; i + 1 < a.points.size(); ++i) {
    const auto &p = a.points[i], &q = a.points[i + 1];
    if (at < q.at) return p.value + (q.value - p.value) * static_cast<double>(at - p.at) / static_cast<double>(q.at - p.at);
  }
  return a.points.back().value;
}

TEST_P(PanCurves, FollowTheAzimuthAtEverySample) {
  for (const Layout bus : {Layout::stereo, Layout::surround_51, Layout::surround_71, Layout::immersive_714})
    for (const Frames n : {1, 15, 17, 127, 128, 129, 2049}) {
      const PanCurve curve(bus, kFlight);
      ASSERT_FALSE(curve.is_constant());
      std::vector<Guarded<double>> rows(curve.channels().size(), Guarded<double>(static_cast<std::size_t>(n)));
      std::vector<double*> pointers;
      for (auto& row : rows) pointers.push_back(row.data());
      curve.evaluate(-400, n, pointers.data(), GetParam());
      for (std::size_t j = 0; j < rows.size(); ++j) {
        EXPECT_TRUE(rows[j].guards_intact());
        for (Frames i = 0; i < n; ++i)
          ASSERT_NEAR(rows[j].data()[i], reference(bus, azimuth_at(kFlight, i - 400))[static_cast<std::size_t>(curve.channels()[j])], 2e-13)
              << name_of(bus) << " at " << i - 400;
      }
    }
  testing::ran("pan curve", std::string(name_of(GetParam())));
}

TEST_P(PanCurves, HaveTheSameBitsWhereverCallsEndAndOnEveryInstructionSet) {
  const PanCurve curve(Layout::surround_71, kFlight);
  const std::size_t channels = curve.channels().size();
  std::vector<std::vector<double>> want(channels, std::vector<double>(2000)), got = want;
  const auto run = [&](std::vector<std::vector<double>>& rows, Frames block, Isa isa) {
    for (Frames i = 0; i < 2000; i += block) {
      std::vector<double*> pointers;
      for (auto& row : rows) pointers.push_back(row.data() + i);
      curve.evaluate(i - 400, std::min(block, 2000 - i), pointers.data(), isa);
    }
  };
  run(want, 2000, Isa::generic);
  for (const Frames block : {1, 100, 128, 2000}) {
    run(got, block, GetParam());
    EXPECT_EQ(got, want) << block;
  }
}

TEST_P(PanCurves, JumpWhereAPieceBeginsAndFollowItFromThere) {
  Automation pieced = kFlight;
  for (auto& p : pieced.points) p.at += 700;
  pieced = {kFlight.constant, kFlight.points, {{33, 200, {}}, {600, 0, pieced.points}}};
  for (const Layout bus : {Layout::stereo, Layout::surround_71}) {
    const PanCurve curve(bus, pieced);
    std::vector<std::vector<double>> rows(curve.channels().size(), std::vector<double>(2000));
    for (Frames i = 0; i < 2000; i += 250) {
      std::vector<double*> pointers;
      for (auto& row : rows) pointers.push_back(row.data() + i);
      curve.evaluate(i - 400, 250, pointers.data(), GetParam());
    }
    for (std::size_t j = 0; j < rows.size(); ++j)
      for (Frames i = 0; i < 2000; ++i) {
        const Frames at = i - 400;
        const double azimuth = at < 33 ? azimuth_at(kFlight, at) : at < 600 ? 200 : azimuth_at(kFlight, at - 700);
        ASSERT_NEAR(rows[j][static_cast<std::size_t>(i)], reference(bus, azimuth)[static_cast<std::size_t>(curve.channels()[j])], 2e-13) << name_of(bus) << " at " << at;
      }
  }
  const PanCurve narrow(Layout::surround_51, {5, {}, {{10, 25, {}}, {20, 90, {}}}});
  EXPECT_EQ(std::vector<int>(narrow.channels().begin(), narrow.channels().end()), (std::vector<int>{0, 2, 4})) << "of all pieces together";
}

TEST(PanCurve, NamesEveryChannelThatSoundsAndFewOthers) {
  const auto channels = [](const Automation& a) {
    const PanCurve curve(Layout::surround_51, a);
    return std::vector<int>(curve.channels().begin(), curve.channels().end());
  };
  EXPECT_EQ(channels({0, {{0, 5}, {10, 25}}}), (std::vector<int>{0, 2}));                  // between C and L
  EXPECT_EQ(channels({0, {{0, -5}, {10, 25}}}), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(channels({0, {{0, 170}, {10, 190}}}), (std::vector<int>{4, 5}));               // behind, across the wrap
  EXPECT_EQ(channels({0, {{0, 0}, {10, 360}}}), (std::vector<int>{0, 1, 2, 4, 5}));        // once round
  EXPECT_EQ(channels({110, {}}), (std::vector<int>{4}));
  EXPECT_EQ(channels({0, {{0, 110}, {10, 110}}}), (std::vector<int>{4}));
}

TEST(PanCurve, IsConstantWithoutMovementAndInAMonoBus) {
  EXPECT_TRUE(PanCurve(Layout::stereo, {12, {}}).is_constant());
  EXPECT_TRUE(PanCurve(Layout::stereo, {0, {{0, 12}, {5, 12}}}).is_constant());
  EXPECT_TRUE(PanCurve(Layout::mono, kFlight).is_constant());
  EXPECT_EQ(PanCurve(Layout::mono, kFlight).constant_gains()[0], 1);
  const std::vector<double> want = gains_of(Layout::stereo, 12);
  const PanCurve still(Layout::stereo, {12, {}});
  EXPECT_TRUE(std::equal(want.begin(), want.end(), still.constant_gains().begin()));
}

}  // namespace
}  // namespace dubfarm::kernels
