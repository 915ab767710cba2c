#include "scheduler/delivery/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/mix/recut.hpp"
#include "scheduler/delivery/reading_json.hpp"

namespace dubfarm::scheduler {
namespace {

using nlohmann::ordered_json;

/// Indented, but for lists of plain values, which take one line: a curve is not a screenful.
void write(std::string& out, const ordered_json& value, std::size_t indent) {
  const auto is_plain = [](const ordered_json& v) { return !v.is_structured(); };
  if (!value.is_structured() || value.empty() || (value.is_array() && std::all_of(value.begin(), value.end(), is_plain))) {
    out += value.dump();
    return;
  }
  out += value.is_array() ? '[' : '{';
  bool is_first = true;
  for (const auto& [key, member] : value.items()) {
    out += is_first ? "\n" : ",\n";
    is_first = false;
    out.append(indent + 2, ' ');
    if (value.is_object()) out += ordered_json(key).dump() + ": ";
    write(out, member, indent + 2);
  }
  out += '\n';
  out.append(indent, ' ');
  out += value.is_array() ? ']' : '}';
}

ordered_json json_of(const std::vector<std::optional<double>>& points) {
  ordered_json list = ordered_json::array();
  for (const auto& point : points) list.push_back(point ? ordered_json(std::round(*point * 10) / 10) : ordered_json(nullptr));
  return list;
}

std::string cell(const std::optional<double>& value) { return value ? fmt::format("{:.1f}", *value) : "-"; }
/// Loudness that is not there is minus infinity, but for what is too short to have one.
std::string loudness_cell(const LoudnessReading& l) { return l.integrated_lufs || l.is_too_short ? cell(l.integrated_lufs) : "-inf"; }

}  // namespace

std::string timecode_at(const Report& report, Frames at) {
  return mix::timecode_at(at, report.sample_rate, report.frame_rate, report.start_frames);
}

ReportVersion report_version(const mix::Document& document, const mix::Version& version) {
  const mix::TimeMap time(document, version);
  ReportVersion out{version.name, time.length(), version.recut.has_value(), {}};
  const auto timecode = [&](Frames at) {
    return mix::format_timecode(document.start_frames + mix::video_frames(at, document.sample_rate, document.frame_rate), document.frame_rate);
  };
  for (const mix::TimeStretch& hole : time.holes()) out.holes.push_back({hole.begin, hole.end, timecode(hole.begin), timecode(hole.end)});
  return out;
}

std::string report_json(const Report& report) {
  ordered_json outputs = ordered_json::array();
  for (const ReportOutput& output : report.outputs) {
    ordered_json files = ordered_json::array();
    for (const ReportFile& file : output.files) files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}, {"channels", file.channels}});
    ordered_json entry = {{"version", output.version}, {"deliverable", output.deliverable}};
    if (output.bus) entry["bus"] = *output.bus;
    entry["layout"] = output.layout;
    entry["files"] = std::move(files);
    entry["loudness"] = loudness_json(output.loudness, layout_named(output.layout));
    entry["clipped_samples"] = output.clipped_samples;
    ordered_json marks = ordered_json::array();
    if (output.spec) entry["spec"] = spec_json(*output.spec);
    entry["checks"] = checks_json(output.checks);
    entry["pass"] = all_pass(output.checks);
    for (const PeakMark& mark : output.peaks)
      marks.push_back({{"at", mark.at}, {"timecode", timecode_at(report, mark.at)}, {"dbtp", std::round(mark.dbtp * 100) / 100}});
    entry["true_peaks"] = std::move(marks);
    entry["series"] = {{"step", output.series.step},
                       {"momentary_lufs", json_of(output.series.momentary_lufs)},
                       {"short_term_lufs", json_of(output.series.short_term_lufs)},
                       {"peak_dbfs", json_of(output.series.peak_dbfs)}};
    outputs.push_back(std::move(entry));
  }
  ordered_json versions = ordered_json::array();
  for (const ReportVersion& version : report.versions) {
    ordered_json entry = {{"name", version.name}, {"length", version.length}};
    if (version.is_recut) {
      entry["holes"] = ordered_json::array();
      for (const ReportHole& hole : version.holes)
        entry["holes"].push_back({{"from", hole.from}, {"to", hole.to}, {"from_timecode", hole.from_timecode}, {"to_timecode", hole.to_timecode}});
    }
    versions.push_back(std::move(entry));
  }
  const ordered_json document = {
      {"dubfarm_report", 1},
      {"dubfarm", DUBFARM_VERSION},
      {"mix", report.mix},
      {"title", report.title},
      {"sample_rate", report.sample_rate},
      {"length", report.length},
      {"frame_rate", mix::name_of(report.frame_rate)},
      {"start", mix::format_timecode(report.start_frames, report.frame_rate)},
      {"backend", report.backend},
      {"versions", std::move(versions)},
      {"outputs", std::move(outputs)},
      {"chunks", {{"total", report.chunks_total}, {"rendered", report.chunks_rendered}, {"reused", report.chunks_reused}}},
      {"lost_chunks", report.chunks_lost},
      {"prints", {{"total", report.prints_printed + report.prints_reused}, {"printed", report.prints_printed}, {"reused", report.prints_reused}}},
      {"rendered_seconds", std::round(report.rendered_seconds * 1000) / 1000},
      {"elapsed_seconds", std::round(report.elapsed_seconds * 1000) / 1000},
  };
  std::string text;
  write(text, document, 0);
  return text + "\n";
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
        table += fmt::format("  {:>6}  {:>5}  {:>6}  {:>6}  {:>6}", loudness_cell(l), cell(l.range_lu), cell(l.max_momentary_lufs),
                             cell(l.max_short_term_lufs), cell(l.true_peak_dbtp));
      if (first && output.clipped_samples > 0) table += fmt::format("  {} samples clipped", output.clipped_samples);
      table += "\n";
    }
  }
  constexpr std::size_t kMostListed = 20;
  for (const ReportVersion& version : report.versions) {
    if (version.holes.empty()) continue;
    table += fmt::format("version {} has {} without sound of the old cut:\n", version.name,
                         version.holes.size() == 1 ? "a hole" : fmt::format("{} holes", version.holes.size()));
    for (std::size_t i = 0; i < std::min(version.holes.size(), kMostListed); ++i)
      table += fmt::format("  {} to {}\n", version.holes[i].from_timecode, version.holes[i].to_timecode);
    if (version.holes.size() > kMostListed) table += fmt::format("  and {} more, in the report\n", version.holes.size() - kMostListed);
  }
  std::string faults;
  for (const ReportOutput& output : report.outputs) faults += faults_text(output.checks);
  return faults.empty() ? table : table + "\n" + faults;
}

bool passes(const Report& report) {
  return std::all_of(report.outputs.begin(), report.outputs.end(), [](const ReportOutput& output) { return all_pass(output.checks); });
}

}  // namespace dubfarm::scheduler
