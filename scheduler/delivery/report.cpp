#include "scheduler/delivery/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace dubfarm::scheduler {
namespace {

using nlohmann::ordered_json;

ordered_json number_or_null(const std::optional<double>& value) {
  return value ? ordered_json(std::round(*value * 1000) / 1000) : ordered_json(nullptr);
}

std::string cell(const std::optional<double>& value) { return value ? fmt::format("{:.1f}", *value) : "-"; }

}  // namespace

std::string report_json(const Report& report) {
  ordered_json outputs = ordered_json::array();
  for (const ReportOutput& output : report.outputs) {
    ordered_json files = ordered_json::array();
    for (const ReportFile& file : output.files) files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}, {"channels", file.channels}});
    ordered_json entry = {{"version", output.version}, {"deliverable", output.deliverable}};
    if (output.bus) entry["bus"] = *output.bus;
    entry["layout"] = output.layout;
    entry["files"] = std::move(files);
    entry["loudness"] = {{"integrated_lufs", number_or_null(output.loudness.integrated_lufs)},
                         {"range_lu", number_or_null(output.loudness.range_lu)},
                         {"max_momentary_lufs", number_or_null(output.loudness.max_momentary_lufs)},
                         {"max_short_term_lufs", number_or_null(output.loudness.max_short_term_lufs)},
                         {"true_peak_dbtp", number_or_null(output.loudness.true_peak_dbtp)}};
    entry["clipped_samples"] = output.clipped_samples;
    entry["checks"] = ordered_json::array();
    entry["pass"] = true;  // no check failed: delivery specs are not checked by this version
    outputs.push_back(std::move(entry));
  }
  const ordered_json document = {
      {"dubfarm", DUBFARM_VERSION},
      {"mix", report.mix},
      {"title", report.title},
      {"sample_rate", report.sample_rate},
      {"length", report.length},
      {"backend", report.backend},
      {"outputs", std::move(outputs)},
      {"chunks", {{"total", report.chunks_total}, {"rendered", report.chunks_rendered}, {"reused", report.chunks_reused}}},
      {"rendered_seconds", std::round(report.rendered_seconds * 1000) / 1000},
      {"elapsed_seconds", std::round(report.elapsed_seconds * 1000) / 1000},
  };
  return document.dump(2) + "\n";
}

std::string report_table(const Report& report) {
  std::size_t width = 4;
  for (const ReportOutput& output : report.outputs)
    for (const ReportFile& file : output.files) width = std::max(width, file.path.size());
  std::string table = fmt::format("{:<{}}  {:>6}  {:>5}  {:>6}  {:>6}  {:>6}\n", "file", width, "I LUFS", "LRA", "M max", "S max", "dBTP");
  for (const ReportOutput& output : report.outputs) {
    const LoudnessReading& l = output.loudness;
    for (const ReportFile& file : output.files) {
      const bool first = &file == &output.files.front();
      table += fmt::format("{:<{}}", file.path, width);
      if (first)
        table += fmt::format("  {:>6}  {:>5}  {:>6}  {:>6}  {:>6}", cell(l.integrated_lufs), cell(l.range_lu), cell(l.max_momentary_lufs),
                             cell(l.max_short_term_lufs), cell(l.true_peak_dbtp));
      if (first && output.clipped_samples > 0) table += fmt::format("  {} samples clipped", output.clipped_samples);
      table += "\n";
    }
  }
  return table;
}

}  // namespace dubfarm::scheduler
