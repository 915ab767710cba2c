#include "scheduler/delivery/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dubfarm::scheduler {
namespace {

double rounded(double value) { return std::round(value * 100) / 100; }

/// "-23", "-22.8", "-21.83": as many decimals as it takes, two at most.
std::string shortest(double value) {
  std::string text = fmt::format("{:.2f}", rounded(value));
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string one_decimal(double value) { return fmt::format("{:.1f}", value); }
/// A distance: one decimal, but never "0.0".
std::string distance(double value) { return rounded(value) < 0.095 ? fmt::format("{:.2f}", value) : one_decimal(value); }

std::string required_text(const std::optional<double>& min, const std::optional<double>& max, const std::string& unit) {
  if (min && max) return fmt::format("{} to {} {}", shortest(*min), shortest(*max), unit);
  return min ? fmt::format("at least {} {}", shortest(*min), unit) : fmt::format("at most {} {}", shortest(*max), unit);
}

/// By how much a reading lies outside [min, max]; 0 inside.
double outside(double value, const std::optional<double>& min, const std::optional<double>& max) {
  if (min && rounded(value) < rounded(*min)) return *min - value;
  if (max && rounded(value) > rounded(*max)) return value - *max;
  return 0;
}

class Checker {
 public:
  Checker(const LoudnessReading& reading, const Spec& spec, const DeliveredFile& file) : reading_(reading), spec_(spec), file_(file) {}

  std::vector<Check> run() {
    if (!file_.is_stem) {
      loudness();
      limit("program_loudness", "Programme loudness, ceiling", spec_.program_lufs, reading_.integrated_lufs, spec_.unit, "The programme loudness of", "LU");
    }
    peak("true_peak", "True peak", spec_.true_peak_dbtp, reading_.true_peak_dbtp, "dBTP");
    peak("sample_peak", "Sample peak", spec_.sample_peak_dbfs, reading_.sample_peak_dbfs, "dBFS");
    if (!file_.is_stem) {
      limit("momentary", "Momentary loudness, maximum", spec_.max_momentary_lufs, reading_.max_momentary_lufs, spec_.unit, "The loudest 400 ms of", "LU");
      limit("short_term", "Short-term loudness, maximum", spec_.max_short_term_lufs, reading_.max_short_term_lufs, spec_.unit, "The loudest 3 s of", "LU");
      limit("range", "Loudness range", spec_.range_lu, reading_.range_lu, "LU", "The loudness range of", "LU");
      const auto of_dialogue = [this](auto part) { return reading_.dialogue ? (*reading_.dialogue).*part : std::nullopt; };
      limit("dialogue_range", "Loudness range of the dialogue", spec_.dialogue_range_lu, of_dialogue(&DialogueReading::stem_range_lu), "LU",
            "The loudness range of the dialogue of", "LU", reading_.dialogue.has_value());
      limit("dialogue_ratio", "Loudness-to-dialogue ratio", spec_.dialogue_ratio_lu, of_dialogue(&DialogueReading::ratio_lu), "LU",
            "The distance from dialogue to programme loudness of", "LU", reading_.dialogue.has_value());
      limit("leqm", "Leq(m)", spec_.leqm_db, reading_.leqm_db, "dB", "The Leq(m) of", "dB");
      window();
    }
    file();
    return std::move(checks_);
  }

 private:
  Check start(std::string id, std::string title, std::string section) const {
    Check check;
    check.id = std::move(id), check.title = std::move(title), check.section = std::move(section);
    check.spec = spec_.title, check.edition = spec_.edition, check.is_verified = spec_.is_verified;
    return check;
  }

  [[nodiscard]] std::string subject_in_sentence() const {
    std::string subject = file_.subject;
    if (subject.starts_with("The ")) subject[0] = 't';
    return subject;
  }

  /// Why there is no number.
  [[nodiscard]] std::string absence() const { return reading_.is_too_short ? "none (shorter than 400 ms)" : "-inf (silence)"; }

  void loudness() {
    if (spec_.loudness.empty()) return;
    const std::optional<double> share = reading_.dialogue ? std::optional(reading_.dialogue->speech_share) : std::nullopt;
    const std::vector<const LoudnessRule*> rules = spec_.rules_for(share);
    if (rules.empty()) {
      Check check = start("loudness", "Dialogue loudness", spec_.loudness.front().section);
      check.unit = spec_.unit, check.min = spec_.loudness.front().lowest_lufs, check.max = spec_.loudness.front().highest_lufs;
      check.measured_text = "none (no dialogue)", check.required_text = required_text(check.min, check.max, check.unit);
      check.result = CheckResult::fail;
      check.sentence = fmt::format("{} is judged by its dialogue, and none was heard in {}.", spec_.title, subject_in_sentence());
      checks_.push_back(std::move(check));
      return;
    }
    const auto measured = [this](const LoudnessRule& rule) { return rule.gating == Gating::dialogue ? reading_.dialogue->loudness_lufs : reading_.integrated_lufs; };
    const auto miss = [&](const LoudnessRule& rule) {
      const auto value = measured(rule);
      return value ? outside(*value, rule.lowest_lufs, rule.highest_lufs) : INFINITY;
    };
    const LoudnessRule& rule = **std::min_element(rules.begin(), rules.end(), [&](const LoudnessRule* a, const LoudnessRule* b) { return miss(*a) < miss(*b); });
    const bool by_dialogue = rule.gating == Gating::dialogue;
    Check check = start("loudness", by_dialogue ? "Dialogue loudness" : "Programme loudness", rule.section);
    check.unit = spec_.unit, check.min = rule.lowest_lufs, check.max = rule.highest_lufs, check.measured = measured(rule);
    check.required_text = required_text(check.min, check.max, check.unit);
    check.is_of_dialogue = by_dialogue;
    const std::string whose = by_dialogue ? "The dialogue of " + subject_in_sentence() : file_.subject;
    if (!check.measured) {
      check.result = CheckResult::fail;
      check.measured_text = absence();
      check.sentence = reading_.is_too_short ? fmt::format("{} is shorter than the 400 ms that loudness is measured over.", file_.subject)
                                             : fmt::format("{} is silent: its loudness is minus infinity, and {} asks for {}.", file_.subject, spec_.title, check.required_text);
    } else {
      const double value = *check.measured;
      check.measured_text = fmt::format("{:.2f} {}", value, check.unit);
      if (by_dialogue) check.measured_text += fmt::format(" ({:.0f} % speech)", 100 * *share);
      const double by = miss(rule);
      check.result = by > 0 ? CheckResult::fail : CheckResult::pass;
      if (by == 0) check.sentence = fmt::format("{} is at {} {}, as {} asks.", whose, one_decimal(value), check.unit, spec_.title);
      else {
        check.sentence = fmt::format("{} is {} LU too {} for {}", whose, distance(by), value > rule.highest_lufs ? "loud" : "quiet", spec_.title);
        if (rule.target_lufs) check.sentence += fmt::format("; {} LU {} would meet its target", distance(std::abs(value - *rule.target_lufs)), value > *rule.target_lufs ? "less" : "more");
        check.sentence += ".";
      }
    }
    checks_.push_back(std::move(check));
  }

  void peak(std::string id, std::string title, const std::optional<Limit>& of, const std::optional<double>& value, const std::string& unit) {
    if (!of) return;
    Check check = start(std::move(id), std::move(title), of->section);
    check.unit = unit, check.measured = value, check.min = of->min, check.max = of->max, check.required_text = required_text(of->min, of->max, unit);
    check.measured_text = value ? fmt::format("{:.2f} {}", *value, unit) : "-inf (silence)";
    const double by = value ? outside(*value, std::nullopt, of->max) : 0;
    check.result = judged(by, *of);
    if (by == 0) check.sentence = value ? fmt::format("{} peaks at {} {}, as {} asks.", file_.subject, one_decimal(*value), unit, spec_.title)
                                        : fmt::format("{} is silent, so nothing peaks.", file_.subject);
    else check.sentence = fmt::format("{} peaks {} dB above the {} {} that {} {}{}.", file_.subject, distance(by), shortest(*of->max), unit, spec_.title,
                                      of->is_advice ? "advises" : "allows", tolerance_remark(check.result, *of, "dB"));
    checks_.push_back(std::move(check));
  }

  /// @param has_part  false where what is limited does not exist in this output (its dialogue): then there is nothing to check.
  void limit(std::string id, std::string title, const std::optional<Limit>& of, const std::optional<double>& value, const std::string& unit,
             std::string_view whose, std::string_view step, bool has_part = true) {
    if (!of || !has_part) return;
    Check check = start(std::move(id), std::move(title), of->section);
    check.unit = unit, check.measured = value, check.min = of->min, check.max = of->max, check.required_text = required_text(of->min, of->max, unit);
    if (!value) {  // silence, or shorter than the window: nothing is above any bound
      check.measured_text = reading_.is_too_short || reading_.integrated_lufs ? "none (too short)" : "-inf (silence)";
      check.sentence = fmt::format("{} {} has no value: there is not enough sound.", whose, subject_in_sentence());
    } else {
      check.measured_text = fmt::format("{:.2f} {}", *value, unit);
      const double by = outside(*value, of->min, of->max);
      check.result = judged(by, *of);
      const std::string is = fmt::format("{} {} is {} {}", whose, subject_in_sentence(), one_decimal(*value), unit);
      if (by == 0) check.sentence = fmt::format("{}, as {} {}.", is, spec_.title, of->is_advice ? "advises" : "asks");
      else
        check.sentence = fmt::format("{}, {} {} {} what {} {} ({}){}.", is, distance(by), step, of->max && *value > *of->max ? "above" : "below", spec_.title,
                                     of->is_advice ? "advises" : "allows", check.required_text, tolerance_remark(check.result, *of, step));
    }
    checks_.push_back(std::move(check));
  }

  static CheckResult judged(double by, const Limit& of) {
    if (by == 0) return CheckResult::pass;
    return of.is_advice || rounded(by) <= rounded(of.meter_tolerance) ? CheckResult::warning : CheckResult::fail;
  }
  static std::string tolerance_remark(CheckResult result, const Limit& of, std::string_view step) {
    return result == CheckResult::warning && !of.is_advice ? fmt::format("; meters may differ by {} {}, so this passes", shortest(of.meter_tolerance), step) : "";
  }

  void window() {
    if (spec_.window != Window::action) return;
    Check check = start("window", "Measured stretch", spec_.window_section);
    check.required_text = "first to last frame of action";
    check.measured_text = file_.has_window ? "as \"measure\" says" : "the whole file";
    check.result = file_.has_window ? CheckResult::pass : CheckResult::warning;
    check.sentence = file_.has_window ? fmt::format("{} was measured over the stretch that \"measure\" gives.", file_.subject)
                                      : fmt::format("{} was measured as a whole; {} measures from the first to the last frame of action, which \"measure\" would say.",
                                                    file_.subject, spec_.title);
    checks_.push_back(std::move(check));
  }

  void demand(std::string id, std::string title, const std::string& is, const std::string& required, bool holds) {
    Check check = start(std::move(id), std::move(title), spec_.files.section);
    check.measured_text = is, check.required_text = required;
    check.result = holds ? CheckResult::pass : CheckResult::fail;
    check.sentence = holds ? fmt::format("{}: {}, as {} asks.", file_.subject, is, spec_.title)
                           : fmt::format("{}: {}, and {} asks for {}.", file_.subject, is, spec_.title, required);
    checks_.push_back(std::move(check));
  }

  template <class T, class Name>
  void one_of(std::string id, std::string title, const std::vector<T>& accepted, const std::optional<T>& is, Name name) {
    if (accepted.empty() || !is) return;
    std::string required;
    for (std::size_t i = 0; i < accepted.size(); ++i) required += (i == 0 ? "" : i + 1 == accepted.size() ? " or " : ", ") + name(accepted[i]);
    demand(std::move(id), std::move(title), name(*is), required, std::find(accepted.begin(), accepted.end(), *is) != accepted.end());
  }

  void file() {
    const FileDemands& asks = spec_.files;
    one_of<int>("sample_rate", "Sample rate", asks.sample_rates, file_.sample_rate, [](int hertz) { return fmt::format("{} Hz", hertz); });
    one_of("sample_type", "Bit depth", asks.sample_types, file_.sample_type, [](mix::SampleType type) {
      switch (type) {
        case mix::SampleType::int16: return std::string("16 bits");
        case mix::SampleType::int24: return std::string("24 bits");
        case mix::SampleType::int32: return std::string("32 bits");
        case mix::SampleType::float32: break;
      }
      return std::string("32-bit float");
    });
    if (!file_.is_stem) one_of("layout", "Layout", asks.layouts, file_.layout, [](Layout layout) { return std::string(name_of(layout)); });
    const auto split_text = [](mix::Split split) { return std::string(split == mix::Split::mono ? "a file for each channel" : "all channels in one file"); };
    if (asks.split && file_.split) demand("split", "Files", split_text(*file_.split), split_text(*asks.split), *asks.split == *file_.split);
    const bool order_matters = file_.split == mix::Split::none && file_.layout && channel_count(*file_.layout) > 2;  // files of one channel have none
    const auto order_text = [](mix::ChannelOrder order) { return std::string(order == mix::ChannelOrder::film ? "film order" : "SMPTE order"); };
    if (asks.order && file_.order && order_matters) demand("order", "Channel order", order_text(*file_.order), order_text(*asks.order), *asks.order == *file_.order);
  }

  const LoudnessReading& reading_;
  const Spec& spec_;
  const DeliveredFile& file_;
  std::vector<Check> checks_;
};

/// ISO 639-1 codes of the languages that films are dubbed into most.
constexpr std::pair<std::string_view, std::string_view> kLanguages[] = {
    {"ar", "Arabic"},    {"bg", "Bulgarian"}, {"bn", "Bengali"},   {"ca", "Catalan"},  {"cs", "Czech"},      {"da", "Danish"},     {"de", "German"},
    {"el", "Greek"},     {"en", "English"},   {"es", "Spanish"},   {"et", "Estonian"}, {"eu", "Basque"},     {"fa", "Persian"},    {"fi", "Finnish"},
    {"fr", "French"},    {"gl", "Galician"},  {"he", "Hebrew"},    {"hi", "Hindi"},    {"hr", "Croatian"},   {"hu", "Hungarian"},  {"id", "Indonesian"},
    {"is", "Icelandic"}, {"it", "Italian"},   {"ja", "Japanese"},  {"kn", "Kannada"},  {"ko", "Korean"},     {"lt", "Lithuanian"}, {"lv", "Latvian"},
    {"ml", "Malayalam"}, {"mr", "Marathi"},   {"ms", "Malay"},     {"nb", "Norwegian"}, {"nl", "Dutch"},     {"no", "Norwegian"},  {"pl", "Polish"},
    {"pt", "Portuguese"}, {"ro", "Romanian"}, {"ru", "Russian"},   {"sk", "Slovak"},   {"sl", "Slovenian"},  {"sr", "Serbian"},    {"sv", "Swedish"},
    {"ta", "Tamil"},     {"te", "Telugu"},    {"th", "Thai"},      {"tr", "Turkish"},  {"uk", "Ukrainian"},  {"vi", "Vietnamese"}, {"zh", "Chinese"}};

std::string version_in_words(const std::string& version) {
  for (const auto& [code, language] : kLanguages) {
    if (version == code) return std::string(language);
    const bool has_region = version.size() > 3 && version.starts_with(code) && (version[2] == '-' || version[2] == '_') &&
                            std::all_of(version.begin() + 3, version.end(), [](char c) { return ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9'); });
    if (has_region) return fmt::format("{} ({})", language, version.substr(3));
  }
  return version;
}

}  // namespace

std::string_view name_of(CheckResult result) {
  switch (result) {
    case CheckResult::pass: return "pass";
    case CheckResult::warning: return "warning";
    case CheckResult::fail: break;
  }
  return "fail";
}

bool all_pass(const std::vector<Check>& checks) {
  return std::none_of(checks.begin(), checks.end(), [](const Check& check) { return check.result == CheckResult::fail; });
}

std::string subject_of(const std::string& version, const std::string& deliverable, const std::optional<std::string>& bus) {
  std::string subject = version == "main" ? fmt::format("The {}", deliverable) : fmt::format("The {} {}", version_in_words(version), deliverable);
  if (bus) subject += ", " + *bus;
  return subject;
}

std::vector<Check> check(const LoudnessReading& reading, const Spec& spec, const DeliveredFile& file) { return Checker(reading, spec, file).run(); }

}  // namespace dubfarm::scheduler
