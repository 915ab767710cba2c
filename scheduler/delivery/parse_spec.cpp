// From the text of a spec file to a Spec (docs/formats/spec.md).
#include <algorithm>

#include "common/mix/json.hpp"
#include "common/mix/reader.hpp"
#include "scheduler/delivery/spec.hpp"

namespace dubfarm::scheduler {
namespace {

using mix::Fields;
using mix::JsonType;
using mix::KeySet;
using mix::Limits;
using mix::Reader;
using mix::Value;

constexpr std::string_view kFormat = "the spec format";
constexpr std::string_view kSpecKeys[] = {"spec",        "name",          "title",          "publisher",   "edition",    "date",
                                          "url",         "verified",      "provenance",     "unit",        "loudness",   "program",
                                          "true_peak",   "sample_peak",   "short_term",     "momentary",   "range",      "dialogue_range",
                                          "dialogue_ratio", "leqm",       "window",         "files",       "naming"};
constexpr std::string_view kRuleKeys[] = {"gating", "target", "tolerance", "lowest", "highest", "speech_at_least", "speech_below", "section"};
constexpr std::string_view kLimitKeys[] = {"min", "max", "tolerance", "advice", "section"};
constexpr std::string_view kWindowKeys[] = {"measure", "section"};
constexpr std::string_view kFilesKeys[] = {"sample_rates", "bits", "layouts", "split", "order", "section"};
constexpr std::string_view kNamingKeys[] = {"pattern", "section"};
constexpr KeySet kSpecObject{"delivery spec", kSpecKeys, kFormat}, kRuleObject{"loudness rule", kRuleKeys, kFormat}, kLimitObject{"limit", kLimitKeys, kFormat},
    kWindowObject{"window", kWindowKeys, kFormat}, kFilesObject{"set of file demands", kFilesKeys, kFormat}, kNamingObject{"naming", kNamingKeys, kFormat};

constexpr std::pair<std::string_view, Gating> kGatings[] = {{"program", Gating::program}, {"dialogue", Gating::dialogue}};
constexpr std::pair<std::string_view, Window> kWindows[] = {{"file", Window::file}, {"action", Window::action}};
constexpr std::pair<std::string_view, mix::Split> kSplits[] = {{"none", mix::Split::none}, {"mono", mix::Split::mono}};
constexpr std::pair<std::string_view, mix::ChannelOrder> kOrders[] = {{"smpte", mix::ChannelOrder::smpte}, {"film", mix::ChannelOrder::film}};
constexpr std::pair<std::string_view, std::string_view> kUnits[] = {{"LUFS", "LUFS"}, {"LKFS", "LKFS"}};

constexpr Limits kLoudnessLimits{-100, 20, ""}, kReadingLimits{-200, 200, ""}, kToleranceLimits{0, 30, ""}, kShareLimits{0, 1, ""};

class SpecParser {
 public:
  Reader reader;
  Spec spec;

