#include "scheduler/delivery/normalise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dubfarm::scheduler {
namespace {

constexpr double kMostGainDb = 60;
constexpr double kExactLu = 1e-6;            // rounding; far below what a gate's crossing makes
constexpr double kCanTakeOffDb = 24;  // kernels::kMaxReductionDb

std::string signed_db(double db) { return fmt::format("{:+.1f} dB", std::abs(db) < 0.05 ? 0.0 : db); }

}  // namespace

std::optional<LevelTarget> level_target(mix::Normalize normalize, const Spec& spec, std::optional<double> speech_share) {
  const auto first = [](const std::vector<const LoudnessRule*>& rules, std::optional<Gating> gating) -> std::optional<LevelTarget> {
    for (const LoudnessRule* rule : rules)
      if (rule->target_lufs && (!gating || rule->gating == *gating)) return LevelTarget{rule->gating, *rule->target_lufs};
    return std::nullopt;
  };
  const std::vector<const LoudnessRule*> applying = spec.rules_for(speech_share);
  if (normalize == mix::Normalize::dialogue) {
    if (!spec.has_dialogue_rule()) return std::nullopt;
    if (const auto target = first(applying, Gating::dialogue)) return target;
    return first(applying, std::nullopt);
  }
  if (const auto target = first(applying, Gating::program)) return target;
  std::vector<const LoudnessRule*> all;
  for (const LoudnessRule& rule : spec.loudness) all.push_back(&rule);
  return first(all, Gating::program);
}

void check_level_targets(const mix::Document& document, SpecTable& specs) {
  for (std::size_t d = 0; d < document.deliverables.size(); ++d) {
    const mix::Deliverable& deliverable = document.deliverables[d];
    const std::optional<Spec>& spec = specs.of_deliverable[d];
    if (!spec) continue;
    const bool by_dialogue = deliverable.normalize == mix::Normalize::dialogue;
    const auto has_target = [&](Gating gating) {
      return std::any_of(spec->loudness.begin(), spec->loudness.end(), [&](const LoudnessRule& r) { return r.gating == gating && r.target_lufs; });
    };
    if (deliverable.normalize != mix::Normalize::none && !has_target(by_dialogue ? Gating::dialogue : Gating::program)) {
      const bool has_other = has_target(by_dialogue ? Gating::program : Gating::dialogue);
      specs.errors.push_back({fmt::format("{} names no target for {} loudness", spec->title, by_dialogue ? "dialogue" : "programme"),
                              has_other ? fmt::format("write \"normalize\": \"{}\"", by_dialogue ? "program" : "dialogue")
                                        : std::string("write \"normalize\": \"none\", or choose a spec that has a target"),
                              deliverable.loudness_place, "has no such target"});
    }
    if (!deliverable.limiter || !spec->true_peak_dbtp || spec->true_peak_dbtp->is_advice || !spec->true_peak_dbtp->max) continue;
    if (deliverable.limiter->ceiling_dbtp <= *spec->true_peak_dbtp->max) continue;
    specs.errors.push_back({fmt::format("the limiter's ceiling of {} dBTP is above the {} dBTP that {} allows", deliverable.limiter->ceiling_dbtp,
                                        *spec->true_peak_dbtp->max, spec->title),
                            fmt::format("write \"ceiling_dbtp\": {} or less; some tenths less leave room for other meters", *spec->true_peak_dbtp->max),
                            deliverable.loudness_place, "allows less"});
  }
}

std::optional<double> GainSearch::value_of(const LoudnessReading& reading) const {
  if (!target_) return std::nullopt;
  if (target_->gating == Gating::program) return reading.integrated_lufs;
  return reading.dialogue ? reading.dialogue->loudness_lufs : std::nullopt;
}

double GainSearch::highest_gain_db() const {
  double highest = kMostGainDb;
  if (limits_.ceiling_dbtp) highest = *limits_.ceiling_dbtp + limits_.max_reduction_db - true_peak_dbtp_;
  else if (limits_.max_true_peak_dbtp) highest = *limits_.max_true_peak_dbtp - true_peak_dbtp_;
  return std::clamp(highest, -kMostGainDb, kMostGainDb);
}

/// The gain at which the sum without a limiter is as loud as it should be. Where a passage crosses the absolute gate on the way there may be none:
/// the nearest that was met is kept.
void GainSearch::solve_without_limiter(const ReadingBehind& behind) {
  double nearest = INFINITY, gain_db = 0, lufs = lufs_;
  for (int round = 0; round < kNormaliseRounds; ++round) {
    const double next = std::clamp(gain_db + target_->lufs - lufs, -kMostGainDb, highest_gain_db());
    if (round > 0 && next == gain_db) return;  // as far as it may go
    gain_db = next;
    const auto value = value_of(behind(gain_db));
    if (!value) return;  // all of it falls below the gate
    lufs = *value;
    const double miss = std::abs(target_->lufs - lufs);
    if (miss >= nearest) continue;
    nearest = miss, gain_db_ = gain_db, lufs_ = lufs;
    if (miss < kExactLu) return;
  }
}

