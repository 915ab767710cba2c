// Gates, windows and percentiles on powers that are set by hand: no audio here (tests/kernels/loudness has the signals).
#include "scheduler/delivery/loudness.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace dubfarm::scheduler {
namespace {

constexpr double kSubblockFrames = 960;

/// A stretch of one channel whose loudness is `lufs` all along, in sub-blocks of 20 ms.
struct Stretch { double lufs; double seconds; };

LoudnessMaterial programme(std::initializer_list<Stretch> stretches) {
  LoudnessMaterial material{.subblock_frames = 960, .weights = {1.0}, .energy = {{}}, .true_peak = {}, .sample_peak = {}};
  for (const Stretch& s : stretches)
    material.energy[0].insert(material.energy[0].end(), static_cast<std::size_t>(std::lround(s.seconds * 50)),
                              std::isinf(s.lufs) ? 0.0 : kSubblockFrames * std::pow(10.0, (s.lufs + 0.691) / 10.0));
  return material;
}

const double kSilent = -std::numeric_limits<double>::infinity();

TEST(Loudness, OfASteadySignalIsThatSignalInEveryWindow) {
  const LoudnessReading r = aggregate(programme({{-23, 10}}));
  EXPECT_NEAR(*r.integrated_lufs, -23, 1e-9);
  EXPECT_NEAR(*r.max_momentary_lufs, -23, 1e-9);
  EXPECT_NEAR(*r.max_short_term_lufs, -23, 1e-9);
  EXPECT_NEAR(*r.range_lu, 0, 1e-9);
}

TEST(Loudness, OfSilenceHasNoValues) {
  LoudnessMaterial material = programme({{kSilent, 10}});
  material.true_peak = material.sample_peak = {0.0};
  const LoudnessReading r = aggregate(material);
  EXPECT_EQ(r.integrated_lufs, std::nullopt);
  EXPECT_EQ(r.range_lu, std::nullopt);
  EXPECT_EQ(r.max_momentary_lufs, std::nullopt);
  EXPECT_EQ(r.max_short_term_lufs, std::nullopt);
  EXPECT_EQ(r.true_peak_dbtp, std::nullopt);
  EXPECT_EQ(r.sample_peak_dbfs, std::nullopt);
}

TEST(Loudness, HasNoValueForAWindowLongerThanTheProgramme) {
  EXPECT_EQ(aggregate(programme({{-23, 0.38}})).max_momentary_lufs, std::nullopt);
  const LoudnessReading r = aggregate(programme({{-23, 0.4}}));
  EXPECT_NEAR(*r.integrated_lufs, -23, 1e-9);
  EXPECT_NEAR(*r.max_momentary_lufs, -23, 1e-9);
  EXPECT_EQ(r.max_short_term_lufs, std::nullopt);
  EXPECT_EQ(r.range_lu, std::nullopt);
}

TEST(Loudness, IgnoresBlocksBelowMinus70) {
  EXPECT_EQ(aggregate(programme({{-70.1, 10}})).integrated_lufs, std::nullopt);
  EXPECT_NEAR(*aggregate(programme({{-69.9, 10}})).integrated_lufs, -69.9, 1e-9);
  // Without the absolute gate the mean would fall by 20 dB, and the relative gate with it: -40 would then count.
  EXPECT_NEAR(*aggregate(programme({{-23, 10}, {kSilent, 990}, {-40, 10}})).integrated_lufs, -23, 0.1);
}

TEST(Loudness, IgnoresBlocks10LuBelowTheMeanOfTheRest) {
  // 100 s each. The mean of both is -25.8 LUFS, the gate -35.8; the few blocks across the edge weigh next to nothing.
  EXPECT_NEAR(*aggregate(programme({{-23, 100}, {-36, 100}})).integrated_lufs, -23, 0.02);
  EXPECT_NEAR(*aggregate(programme({{-23, 100}, {-35.5, 100}})).integrated_lufs, 10 * std::log10((std::pow(10, -2.3) + std::pow(10, -3.55)) / 2), 0.02);
}

TEST(Loudness, RangeIsTheSpreadFromThe10thToThe95thPercentile) {
  EXPECT_NEAR(*aggregate(programme({{-20, 20}, {-30, 20}})).range_lu, 10, 0.1);
  EXPECT_NEAR(*aggregate(programme({{-30, 5}, {-20, 195}})).range_lu, 0, 0.1);   // 2.5 % quiet: below the 10th percentile
  EXPECT_NEAR(*aggregate(programme({{-10, 5}, {-20, 195}})).range_lu, 0, 0.1);   // 2.5 % loud: above the 95th
  EXPECT_NEAR(*aggregate(programme({{-20, 60}, {-45, 60}})).range_lu, 0, 0.1);   // 25 LU down: behind the gate, but for the windows on the edge
}

TEST(Loudness, FindsTheLoudestWindowAtEvery20Milliseconds) {
  const LoudnessReading r = aggregate(programme({{kSilent, 3.06}, {-20, 0.4}, {kSilent, 3.06}}));
  EXPECT_NEAR(*r.max_momentary_lufs, -20, 1e-9);
  EXPECT_NEAR(*r.max_short_term_lufs, -20 + 10 * std::log10(0.4 / 3.0), 1e-9);
}

TEST(Loudness, OfAStretchKnowsNothingOfTheRest) {
  const LoudnessMaterial material = programme({{-10, 10}, {-30, 20}, {-10, 10}});
  const LoudnessReading r = aggregate(material, 500, 1000);
  EXPECT_NEAR(*r.integrated_lufs, -30, 1e-9);
  EXPECT_NEAR(*r.max_momentary_lufs, -30, 1e-9);
}

TEST(Loudness, WeighsSidesBy141AndLeavesTheLfeOut) {
  EXPECT_EQ(loudness_weights(Layout::mono), (std::vector<double>{1}));
  EXPECT_EQ(loudness_weights(Layout::stereo), (std::vector<double>{1, 1}));
  EXPECT_EQ(loudness_weights(Layout::surround_51), (std::vector<double>{1, 1, 1, 0, 1.41, 1.41}));
  EXPECT_EQ(loudness_weights(Layout::surround_71), (std::vector<double>{1, 1, 1, 0, 1.41, 1.41, 1, 1}));
  EXPECT_EQ(loudness_weights(Layout::immersive_714), (std::vector<double>{1, 1, 1, 0, 1.41, 1.41, 1, 1, 1, 1, 1, 1}));
}

TEST(Loudness, SumsTheWeightedPowersOfTheChannels) {
  LoudnessMaterial material = programme({{-23, 5}});
  material.weights = {1.0, 1.41, 0.0};
  material.energy = {material.energy[0], material.energy[0], material.energy[0]};
  EXPECT_NEAR(*aggregate(material).integrated_lufs, -23 + 10 * std::log10(2.41), 1e-9);
}

TEST(Loudness, ReportsPeaksPerChannelAndTheHighestOfThem) {
  LoudnessMaterial material = programme({{-23, 5}});
  material.weights = {1.0, 0.0};
  material.energy.push_back(material.energy[0]);
  material.true_peak = {0.5, 1.0};  // the LFE counts here
  material.sample_peak = {0.25, 0.0};
  const LoudnessReading r = aggregate(material);
  EXPECT_NEAR(*r.true_peak_dbtp, 0.0, 1e-12);
  EXPECT_NEAR(*r.channel_true_peak_dbtp[0], -6.0206, 1e-4);
  EXPECT_NEAR(*r.sample_peak_dbfs, -12.0412, 1e-4);
  EXPECT_EQ(r.channel_sample_peak_dbfs[1], std::nullopt);
}

// ---- dialogue

std::vector<std::vector<double>> energy_of(std::initializer_list<Stretch> stretches) { return programme(stretches).energy; }

TEST(DialogueLoudness, IsThatOfTheWholeMixWhereTheDialogueSpeaks) {
  LoudnessMaterial material = programme({{-27, 10}, {-15, 30}});  // loud music where nobody speaks
  material.speech_energy = energy_of({{-28, 10}, {kSilent, 30}});
  const LoudnessReading r = aggregate(material);
  ASSERT_TRUE(r.dialogue.has_value());
  EXPECT_NEAR(*r.dialogue->stem_lufs, -28, 1e-9);
  EXPECT_NEAR(*r.dialogue->loudness_lufs, -27, 1e-9) << "nothing of the music";
  EXPECT_NEAR(r.dialogue->speech_share, 0.25, 1e-9);
  EXPECT_NEAR(*r.dialogue->ratio_lu, *r.integrated_lufs - *r.dialogue->loudness_lufs, 1e-12);
  EXPECT_NEAR(*r.integrated_lufs, -15, 0.1);
}

TEST(DialogueLoudness, HasNoRelativeGateOnTheMix) {
  LoudnessMaterial material = programme({{-20, 100}, {-35, 100}});  // all of it speech; the quiet half lies more than 10 LU down
  material.speech_energy = material.energy;
  const LoudnessReading r = aggregate(material);
  EXPECT_NEAR(*r.integrated_lufs, -20, 0.02);
  EXPECT_NEAR(*r.dialogue->loudness_lufs, 10 * std::log10((std::pow(10, -2.0) + std::pow(10, -3.5)) / 2), 0.02);
  EXPECT_NEAR(r.dialogue->speech_share, 1, 1e-12);
}

TEST(DialogueLoudness, IsNotMisledByTheNoiseOfTheStem) {
  LoudnessMaterial material = programme({{-27, 40}});
  material.speech_energy = energy_of({{-27, 20}, {-50, 20}});  // room tone between the lines, 23 LU down
  EXPECT_NEAR(aggregate(material).dialogue->speech_share, 0.5, 0.02);
  material.speech_energy = energy_of({{-27, 20}, {-45, 20}});  // whispers, 15 LU below the mean
  EXPECT_NEAR(aggregate(material).dialogue->speech_share, 1, 0.02);
}

TEST(DialogueLoudness, BridgesThePausesWithinASentence) {
  LoudnessMaterial material = programme({{-27, 10}});
  material.speech_energy = energy_of({{-27, 2}, {kSilent, 0.3}, {-27, 2.7}, {kSilent, 0.4}, {-27, 2.6}, {kSilent, 2}});
  EXPECT_NEAR(aggregate(material).dialogue->speech_share, 0.76, 1e-9) << "0.3 s count, 0.4 s do not";
}

TEST(DialogueLoudness, OfASilentStemIsNone) {
  LoudnessMaterial material = programme({{-27, 10}});
  material.speech_energy = energy_of({{kSilent, 10}});
  const LoudnessReading r = aggregate(material);
  EXPECT_EQ(r.dialogue->speech_share, 0);
  EXPECT_EQ(r.dialogue->loudness_lufs, std::nullopt);
  EXPECT_EQ(r.dialogue->ratio_lu, std::nullopt);
  EXPECT_EQ(aggregate(programme({{-27, 10}})).dialogue, std::nullopt) << "no stem at all";
}

TEST(DialogueLoudness, OfAStretchKnowsNothingOfTheRest) {
  LoudnessMaterial material = programme({{-10, 10}, {-30, 20}, {-10, 10}});
  material.speech_energy = energy_of({{-12, 10}, {-32, 20}, {-12, 10}});
  EXPECT_NEAR(*aggregate(material, 500, 1000).dialogue->loudness_lufs, -30, 1e-9);
}

// ---- Leq(m), DC offset, what is too short

TEST(LeqM, OfAReferenceToneIsTheReplayLevel) {
  LoudnessMaterial material = programme({{-20, 4}});
  const double energy = 960 * 0.005;  // a sine at -20 dBFS, 2 kHz: mean square 0.005, weighted by 0 dB
  material.m_energy = {std::vector<double>(200, energy)};
  for (const auto& [channel, level_db] : {std::pair{0, 85.0}, {2, 85.0}, {3, 95.0}, {4, 82.0}}) {
    material.leqm_levels_db = {leqm_levels_db(Layout::surround_51)[static_cast<std::size_t>(channel)]};
    EXPECT_NEAR(*aggregate(material).leqm_db, level_db, 1e-9) << channel;
  }
  material.m_energy.assign(2, std::vector<double>(200, energy));  // two channels add in power
  material.leqm_levels_db = {85, 85};
  EXPECT_NEAR(*aggregate(material).leqm_db, 85 + 10 * std::log10(2.0), 1e-9);
  EXPECT_EQ(aggregate(programme({{-20, 4}})).leqm_db, std::nullopt) << "not asked";
}

TEST(LeqM, ReplaysEveryLayout) {
  EXPECT_EQ(leqm_levels_db(Layout::mono), (std::vector<double>{85}));
  EXPECT_EQ(leqm_levels_db(Layout::stereo), (std::vector<double>{85, 85}));
  EXPECT_EQ(leqm_levels_db(Layout::surround_71), (std::vector<double>{85, 85, 85, 95, 82, 82, 82, 82}));
}

TEST(Loudness, MeanSampleIsTheDcOffset) {
  LoudnessMaterial material = programme({{-20, 4}});
  material.sums = {{96, 192}};
  material.frames = 192000;
  EXPECT_EQ(aggregate(material).channel_dc_offset, (std::vector<double>{288.0 / 192000}));
}

TEST(Loudness, TellsSilenceFromWhatIsTooShort) {
  EXPECT_TRUE(aggregate(programme({{-23, 0.38}})).is_too_short);
  EXPECT_FALSE(aggregate(programme({{kSilent, 10}})).is_too_short);
}

}  // namespace
}  // namespace dubfarm::scheduler