  void read(const Value& root) {
    const Fields fields(reader, root, kSpecObject);
    if (root.node.type != JsonType::object) return;
    if (const auto version = fields.required("spec", "begin the file with \"spec\": 1"); version && (version->node.type != JsonType::integer || version->node.integer != 1))
      reader.error(*version, fmt::format("\"spec\" is {}, and this dubfarm reads spec format 1", shown(version->node)), "write \"spec\": 1", "expected 1");
    read_text(fields.required("name", "write a name for it: \"name\": \"our-house\""), spec.name);
    read_text(fields.required("title", "write how messages shall call it: \"title\": \"Our house\""), spec.title);
    read_text(fields.required("edition", "write which edition of the document these numbers are of: \"edition\": \"v1.2\""), spec.edition);
    read_text(fields.find("publisher"), spec.publisher);
    read_text(fields.find("date"), spec.date);
    read_text(fields.find("url"), spec.url);
    read_text(fields.find("provenance"), spec.provenance);
    if (const auto verified = fields.find("verified")) spec.is_verified = reader.boolean(*verified).value_or(false);
    if (const auto unit = fields.find("unit")) spec.unit = reader.choice(*unit, kUnits).value_or("LUFS");
    if (const auto rules = fields.find("loudness")) reader.each(*rules, "a list of loudness rules", [&](const Value& rule) { read_rule(rule); });
    const auto limit = [&](std::string_view key, std::optional<Limit>& to) {
      if (const auto value = fields.find(key)) to = read_limit(*value);
    };
    limit("program", spec.program_lufs);
    limit("true_peak", spec.true_peak_dbtp);
    limit("sample_peak", spec.sample_peak_dbfs);
    limit("short_term", spec.max_short_term_lufs);
    limit("momentary", spec.max_momentary_lufs);
    limit("range", spec.range_lu);
    limit("dialogue_range", spec.dialogue_range_lu);
    limit("dialogue_ratio", spec.dialogue_ratio_lu);
    limit("leqm", spec.leqm_db);
    if (const auto window = fields.find("window")) read_window(*window);
    if (const auto files = fields.find("files")) read_files(*files);
    if (const auto naming = fields.find("naming")) {
      const Fields of(reader, *naming, kNamingObject);
      read_text(of.required("pattern", "write the pattern of the names"), spec.naming.pattern);
      spec.naming.section = section(of);
    }
  }

 private:
  void read_text(const std::optional<Value>& value, std::string& to) {
    if (!value) return;
    if (auto text = reader.text(*value, "a string")) to = std::move(*text);
  }

  /// Every number says where it comes from.
  std::string section(const Fields& of) {
    std::string text;
    read_text(of.required("section", "say where the document asks for this: \"section\": \"4.2, table 1\""), text);
    return text;
  }

  std::optional<double> number(const Fields& of, std::string_view key, const Limits& limits) {
    const auto value = of.find(key);
    return value ? reader.number(*value, limits) : std::nullopt;
  }

  void read_rule(const Value& value) {
    const std::size_t before = reader.errors.size();
    const Fields of(reader, value, kRuleObject);
    if (value.node.type != JsonType::object) return;
    LoudnessRule rule;
    if (const auto gating = of.required("gating", "write \"program\" or \"dialogue\"")) rule.gating = reader.choice(*gating, kGatings).value_or(rule.gating);
    rule.target_lufs = number(of, "target", kLoudnessLimits);
    const auto tolerance = number(of, "tolerance", kToleranceLimits), lowest = number(of, "lowest", kLoudnessLimits), highest = number(of, "highest", kLoudnessLimits);
    rule.speech_at_least = number(of, "speech_at_least", kShareLimits);
    rule.speech_below = number(of, "speech_below", kShareLimits);
    rule.section = section(of);
    if (reader.errors.size() != before) return;
    const bool by_target = rule.target_lufs && tolerance && !lowest && !highest, by_range = lowest && highest && !tolerance;
    if (!by_target && !by_range)
      return reader.error(value, "a loudness rule has \"target\" and \"tolerance\", or \"lowest\" and \"highest\"",
                          "write { \"target\": -23, \"tolerance\": 0.5 } or { \"lowest\": -27, \"highest\": -23 }; a range may have a target too", "which readings pass?");
    rule.lowest_lufs = by_target ? *rule.target_lufs - *tolerance : *lowest;
    rule.highest_lufs = by_target ? *rule.target_lufs + *tolerance : *highest;
    if (rule.lowest_lufs > rule.highest_lufs)
      return reader.error(value, fmt::format("\"lowest\" is {} and \"highest\" is {}", rule.lowest_lufs, rule.highest_lufs), "", "no reading passes");
    if (rule.target_lufs && (*rule.target_lufs < rule.lowest_lufs || *rule.target_lufs > rule.highest_lufs))
      return reader.error(value, fmt::format("\"target\" is {}, outside {} to {}", *rule.target_lufs, rule.lowest_lufs, rule.highest_lufs), "", "the target would fail");
    spec.loudness.push_back(std::move(rule));
  }

