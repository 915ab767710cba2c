#include "kernels/limit/limit.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>

#include "kernels/true_peak/true_peak.hpp"
#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using namespace dubfarm::testing;
using Channels = std::vector<std::vector<double>>;

/// Gains of a whole programme, fed in pieces of `piece` frames, with silence after its end.
std::vector<double> gains(const LimiterSettings& settings, const Channels& x, Frames piece = 4096, Isa isa = best_isa()) {
  LimiterCurve curve(settings, static_cast<int>(x.size()), isa);
  const Frames length = static_cast<Frames>(x[0].size()), total = length + curve.delay();
  Channels padded = x;
  for (auto& channel : padded) channel.resize(static_cast<std::size_t>(total), 0.0);
  std::vector<double> out(static_cast<std::size_t>(total));
  for (Frames at = 0; at < total; at += piece) {
    const Frames n = std::min(piece, total - at);
    std::vector<const double*> from;
    for (const auto& channel : padded) from.push_back(channel.data() + at);
    curve.advance(from.data(), n, out.data() + at);
  }
  out.erase(out.begin(), out.begin() + curve.delay());
  return out;
}

/// True peak of x * gain, each sample rounded as a file would round it.
double true_peak_of(const Channels& x, const std::vector<double>& gain, const std::function<double(double)>& round = [](double v) { return v; }) {
  double most = 0;
  for (const auto& channel : x) {
    std::vector<float> y(kTruePeakHistory, 0.0f);
    for (std::size_t n = 0; n < channel.size(); ++n) y.push_back(static_cast<float>(round(channel[n] * gain[n])));
    const Peaks p = larger(peaks(y.data() + kTruePeakHistory, static_cast<Frames>(channel.size())), tail_peaks(y.data() + y.size()));
    most = std::max(most, static_cast<double>(p.true_peak));
  }
  return most;
}

Channels noise_channels(int channels, std::size_t frames, std::uint64_t salt, float peak) {
  Channels x;
  for (int c = 0; c < channels; ++c) {
    const std::vector<float> one = noise(frames, salt * 16 + static_cast<std::uint64_t>(c), peak);
    x.emplace_back(one.begin(), one.end());
  }
  return x;
}

/// Programmes that are hard on a limiter: bursts of noise, tones near the folding frequency, single impulses, steps, square waves.
Channels hard_programme(int kind, std::size_t frames, std::uint64_t salt) {
  Channels x = noise_channels(2, frames, salt, 1.0f);
  std::mt19937_64 random(salt);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (auto& channel : x) {
    const double level = std::pow(10.0, uniform(random) * 0.6), f = uniform(random) * 0.98 * std::numbers::pi;
    double envelope = 0;
    for (std::size_t n = 0; n < channel.size(); ++n) {
      if (n % 97 == 0 && uniform(random) < 0.1) envelope = std::pow(10.0, uniform(random) * 1.2 - 0.3);
      envelope *= 0.9995;
      const double t = static_cast<double>(n);
      switch (kind) {
        case 0: channel[n] *= level; break;
        case 1: channel[n] *= envelope; break;
        case 2: channel[n] = level * std::sin(f * t); break;
        case 3: channel[n] = envelope * std::sin(f * t + 5 * std::sin(0.001 * t)); break;
        case 4: channel[n] = uniform(random) < 0.003 ? level * (uniform(random) - 0.5) * 4 : 0.1 * channel[n]; break;
        case 5: channel[n] = level * (std::sin(f * 0.01 * t) > 0 ? 1.0 : -1.0); break;
        case 6: channel[n] = (channel[n] > 0 ? 1.0 : -1.0) * envelope; break;
        default: channel[n] = n % 2 ? -envelope : envelope; break;
      }
    }
  }
  return x;
}

/// A sound at the ceiling's edge whose late samples cancel its early ones, just where the way down to a much higher peak begins: the late
/// ones are turned down more, so that they cancel less.
Channels trap(Frames lookahead, double higher) {
  std::vector<double> x(4000, 0.0);
  const std::size_t at = 2000;
  for (std::size_t k = 0; k < kTruePeakTaps; ++k) x[at - k] = (kTruePeakFilter[1][k] > 0) == (k >= 5) ? 1.0 : -1.0;
  x[at + static_cast<std::size_t>(lookahead) + 3] = higher;
  return {x};
}

