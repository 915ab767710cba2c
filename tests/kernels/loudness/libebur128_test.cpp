// Against libebur128 (MIT), the implementation that most tools measure with.
#include <ebur128.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "tests/support/contract.hpp"
#include "tests/kernels/loudness/signals.hpp"

namespace dubfarm::testing {
namespace {

struct Reading { double integrated, range, max_momentary, max_short_term, true_peak_dbtp; };

Reading libebur128(const Audio& audio, const std::vector<int>& map) {
  const auto free_state = [](ebur128_state* s) { ebur128_destroy(&s); };
  const std::unique_ptr<ebur128_state, decltype(free_state)> state(
      ebur128_init(static_cast<unsigned>(audio.channels.size()), static_cast<unsigned long>(audio.sample_rate),
                   EBUR128_MODE_I | EBUR128_MODE_LRA | EBUR128_MODE_S | EBUR128_MODE_M | EBUR128_MODE_TRUE_PEAK), free_state);
  for (std::size_t c = 0; c < map.size(); ++c) ebur128_set_channel(state.get(), static_cast<unsigned>(c), map[c]);
  const std::size_t frames = audio.channels[0].size(), step = static_cast<std::size_t>(audio.sample_rate) / 50;
  Reading r{0, 0, -1000, -1000, 0};
  std::vector<float> mixed;
  for (std::size_t at = 0, steps = 1; at + step <= frames; at += step, ++steps) {
    mixed.clear();
    for (std::size_t f = at; f < at + step; ++f)
      for (const auto& channel : audio.channels) mixed.push_back(channel[f]);
    ebur128_add_frames_float(state.get(), mixed.data(), step);
    double value = 0;
    if (steps >= 20 && ebur128_loudness_momentary(state.get(), &value) == EBUR128_SUCCESS) r.max_momentary = std::max(r.max_momentary, value);
    if (steps >= 150 && ebur128_loudness_shortterm(state.get(), &value) == EBUR128_SUCCESS) r.max_short_term = std::max(r.max_short_term, value);
  }
  ebur128_loudness_global(state.get(), &r.integrated);
  ebur128_loudness_range(state.get(), &r.range);
  for (unsigned c = 0; c < audio.channels.size(); ++c) {
    double peak = 0;
    ebur128_true_peak(state.get(), c, &peak);
    r.true_peak_dbtp = c == 0 ? 20 * std::log10(peak) : std::max(r.true_peak_dbtp, 20 * std::log10(peak));
  }
  return r;
}

void expect_equal(const scheduler::LoudnessReading& got, const Reading& want, const std::string& what) {
  ASSERT_TRUE(got.integrated_lufs && got.range_lu && got.max_momentary_lufs && got.max_short_term_lufs && got.true_peak_dbtp) << what;
  EXPECT_NEAR(*got.integrated_lufs, want.integrated, 0.001) << what;
  EXPECT_NEAR(*got.range_lu, want.range, 0.001) << what;
  EXPECT_NEAR(*got.max_momentary_lufs, want.max_momentary, 0.001) << what;
  EXPECT_NEAR(*got.max_short_term_lufs, want.max_short_term, 0.001) << what;
  EXPECT_NEAR(*got.true_peak_dbtp, want.true_peak_dbtp, 0.5) << what;
}

void expect_equal(const Audio& audio, const std::vector<double>& weights, const std::vector<int>& map, const std::string& what) {
  expect_equal(measure(audio, weights), libebur128(audio, map), what);
}

/// Noise whose level jumps every 0.37 s over a range that reaches below both gates.
Audio gated_noise(int channels, int rate, double seconds) {
  Audio audio{rate, {}};
  std::mt19937_64 random(test_seed());
  std::uniform_real_distribution<double> level(-85, -8);
  const auto frames = static_cast<std::size_t>(seconds * rate), stretch = static_cast<std::size_t>(0.37 * rate);
  for (int c = 0; c < channels; ++c) audio.channels.push_back(noise(frames, static_cast<std::uint64_t>(c), 1.0f));
  for (std::size_t at = 0; at < frames; at += stretch) {
    const auto gain = static_cast<float>(std::pow(10, level(random) / 20));
    for (auto& channel : audio.channels)
      for (std::size_t f = at; f < std::min(frames, at + stretch); ++f) channel[f] *= gain;
  }
  return audio;
}

const std::vector<double> k51 = scheduler::loudness_weights(Layout::surround_51);
const std::vector<int> k51Map = {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_CENTER, EBUR128_UNUSED, EBUR128_LEFT_SURROUND, EBUR128_RIGHT_SURROUND};

TEST(Libebur128, AgreesOnNoise) {
  for (const int rate : {44100, 48000, 96000}) {
    const auto frames = static_cast<std::size_t>(12.34 * rate);
    expect_equal({rate, {noise(frames, 1), noise(frames, 2)}}, {1, 1}, {EBUR128_LEFT, EBUR128_RIGHT}, "stereo at " + std::to_string(rate));
  }
}

TEST(Libebur128, AgreesOnGatedMaterial) {
  expect_equal(gated_noise(1, 48000, 40), {1}, {EBUR128_CENTER}, "mono");
  expect_equal(gated_noise(2, 44100, 30), {1, 1}, {EBUR128_LEFT, EBUR128_RIGHT}, "stereo at 44100");
}

TEST(Libebur128, AgreesOnSurround) {
  expect_equal(gated_noise(6, 48000, 10), k51, k51Map, "5.1");
  expect_equal(gated_noise(12, 48000, 5), scheduler::loudness_weights(Layout::immersive_714),
               {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_CENTER, EBUR128_UNUSED, EBUR128_Mp090, EBUR128_Mm090, EBUR128_Mp135, EBUR128_Mm135,
                EBUR128_Up045, EBUR128_Um045, EBUR128_Up135, EBUR128_Um135}, "7.1.4");
}

/// Something like a programme: coloured noise whose level drifts as scenes do, with phrases and pauses; channels differ and share a part.
Audio programme_like(int channels, double seconds) {
  constexpr int kRate = 48000;
  Audio audio{kRate, {}};
  const auto frames = static_cast<std::size_t>(seconds * kRate);
  const std::vector<float> common = noise(frames, 100, 0.5f);
  for (int c = 0; c < channels; ++c) {
    std::vector<float> x = noise(frames, static_cast<std::uint64_t>(c), 0.5f);
    std::mt19937_64 random(test_seed() + static_cast<std::uint64_t>(c));
    std::uniform_real_distribution<double> uniform(0, 1);
    double low = 0, level_db = -25, gain = 0;
    for (std::size_t f = 0; f < frames; ++f) {
      if (f % 4800 == 0) level_db = std::clamp(level_db + 6 * (uniform(random) - 0.5), -45.0, -8.0);
      if (f % 14400 == 0) gain = uniform(random) < 0.25 ? 1e-4 : std::pow(10, level_db / 20);  // a pause now and then, never quite silent
      low += 0.12 * (double{x[f]} + 0.5 * double{common[f]} - low);
      x[f] = static_cast<float>(2 * gain * low);
    }
    audio.channels.push_back(std::move(x));
  }
  return audio;
}

TEST(Libebur128, AgreesOnProgrammeOfEveryLayoutMeasuredInRanges) {
  const std::vector<int> wide = {EBUR128_LEFT, EBUR128_RIGHT, EBUR128_CENTER, EBUR128_UNUSED, EBUR128_Mp090, EBUR128_Mm090, EBUR128_Mp135, EBUR128_Mm135,
                                 EBUR128_Up045, EBUR128_Um045, EBUR128_Up135, EBUR128_Um135};
  for (const Layout layout : kLayouts) {
    std::vector<int> map(wide.begin(), wide.begin() + channel_count(layout));
    if (layout == Layout::mono) map = {EBUR128_CENTER};
    if (layout == Layout::surround_51) map = k51Map;
    const Audio audio = programme_like(channel_count(layout), 14.5);
    const Reading want = libebur128(audio, map);
    for (const double seconds : {7.0, 13.0})
      expect_equal(scheduler::aggregate(materialise_in_ranges(audio, scheduler::loudness_weights(layout), seconds)), want, std::string(name_of(layout)));
  }
}

TEST(Libebur128, HasNoValueWhereWeHaveNone) {
  const Reading want = libebur128(tones(2, {{5, {kOff}}}), {EBUR128_LEFT, EBUR128_RIGHT});
  EXPECT_TRUE(std::isinf(want.integrated));
  EXPECT_FALSE(measure(tones(2, {{5, {kOff}}})).integrated_lufs.has_value());
}

}  // namespace
}  // namespace dubfarm::testing
