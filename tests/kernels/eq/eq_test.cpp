#include "kernels/eq/eq.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "common/filter/svf_design.hpp"
#include "tests/common/filter/cookbook.hpp"
#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using mix::Automation;
using mix::FilterType;
using testing::cookbook;
using testing::error_db;
using testing::Guarded;
using testing::noise;
using testing::Real;

constexpr double kRate = 48000;
constexpr std::size_t kSizes[] = {1, 7, 8, 15, 16, 17, 63, 64, 65, 511, 512, 513, 4097};

struct Band { FilterType type; double freq, q, gain; };
const std::vector<Band> kDialogue = {{FilterType::highpass, 80, 0.7071, 0}, {FilterType::peak, 3000, 1.2, 2.5},
                                     {FilterType::lowshelf, 200, 0.7, -3}, {FilterType::highshelf, 9000, 0.7, 4}};

SvfStep step_of(const Band& b) { return step_from(design_svf(b.type, b.freq, b.q, b.gain, kRate)); }

/// Transposed direct form II in long double.
void filter(const Band& band, std::vector<Real>& x) {
  const testing::Biquad f = cookbook(band.type, band.freq, band.q, band.gain, kRate);
  Real s1 = 0, s2 = 0;
  for (Real& v : x) {
    const Real y = (f.b0 * v + s1) / f.a0;
    s1 = f.b1 * v - f.a1 * y + s2;
    s2 = f.b2 * v - f.a2 * y;
    v = y;
  }
}

std::vector<double> reference(const std::vector<float>& x, const std::vector<Band>& bands) {
  std::vector<Real> y(x.begin(), x.end());
  for (const Band& band : bands) filter(band, y);
  return {y.begin(), y.end()};
}

/// One lane through a bank of its own, in calls of `block` frames.
std::vector<float> run_bank(std::vector<float> x, const std::vector<Band>& bands, Isa isa, std::size_t block = 1 << 20) {
  EqBank bank(1, static_cast<int>(bands.size()));
  for (std::size_t b = 0; b < bands.size(); ++b) bank.set(0, static_cast<int>(b), step_of(bands[b]));
  for (std::size_t i = 0; i < x.size(); i += block) {
    float* lane = &x[i];
    bank.process(&lane, static_cast<Frames>(std::min(block, x.size() - i)), isa);
  }
  return x;
}

class Eq : public ::testing::TestWithParam<Isa> {
 protected:
  std::string isa_name() const { return std::string(name_of(GetParam())); }
  FlushDenormals flush_;
};
INSTANTIATE_TEST_SUITE_P(Isas, Eq, ::testing::ValuesIn(available_isas().begin(), available_isas().end()),
                         [](const auto& isa) { return std::string(name_of(isa.param)); });

TEST_P(Eq, StaysWithin140DecibelsOfTheCookbookForEveryType) {
  const std::vector<float> x = noise(48000, 1);
  for (const FilterType type : testing::kFilterTypes)
    for (const Band& band : {Band{type, 20, 30, 3}, Band{type, 20, 0.7071, 12}, Band{type, 1000, 0.5, -18}, Band{type, 15000, 4, 6}}) {
      const std::vector<float> got = run_bank(x, {band}, GetParam());
      EXPECT_WITHIN_DB(got, reference(x, {band}), -140.0) << "type " << static_cast<int>(type) << ' ' << band.freq << " Hz Q " << band.q;
    }
  testing::ran("eq static", isa_name());
}

TEST_P(Eq, RunsBandsInSeriesWhateverTheirNumber) {
  const std::vector<float> x = noise(2000, 2);
  std::vector<Band> bands;
  for (int count = 0; count <= 11; ++count) {
    EXPECT_WITHIN_DB(run_bank(x, bands, GetParam()), reference(x, bands), -140.0) << count << " bands";
    bands.push_back({testing::kFilterTypes[count % 8], 100.0 * (count + 1), 0.9, 1.5});
  }
}

TEST_P(Eq, WritesItsLanesAndNothingElse) {
  for (const std::size_t n : kSizes)
    for (const int lanes : {1, 3, 4, 5, 8, 9, 16}) {
      std::vector<Guarded<float>> x(static_cast<std::size_t>(lanes), Guarded<float>(n));
      std::vector<float*> lane;
      EqBank bank(lanes, 4);
      for (int l = 0; l < lanes; ++l) {
        const std::vector<float> signal = noise(n, static_cast<std::uint64_t>(l));
        std::copy(signal.begin(), signal.end(), x[static_cast<std::size_t>(l)].data());
        lane.push_back(x[static_cast<std::size_t>(l)].data());
        for (int b = 0; b < 4; ++b) bank.set(l, b, step_of(kDialogue[static_cast<std::size_t>(b)]));
      }
      bank.process(lane.data(), static_cast<Frames>(n), GetParam());
      for (int l = 0; l < lanes; ++l) {
        Guarded<float>& got = x[static_cast<std::size_t>(l)];
        EXPECT_TRUE(got.guards_intact()) << n << " frames, lane " << l << " of " << lanes;
        EXPECT_WITHIN_DB(got.span(), reference(noise(n, static_cast<std::uint64_t>(l)), kDialogue), -140.0) << n << " frames, lane " << l;
      }
    }
}