/// The header's description read literally, in double and without its economies; one pass.
std::vector<double> reference_pass(const Channels& x, double ceiling_linear, double most_db, const LimiterSettings& settings) {
  const auto length = static_cast<Frames>(x[0].size());
  const Frames reach = settings.lookahead + kTruePeakHistory;
  std::vector<double> q(static_cast<std::size_t>(length + reach + 1), 0.0), d(static_cast<std::size_t>(length), 0.0), r(d);
  for (Frames n = 0; n < length; ++n) {
    double e = 0;
    for (const auto& channel : x) {
      e = std::max(e, std::abs(channel[static_cast<std::size_t>(n)]));
      for (const auto& phase : kTruePeakFilter) {
        double u = 0;
        for (Frames k = 0; k < kTruePeakTaps && k <= n; ++k)
          u += static_cast<double>(phase[static_cast<std::size_t>(k)]) * channel[static_cast<std::size_t>(n - k)];
        e = std::max(e, std::abs(u));
      }
    }
    q[static_cast<std::size_t>(n)] = std::clamp(20 * std::log10(std::max(e, 1e-30) / ceiling_linear), 0.0, most_db);
  }
  const double slope = std::max(1.0, std::round(6.0 * 65536 / static_cast<double>(settings.release))) / 65536;
  for (Frames n = 0; n < length; ++n) {
    double h = 0;
    for (Frames j = 0; j <= reach; ++j) h = std::max(h, q[static_cast<std::size_t>(n + j)]);
    d[static_cast<std::size_t>(n)] = std::max(h, n > 0 ? d[static_cast<std::size_t>(n - 1)] - slope : 0.0);
  }
  std::vector<double> w;
  double sum = 0;
  for (Frames j = 0; j <= settings.lookahead; ++j) {
    const double sine = std::sin(std::numbers::pi * static_cast<double>(j + 1) / static_cast<double>(settings.lookahead + 2));
    w.push_back(sine * sine);
    sum += w.back();
  }
  for (Frames n = 0; n < length; ++n)
    for (Frames j = 0; j <= settings.lookahead && j <= n; ++j) r[static_cast<std::size_t>(n)] += w[static_cast<std::size_t>(j)] / sum * d[static_cast<std::size_t>(n - j)];
  return r;
}

/// Reductions in dB. The programme stands in silence, in which the gain may begin to fall, and where interpolation rings on.
std::vector<double> reference(Channels x, const LimiterSettings& settings) {
  const Frames before = 2 * (settings.lookahead + kTruePeakHistory);
  for (auto& channel : x) channel.insert(channel.begin(), static_cast<std::size_t>(before), 0.0);
  const std::size_t length = x[0].size();
  for (auto& channel : x) channel.resize(length + static_cast<std::size_t>(before), 0.0);
  double filter_gain = 0;
  for (const auto& phase : kTruePeakFilter) {
    double sum = 0;
    for (const float tap : phase) sum += std::abs(static_cast<double>(tap));
    filter_gain = std::max(filter_gain, sum);
  }
  const double ceiling = std::pow(10.0, settings.ceiling_dbtp / 20) - 4e-6 - filter_gain * settings.rounding;
  std::vector<double> first = reference_pass(x, ceiling, 24, settings);
  Channels limited = x;
  for (auto& channel : limited)
    for (std::size_t n = 0; n < channel.size(); ++n) channel[n] *= std::pow(10.0, -first[n] / 20);
  const std::vector<double> second = reference_pass(limited, ceiling, 3, settings);
  for (std::size_t n = 0; n < first.size(); ++n) first[n] += second[n];
  first.erase(first.begin(), first.begin() + before);
  first.resize(length - static_cast<std::size_t>(before));
  return first;
}

TEST(LimiterContract, EveryIsaGivesTheGainsOfTheDefinition) {
  for (const auto& [rate, lookahead, release] : {std::tuple{48000, 240, 4800}, {48000, 1, 480}, {44100, 50, 44100}, {96000, 1000, 9600}})
    for (int kind = 0; kind < 8; ++kind) {
      const LimiterSettings settings{rate, -3.0, lookahead, release, kind % 2 ? std::ldexp(1.5, -15) : 0.0};
      const Channels x = hard_programme(kind, 5000, static_cast<std::uint64_t>(kind) + 100);
      const std::vector<double> want = reference(x, settings);
      std::vector<double> generic;
      for (const Isa isa : available_isas()) {
        const std::vector<double> got = gains(settings, x, 1000, isa);
        for (std::size_t n = 0; n < want.size(); ++n)
          ASSERT_NEAR(-20 * std::log10(got[n]), want[n], 1e-4) << name_of(isa) << " kind " << kind << " frame " << n << " look-ahead " << lookahead;
        if (isa == Isa::generic) generic = got;
        ASSERT_EQ(std::memcmp(got.data(), generic.data(), got.size() * sizeof(double)), 0) << name_of(isa) << ": bits differ from generic";
        ran("limiter", std::string(name_of(isa)));
      }
    }
}

