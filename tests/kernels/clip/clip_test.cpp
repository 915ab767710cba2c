#include "kernels/clip/clip.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using mix::FadeCurve;
using testing::Guarded;
using testing::noise;

double c(FadeCurve curve, double x) {
  switch (curve) {
    case FadeCurve::linear: return x;
    case FadeCurve::equal_power: return std::sin(x * std::numbers::pi / 2);
    case FadeCurve::cosine: return (1 - std::cos(std::numbers::pi * x)) / 2;
  }
  return 0;
}

/// A whole clip by the letter of the mix format: `length` frames, fade-in of n, fade-out of m.
std::vector<double> reference(const std::vector<float>& source, double gain, Frames n, FadeCurve in, Frames m, FadeCurve out) {
  std::vector<double> y(source.begin(), source.end());
  for (double& v : y) v *= gain;
  for (Frames i = 0; i < n; ++i) y[static_cast<std::size_t>(i)] *= c(in, static_cast<double>(i) / static_cast<double>(n));
  for (Frames j = 0; j < m; ++j) y[y.size() - static_cast<std::size_t>(m) + static_cast<std::size_t>(j)] *= c(out, static_cast<double>(m - j) / static_cast<double>(m));
  return y;
}

ClipShape whole_clip(Frames length, double gain, Frames n, FadeCurve in, Frames m, FadeCurve out) {
  return {gain, {n, 0, in}, {m, length, out}, {}, {}};
}

class Clip : public ::testing::TestWithParam<Isa> {};
INSTANTIATE_TEST_SUITE_P(Isas, Clip, ::testing::ValuesIn(available_isas().begin(), available_isas().end()),
                         [](const auto& isa) { return std::string(name_of(isa.param)); });

TEST_P(Clip, TakesItsGainAndFadesByTheMixFormat) {
  for (const Frames length : {1, 15, 16, 17, 511, 512, 513, 4097})
    for (const FadeCurve in : {FadeCurve::linear, FadeCurve::equal_power, FadeCurve::cosine})
      for (const FadeCurve out : {FadeCurve::linear, FadeCurve::equal_power, FadeCurve::cosine})
        for (const double gain : {1.0, 0.7}) {
          const std::vector<float> source = noise(static_cast<std::size_t>(length), 1);
          const Frames n = length / 3, m = length - n;  // the two meet
          Guarded<float> got(source.size());
          write_clip(whole_clip(length, gain, n, in, m, out), 0, length, source.data(), got.data(), GetParam());
          EXPECT_WITHIN_DB(got.span(), reference(source, gain, n, in, m, out), -150.0) << length << " frames";
          EXPECT_TRUE(got.guards_intact());
        }
  testing::ran("clip", std::string(name_of(GetParam())));
}

TEST_P(Clip, StartsFromExactSilenceAndReachesTheFullGain) {
  const std::vector<float> ones(100, 1.0f);
  for (const FadeCurve curve : {FadeCurve::linear, FadeCurve::equal_power, FadeCurve::cosine}) {
    std::vector<float> out(100, 0.0f);
    add_clip(whole_clip(100, 1, 10, curve, 20, curve), 0, 100, ones.data(), out.data(), GetParam());
    EXPECT_EQ(out[0], 0);
    EXPECT_NEAR(out[5], c(curve, 0.5), 1e-7);
    EXPECT_EQ(out[10], 1);
    EXPECT_EQ(out[80], 1) << "c((n - 0) / n) is c(1)";
    EXPECT_NEAR(out[90], c(curve, 0.5), 1e-7);
    EXPECT_GT(out[99], 0);
  }
}

TEST_P(Clip, KeepsThePhaseOfItsFadesWhenCutToAWindow) {
  const std::vector<float> source = noise(1000, 2);
  const ClipShape shape = whole_clip(1000, 0.5, 400, FadeCurve::cosine, 500, FadeCurve::equal_power);
  std::vector<float> whole(1000, 0.0f);
  add_clip(shape, 0, 1000, source.data(), whole.data(), GetParam());
  for (const Frames cut : {0, 1, 399, 400, 401, 700}) {
    ClipShape window = shape;
    window.fade_in.phase += cut, window.fade_out.phase -= cut;
    std::vector<float> part(static_cast<std::size_t>(1000 - cut), 0.0f);
    add_clip(window, 0, 1000 - cut, source.data() + cut, part.data(), GetParam());
    EXPECT_SAME_BITS(std::span<const float>(part), std::span<const float>(whole).subspan(static_cast<std::size_t>(cut))) << cut;
  }
}

TEST_P(Clip, MultipliesTheFadesOfARecutWithItsOwn) {
  const std::vector<float> ones(100, 1.0f);
  std::vector<float> out(100, 0.0f);
  const ClipShape shape{1, {50, 0, FadeCurve::linear}, {}, {20, 5, FadeCurve::equal_power}, {10, 100, FadeCurve::equal_power}};
  add_clip(shape, 0, 100, ones.data(), out.data(), GetParam());
  EXPECT_NEAR(out[5], 0.1 * c(FadeCurve::equal_power, 0.5), 1e-7);
  EXPECT_NEAR(out[20], 0.4, 1e-7);
  EXPECT_EQ(out[60], 1);
  EXPECT_NEAR(out[95], c(FadeCurve::equal_power, 0.5), 1e-7);
}

TEST_P(Clip, AddsToWhatIsThereAndWritesTheSameIntoSilence) {
  const std::vector<float> source = noise(700, 3), bed = noise(700, 4);
  for (const double gain : {1.0, 0.3})
    for (const Frames fade : {0, 100}) {
      const ClipShape shape = whole_clip(700, gain, fade, FadeCurve::linear, fade, FadeCurve::cosine);
      std::vector<float> alone(700), added = bed;
      write_clip(shape, 0, 700, source.data(), alone.data(), GetParam());
      add_clip(shape, 0, 700, source.data(), added.data(), GetParam());
      for (std::size_t i = 0; i < 700; ++i) ASSERT_EQ(added[i], bed[i] + alone[i]) << i;
      std::vector<float> zeros(700, 0.0f);
      add_clip(shape, 0, 700, source.data(), zeros.data(), GetParam());
      EXPECT_SAME_BITS(std::span<const float>(zeros), std::span<const float>(alone));
    }
}

TEST_P(Clip, HasTheSameBitsWhereverCallsEndAndOnEveryInstructionSet) {
  const std::vector<float> source = noise(2000, 5);
  const ClipShape shape = whole_clip(2000, 0.9, 700, FadeCurve::equal_power, 650, FadeCurve::cosine);
  std::vector<float> want(2000, 0.0f);
  add_clip(shape, 0, 2000, source.data(), want.data(), Isa::generic);
  for (const Frames block : {1, 64, 511, 2000}) {
    std::vector<float> got(2000, 0.0f);
    for (Frames i = 0; i < 2000; i += block) add_clip(shape, i, std::min(block, 2000 - i), source.data() + i, got.data() + i, GetParam());
    EXPECT_SAME_BITS(std::span<const float>(got), std::span<const float>(want)) << block;
  }
}

}  // namespace
}  // namespace dubfarm::kernels
