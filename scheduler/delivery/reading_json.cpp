#include "scheduler/delivery/reading_json.hpp"

#include <fmt/format.h>

#include <cmath>

namespace dubfarm::scheduler {
namespace {

using nlohmann::ordered_json;

ordered_json number_or_null(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? ordered_json(std::round(*value * 1000) / 1000) : ordered_json(nullptr);
}

}  // namespace

ordered_json loudness_json(const LoudnessReading& reading, std::optional<Layout> layout) {
  ordered_json out = {{"integrated_lufs", number_or_null(reading.integrated_lufs)},
                      {"range_lu", number_or_null(reading.range_lu)},
                      {"max_momentary_lufs", number_or_null(reading.max_momentary_lufs)},
                      {"max_short_term_lufs", number_or_null(reading.max_short_term_lufs)},
                      {"true_peak_dbtp", number_or_null(reading.true_peak_dbtp)},
                      {"sample_peak_dbfs", number_or_null(reading.sample_peak_dbfs)}};
  if (!reading.integrated_lufs) out["in_words"] = reading.is_too_short ? "shorter than the 400 ms that loudness is measured over" : "-inf: silence, or nothing above -70 LUFS";
  if (reading.dialogue)
    out["dialogue"] = {{"speech_share", std::round(reading.dialogue->speech_share * 1e4) / 1e4},
                       {"loudness_lufs", number_or_null(reading.dialogue->loudness_lufs)},
                       {"stem_lufs", number_or_null(reading.dialogue->stem_lufs)},
                       {"stem_range_lu", number_or_null(reading.dialogue->stem_range_lu)},
                       {"ratio_lu", number_or_null(reading.dialogue->ratio_lu)}};
  if (reading.leqm_db) out["leqm_db"] = number_or_null(reading.leqm_db);
  ordered_json channels = ordered_json::array();
  for (std::size_t c = 0; c < reading.channel_true_peak_dbtp.size(); ++c) {
    ordered_json channel = {{"channel", layout ? std::string(channel_names(*layout)[c]) : std::to_string(c + 1)},
                            {"true_peak_dbtp", number_or_null(reading.channel_true_peak_dbtp[c])},
                            {"sample_peak_dbfs", number_or_null(reading.channel_sample_peak_dbfs[c])}};
    if (c < reading.channel_dc_offset.size()) channel["dc_offset"] = std::round(reading.channel_dc_offset[c] * 1e7) / 1e7;
    channels.push_back(std::move(channel));
  }
  out["channels"] = std::move(channels);
  return out;
}

ordered_json spec_json(const Spec& spec) {
  return {{"name", spec.name}, {"title", spec.title}, {"edition", spec.edition},        {"date", spec.date},
          {"url", spec.url},   {"unit", spec.unit},   {"verified", spec.is_verified}, {"provenance", spec.provenance}};
}

ordered_json checks_json(const std::vector<Check>& checks) {
  ordered_json list = ordered_json::array();
  for (const Check& check : checks) {
    ordered_json out = {{"id", check.id},
                        {"title", check.title},
                        {"result", name_of(check.result)},
                        {"measured", number_or_null(check.measured)},
                        {"min", number_or_null(check.min)},
                        {"max", number_or_null(check.max)},
                        {"unit", check.unit},
                        {"measured_text", check.measured_text},
                        {"required_text", check.required_text}};
    if (!check.spec.empty()) {
      out["spec"] = check.spec;
      out["edition"] = check.edition;
      out["section"] = check.section;
      out["verified"] = check.is_verified;
    }
    out["sentence"] = check.sentence;
    list.push_back(std::move(out));
  }
  return list;
}

std::string faults_text(const std::vector<Check>& checks) {
  std::string out;
  for (const Check& check : checks) {
    if (check.result == CheckResult::pass) continue;
    out += fmt::format("{}: {}", check.result == CheckResult::fail ? "FAIL" : "warning", check.sentence);
    if (!check.spec.empty()) out += fmt::format(" ({} {}, {}{})", check.spec, check.edition, check.section, check.is_verified ? "" : "; not verified");
    out += "\n";
  }
  return out;
}

}  // namespace dubfarm::scheduler