TEST_P(Eq, GivesALaneTheSameBitsInWhateverCompany) {
  const std::vector<float> x = noise(1000, 3);
  const std::vector<float> alone = run_bank(x, kDialogue, GetParam());
  for (const int lanes : {2, 5, 8, 16})
    for (const int bands : {4, 5, 6, 9}) {
      std::vector<std::vector<float>> signals(static_cast<std::size_t>(lanes));
      std::vector<float*> lane;
      EqBank bank(lanes, bands);
      for (int l = 0; l < lanes; ++l) {
        signals[static_cast<std::size_t>(l)] = l == lanes - 1 ? x : noise(x.size(), static_cast<std::uint64_t>(l), 1e6f);
        lane.push_back(signals[static_cast<std::size_t>(l)].data());
        for (int b = 0; b < (l == lanes - 1 ? 4 : bands); ++b) bank.set(l, b, step_of(kDialogue[static_cast<std::size_t>(b % 4)]));
      }
      bank.process(lane.data(), static_cast<Frames>(x.size()), GetParam());
      EXPECT_SAME_BITS(std::span<const float>(signals.back()), std::span<const float>(alone)) << lanes << " lanes, " << bands << " bands";
    }
}

TEST_P(Eq, GivesTheSameBitsWhereverCallsEndAndOnEveryInstructionSet) {
  const std::vector<float> x = noise(3000, 4);
  const std::vector<float> want = run_bank(x, kDialogue, Isa::generic);
  for (const std::size_t block : {1, 3, 63, 64, 65, 500}) {
    const std::vector<float> got = run_bank(x, kDialogue, GetParam(), block);
    EXPECT_SAME_BITS(std::span<const float>(got), std::span<const float>(want)) << block;
  }
}

TEST_P(Eq, PassesEveryBitOfALaneWithoutBands) {
  std::vector<float> x = noise(100, 5);
  x[3] = -0.0f, x[4] = 0.0f, x[5] = std::numeric_limits<float>::max(), x[6] = -std::numeric_limits<float>::min();
  std::vector<float> y = x;
  EqBank bank(1, 3);
  float* lane = y.data();
  bank.process(&lane, 100, GetParam());
  EXPECT_SAME_BITS(std::span<const float>(y), std::span<const float>(x));
}

TEST_P(Eq, LeavesANullLaneOutAndStartsAgainFromSilenceOnReset) {
  std::vector<float> x = noise(200, 6), y = x;
  EqBank bank(2, 1);
  bank.set(1, 0, step_of(kDialogue[0]));
  float* lanes[] = {nullptr, x.data()};
  bank.process(lanes, 200, GetParam());
  bank.reset();
  lanes[1] = y.data();
  bank.process(lanes, 200, GetParam());
  EXPECT_SAME_BITS(std::span<const float>(y), std::span<const float>(x));
}

TEST_P(Eq, KeepsASumOf500FilteredTracksWithin135Decibels) {
  std::vector<double> want(2000, 0.0), got(2000, 0.0);
  for (std::uint64_t track = 0; track < 500; ++track) {
    const std::vector<float> x = noise(2000, track, 0.05f);
    const std::vector<Band> band = {{testing::kFilterTypes[track % 8], 30.0 + 7 * static_cast<double>(track), 0.9, 2}};
    const std::vector<double> y = reference(x, band);
    const std::vector<float> z = run_bank(x, band, GetParam());
    for (std::size_t i = 0; i < y.size(); ++i) want[i] += y[i], got[i] += static_cast<double>(z[i]);
  }
  double worst = 0;
  for (std::size_t i = 0; i < want.size(); ++i) worst = std::max(worst, std::abs(got[i] - want[i]));
  EXPECT_LE(20 * std::log10(worst), -135.0);
}

// ---- automated bands

struct Moving { FilterType type; Automation freq, q, gain; };
const Moving kSweep = {FilterType::peak, {0, {{-500, 100}, {40, 4000}, {1000, 200}, {1001, 8000}, {1700, 8000}}}, {0, {{100, 0.5}, {900, 8}}},
                       {0, {{-50, -12}, {700, 18}}}};

