#include "scheduler/delivery/print_record.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/hex.hpp"

namespace dubfarm::scheduler {
namespace {

using Json = nlohmann::json;

/// JSON has no infinities and no NaN: they are words.
Json json_of(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}
double number_of(const Json& json) {
  if (!json.is_string()) return json.get<double>();
  const auto text = json.get<std::string>();
  if (text != "nan" && text != "inf" && text != "-inf") throw Json::other_error::create(501, "no number", nullptr);
  return text == "nan" ? NAN : text == "inf" ? INFINITY : -INFINITY;
}
template <class T>
T whole(const Json& json) {
  if (!json.is_number_integer()) throw Json::other_error::create(501, "no whole number", nullptr);
  return json.get<T>();
}
Json json_of(const std::optional<double>& value) { return value ? json_of(*value) : Json(); }
std::optional<double> optional_of(const Json& json) { return json.is_null() ? std::nullopt : std::optional(number_of(json)); }

template <class T>
Json list_of(const std::vector<T>& values) {
  Json list = Json::array();
  for (const T& value : values) list.push_back(json_of(value));
  return list;
}
std::vector<std::optional<double>> optionals_of(const Json& json) {
  std::vector<std::optional<double>> values;
  for (const Json& one : json) values.push_back(optional_of(one));
  return values;
}

Json json_of(const LoudnessReading& l) {
  Json json = {{"integrated_lufs", json_of(l.integrated_lufs)},
               {"range_lu", json_of(l.range_lu)},
               {"max_momentary_lufs", json_of(l.max_momentary_lufs)},
               {"max_short_term_lufs", json_of(l.max_short_term_lufs)},
               {"true_peak_dbtp", json_of(l.true_peak_dbtp)},
               {"sample_peak_dbfs", json_of(l.sample_peak_dbfs)},
               {"channel_true_peak_dbtp", list_of(l.channel_true_peak_dbtp)},
               {"channel_sample_peak_dbfs", list_of(l.channel_sample_peak_dbfs)},
               {"channel_dc_offset", list_of(l.channel_dc_offset)},
               {"leqm_db", json_of(l.leqm_db)},
               {"is_too_short", l.is_too_short}};
  if (l.dialogue)
    json["dialogue"] = {json_of(l.dialogue->speech_share), json_of(l.dialogue->loudness_lufs), json_of(l.dialogue->stem_lufs), json_of(l.dialogue->stem_range_lu),
                        json_of(l.dialogue->ratio_lu)};
  return json;
}
LoudnessReading reading_from(const Json& json) {
  LoudnessReading l;
  l.integrated_lufs = optional_of(json.at("integrated_lufs"));
  l.range_lu = optional_of(json.at("range_lu"));
  l.max_momentary_lufs = optional_of(json.at("max_momentary_lufs"));
  l.max_short_term_lufs = optional_of(json.at("max_short_term_lufs"));
  l.true_peak_dbtp = optional_of(json.at("true_peak_dbtp"));
  l.sample_peak_dbfs = optional_of(json.at("sample_peak_dbfs"));
  l.channel_true_peak_dbtp = optionals_of(json.at("channel_true_peak_dbtp"));
  l.channel_sample_peak_dbfs = optionals_of(json.at("channel_sample_peak_dbfs"));
  for (const Json& one : json.at("channel_dc_offset")) l.channel_dc_offset.push_back(number_of(one));
  if (json.contains("dialogue")) {
    const Json& d = json.at("dialogue");
    l.dialogue = DialogueReading{number_of(d.at(0)), optional_of(d.at(1)), optional_of(d.at(2)), optional_of(d.at(3)), optional_of(d.at(4))};
  }
  l.leqm_db = optional_of(json.at("leqm_db"));
  l.is_too_short = json.at("is_too_short").get<bool>();
  return l;
}

Json json_of(const Check& c) {
  return {{"id", c.id}, {"title", c.title}, {"measured", json_of(c.measured)}, {"min", json_of(c.min)}, {"max", json_of(c.max)}, {"unit", c.unit},
          {"measured_text", c.measured_text}, {"required_text", c.required_text}, {"result", name_of(c.result)}, {"spec", c.spec}, {"edition", c.edition},
          {"section", c.section}, {"is_verified", c.is_verified}, {"sentence", c.sentence}};
}
std::optional<Check> check_from(const Json& json) {
  Check c;
  c.id = json.at("id"), c.title = json.at("title"), c.unit = json.at("unit");
  c.measured = optional_of(json.at("measured")), c.min = optional_of(json.at("min")), c.max = optional_of(json.at("max"));
  c.measured_text = json.at("measured_text"), c.required_text = json.at("required_text");
  c.spec = json.at("spec"), c.edition = json.at("edition"), c.section = json.at("section"), c.sentence = json.at("sentence");
  c.is_verified = json.at("is_verified").get<bool>();
  const auto result = json.at("result").get<std::string>();
  for (const CheckResult one : {CheckResult::pass, CheckResult::warning, CheckResult::fail})
    if (name_of(one) == result) {
      c.result = one;
      return c;
    }
  return std::nullopt;
}

Json json_of(const PrintRecord::Gain& gain) {
  Json json = {{"key", gain.key.hex()}, {"is_silent", gain.answer.is_silent}, {"gain_db", json_of(gain.answer.gain_db)}, {"lufs", json_of(gain.answer.lufs)},
               {"true_peak_dbtp", json_of(gain.answer.true_peak_dbtp)}};
  if (const auto& target = gain.answer.target) json["target"] = {{"gating", target->gating == Gating::dialogue ? "dialogue" : "program"}, {"lufs", json_of(target->lufs)}};
  return json;
}
std::optional<PrintRecord::Gain> gain_from(const Json& json) {
  PrintRecord::Gain gain;
  if (!from_hex(json.at("key").get<std::string>(), gain.key.bytes)) return std::nullopt;
  gain.answer.is_silent = json.at("is_silent").get<bool>();
  gain.answer.gain_db = number_of(json.at("gain_db"));
  gain.answer.lufs = number_of(json.at("lufs"));
  gain.answer.true_peak_dbtp = number_of(json.at("true_peak_dbtp"));
  if (json.contains("target"))
    gain.answer.target = LevelTarget{json.at("target").at("gating") == "dialogue" ? Gating::dialogue : Gating::program, number_of(json.at("target").at("lufs"))};
  if (!gain.answer.target && !gain.answer.is_silent) return std::nullopt;
  return gain;
}

std::optional<RecordedFile> file_from(const Json& json) {
  RecordedFile file;
  file.sha256 = json.at("sha256");
  file.bytes = whole<std::uint64_t>(json.at("bytes"));
  std::array<std::uint8_t, 32> bytes{};
  if (!from_hex(file.sha256, bytes)) return std::nullopt;
  for (const Json& place : json.at("places"))
    file.places.push_back({place.at("path"), whole<std::uint64_t>(place.at("inode")), whole<std::int64_t>(place.at("mtime_ns")), whole<std::int64_t>(place.at("ctime_ns"))});
  return file;
}

std::optional<PrintRecord> record_from(const Json& json) {
  if (!json.is_object() || json.value("dubfarm_print_record", 0) != 1) return std::nullopt;
  PrintRecord record;
  for (const Json& one : json.at("files")) {
    std::optional<RecordedFile> file = file_from(one);
    if (!file) return std::nullopt;
    record.files.push_back(std::move(*file));
  }
  record.loudness = reading_from(json.at("loudness"));
  record.series.step = whole<Frames>(json.at("series").at("step"));
  record.series.momentary_lufs = optionals_of(json.at("series").at("momentary_lufs"));
  record.series.short_term_lufs = optionals_of(json.at("series").at("short_term_lufs"));
  record.series.peak_dbfs = optionals_of(json.at("series").at("peak_dbfs"));
  for (const Json& peak : json.at("true_peaks")) record.peaks.push_back({whole<Frames>(peak.at(0)), number_of(peak.at(1))});
  for (const Json& one : json.at("qc")) {
    std::optional<Check> check = check_from(one);
    if (!check) return std::nullopt;
    record.qc.push_back(std::move(*check));
  }
  record.clipped_samples = whole<std::int64_t>(json.at("clipped_samples"));
  record.limiter_reduction_db = number_of(json.at("limiter_reduction_db"));
  if (json.contains("gain")) {
    record.gain = gain_from(json.at("gain"));
    if (!record.gain) return std::nullopt;
  }
  return record;
}

}  // namespace

std::string print_record_json(const PrintRecord& record) {
  Json files = Json::array(), peaks = Json::array(), qc = Json::array();
  for (const RecordedFile& file : record.files) {
    Json places = Json::array();
    for (const DeliveredPlace& place : file.places)
      places.push_back({{"path", place.path}, {"inode", place.inode}, {"mtime_ns", place.mtime_ns}, {"ctime_ns", place.ctime_ns}});
    files.push_back({{"sha256", file.sha256}, {"bytes", file.bytes}, {"places", std::move(places)}});
  }
  for (const PeakMark& mark : record.peaks) peaks.push_back({mark.at, json_of(mark.dbtp)});
  for (const Check& check : record.qc) qc.push_back(json_of(check));
  Json json = {{"dubfarm_print_record", 1},
               {"files", std::move(files)},
               {"loudness", json_of(record.loudness)},
               {"series",
                {{"step", record.series.step},
                 {"momentary_lufs", list_of(record.series.momentary_lufs)},
                 {"short_term_lufs", list_of(record.series.short_term_lufs)},
                 {"peak_dbfs", list_of(record.series.peak_dbfs)}}},
               {"true_peaks", std::move(peaks)},
               {"qc", std::move(qc)},
               {"clipped_samples", record.clipped_samples},
               {"limiter_reduction_db", json_of(record.limiter_reduction_db)}};
  if (record.gain) json["gain"] = json_of(*record.gain);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<PrintRecord> parse_print_record(std::string_view text) {
  try {
    return record_from(Json::parse(text));
  } catch (const Json::exception&) {  // cut short, or not ours
    return std::nullopt;
  }
}

}  // namespace dubfarm::scheduler