  std::optional<Limit> read_limit(const Value& value) {
    const std::size_t before = reader.errors.size();
    const Fields of(reader, value, kLimitObject);
    if (value.node.type != JsonType::object) return std::nullopt;
    Limit limit;
    limit.min = number(of, "min", kReadingLimits);
    limit.max = number(of, "max", kReadingLimits);
    limit.meter_tolerance = number(of, "tolerance", kToleranceLimits).value_or(0);
    if (const auto advice = of.find("advice")) limit.is_advice = reader.boolean(*advice).value_or(false);
    limit.section = section(of);
    if (reader.errors.size() != before) return std::nullopt;
    if (!limit.min && !limit.max) reader.error(value, fmt::format("\"{}\" has neither \"min\" nor \"max\"", value.name()), "write { \"max\": -1, \"section\": ... }", "limits nothing");
    else if (limit.min && limit.max && *limit.min > *limit.max)
      reader.error(value, fmt::format("\"min\" is {} and \"max\" is {}", *limit.min, *limit.max), "", "no reading passes");
    return limit;
  }

  void read_window(const Value& value) {
    const Fields of(reader, value, kWindowObject);
    if (const auto measure = of.required("measure", "write \"file\" or \"action\" (first to last frame of action)"))
      spec.window = reader.choice(*measure, kWindows).value_or(Window::file);
    spec.window_section = section(of);
  }

  void read_files(const Value& value) {
    const Fields of(reader, value, kFilesObject);
    if (const auto rates = of.find("sample_rates"))
      reader.each(*rates, "a list of sample rates", [&](const Value& rate) {
        if (const auto hertz = reader.whole(rate, 8000, 384000)) spec.files.sample_rates.push_back(static_cast<int>(*hertz));
      });
    if (const auto bits = of.find("bits"))
      reader.each(*bits, "a list of sample types", [&](const Value& type) { read_sample_type(type); });
    if (const auto layouts = of.find("layouts"))
      reader.each(*layouts, "a list of layouts", [&](const Value& layout) {
        if (const auto known = reader.layout(layout)) spec.files.layouts.push_back(*known);
      });
    if (const auto split = of.find("split")) spec.files.split = reader.choice(*split, kSplits);
    if (const auto order = of.find("order")) spec.files.order = reader.choice(*order, kOrders);
    spec.files.section = section(of);
  }

  void read_sample_type(const Value& value) {
    const mix::JsonNode& node = value.node;
    if (node.type == JsonType::integer && node.integer == 16) spec.files.sample_types.push_back(mix::SampleType::int16);
    else if (node.type == JsonType::integer && node.integer == 24) spec.files.sample_types.push_back(mix::SampleType::int24);
    else if (node.type == JsonType::integer && node.integer == 32) spec.files.sample_types.push_back(mix::SampleType::int32);
    else if (node.type == JsonType::string && node.string == "float") spec.files.sample_types.push_back(mix::SampleType::float32);
    else reader.error(value, fmt::format("\"bits\" holds {}, not a sample type", shown(node)), "write 16, 24, 32 or \"float\"", "expected 16, 24, 32 or \"float\"");
  }
};

}  // namespace

SpecOutcome parse_spec(std::string_view text) {
  const auto parsed = mix::parse_json(text);
  if (const auto* error = std::get_if<mix::JsonError>(&parsed))
    return {std::nullopt, {{error->message, "a delivery spec is JSON in UTF-8; comments start with //", {error->pointer, error->spot.line, error->spot.column}, ""}}};
  SpecParser parser;
  parser.read(Value{std::get<mix::JsonNode>(parsed)});
  std::vector<mix::Diagnostic>& errors = parser.reader.errors;
  if (errors.empty()) return {std::move(parser.spec), {}};
  std::stable_sort(errors.begin(), errors.end(), [](const mix::Diagnostic& a, const mix::Diagnostic& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  return {std::nullopt, std::move(errors)};
}

}  // namespace dubfarm::scheduler