/// By the letter of the mix format: control points, and coefficients linear between them.
std::vector<std::array<double, 5>> coefficients(const Moving& m, Frames first, std::size_t count) {
  std::vector<Frames> points, control;
  for (const Automation* a : {&m.freq, &m.q, &m.gain})
    for (const auto& p : a->points) points.push_back(p.at);
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  for (std::size_t j = 0; j < points.size(); ++j)
    for (Frames at = points[j]; at == points[j] || (j + 1 < points.size() && at < points[j + 1]); at += 64) control.push_back(at);
  std::vector<std::array<double, 5>> table;
  for (const Frames at : control) {
    const SvfCoeffs c = design_svf(m.type, logarithmic_value(m.freq, at), logarithmic_value(m.q, at), linear_value(m.gain, at), kRate);
    table.push_back({c.g, c.k, c.m0, c.m1, c.m2});
  }
  std::vector<std::array<double, 5>> out;
  for (std::size_t i = 0; i < count; ++i) {
    const Frames at = first + static_cast<Frames>(i);
    const auto after = static_cast<std::size_t>(std::upper_bound(control.begin(), control.end(), at) - control.begin());
    std::array<double, 5> c = table[after == 0 ? 0 : after - 1];
    if (after > 0 && after < control.size())
      for (std::size_t j = 0; j < 5; ++j)
        c[j] += (table[after][j] - c[j]) * static_cast<double>(at - control[after - 1]) / static_cast<double>(control[after] - control[after - 1]);
    out.push_back(c);
  }
  return out;
}

/// The filter as A. Simper writes it, in double.
std::vector<double> reference(const std::vector<double>& x, const std::vector<std::array<double, 5>>& c) {
  std::vector<double> y;
  double s1 = 0, s2 = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto [g, k, m0, m1, m2] = c[i];
    const double a1 = 1 / (1 + g * (g + k)), a2 = g * a1, a3 = g * a2, v3 = x[i] - s2;
    const double v1 = a1 * s1 + a2 * v3, v2 = s2 + a2 * s1 + a3 * v3;
    s1 = 2 * v1 - s1, s2 = 2 * v2 - s2;
    y.push_back(m0 * x[i] + m1 * v1 + m2 * v2);
  }
  return y;
}

std::vector<double> reference(const std::vector<double>& x, const Moving& m, Frames first) { return reference(x, coefficients(m, first, x.size())); }

std::vector<float> run_chain(std::vector<float> x, const std::vector<Moving>& bands, Frames first, Isa isa, std::size_t block = 1 << 20) {
  EqChain chain(1, kRate);
  for (const Moving& m : bands) chain.add(m.type, m.freq, m.q, m.gain);
  for (std::size_t i = 0; i < x.size(); i += block) {
    float* channel = &x[i];
    chain.process(&channel, first + static_cast<Frames>(i), static_cast<Frames>(std::min(block, x.size() - i)), isa);
  }
  return x;
}

TEST_P(Eq, FollowsAutomationAsTheMixFormatSays) {
  for (const FilterType type : testing::kFilterTypes) {
    Moving sweep = kSweep;
    sweep.type = type;
    const std::vector<float> x = noise(3000, 7, 0.03f);  // +18 dB then stays below full scale, where a float32 resolves -150 dB
    EXPECT_WITHIN_DB(run_chain(x, {sweep}, -700, GetParam()), reference({x.begin(), x.end()}, sweep, -700), -140.0) << static_cast<int>(type);
  }
  testing::ran("eq automated", isa_name());
}

TEST_P(Eq, FollowsAutomationWithTheSameBitsWhereverCallsEndAndOnEveryInstructionSet) {
  const std::vector<float> x = noise(3000, 8);
  const std::vector<float> want = run_chain(x, {kSweep}, -700, Isa::generic);
  for (const std::size_t block : {1, 63, 64, 65, 1000}) {
    const std::vector<float> got = run_chain(x, {kSweep}, -700, GetParam(), block);
    EXPECT_SAME_BITS(std::span<const float>(got), std::span<const float>(want)) << block;
  }
}

