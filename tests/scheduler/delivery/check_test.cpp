#include "scheduler/delivery/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/delivery/reading_json.hpp"

namespace dubfarm::scheduler {
namespace {

using ::testing::HasSubstr;

LoudnessReading reading(double integrated, double true_peak = -10) {
  LoudnessReading r;
  r.integrated_lufs = integrated;
  r.range_lu = 8, r.max_momentary_lufs = integrated + 6, r.max_short_term_lufs = integrated + 4;
  r.true_peak_dbtp = true_peak, r.sample_peak_dbfs = true_peak;
  return r;
}
LoudnessReading with_dialogue(double integrated, double dialogue, double share) {
  LoudnessReading r = reading(integrated);
  r.dialogue = DialogueReading{share, dialogue, dialogue - 1, 6.0, integrated - dialogue};
  return r;
}
DeliveredFile file() {
  DeliveredFile f;
  f.subject = "The French 5.1", f.layout = Layout::surround_51, f.sample_type = mix::SampleType::int24, f.split = mix::Split::mono, f.order = mix::ChannelOrder::smpte;
  return f;
}
Check find(const std::vector<Check>& checks, const std::string& id) {
  for (const Check& check : checks)
    if (check.id == id) return check;
  ADD_FAILURE() << "no check \"" << id << "\"";
  return {};
}
/// "pass", "warning" or "fail", and the sentence.
std::string said(const LoudnessReading& r, const std::string& spec, const std::string& id, const DeliveredFile& f = file()) {
  const Check check = find(scheduler::check(r, *find_spec(spec), f), id);
  return std::string(name_of(check.result)) + ": " + check.sentence;
}

TEST(Subject, IsInWords) {
  EXPECT_EQ(subject_of("fr", "5.1", std::nullopt), "The French 5.1");
  EXPECT_EQ(subject_of("pt-BR", "stereo", std::nullopt), "The Portuguese (BR) stereo");
  EXPECT_EQ(subject_of("es_419", "stereo", std::nullopt), "The Spanish (419) stereo");
  EXPECT_EQ(subject_of("en-hi", "stereo", std::nullopt), "The en-hi stereo");
  EXPECT_EQ(subject_of("main", "printmaster", std::nullopt), "The printmaster");
  EXPECT_EQ(subject_of("fr", "stems", "MX"), "The French stems, MX");
}

TEST(Check, OfProgrammeLoudness) {
  EXPECT_EQ(said(reading(-23.1), "ebu-r128", "loudness"), "pass: The French 5.1 is at -23.1 LUFS, as EBU R 128 asks.");
  EXPECT_EQ(said(reading(-21.6), "ebu-r128", "loudness"), "fail: The French 5.1 is 1.2 LU too loud for EBU R 128; 1.4 LU less would meet its target.");
  EXPECT_EQ(said(reading(-25), "ebu-r128", "loudness"), "fail: The French 5.1 is 1.8 LU too quiet for EBU R 128; 2.0 LU more would meet its target.");
  EXPECT_EQ(said(reading(-22.78), "ebu-r128", "loudness"), "fail: The French 5.1 is 0.02 LU too loud for EBU R 128; 0.2 LU less would meet its target.");
  const Check check = find(scheduler::check(reading(-21.6), *find_spec("ebu-r128"), file()), "loudness");
  EXPECT_EQ(check.title, "Programme loudness");
  EXPECT_EQ(check.measured, -21.6);
  EXPECT_NEAR(*check.min, -23.2, 1e-12);
  EXPECT_EQ(check.measured_text, "-21.60 LUFS");
  EXPECT_EQ(check.required_text, "-23.2 to -22.8 LUFS");
  EXPECT_EQ(check.spec, "EBU R 128");
  EXPECT_EQ(check.edition, "v5.0");
  EXPECT_NE(check.section, "");
  EXPECT_FALSE(check.is_verified);
}

TEST(Check, JudgesWhatIsShown) {
  EXPECT_TRUE(said(reading(-22.8049), "ebu-r128", "loudness").starts_with("pass"));
  EXPECT_TRUE(said(reading(-22.7951), "ebu-r128", "loudness").starts_with("pass")) << "-22.80";
  EXPECT_TRUE(said(reading(-22.7949), "ebu-r128", "loudness").starts_with("fail")) << "-22.79";
}

TEST(Check, OfDialogueLoudnessLooksAtTheDialogue) {
  EXPECT_EQ(said(with_dialogue(-20, -27.4, 0.4), "netflix-5.1", "loudness"), "pass: The dialogue of the French 5.1 is at -27.4 LKFS, as Netflix 5.1 asks.");
  EXPECT_EQ(said(with_dialogue(-24, -24, 0.4), "netflix-5.1", "loudness"),
            "fail: The dialogue of the French 5.1 is 1.0 LU too loud for Netflix 5.1; 3.0 LU less would meet its target.");
  EXPECT_EQ(find(scheduler::check(with_dialogue(-20, -27.4, 0.4), *find_spec("netflix-5.1"), file()), "loudness").measured_text, "-27.40 LKFS (40 % speech)");
}

TEST(Check, BelowFifteenPerCentSpeechNetflixIsJudgedByProgramme) {
  EXPECT_EQ(said(with_dialogue(-24, -20, 0.14), "netflix-5.1", "loudness"), "pass: The French 5.1 is at -24.0 LKFS, as Netflix 5.1 asks.");
  EXPECT_EQ(said(reading(-27), "netflix-5.1", "loudness"), "fail: The French 5.1 is 1.0 LU too quiet for Netflix 5.1; 3.0 LU more would meet its target.")
      << "no dialogue stem: an M&E";
}

TEST(Check, OneOfTwoRulesIsEnough) {
  EXPECT_TRUE(said(with_dialogue(-20, -24, 0.5), "wbd-max", "loudness").starts_with("pass: The dialogue of"));
  EXPECT_TRUE(said(with_dialogue(-24, -30, 0.5), "wbd-max", "loudness").starts_with("pass: The French 5.1 is at"));
  EXPECT_EQ(said(with_dialogue(-20, -28.5, 0.5), "wbd-max", "loudness"),
            "fail: The French 5.1 is 2.0 LU too loud for Warner Bros. Discovery / Max; 4.0 LU less would meet its target.") << "the one missed by less";
}

TEST(Check, SaysThatNoDialogueWasHeard) {
  EXPECT_EQ(said(reading(-27), "amazon-mgm-5.1", "loudness"), "fail: Amazon MGM 5.1 is judged by its dialogue, and none was heard in the French 5.1.");
}

TEST(Check, OfSilenceAndOfWhatIsTooShort) {
  LoudnessReading silent;
  const auto checks = scheduler::check(silent, *find_spec("ebu-r128-s1"), file());
  EXPECT_EQ(find(checks, "loudness").sentence, "The French 5.1 is silent: its loudness is minus infinity, and EBU R 128 s1 (short-form) asks for -23.2 to -22.8 LUFS.");
  EXPECT_EQ(find(checks, "loudness").measured_text, "-inf (silence)");
  EXPECT_EQ(find(checks, "loudness").result, CheckResult::fail);
  EXPECT_EQ(find(checks, "true_peak").result, CheckResult::pass);
  EXPECT_EQ(find(checks, "true_peak").measured_text, "-inf (silence)");
  EXPECT_EQ(find(checks, "short_term").result, CheckResult::pass);
  EXPECT_EQ(checks_json(checks)[0]["measured"], nullptr);
  LoudnessReading brief;
  brief.is_too_short = true;
  EXPECT_EQ(said(brief, "ebu-r128", "loudness"), "fail: The French 5.1 is shorter than the 400 ms that loudness is measured over.");
}

TEST(Check, OfPeaks) {
  EXPECT_EQ(said(reading(-27, -2), "netflix-5.1", "true_peak"), "pass: The French 5.1 peaks at -2.0 dBTP, as Netflix 5.1 asks.");
  EXPECT_EQ(said(reading(-27, -0.7), "netflix-5.1", "true_peak"), "fail: The French 5.1 peaks 1.3 dB above the -2 dBTP that Netflix 5.1 allows.");
  EXPECT_EQ(said(reading(-23, -0.8), "ebu-r128", "true_peak"),
            "warning: The French 5.1 peaks 0.2 dB above the -1 dBTP that EBU R 128 allows; meters may differ by 0.3 dB, so this passes.");
  EXPECT_TRUE(said(reading(-23, -0.69), "ebu-r128", "true_peak").starts_with("fail"));
}

TEST(Check, OfLimitsAndAdvice) {
  LoudnessReading r = reading(-23);
  r.max_short_term_lufs = -17.5, r.range_lu = 21;
  EXPECT_EQ(said(r, "ebu-r128-s1", "short_term"),
            "fail: The loudest 3 s of the French 5.1 is -17.5 LUFS, 0.5 LU above what EBU R 128 s1 (short-form) allows (at most -18 LUFS).");
  EXPECT_EQ(said(r, "disney-r128", "range"), "fail: The loudness range of the French 5.1 is 21.0 LU, 1.0 LU above what Disney R128 allows (at most 20 LU).");
  EXPECT_EQ(said(r, "disney-plus-2.0", "range"), "warning: The loudness range of the French 5.1 is 21.0 LU, 1.0 LU above what Disney+ 2.0 advises (0 to 20 LU).");
  r.range_lu = 3;
  EXPECT_EQ(said(r, "netflix-5.1", "range"), "warning: The loudness range of the French 5.1 is 3.0 LU, 1.0 LU below what Netflix 5.1 advises (4 to 18 LU).");
  EXPECT_EQ(said(with_dialogue(-23, -30, 0.5), "ebu-r128-s4", "dialogue_ratio"),
            "warning: The distance from dialogue to programme loudness of the French 5.1 is 7.0 LU, 2.0 LU above what EBU R 128 s4 (cinematic) advises (at most 5 LU).");
  EXPECT_EQ(said(with_dialogue(-19.5, -27, 0.5), "disney-plus-5.1", "program_loudness"),
            "fail: The programme loudness of the French 5.1 is -19.5 LKFS, 0.5 LU above what Disney+ 5.1 and 7.1 allows (at most -20 LKFS).");
  r.leqm_db = 85.4;
  EXPECT_EQ(said(r, "tasa-trailer", "leqm"), "fail: The Leq(m) of the French 5.1 is 85.4 dB, 0.4 dB above what TASA trailer allows (at most 85 dB).");
}

TEST(Check, OfTheMeasuredStretch) {
  DeliveredFile whole = file();
  whole.has_window = false;
  EXPECT_TRUE(said(reading(-23), "disney-r128", "window").starts_with("pass"));
  EXPECT_EQ(said(reading(-23), "disney-r128", "window", whole),
            "warning: The French 5.1 was measured as a whole; Disney R128 measures from the first to the last frame of action, which \"measure\" would say.");
}

TEST(Check, OfTheFile) {
  DeliveredFile f = file();
  f.sample_rate = 44100, f.layout = Layout::stereo, f.sample_type = mix::SampleType::float32, f.split = mix::Split::none;
  const LoudnessReading r = reading(-24);
  EXPECT_EQ(said(r, "netflix-5.1", "sample_rate", f), "fail: The French 5.1: 44100 Hz, and Netflix 5.1 asks for 48000 Hz.");
  EXPECT_EQ(said(r, "netflix-5.1", "sample_type", f), "fail: The French 5.1: 32-bit float, and Netflix 5.1 asks for 24 bits.");
  EXPECT_EQ(said(r, "netflix-5.1", "layout", f), "fail: The French 5.1: stereo, and Netflix 5.1 asks for 5.1.");
  EXPECT_EQ(said(r, "netflix-5.1", "split", f), "fail: The French 5.1: all channels in one file, and Netflix 5.1 asks for a file for each channel.");
  EXPECT_EQ(said(r, "prime-video-direct", "sample_type", f), "fail: The French 5.1: 32-bit float, and Prime Video Direct asks for 16 bits or 24 bits.");
  f = file();
  f.split = mix::Split::none, f.order = mix::ChannelOrder::film;
  EXPECT_EQ(said(r, "wbd-max", "order", f), "fail: The French 5.1: film order, and Warner Bros. Discovery / Max asks for SMPTE order.");
  EXPECT_EQ(said(r, "wbd-max", "sample_rate", f), "pass: The French 5.1: 48000 Hz, as Warner Bros. Discovery / Max asks.");
}

TEST(Check, OfAStemLeavesLoudnessToThePrintmaster) {
  DeliveredFile stem = file();
  stem.is_stem = true;
  std::vector<std::string> ids;
  for (const Check& check : scheduler::check(reading(-40, -1), *find_spec("netflix-5.1"), stem)) ids.push_back(check.id);
  EXPECT_THAT(ids, ::testing::ElementsAre("true_peak", "sample_rate", "sample_type", "split"));
}

TEST(Checks, PassTogetherUnlessOneFails) {
  const auto checks = scheduler::check(reading(-23, -0.8), *find_spec("ebu-r128"), file());
  EXPECT_TRUE(all_pass(checks)) << "a warning fails nothing";
  EXPECT_FALSE(all_pass(scheduler::check(reading(-22, -0.8), *find_spec("ebu-r128"), file())));
  EXPECT_EQ(faults_text(checks), "warning: The French 5.1 peaks 0.2 dB above the -1 dBTP that EBU R 128 allows; meters may differ by 0.3 dB, so this passes. "
                                 "(EBU R 128 v5.0, recommendation on the maximum permitted true peak level; not verified)\n");
}

}  // namespace
}  // namespace dubfarm::scheduler
