#include "kernels/loudness/m_weighting.hpp"

#include <complex>

#include "tests/kernels/loudness/signals.hpp"
#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using namespace dubfarm::testing;

/// ISO 21727:2016, table 1 (the table of BS.468-4, 5.6 dB down).
constexpr std::pair<double, double> kTable[] = {{31.5, -35.5}, {63, -29.5},  {100, -25.4}, {200, -19.4}, {400, -13.4}, {800, -7.5},  {1000, -5.6},
                                                {2000, 0},     {3150, 3.4},  {4000, 4.9},  {5000, 6.1},  {6300, 6.6},  {7100, 6.4},  {8000, 5.8},
                                                {9000, 4.5},   {10000, 2.5}, {12500, -5.6}, {14000, -10.9}, {16000, -17.3}, {20000, -27.8}};

double gain_db(const MWeighting& m, int sample_rate, double hertz) {
  const auto z = std::polar(1.0, -2 * std::numbers::pi * hertz / sample_rate);
  std::complex<double> h = m.b[0] + z * (m.b[1] + z * (m.b[2] + z * m.b[3]));
  for (const auto& a : m.a) h /= 1.0 + z * (a[0] + z * a[1]);
  return 20 * std::log10(std::abs(h));
}

TEST(MWeighting, FollowsTheTableOfTheStandardAtEveryRate) {
  for (const int rate : {44100, 48000, 88200, 96000, 192000}) {
    const MWeighting m = design_m_weighting(rate);
    for (const auto& [hertz, want] : kTable) EXPECT_NEAR(gain_db(m, rate, hertz), want, hertz > 15000 ? 0.35 : 0.15) << rate << " Hz, at " << hertz;
  }
}

TEST(MWeighting, PassesNothingAtZeroHertz) {
  const MWeighting m = design_m_weighting(48000);
  EXPECT_NEAR(m.b[0] + m.b[1] + m.b[2] + m.b[3], 0, 1e-15);
}

/// The definition, sample by sample: one direct form of order six, never restarted.
std::vector<double> naive_energies(const std::vector<float>& x, int rate) {
  const MWeighting m = design_m_weighting(rate);
  std::vector<double> poles{1};
  for (const auto& a : m.a) {
    std::vector<double> next(poles.size() + 2, 0.0);
    for (std::size_t i = 0; i < poles.size(); ++i) next[i] += poles[i], next[i + 1] += a[0] * poles[i], next[i + 2] += a[1] * poles[i];
    poles = next;
  }
  std::vector<double> y(x.size()), energies(x.size() / static_cast<std::size_t>(subblock_frames(rate)), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t k = 0; k < 4 && k <= i; ++k) y[i] += m.b[k] * double{x[i - k]};
    for (std::size_t k = 1; k < 7 && k <= i; ++k) y[i] -= poles[k] * y[i - k];
    if (const std::size_t b = i / static_cast<std::size_t>(subblock_frames(rate)); b < energies.size()) energies[b] += y[i] * y[i];
  }
  return energies;
}

TEST(MWeightingContract, EveryIsaIsWithin1e9DbOfAFilterThatNeverRestarts) {
  for (const auto& [channels, rate, frames] : {std::tuple{1, 48000, Frames{960}}, {3, 48000, Frames{2 * 96000 + 961}}, {9, 44100, Frames{88200 + 12345}}}) {
    std::vector<std::vector<float>> audio;
    std::vector<const float*> from;
    const Frames history = history_frames(rate), subblocks = subblock_count(frames, rate);
    for (int c = 0; c < channels; ++c) {
      audio.push_back(noise(static_cast<std::size_t>(history + frames), static_cast<std::uint64_t>(c)));
      std::fill_n(audio.back().begin(), history, 0.0f);
    }
    for (const auto& channel : audio) from.push_back(channel.data() + history);
    std::vector<double> first;
    for (const Isa isa : available_isas()) {
      Guarded<double> energy(static_cast<std::size_t>(channels * subblocks));
      m_weighted_energies(from.data(), channels, frames, rate, energy.data(), subblocks, isa);
      for (int c = 0; c < channels; ++c) {
        const auto want = naive_energies({from[static_cast<std::size_t>(c)], from[static_cast<std::size_t>(c)] + frames}, rate);
        for (std::size_t b = 0; b < want.size(); ++b)
          ASSERT_LE(std::abs(10 * std::log10(energy.data()[c * subblocks + static_cast<Frames>(b)] / want[b])), 1e-9) << name_of(isa) << " " << c << " " << b;
      }
      EXPECT_TRUE(energy.guards_intact());
      const std::vector<double> got(energy.span().begin(), energy.span().end());
      if (isa == Isa::generic) first = got;
      EXPECT_EQ(first, got) << name_of(isa);
      ran("m-weighting", std::string(name_of(isa)));
    }
  }
}

}  // namespace
}  // namespace dubfarm::kernels