TEST_P(Eq, JumpsWhereAPieceBeginsAndKeepsThePiecesOwnControlGrid) {
  // Up to 333 as it is; then a stretch that stands still; from 700 on what stood at -450: a grid that is not counted from 700.
  const Moving still = {FilterType::peak, {0, {{0, 900}}}, {2, {}}, {-6, {}}};
  const auto pieced = [&](const Automation& a, double constant) {
    Automation moved = a, out = a;
    for (auto& p : moved.points) p.at += 1150;
    out.later = {{333, constant, {}}, {700, 0, moved.points}};
    return out;
  };
  const Moving band = {FilterType::peak, pieced(kSweep.freq, 900), pieced(kSweep.q, 2), pieced(kSweep.gain, -6)};
  const std::vector<float> x = noise(3000, 12, 0.03f);
  auto want = coefficients(kSweep, -700, 1033);
  for (const auto& [m, first, count] : {std::tuple{still, Frames{333}, 367u}, std::tuple{kSweep, Frames{-450}, 1600u}}) {
    const auto more = coefficients(m, first, count);
    want.insert(want.end(), more.begin(), more.end());
  }
  EXPECT_WITHIN_DB(run_chain(x, {band}, -700, GetParam()), reference({x.begin(), x.end()}, want), -140.0);
  for (const std::size_t block : {1u, 33u, 64u, 500u})
    EXPECT_SAME_BITS(std::span<const float>(run_chain(x, {band}, -700, GetParam(), block)), std::span<const float>(run_chain(x, {band}, -700, Isa::generic)));
}

TEST_P(Eq, GivesAnAutomationThatStandsStillTheBitsOfAStaticBand) {
  const std::vector<float> x = noise(1000, 9);
  const Moving still = {FilterType::peak, {0, {{-1000, 3000}, {300, 3000}, {431, 3000}}}, {1.2, {}}, {2.5, {}}};
  EXPECT_SAME_BITS(std::span<const float>(run_chain(x, {still}, 0, GetParam())), std::span<const float>(run_bank(x, {kDialogue[1]}, GetParam())));
}

TEST_P(Eq, ForgetsWhereItStartedOnceThePreRollHasDecayed) {
  const Moving sweep = {FilterType::peak, {0, {{-9000, 300}, {9000, 3000}}}, {0, {{0, 1}, {5000, 4}}}, {6, {}}};
  const Frames pre_roll = decay_frames(sweep.type, sweep.freq, sweep.q, sweep.gain, kRate);
  ASSERT_GT(pre_roll, 500);
  const std::vector<float> x = noise(20000, 10);
  const std::vector<float> whole = run_chain(x, {sweep}, -10000, GetParam());
  const std::vector<float> late = run_chain({x.begin() + 3000, x.end()}, {sweep}, -7000, GetParam());
  const std::size_t heard = static_cast<std::size_t>(pre_roll);
  EXPECT_WITHIN_DB(std::span<const float>(late).subspan(heard), std::span<const float>(whole).subspan(3000 + heard), -140.0);
  EXPECT_GT(error_db(std::span<const float>(late).first(10), std::span<const float>(whole).subspan(3000, 10)), -100.0);  // there was something to forget
}

TEST_P(Eq, RunsStaticAndAutomatedBandsInTheirOrderOnEveryChannel) {
  const std::vector<Moving> bands = {{FilterType::highpass, {80, {}}, {0.7071, {}}, {0, {}}},
                                     kSweep,
                                     {FilterType::lowshelf, {200, {}}, {0.7, {}}, {-3, {}}},
                                     {FilterType::highshelf, {9000, {}}, {0.7, {}}, {4, {}}}};
  constexpr int kChannels = 12;
  constexpr std::size_t kCount = 777;
  EqChain chain(kChannels, kRate);
  for (const Moving& m : bands) chain.add(m.type, m.freq, m.q, m.gain);
  std::vector<Guarded<float>> x(kChannels, Guarded<float>(kCount));
  float* channels[kChannels];
  for (std::size_t c = 0; c < kChannels; ++c) {
    const std::vector<float> signal = noise(kCount, c);
    std::copy(signal.begin(), signal.end(), channels[c] = x[c].data());
  }
  chain.process(channels, -5, kCount, GetParam());
  for (std::size_t c = 0; c < kChannels; ++c) {
    const std::vector<float> signal = noise(kCount, c);
    std::vector<Real> y(signal.begin(), signal.end());
    filter(kDialogue[0], y);
    const std::vector<double> swept = reference(std::vector<double>(y.begin(), y.end()), kSweep, -5);
    std::vector<Real> z(swept.begin(), swept.end());
    filter(kDialogue[2], z);
    filter(kDialogue[3], z);
    EXPECT_WITHIN_DB(x[c].span(), std::vector<double>(z.begin(), z.end()), -140.0) << "channel " << c;
    EXPECT_TRUE(x[c].guards_intact());
  }
  testing::ran("eq chain", isa_name());
}

TEST(EqChain, IsEmptyWhereEveryBandPassesAudioUnchanged) {
  EqChain chain(2, kRate);
  chain.add(FilterType::peak, {0, {{0, 100}, {10, 200}}}, {1, {}}, {0, {}});
  EXPECT_TRUE(chain.empty());
  chain.add(FilterType::allpass, {100, {}}, {1, {}}, {0, {}});
  EXPECT_FALSE(chain.empty());
}

}  // namespace
}  // namespace dubfarm::kernels
