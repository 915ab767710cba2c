#include <complex>

#include "kernels/loudness/loudness.hpp"
#include "tests/support/contract.hpp"
#include "tests/kernels/loudness/signals.hpp"

namespace dubfarm::kernels {
namespace {

using namespace dubfarm::testing;

TEST(KWeighting, At48kHzHasTheCoefficientsOfTheStandard) {
  const KWeighting k = design_k_weighting(48000);
  EXPECT_NEAR(k.shelf.b0, 1.53512485958697, 1e-12);
  EXPECT_NEAR(k.shelf.b1, -2.69169618940638, 1e-12);
  EXPECT_NEAR(k.shelf.b2, 1.19839281085285, 1e-12);
  EXPECT_NEAR(k.shelf.a1, -1.69065929318241, 1e-12);
  EXPECT_NEAR(k.shelf.a2, 0.73248077421585, 1e-12);
  EXPECT_EQ(k.high_pass.b0, 1.0);
  EXPECT_EQ(k.high_pass.b1, -2.0);
  EXPECT_EQ(k.high_pass.b2, 1.0);
  EXPECT_NEAR(k.high_pass.a1, -1.99004745483398, 1e-12);
  EXPECT_NEAR(k.high_pass.a2, 0.99007225036621, 1e-12);
}

double gain_db(int sample_rate, double hertz) {
  const KWeighting k = design_k_weighting(sample_rate);
  const auto z = std::polar(1.0, -2 * std::numbers::pi * hertz / sample_rate);
  const auto response = [z](const KWeightBiquad& q) { return (q.b0 + q.b1 * z + q.b2 * z * z) / (1.0 + q.a1 * z + q.a2 * z * z); };
  return 20 * std::log10(std::abs(response(k.shelf) * response(k.high_pass)));
}

TEST(KWeighting, IsTheSameCurveAtEveryRate) {
  for (const int rate : {44100, 88200, 96000, 192000}) {
    for (const double hertz : {20.0, 100.0, 1000.0}) EXPECT_NEAR(gain_db(rate, hertz), gain_db(48000, hertz), 0.05) << rate << " " << hertz;
    EXPECT_NEAR(gain_db(rate, 8000.0), gain_db(48000, 8000.0), 0.1) << rate;
  }
}

/// The definition, sample by sample: transposed direct form II, unlike the kernel; the filter never restarts.
std::vector<double> naive_energies(const std::vector<float>& x, int rate) {
  const KWeighting k = design_k_weighting(rate);
  struct Section {
    KWeightBiquad q;
    double s1 = 0, s2 = 0;
    double operator()(double in) {
      const double out = q.b0 * in + s1;
      s1 = q.b1 * in - q.a1 * out + s2;
      s2 = q.b2 * in - q.a2 * out;
      return out;
    }
  } shelf{k.shelf}, high_pass{k.high_pass};
  std::vector<double> energies(x.size() / static_cast<std::size_t>(subblock_frames(rate)), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double y = high_pass(shelf(double{x[i]}));
    const std::size_t b = i / static_cast<std::size_t>(subblock_frames(rate));
    if (b < energies.size()) energies[b] += y * y;
  }
  return energies;
}

TEST(KWeightingContract, EveryIsaIsWithin1e9DbOfAFilterThatNeverRestarts) {
  struct Shape { int channels, rate; Frames frames; };
  for (const Shape shape : {Shape{1, 48000, 959}, Shape{1, 48000, 960}, Shape{3, 48000, 2 * 96000 + 961}, Shape{7, 44100, 88200 + 12345},
                            Shape{9, 8000, 16000 * 3 - 1}, Shape{2, 96000, 192000 * 2}}) {
    std::vector<std::vector<float>> audio;
    std::vector<const float*> from;
    const Frames history = history_frames(shape.rate), subblocks = subblock_count(shape.frames, shape.rate);
    for (int c = 0; c < shape.channels; ++c) {
      audio.push_back(noise(static_cast<std::size_t>(history + shape.frames), static_cast<std::uint64_t>(c)));
      std::fill_n(audio.back().begin(), history, 0.0f);
      for (Frames i = history; i < history + shape.frames; ++i) audio.back()[static_cast<std::size_t>(i)] += 0.3f;  // an offset is the hardest
    }
    for (const auto& channel : audio) from.push_back(channel.data() + history);
    std::vector<double> first;
    for (const Isa isa : available_isas()) {
      Guarded<double> energy(static_cast<std::size_t>(shape.channels * subblocks));
      subblock_energies(from.data(), shape.channels, shape.frames, shape.rate, energy.data(), subblocks, isa);
      for (int c = 0; c < shape.channels; ++c) {
        const auto want = naive_energies({from[static_cast<std::size_t>(c)], from[static_cast<std::size_t>(c)] + shape.frames}, shape.rate);
        ASSERT_EQ(want.size(), static_cast<std::size_t>(subblocks));
        for (std::size_t b = 0; b < want.size(); ++b)
          ASSERT_LE(std::abs(10 * std::log10(energy.data()[c * subblocks + static_cast<Frames>(b)] / want[b])), 1e-9)
              << name_of(isa) << " rate " << shape.rate << " channel " << c << " sub-block " << b;
      }
      EXPECT_TRUE(energy.guards_intact());
      const std::vector<double> got(energy.span().begin(), energy.span().end());
      if (isa == Isa::generic) first = got;
      EXPECT_EQ(first, got) << name_of(isa);  // to the last bit
      ran("k-weighting", std::string(name_of(isa)));
    }
  }
}

TEST(KWeightingContract, AnySplitOnGroupsGivesTheSameBits) {
  constexpr int kRate = 16000;
  constexpr Frames kGroup = group_frames(kRate), kFrames = 5 * kGroup + 1000, kHistory = history_frames(kRate);
  const Frames subblocks = subblock_count(kFrames, kRate);
  std::vector<float> audio = noise(kHistory + kFrames, 5);
  std::fill_n(audio.begin(), kHistory, 0.0f);
  for (const Isa isa : available_isas()) {
    std::vector<double> whole(static_cast<std::size_t>(subblocks)), split(whole.size());
    const float* from = audio.data() + kHistory;
    subblock_energies(&from, 1, kFrames, kRate, whole.data(), subblocks, isa);
    constexpr std::pair<Frames, Frames> kParts[] = {{4, 2}, {1, 3}, {0, 1}};  // first group, groups
    for (const auto& [group, groups] : kParts) {
      const float* part = from + group * kGroup;
      subblock_energies(&part, 1, std::min(groups * kGroup, kFrames - group * kGroup), kRate, split.data() + group * kSubblocksPerGroup, subblocks, isa);
    }
    EXPECT_EQ(whole, split) << name_of(isa);
  }
}

TEST(KWeighting, SpreadsNotANumberSoThatItIsSeen) {
  Audio audio = tones(1, {{4.5, {-20}}});
  audio.channels[0][100000] = std::numeric_limits<float>::quiet_NaN();
  const auto material = materialise(audio, {1.0});
  EXPECT_FALSE(std::isnan(material.energy[0][103]));
  EXPECT_TRUE(std::isnan(material.energy[0][104]));
  EXPECT_TRUE(std::isnan(material.true_peak[0]));
  EXPECT_TRUE(std::isnan(material.sample_peak[0]));
}

}  // namespace
}  // namespace dubfarm::kernels