TEST(LimiterContract, AnySplitGivesTheSameBits) {
  const LimiterSettings settings{48000, -2.0, 240, 4800, 0};
  const Channels x = hard_programme(1, 9000, 5);
  const std::vector<double> whole = gains(settings, x, 100000);
  EXPECT_LT(*std::min_element(whole.begin(), whole.end()), 0.5) << "there is much to limit";
  for (const Frames piece : {1, 7, 255, 256, 257, 1000, 1024, 1025, 4800}) EXPECT_EQ(gains(settings, x, piece), whole) << piece;
}

TEST(LimiterContract, WritesOnlyWhatItIsAskedFor) {
  const Channels x = hard_programme(0, 3000, 1);
  LimiterCurve curve({48000, -6.0, 100, 4800, 0}, 2);
  Frames at = 0;
  for (const Frames n : {1, 31, 1023, 1025, 500}) {
    Guarded<double> out(static_cast<std::size_t>(n));
    const double* from[] = {x[0].data() + at, x[1].data() + at};
    curve.advance(from, n, out.data());
    EXPECT_TRUE(out.guards_intact());
    for (const double g : out.span()) EXPECT_TRUE(g > 0 && g <= 1) << g;
    at += n;
  }
}

TEST(Limiter, OwesNothingToWhatLiesBeforeItsSettlingTime) {
  for (const Frames release : {480, 4800}) {
    const LimiterSettings settings{48000, -2.0, 240, release, 0};
    const Frames settle = LimiterCurve(settings, 2).settle_frames();
    Channels x = hard_programme(1, static_cast<std::size_t>(3 * settle + 9000), 8);
    for (auto& channel : x)
      for (Frames n = 500; n < 600; ++n) channel[static_cast<std::size_t>(n + settle)] = 1e4;  // the most that it can be asked for
    const std::vector<double> whole = gains(settings, x);
    for (const Frames from : {Frames{1}, Frames{777}, settle + 550, settle + 3000}) {
      Channels late;
      for (const auto& channel : x) late.emplace_back(channel.begin() + from, channel.end());
      const std::vector<double> got = gains(settings, late);
      const auto skip = static_cast<std::size_t>(settle);
      EXPECT_TRUE(std::equal(got.begin() + settle, got.begin() + static_cast<Frames>(late[0].size()), whole.begin() + from + settle)) << from << " " << skip;
    }
  }
}

TEST(Limiter, KeepsEveryPeakAtOrBelowTheCeiling) {
  for (const double ceiling : {-0.1, -2.0, -9.0})
    for (const Frames lookahead : {48, 240, 960})
      for (int kind = 0; kind < 8; ++kind)
        for (std::uint64_t salt = 0; salt < 4; ++salt) {
          const LimiterSettings settings{48000, ceiling, lookahead, 4800, 0};
          Channels x = hard_programme(kind, 6000, salt);
          for (auto& channel : x)
            for (double& v : channel) v = std::clamp(v * std::pow(10.0, ceiling / 20), -4.0, 4.0);
          EXPECT_LE(true_peak_of(x, gains(settings, x)), std::pow(10.0, ceiling / 20)) << "kind " << kind << " look-ahead " << lookahead << " salt " << salt;
        }
}

TEST(Limiter, KeepsThemThereInTheQuantisedFileToo) {
  for (const int bits : {16, 24}) {
    const double step = std::ldexp(1.0, 1 - bits);
    const LimiterSettings settings{48000, -2.0, 240, 4800, 1.5 * step};
    for (int kind = 0; kind < 8; ++kind) {
      Channels x = hard_programme(kind, 6000, static_cast<std::uint64_t>(kind));
      for (auto& channel : x)
        for (double& v : channel) v = std::clamp(v, -4.0, 4.0);
      std::mt19937_64 random(1);
      std::uniform_real_distribution<double> half(-0.5, 0.5);
      const auto round = [&](double v) { return std::nearbyint(v / step + half(random) + half(random)) * step; };
      EXPECT_LE(true_peak_of(x, gains(settings, x), round), std::pow(10.0, -2.0 / 20)) << bits << " bits, kind " << kind;
    }
  }
}