bool GainSearch::begin(const ReadingBehind& behind) {
  const LoudnessReading reading = behind(0);
  target_ = level_target(normalize_, spec_, reading.dialogue ? std::optional(reading.dialogue->speech_share) : std::nullopt);
  const auto value = value_of(reading);
  if (!value) {
    is_silent_ = true;
    return true;
  }
  lufs_ = *value;
  true_peak_dbtp_ = reading.true_peak_dbtp.value_or(-300);
  solve_without_limiter(behind);
  return !limits_.ceiling_dbtp || true_peak_dbtp_ + gain_db_ <= *limits_.ceiling_dbtp - 0.001;  // what the limiter leaves alone is exact
}

bool GainSearch::take(const LoudnessReading& reading) {
  const auto value = value_of(reading);
  ++rounds_;
  if (!value) return true;  // limited to silence: not by any limiter of ours
  const double lufs = *value, miss = target_->lufs - lufs;
  double slope = 1;  // LU gained for each dB
  if (last_gain_db_ && std::abs(gain_db_ - *last_gain_db_) > 1e-3) slope = std::clamp((lufs - *last_lufs_) / (gain_db_ - *last_gain_db_), 0.25, 1.0);
  lufs_ = lufs;
  const double next = std::clamp(gain_db_ + miss / slope, -kMostGainDb, highest_gain_db());
  if (std::abs(miss) <= kNormaliseWithinLu || rounds_ >= kNormaliseRounds || std::abs(next - gain_db_) < 1e-3) return true;
  last_gain_db_ = gain_db_, last_lufs_ = lufs;
  gain_db_ = next;
  return false;
}

void GainSearch::restore(const GainAnswer& answer) {
  target_ = answer.target;
  is_silent_ = answer.is_silent;
  gain_db_ = answer.gain_db, lufs_ = answer.lufs, true_peak_dbtp_ = answer.true_peak_dbtp;
}

Check GainSearch::outcome(const std::string& subject) const {
  Check check;
  check.id = "normalization", check.title = "Normalisation";
  check.unit = spec_.unit;
  check.spec = spec_.title, check.edition = spec_.edition, check.is_verified = spec_.is_verified;
  const std::string to = target_ ? fmt::format("{} {} {}", target_->gating == Gating::dialogue ? "a dialogue loudness of" : "a programme loudness of",
                                               target_->lufs, spec_.unit)
                                 : spec_.title;
  if (is_silent_) {
    check.result = CheckResult::fail;
    check.measured_text = "no gain", check.required_text = to;
    check.sentence = target_ && target_->gating == Gating::dialogue
                         ? fmt::format("{} has no dialogue that could be brought to {}; it was left as it is.", subject, to)
                         : fmt::format("{} is silent, or too short for a loudness: no gain brings it to {}; it was left as it is.", subject, to);
    return check;
  }
  const double miss = target_->lufs - lufs_, needed = gain_db_ + miss;
  check.measured = lufs_, check.min = check.max = target_->lufs;
  check.measured_text = fmt::format("{:.2f} {} after {:+.2f} dB", lufs_, spec_.unit, gain_db_);
  check.required_text = fmt::format("{} {}", target_->lufs, spec_.unit);
  if (std::abs(miss) <= 0.05) {
    check.sentence = fmt::format("{} was brought to {} by {}.", subject, to, signed_db(gain_db_));
    return check;
  }
  check.result = CheckResult::fail;
  const double peak = true_peak_dbtp_ + needed;
  if (limits_.ceiling_dbtp)
    check.sentence = fmt::format("{} needs {} to reach {}; its true peak would need {:.1f} dB of limiting, and {:.1f} dB is allowed; it was given {}.", subject,
                                 signed_db(needed), to, peak - *limits_.ceiling_dbtp, limits_.max_reduction_db, signed_db(gain_db_));
  else
    check.sentence = fmt::format("{} needs {} to reach {}; its true peak would be {:+.1f} dBTP, {} allows {} dBTP, and it has no limiter; it was given {}.", subject,
                                 signed_db(needed), to, peak, spec_.title, limits_.max_true_peak_dbtp.value_or(0), signed_db(gain_db_));
  return check;
}

Check limiter_check(const std::string& subject, double max_reduction_db, std::optional<double> allowed_db) {
  Check check;
  check.id = "limiter", check.title = "Limiter";
  check.unit = "dB", check.measured = max_reduction_db, check.max = allowed_db.value_or(kCanTakeOffDb);
  check.measured_text = fmt::format("{:.2f} dB", max_reduction_db), check.required_text = fmt::format("at most {} dB", *check.max);
  if (max_reduction_db >= kCanTakeOffDb - 0.001) {
    check.result = CheckResult::fail;
    check.sentence = fmt::format("{} has a peak that needs more than the {} dB that the limiter can take off.", subject, kCanTakeOffDb);
  } else if (max_reduction_db > *check.max + 0.05) {
    check.result = CheckResult::fail;
    check.sentence = fmt::format("{} was limited by up to {:.1f} dB, and {} dB is allowed.", subject, max_reduction_db, *check.max);
  } else if (max_reduction_db > 0) {
    check.sentence = fmt::format("{} was limited by up to {:.1f} dB, of {} dB allowed.", subject, max_reduction_db, *check.max);
  } else {
    check.sentence = fmt::format("{} stays below its limiter's ceiling: nothing was taken off.", subject);
  }
  return check;
}

}  // namespace dubfarm::scheduler
