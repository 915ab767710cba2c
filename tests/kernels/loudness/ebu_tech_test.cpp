// The minimum-requirement signals of EBU Tech 3341 v4 (2023) and Tech 3342 v4 (2023), synthesised from their tables. Cases 7 and 8 of the
// one, 5 and 6 of the other are programme material, which cannot be. Tolerances: loudness +-0.1 LU, range +-1 LU, true peak +0.2/-0.4 dB.
#include <gtest/gtest.h>

#include <string>

#include "tests/kernels/loudness/signals.hpp"

namespace dubfarm::testing {
namespace {

constexpr double kLu = 0.1;

/// Every case is measured in one pass (0), and in ranges of so many seconds, as a farm does.
class EbuTech : public ::testing::TestWithParam<double> {
 protected:
  static scheduler::LoudnessMaterial materialise(const Audio& audio, std::vector<double> weights) {
    return GetParam() == 0 ? testing::materialise(audio, std::move(weights)) : materialise_in_ranges(audio, std::move(weights), GetParam());
  }
  static scheduler::LoudnessReading measure(const Audio& audio, std::vector<double> weights = {}) {
    if (weights.empty()) weights.assign(audio.channels.size(), 1.0);
    return scheduler::aggregate(materialise(audio, std::move(weights)));
  }
  /// The lowest and highest reading of a window that ends at each sub-block from `from_s` on.
  static std::pair<double, double> extremes(const Audio& audio, Frames window, double from_s) {
    const auto material = materialise(audio, {1, 1});
    const auto subblocks = static_cast<Frames>(material.energy[0].size());
    double low = 0, high = -1000;
    for (Frames end = std::max(window, static_cast<Frames>(from_s * 50)); end <= subblocks; ++end) {
      const scheduler::LoudnessReading reading = scheduler::aggregate(material, end - window, window);
      const double value = (window == 20 ? reading.max_momentary_lufs : reading.max_short_term_lufs).value();
      low = std::min(low, value), high = std::max(high, value);
    }
    return {low, high};
  }
  static void expect_true_peak(const std::vector<float>& x, double want_dbtp, const std::string& what) {
    const double got = *measure({48000, {x}}).true_peak_dbtp;
    EXPECT_LE(got, want_dbtp + 0.2) << what;
    EXPECT_GE(got, want_dbtp - 0.4) << what;
  }
};

std::string name_of_ranges(const ::testing::TestParamInfo<double>& info) { return info.param == 0 ? "OnePass" : "RangesOf" + std::to_string(static_cast<int>(info.param)) + "s"; }
INSTANTIATE_TEST_SUITE_P(InRanges, EbuTech, ::testing::Values(0, 7, 13, 60), name_of_ranges);

TEST_P(EbuTech, Tech3341Cases1And2SteadyTones) {
  for (const double level : {-23.0, -33.0}) {
    const auto r = measure(tones(2, {{20, {level}}}));
    EXPECT_NEAR(*r.integrated_lufs, level, kLu);
    EXPECT_NEAR(*r.max_momentary_lufs, level, kLu);
    EXPECT_NEAR(*r.max_short_term_lufs, level, kLu);
  }
}

TEST_P(EbuTech, Tech3341Cases3To5Gates) {
  EXPECT_NEAR(*measure(tones(2, {{10, {-36}}, {60, {-23}}, {10, {-36}}})).integrated_lufs, -23, kLu);
  EXPECT_NEAR(*measure(tones(2, {{10, {-72}}, {10, {-36}}, {60, {-23}}, {10, {-36}}, {10, {-72}}})).integrated_lufs, -23, kLu);
  EXPECT_NEAR(*measure(tones(2, {{20, {-26}}, {20.1, {-20}}, {20, {-26}}})).integrated_lufs, -23, kLu);
}

TEST_P(EbuTech, Tech3341Case6ChannelWeights) {
  const Audio audio = tones(6, {{20, {-28, -28, -24, kOff, -30, -30}}});
  EXPECT_NEAR(*measure(audio, scheduler::loudness_weights(Layout::surround_51)).integrated_lufs, -23, kLu);
}

std::vector<Tone> repeated(int times, const std::vector<Tone>& tones_once) {
  std::vector<Tone> all;
  for (int i = 0; i < times; ++i) all.insert(all.end(), tones_once.begin(), tones_once.end());
  return all;
}

TEST_P(EbuTech, Tech3341Case9ShortTermIsConstant) {
  const auto [low, high] = extremes(tones(2, repeated(5, {{1.34, {-20}}, {1.66, {-30}}})), 150, 3);
  EXPECT_NEAR(low, -23, kLu);
  EXPECT_NEAR(high, -23, kLu);
}

TEST_P(EbuTech, Tech3341Case10MaximumShortTermWhereverTheToneStarts) {
  for (int i = 0; i < 20; ++i)
    EXPECT_NEAR(*measure(tones(2, {{i * 0.15, {kOff}}, {3, {-23}}, {1, {kOff}}})).max_short_term_lufs, -23, kLu) << i;
}

TEST_P(EbuTech, Tech3341Case11MaximumShortTermOfSuccessiveStretches) {
  std::vector<Tone> all;
  for (int i = 0; i < 20; ++i) all.insert(all.end(), {{i * 0.15, {kOff}}, {3, {-38.0 + i}}, {3 - i * 0.15, {kOff}}});
  const auto material = materialise(tones(2, all), {1, 1});
  for (int i = 0; i < 20; ++i) EXPECT_NEAR(*scheduler::aggregate(material, 300 * i, 300).max_short_term_lufs, -38 + i, kLu) << i;
}

TEST_P(EbuTech, Tech3341Case12MomentaryIsConstant) {
  const auto [low, high] = extremes(tones(2, repeated(25, {{0.18, {-20}}, {0.22, {-30}}})), 20, 1);
  EXPECT_NEAR(low, -23, kLu);
  EXPECT_NEAR(high, -23, kLu);
}

TEST_P(EbuTech, Tech3341Case13MaximumMomentaryWhereverTheToneStarts) {
  for (int i = 0; i < 20; ++i)
    EXPECT_NEAR(*measure(tones(2, {{i * 0.02, {kOff}}, {0.4, {-23}}, {1, {kOff}}})).max_momentary_lufs, -23, kLu) << i;
}

TEST_P(EbuTech, Tech3341Case14MaximumMomentaryOfSuccessiveStretches) {
  std::vector<Tone> all;
  for (int i = 0; i < 20; ++i) all.insert(all.end(), {{i * 0.02, {kOff}}, {0.4, {-38.0 + i}}, {0.4 - i * 0.02, {kOff}}});
  const auto material = materialise(tones(2, all), {1, 1});
  for (int i = 0; i < 20; ++i) EXPECT_NEAR(*scheduler::aggregate(material, 40 * i, 40).max_momentary_lufs, -38 + i, kLu) << i;
}

/// 10 ms linear fades at both ends.
template <class T>
void fade_ends(std::vector<T>& x, std::size_t fade) {
  for (std::size_t i = 0; i < fade; ++i) {
    const T gain = static_cast<T>(i) / static_cast<T>(fade);
    x[i] *= gain, x[x.size() - 1 - i] *= gain;
  }
}

TEST_P(EbuTech, Tech3341Cases15To19TruePeakOfTonesSampledOffTheirCrests) {
  struct Case { const char* name; int period; double phase_deg, amplitude, want; };
  for (const Case k : {Case{"15", 4, 0, 0.5, -6}, Case{"16", 4, 45, 0.5, -6}, Case{"17", 6, 60, 0.5, -6}, Case{"18", 8, 67.5, 0.5, -6},
                       Case{"19", 4, 45, 1.41, 3}}) {
    std::vector<float> x;
    for (int i = 0; i < 15 * 48000; ++i)  // more than two ranges of 7 s
      x.push_back(static_cast<float>(k.amplitude * std::sin(2 * std::numbers::pi * (static_cast<double>(i % k.period) / k.period + k.phase_deg / 360))));
    fade_ends(x, 480);
    expect_true_peak(x, k.want, k.name);
  }
}

/// Kaiser-windowed low-pass at `cutoff` cycles a sample; unity gain, odd length.
std::vector<double> low_pass(int taps, double cutoff, double beta) {
  std::vector<double> h;
  double sum = 0;
  for (int i = 0; i < taps; ++i) {
    const double t = i - taps / 2, r = 2 * t / (taps - 1);
    const double sinc = t == 0 ? 2 * cutoff : std::sin(2 * std::numbers::pi * cutoff * t) / (std::numbers::pi * t);
    h.push_back(sinc * std::cyl_bessel_i(0, beta * std::sqrt(std::max(0.0, 1 - r * r))));
    sum += h.back();
  }
  for (double& v : h) v /= sum;
  return h;
}

TEST_P(EbuTech, Tech3341Cases20To23TruePeakOfOneLoudPeriodAtFourOffsets) {
  std::vector<double> fine;  // at 4 x 48 kHz: a tone at fs/6, one period at fs/4 of twice the amplitude, the tone again
  const auto sine = [&fine](int period, int frames, double amplitude) {
    for (int i = 0; i < frames; ++i) fine.push_back(amplitude * std::sin(2 * std::numbers::pi * (i % period) / period));
  };
  sine(24, 24 * 200, 0.5), sine(16, 16, 1.0), sine(24, 24 * 200, 0.5);
  fade_ends(fine, 1920);
  const std::vector<double> h = low_pass(1025, 0.96 / 8, 10);
  for (int offset = 0; offset < 4; ++offset) {
    std::vector<float> x;
    for (int centre = offset; centre < static_cast<int>(fine.size()); centre += 4) {
      double sum = 0;
      for (int k = 0; k < 1025; ++k) {
        const int at = centre + k - 512;
        if (at >= 0 && at < static_cast<int>(fine.size())) sum += h[static_cast<std::size_t>(k)] * fine[static_cast<std::size_t>(at)];
      }
      x.push_back(static_cast<float>(sum));
    }
    expect_true_peak(x, 0, std::to_string(20 + offset));
  }
}

TEST_P(EbuTech, Tech3342Cases1To4LoudnessRange) {
  const auto range = [](const std::vector<double>& levels) {
    std::vector<Tone> all;
    for (const double level : levels) all.push_back({20, {level}});
    return *measure(tones(2, all)).range_lu;
  };
  EXPECT_NEAR(range({-20, -30}), 10, 1);
  EXPECT_NEAR(range({-20, -15}), 5, 1);
  EXPECT_NEAR(range({-40, -20}), 20, 1);
  EXPECT_NEAR(range({-50, -35, -20, -35, -50}), 15, 1);
}

TEST_P(EbuTech, Bs2217TonesOfEqualLoudnessAcrossTheBand) {  // levels derived from the weighting curve at 48 kHz
  const std::pair<double, double> cases[] = {{25, -11.916}, {100, -21.176}, {500, -22.351}, {1000, -23.007}, {2000, -25.380}, {10000, -26.351}};
  for (const auto& [hertz, dbfs] : cases) EXPECT_NEAR(*measure(tones(2, {{10, {dbfs}}}, hertz)).integrated_lufs, -23, kLu) << hertz;
}

}  // namespace
}  // namespace dubfarm::testing
