#include "scheduler/delivery/normalise.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace dubfarm::scheduler {
namespace {

const Spec& r128() { return *find_spec("ebu-r128"); }

/// A programme of that loudness and true peak; `loss` is what the limiter takes away at a gain.
struct Programme {
  double lufs = -30, peak_dbtp = -12;
  std::function<double(double)> loss = [](double) { return 0.0; };
  [[nodiscard]] LoudnessReading at(double gain_db, bool is_limited) const {
    LoudnessReading reading;
    reading.integrated_lufs = lufs + gain_db - (is_limited ? loss(gain_db) : 0);
    reading.true_peak_dbtp = peak_dbtp + gain_db;
    return reading;
  }
};
GainSearch::Limits limits(std::optional<double> ceiling_dbtp, double max_reduction_db, double max_true_peak_dbtp) {
  return {ceiling_dbtp, max_reduction_db, max_true_peak_dbtp};
}
struct Found {
  double gain_db = 0;
  int rounds = 0;
  Check check;
};
Found search(const Programme& programme, GainSearch::Limits limits) {
  GainSearch search(mix::Normalize::program, r128(), limits);
  Found found;
  bool is_over = search.begin([&](double gain_db) { return programme.at(gain_db, false); });
  for (; !is_over; ++found.rounds) is_over = search.take(programme.at(search.gain_db(), true));
  found.gain_db = search.gain_db();
  found.check = search.outcome("The mix");
  return found;
}

TEST(GainSearch, IsOverAtOnceWhereTheLimiterHasNothingToDo) {
  const Found found = search({-30, -12}, limits(-1, 6, -1));
  EXPECT_DOUBLE_EQ(found.gain_db, 7);
  EXPECT_EQ(found.rounds, 0);
  EXPECT_EQ(found.check.result, CheckResult::pass);
  EXPECT_EQ(found.check.sentence, "The mix was brought to a programme loudness of -23 LUFS by +7.0 dB.");
  EXPECT_EQ(search({-18, -1}, {}).check.sentence, "The mix was brought to a programme loudness of -23 LUFS by -5.0 dB.");
}

TEST(GainSearch, MakesGoodWhatTheLimiterTakesAway) {
  const auto soft = [](double gain) { return gain > 5 ? 0.02 * (gain - 5) * (gain - 5) : 0.0; };
  const auto hard = [](double gain) { return gain > 5 ? 0.6 * (gain - 5) : 0.0; };
  for (const auto& loss : {std::function<double(double)>(soft), std::function<double(double)>(hard)}) {
    const Found found = search({-30, -6, loss}, limits(-1, 12, -1));
    EXPECT_NEAR(-30 + found.gain_db - loss(found.gain_db), -23, kNormaliseWithinLu);
    EXPECT_LE(found.rounds, 4);
    EXPECT_EQ(found.check.result, CheckResult::pass);
  }
}

TEST(GainSearch, StopsWhereTheLimiterWouldDoMoreThanItMay) {
  const Found found = search({-30, -5, [](double gain) { return gain > 4 ? 0.1 * (gain - 4) : 0.0; }},
                             limits(-1, 2, -1));
  EXPECT_NEAR(found.gain_db, 6, 1e-9) << "the peak is then 2 dB above the ceiling";
  EXPECT_EQ(found.check.result, CheckResult::fail);
  EXPECT_EQ(found.check.sentence,
            "The mix needs +7.2 dB to reach a programme loudness of -23 LUFS; its true peak would need 3.2 dB of limiting, and 2.0 dB is allowed; it was given "
            "+6.0 dB.");
  EXPECT_EQ(found.check.measured_text, "-24.20 LUFS after +6.00 dB");
}

TEST(GainSearch, WithoutALimiterStopsAtTheSpecsTruePeak) {
  const Found found = search({-30, -5}, limits(std::nullopt, 0, -1));
  EXPECT_DOUBLE_EQ(found.gain_db, 4);
  EXPECT_EQ(found.check.result, CheckResult::fail);
  EXPECT_EQ(found.check.sentence,
            "The mix needs +7.0 dB to reach a programme loudness of -23 LUFS; its true peak would be +2.0 dBTP, EBU R 128 allows -1 dBTP, and it has no limiter; "
            "it was given +4.0 dB.");
}

/// A loud minute and two quiet ones, 400 ms blocks of one channel, as the meters give them.
LoudnessReading loud_and_quiet(double loud_lufs, double quiet_lufs, double gain_db) {
  LoudnessMaterial material{.subblock_frames = 960, .weights = {1}, .energy = {{}}, .true_peak = {0.01}, .sample_peak = {0.01}};
  for (int n = 0; n < 180 * 50; ++n) material.energy[0].push_back(960 * std::pow(10, ((n < 60 * 50 ? loud_lufs : quiet_lufs) + 0.691) / 10));
  material.frames = 960LL * 180 * 50;
  material.apply_gain(gain_db);
  return aggregate(material);
}

TEST(GainSearch, SeesQuietPassagesCrossTheAbsoluteGate) {
  // Behind the gain the quiet minutes lie above -70 LUFS, within 10 LU of the loud one, and count; as it was they did not.
  const double before = *loud_and_quiet(-65, -72, 0).integrated_lufs;
  EXPECT_NEAR(before, -65, 0.1);
  GainSearch search(mix::Normalize::program, r128(), {});
  EXPECT_TRUE(search.begin([](double gain_db) { return loud_and_quiet(-65, -72, gain_db); }));
  EXPECT_GT(search.gain_db(), -23 - before + 2);
  EXPECT_NEAR(*loud_and_quiet(-65, -72, search.gain_db()).integrated_lufs, -23, 1e-5);
  EXPECT_EQ(search.outcome("The mix").result, CheckResult::pass);
}

TEST(GainSearch, LeavesSilenceAsItIs) {
  GainSearch search(mix::Normalize::program, r128(), {});
  EXPECT_TRUE(search.begin([](double) { return LoudnessReading{}; }));
  EXPECT_EQ(search.gain_db(), 0);
  EXPECT_EQ(search.outcome("The mix").result, CheckResult::fail);
  EXPECT_EQ(search.outcome("The mix").sentence,
            "The mix is silent, or too short for a loudness: no gain brings it to a programme loudness of -23 LUFS; it was left as it is.");
}

TEST(LevelTarget, IsThatOfTheRuleWhichApplies) {
  const Spec& netflix = *find_spec("netflix-5.1");
  const auto of = [&](mix::Normalize what, std::optional<double> share) { return level_target(what, netflix, share).value(); };
  EXPECT_EQ(of(mix::Normalize::dialogue, 0.5).lufs, -27);
  EXPECT_EQ(of(mix::Normalize::dialogue, 0.5).gating, Gating::dialogue);
  EXPECT_EQ(of(mix::Normalize::dialogue, 0.1).lufs, -24) << "little is spoken: its other rule";
  EXPECT_EQ(of(mix::Normalize::dialogue, 0.1).gating, Gating::program);
  EXPECT_EQ(of(mix::Normalize::program, 0.5).lufs, -24) << "as asked, though it is judged by dialogue";
  EXPECT_EQ(level_target(mix::Normalize::dialogue, r128(), 0.5), std::nullopt);
}

TEST(LimiterCheck, SaysWhatWasTakenOff) {
  EXPECT_EQ(limiter_check("The mix", 0, std::nullopt).sentence, "The mix stays below its limiter's ceiling: nothing was taken off.");
  EXPECT_EQ(limiter_check("The mix", 3.14, 6).sentence, "The mix was limited by up to 3.1 dB, of 6 dB allowed.");
  EXPECT_EQ(limiter_check("The mix", 7, 6).sentence, "The mix was limited by up to 7.0 dB, and 6 dB is allowed.");
  EXPECT_EQ(limiter_check("The mix", 7, 6).result, CheckResult::fail);
  EXPECT_EQ(limiter_check("The mix", 24.01, std::nullopt).sentence, "The mix has a peak that needs more than the 24 dB that the limiter can take off.");
  EXPECT_EQ(limiter_check("The mix", 24.01, std::nullopt).result, CheckResult::fail);
}

}  // namespace
}  // namespace dubfarm::scheduler
