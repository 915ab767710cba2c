#include "cli/stem_sums.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/delivered.hpp"
#include "cli/print_key.hpp"
#include "cli/readings.hpp"
#include "worker/stem_null.hpp"

namespace dubfarm::cli {
namespace {

/// "the r128" inside a sentence.
std::string in_sentence(std::string subject) {
  if (subject.starts_with("The ")) subject[0] = 't';
  return subject;
}

double dbfs(double value) { return 20 * std::log10(value); }

}  // namespace

StemSums::StemSums(const mix::Document& document, const plan::Plan& plan, const std::vector<bool>& prints, std::string output_folder)
    : document_(document), plan_(plan), folder_(std::move(output_folder)), sets_(plan::stem_sets(document, plan)) {
  std::erase_if(sets_, [&](const plan::StemSet& set) {
    return !prints[set.master] || !std::all_of(set.stems.begin(), set.stems.end(), [&](std::size_t stem) { return prints[stem]; });
  });
  differences_.assign(sets_.size(), 0.0);
  open_ = sets_;
  for (std::size_t s = 0; s < sets_.size(); ++s) open_index_.push_back(s);
}

void StemSums::recall(const Store& store, const std::vector<program::Key>& keys, bool is_asked) {
  open_.clear(), open_index_.clear(), keys_.clear();
  for (std::size_t s = 0; s < sets_.size(); ++s) {
    std::vector<program::Key> stems;
    for (const std::size_t stem : sets_[s].stems) stems.push_back(keys[stem]);
    keys_.push_back(stem_null_key(keys[sets_[s].master], stems, sets_[s].matrices));
    if (const std::optional<double> difference = is_asked ? find_stem_null(store, keys_.back()) : std::nullopt) {
      differences_[s] = *difference;
      continue;
    }
    open_.push_back(sets_[s]);
    open_index_.push_back(s);
  }
}

Result<void> StemSums::remember(const Store& store) const {
  if (keys_.empty()) return {};
  for (const std::size_t s : open_index_) TRY(remember_stem_null(store, keys_[s], differences_[s]));
  return {};
}

Result<void> StemSums::measure(std::size_t index, Frames first, Frames count) {
  const plan::StemSet& set = open_[index];
  const auto sound_of = [&](std::size_t print) {
    worker::DeliveredSound sound{plan_.prints[print].layout, {}};
    for (const plan::PrintFile& file : plan_.prints[print].files) sound.files.push_back({folder_ + "/" + file.path, file.channels});
    return sound;
  };
  std::vector<worker::DeliveredSound> stems;
  for (const std::size_t stem : set.stems) stems.push_back(sound_of(stem));
  TRY_ASSIGN(const double difference, worker::largest_difference(sound_of(set.master), stems, set.matrices, first, count));
  const std::lock_guard lock(mutex_);
  double& most = differences_[open_index_[index]];
  most = std::max(most, difference);
  return {};
}

scheduler::Check StemSums::null_check(std::size_t index, const plan::Print& master) const {
  const plan::StemSet& set = sets_[index];
  const double difference = differences_[index];
  const std::string name = document_.deliverables[set.deliverable].name, whole = in_sentence(delivered_file(document_, master).subject);
  scheduler::Check check;
  check.id = "stem_null", check.title = "Stems add up";
  check.unit = "dBFS", check.max = dbfs(set.allowed);
  if (difference > 0) check.measured = dbfs(difference);
  check.measured_text = difference > 0 ? fmt::format("{:.1f} dBFS", *check.measured) : "no difference";
  check.required_text = fmt::format("at most {:.1f} dBFS", *check.max);
  if (difference <= set.allowed * (1 + 1e-9))
    check.sentence = fmt::format("The {} add up to {}: the largest difference is {}.", name, whole,
                                 difference > 0 ? check.measured_text : std::string("nothing at all"));
  else {
    check.result = scheduler::CheckResult::fail;
    check.sentence = fmt::format("The {} do not add up to {}: they differ by {}, and rounding explains {:.1f} dBFS; look for clipped samples.", name, whole,
                                 check.measured_text, *check.max);
  }
  return check;
}

std::vector<scheduler::Check> StemSums::checks(const plan::Print& print) const {
  std::vector<scheduler::Check> checks;
  if (print.bus) return checks;
  for (std::size_t s = 0; s < sets_.size(); ++s)
    if (sets_[s].version == print.version && document_.deliverables[sets_[s].deliverable].follow == print.deliverable) checks.push_back(null_check(s, print));
  if (document_.deliverables[print.deliverable].kind == mix::DeliverableKind::me) {
    scheduler::Check check;  // parse_mix refuses what does not pass
    check.id = "free_of_dialogue", check.title = "Free of dialogue";
    check.measured_text = "no way for it through buses and reverbs", check.required_text = "no dialogue or narration";
    check.sentence = fmt::format("No track that speaks is heard in {}: not through a bus, and not through a reverb.", in_sentence(delivered_file(document_, print).subject));
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace dubfarm::cli
