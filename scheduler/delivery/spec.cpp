#include "scheduler/delivery/spec.hpp"

#include "scheduler/delivery/normalise.hpp"

#include <algorithm>
#include <cassert>

#include "common/mix/json.hpp"
#include "common/mix/resolve.hpp"
#include "scheduler/delivery/built_in_specs.hpp"

namespace dubfarm::scheduler {
namespace {

std::string folder_joined(const std::string& folder, const std::string& path) {
  return path.starts_with('/') || folder.empty() ? path : folder + "/" + path;
}

std::vector<std::string> names_of_specs() {
  std::vector<std::string> names;
  for (const Spec& spec : built_in_specs()) names.push_back(spec.name);
  return names;
}

/// What to do about a name that no built-in spec has.
std::string help_for(const std::string& name) {
  const std::vector<std::string> names = names_of_specs();
  std::vector<std::string> near;
  if (const auto nearest = mix::nearest_name(name, names)) near.push_back(*nearest);
  for (const std::string& candidate : names)  // "netflix" means all of Netflix's
    if (name.size() >= 3 && candidate.find(name) != std::string::npos && std::find(near.begin(), near.end(), candidate) == near.end())
      near.push_back(candidate);
  std::string list;
  const std::vector<std::string>& shown = near.empty() ? names : near;
  for (std::size_t i = 0; i < shown.size(); ++i)
    list += fmt::format("{}\"{}\"", i == 0 ? "" : i + 1 == shown.size() ? " or " : ", ", shown[i]);
  return near.empty() ? fmt::format("the specs are {}; one of your own is a file whose name ends in .json", list) : fmt::format("did you mean {}?", list);
}

}  // namespace

bool is_speech(mix::Role role) { return role == mix::Role::dialogue || role == mix::Role::narration; }

bool Spec::has_dialogue_rule() const {
  return std::any_of(loudness.begin(), loudness.end(), [](const LoudnessRule& rule) { return rule.gating == Gating::dialogue; });
}

bool Spec::needs_dialogue() const {
  const bool speech = std::any_of(loudness.begin(), loudness.end(), [](const LoudnessRule& r) { return r.speech_at_least || r.speech_below; });
  return has_dialogue_rule() || speech || dialogue_range_lu || dialogue_ratio_lu;
}

std::vector<const LoudnessRule*> Spec::rules_for(std::optional<double> speech_share) const {
  std::vector<const LoudnessRule*> rules;
  for (const LoudnessRule& rule : loudness) {
    const double share = speech_share.value_or(0);
    if (rule.gating == Gating::dialogue && !(share > 0)) continue;
    if (rule.speech_at_least && share < *rule.speech_at_least) continue;
    if (rule.speech_below && !(share < *rule.speech_below)) continue;
    rules.push_back(&rule);
  }
  return rules;
}

std::span<const Spec> built_in_specs() {
  static const std::vector<Spec> specs = [] {
    std::vector<Spec> all;
    for (const std::string_view text : built_in_spec_texts()) {
      SpecOutcome outcome = parse_spec(text);
      assert(outcome.spec.has_value());  // SpecFiles.EveryBuiltInOneIsSound names the mistake
      if (outcome.spec) all.push_back(std::move(*outcome.spec));
    }
    std::sort(all.begin(), all.end(), [](const Spec& a, const Spec& b) { return a.name < b.name; });
    return all;
  }();
  return specs;
}

const Spec* find_spec(std::string_view name) {
  const std::span<const Spec> specs = built_in_specs();
  const auto found = std::find_if(specs.begin(), specs.end(), [name](const Spec& spec) { return spec.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

bool is_spec_file(std::string_view name) { return name.ends_with(".json"); }

Result<Spec> load_spec(const std::string& name, const std::string& folder) {
  if (!is_spec_file(name)) {
    if (const Spec* spec = find_spec(name)) return *spec;
    return fail(Errc::not_found, "unknown delivery spec {}\nhelp: {}", mix::quote_json(name), help_for(name));
  }
  const std::string path = folder_joined(folder, name);
  TRY_ASSIGN(const std::string text, mix::read_text_file(path));
  SpecOutcome outcome = parse_spec(text);
  if (outcome.spec) return std::move(*outcome.spec);
  std::string message = mix::format_diagnostics(text, path, outcome.errors);
  if (message.starts_with("error: ")) message.erase(0, 7);  // whoever shows it begins with that
  while (message.ends_with('\n')) message.pop_back();
  return Error{Errc::invalid_input, std::move(message)};
}

SpecTable find_specs(const mix::Document& document) {
  SpecTable table;
  table.of_deliverable.resize(document.deliverables.size());
  const auto any_speech = [&](const std::vector<std::size_t>& stems) {
    return std::any_of(stems.begin(), stems.end(), [&](std::size_t stem) { return is_speech(document.buses[stem].role); });
  };
  const bool mix_has_dialogue = any_speech(mix::stems(document));
  for (std::size_t d = 0; d < document.deliverables.size(); ++d) {
    const mix::Deliverable& deliverable = document.deliverables[d];
    const std::string& name = deliverable.loudness;
    if (name.empty()) continue;
    const auto report = [&](std::string message, std::string help, std::string note) {
      table.errors.push_back({std::move(message), std::move(help), deliverable.loudness_place, std::move(note)});
    };
    std::optional<Spec> spec;
    if (!is_spec_file(name)) {
      if (const Spec* found = find_spec(name)) spec = *found;
      else report(fmt::format("unknown delivery spec {}", mix::quote_json(name)), help_for(name), "not a delivery spec");
    } else {
      const std::string path = folder_joined(document.folder, name);
      const Result<std::string> text = mix::read_text_file(path);
      if (!text.ok()) {
        report(fmt::format("delivery spec: {}", text.error().message), "a relative path counts from the mix document's folder", "cannot be read");
        continue;
      }
      SpecOutcome outcome = parse_spec(*text);
      for (const mix::Diagnostic& error : outcome.errors)
        report(fmt::format("delivery spec {}:{}:{}{}{}: {}", path, error.place.line, error.place.column, error.place.pointer.empty() ? "" : " at ",
                           error.place.pointer, error.message),
               error.help, "has mistakes");
      spec = std::move(outcome.spec);
    }
    if (!spec) continue;
    const bool only_dialogue = !spec->loudness.empty() && spec->rules_for(std::nullopt).empty();
    const bool has_dialogue = any_speech(mix::included_stems(document, deliverable));
    if (spec->has_dialogue_rule() && !mix_has_dialogue)
      report(fmt::format("{} is judged by dialogue, and no stem of this mix has the role \"dialogue\"", spec->title),
             "write \"role\": \"dialogue\" in the bus that carries the dialogue; it must be a stem, a bus that feeds no other", "needs a dialogue stem");
    else if (only_dialogue && !has_dialogue && !deliverable.per_bus)
      report(fmt::format("{} is judged by dialogue alone, and deliverable \"{}\" includes no dialogue stem", spec->title, deliverable.name),
             "include a stem whose \"role\" is \"dialogue\", or choose a spec that is judged by programme", "needs a dialogue stem");
    table.of_deliverable[d] = std::move(spec);
  }
  check_level_targets(document, table);
  return table;
}

}  // namespace dubfarm::scheduler