TEST(Limiter, IsNotTrappedByAPeakOnTheSlopeToAHigherOne) {
  for (const Frames lookahead : {24, 48, 96})
    for (const double higher : {2.0, 4.0, 8.0}) {
      const LimiterSettings settings{48000, -0.5, lookahead, 4800, 0};
      const Channels x = trap(lookahead, higher);
      const std::vector<double> first = reference_pass(x, std::pow(10.0, -0.5 / 20), 24, settings);
      std::vector<double> once;
      for (const double db : first) once.push_back(std::pow(10.0, -db / 20));
      if (lookahead == 24 && higher == 8.0) {
        EXPECT_GT(20 * std::log10(true_peak_of(x, once)), -0.5 + 0.05) << "one pass alone is trapped";
      }
      EXPECT_LE(true_peak_of(x, gains(settings, x)), std::pow(10.0, -0.5 / 20)) << lookahead << " " << higher;
    }
}

TEST(Limiter, IsExactlyOneWhereNothingInReachExceedsTheCeiling) {
  const LimiterSettings settings{48000, -2.0, 240, 4800, 0};
  Channels soft = noise_channels(6, 20000, 3, 0.5f);
  const double peak = true_peak_of(soft, std::vector<double>(20000, 1.0));
  for (auto& channel : soft)
    for (double& v : channel) v *= std::pow(10.0, -2.0 / 20) * 0.99999 / peak;
  for (const double g : gains(settings, soft)) ASSERT_EQ(g, 1.0) << "a programme just below the ceiling";
  soft[3][10000] = 1.1;
  const std::vector<double> one = gains(settings, soft);
  const Frames fade = 4800 / 6 * 4;  // 3 dB and the interpolated values' share, at 6 dB in 4800 frames
  for (std::size_t n = 0; n < one.size(); ++n) {
    const bool in_reach = n + 240 + 11 >= 10000 - 5 && n <= 10000 + 11 + 240 + static_cast<std::size_t>(fade);
    if (!in_reach) {
      ASSERT_EQ(one[n], 1.0) << n;
    }
  }
  EXPECT_LT(one[10000], 0.76);
}

TEST(Limiter, TurnsAPeakDownByWhatItNeedsAndRecoversSixDecibelsInTheReleaseTime) {
  const LimiterSettings settings{48000, -6.0, 240, 4800, 0};
  Channels x{std::vector<double>(20000, 0.0)};
  x[0][5000] = 1.0;
  const std::vector<double> g = gains(settings, x);
  const auto db = [&](std::size_t n) { return 20 * std::log10(g[n]); };
  EXPECT_NEAR(db(5000), -6.0, 1e-3);
  EXPECT_EQ(g[5000 - 240 - 11 - 1], 1.0) << "nothing is known of it before";
  for (std::size_t n = 5000 - 250; n < 5000; ++n) ASSERT_LE(g[n], g[n - 1]) << n;
  for (std::size_t n = 5012; n < 12000; ++n) ASSERT_GE(g[n], g[n - 1]) << n;
  EXPECT_NEAR(db(6500) - db(6500 + 2400), -3.0, 0.01) << "half the release time";
  EXPECT_EQ(g[5000 + 4800 + 300], 1.0);
}

TEST(Limiter, TurnsAllChannelsDownTogether) {
  Channels loud = noise_channels(3, 5000, 1, 0.1f);
  Channels one{std::vector<double>(5000, 0.0)};
  loud[1][2500] = one[0][2500] = 2.0;
  const LimiterSettings settings{48000, -1.0, 240, 4800, 0};
  EXPECT_EQ(gains(settings, loud), gains(settings, one)) << "the one channel that exceeds decides for all";
}

TEST(Limiter, NeverTurnsDownByMoreThanItsMost) {
  for (const double bad : {1e6, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    Channels x{std::vector<double>(9000, 0.25)};
    x[0][4000] = bad;
    for (const Isa isa : available_isas()) {
      const std::vector<double> g = gains({48000, -1.0, 240, 480, 0}, x, 1000, isa);
      for (const double v : g) ASSERT_TRUE(v >= std::pow(10.0, -27.001 / 20) && v <= 1) << bad;
      EXPECT_LT(g[4000], std::pow(10.0, -23.9 / 20));
      EXPECT_EQ(g[8999], 1.0) << "it recovers";
    }
  }
}

}  // namespace
}  // namespace dubfarm::kernels
