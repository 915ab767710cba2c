#include "cli/client/farm_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

namespace dubfarm::cli {

using Json = nlohmann::ordered_json;

namespace {

std::string text_of(const Json& json, const char* key) { return json.value(key, std::string()); }
double number_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : 0;
}
bool has_number(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number();
}

/// Width as a terminal shows it, roughly: one column for a code point.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths.resize(std::max(widths.size(), row.size()));
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string percent_of(const Json& job) { return fmt::format("{:.1f} %", std::floor(number_of(job, "progress") * 1000) / 10); }
std::string speed_of(const Json& job) { return has_number(job, "speed") ? fmt::format("{:.1f}x real time", number_of(job, "speed")) : ""; }
std::string left_of(const Json& job) { return has_number(job, "seconds_left") ? span_text(number_of(job, "seconds_left")) + " left" : ""; }

}  // namespace

std::string span_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s / 60 % 60);
}

std::string job_progress_line(const Json& job) {
  constexpr std::size_t kCells = 24;
  const auto full = static_cast<std::size_t>(std::floor(number_of(job, "progress") * kCells));
  std::string line = fmt::format("[{:#<{}}{:-<{}}] {}  {}", "", std::min(full, kCells), "", kCells - std::min(full, kCells), percent_of(job), text_of(job, "state"));
  for (const std::string& part : {speed_of(job), left_of(job)})
    if (!part.empty()) line += "  " + part;
  return line;
}

std::string job_text(const Json& job) {
  std::vector<std::vector<std::string>> rows;
  const auto row = [&](const char* name, const std::string& value) {
    if (!value.empty()) rows.push_back({name, value});
  };
  const Json& tasks = job.at("tasks");
  std::string counts = fmt::format("{} of {} done", tasks.value("done", 0) + tasks.value("reused", 0), tasks.value("total", 0));
  for (const char* state : {"reused", "running", "failed", "cancelled"})
    if (tasks.value(state, 0) > 0) counts += fmt::format(", {} {}", tasks.value(state, 0), state);
  row("job", fmt::format("{}  {}", job.value("id", 0ULL), text_of(job, "name")));
  row("state", text_of(job, "state"));
  row("project", text_of(job, "project"));
  row("submitted", fmt::format("{} by {}", text_of(job, "created"), text_of(job, "submitter")));
  row("priority", std::to_string(job.value("priority", 0)));
  row("tags", fmt::format("{}", fmt::join(job.value("tags", std::vector<std::string>()), ", ")));
  row("profile", text_of(job, "profile"));
  row("outputs in", text_of(job, "out"));
  row("tasks", counts);
  row("progress", percent_of(job));
  row("speed", speed_of(job));
  row("time left", has_number(job, "seconds_left") ? span_text(number_of(job, "seconds_left")) : "");
  row("devices", number_of(job, "device_seconds") > 0 ? span_text(number_of(job, "device_seconds")) : "");
  std::string out = table(rows);
  for (const Json& problem : job.value("problems", Json::array())) {
    out += fmt::format("problem: {}\n", text_of(problem, "message"));
    if (const std::string help = text_of(problem, "help"); !help.empty()) out += fmt::format("  help: {}\n", help);
  }
  return out;
}

std::string jobs_table(const Json& jobs) {
  if (jobs.empty()) return "no jobs\n";
  std::vector<std::vector<std::string>> rows{{"JOB", "STATE", "PROGRESS", "LEFT", "PRIORITY", "PROJECT", "NAME"}};
  for (const Json& job : jobs)
    rows.push_back({std::to_string(job.value("id", 0ULL)), text_of(job, "state"), percent_of(job), has_number(job, "seconds_left") ? span_text(number_of(job, "seconds_left")) : "",
                    std::to_string(job.value("priority", 0)), text_of(job, "project"), text_of(job, "name")});
  return table(rows);
}

std::string workers_table(const Json& workers) {
  if (workers.empty()) return "no workers\n";
  std::vector<std::vector<std::string>> rows{{"WORKER", "ID", "STATE", "RUNS", "DONE", "FAILED", "PROFILE", "HOST", "REASON"}};
  for (const Json& worker : workers)
    rows.push_back({text_of(worker, "name"), text_of(worker, "id"), text_of(worker, "state"), fmt::format("{} of {}", worker.at("running").size(), worker.value("slots", 0)),
                    std::to_string(worker.value("tasks_done", 0ULL)), std::to_string(worker.value("tasks_failed", 0ULL)), text_of(worker, "profile"), text_of(worker, "host"), text_of(worker, "reason")});
  return table(rows);
}

std::string outputs_text(const Json& outputs) {
  std::vector<std::vector<std::string>> rows{{"OUTPUT", "STATE", "LUFS", "dBTP", "VERDICT", "FILE"}};
  const auto decimals = [](const Json& loudness, const char* key) { return loudness.is_object() && has_number(loudness, key) ? fmt::format("{:.1f}", number_of(loudness, key)) : std::string("-"); };
  std::string failed;
  for (const Json& output : outputs.at("outputs")) {
    std::string name = text_of(output, "version") + " / " + text_of(output, "deliverable");
    if (const std::string bus = text_of(output, "bus"); !bus.empty()) name += " / " + bus;
    const Json& verdict = output.at("verdict");
    rows.push_back({name, text_of(output, "state"), decimals(output.at("loudness"), "integrated_lufs"), decimals(output.at("loudness"), "true_peak_dbtp"),
                    verdict.is_string() ? verdict.get<std::string>() : "-", output.at("files").empty() ? "" : text_of(output.at("files")[0], "path")});
    for (const Json& check : output.at("checks"))
      if (text_of(check, "result") == "fail") failed += fmt::format("fail: {}: {}\n", name, text_of(check, "sentence"));
  }
  return rows.size() == 1 ? std::string() : "\n" + table(rows) + failed;
}

std::string log_text(const Json& log) {
  std::string out;
  for (const Json& line : log.at("lines")) {
    std::string level = text_of(line, "level");
    std::transform(level.begin(), level.end(), level.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    out += fmt::format("{} {} {}{}\n", text_of(line, "time"), level, line.at("job").is_number() ? fmt::format("job={} ", line.value("job", 0ULL)) : "", text_of(line, "message"));
  }
  return out;
}

std::string tokens_table(const Json& tokens) {
  if (tokens.empty()) return "no tokens\n";
  std::vector<std::vector<std::string>> rows{{"TOKEN", "NAME", "MAY", "CREATED", "UNTIL"}};
  for (const Json& token : tokens) {
    std::string grants;
    for (const Json& g : token.at("grants")) grants += fmt::format("{}{}:{}", grants.empty() ? "" : ",", text_of(g, "role"), text_of(g, "project"));
    const Json &revoked = token.at("revoked"), &expires = token.at("expires");
    rows.push_back({text_of(token, "id"), text_of(token, "name"), grants, text_of(token, "created"),
                    revoked.is_string() ? "revoked " + revoked.get<std::string>() : expires.is_string() ? expires.get<std::string>() : ""});
  }
  return table(rows);
}

std::string audit_table(const Json& entries) {
  if (entries.empty()) return "no entries\n";
  std::vector<std::vector<std::string>> rows{{"NUMBER", "TIME", "WHO", "FROM", "ACTION", "OBJECT", "DETAIL"}};
  for (const Json& entry : entries)
    rows.push_back({std::to_string(entry.value("number", 0ULL)), text_of(entry, "time"), text_of(entry, "actor"), text_of(entry, "address"),
                    text_of(entry, "action") + (entry.value("allowed", true) || text_of(entry, "action") == "denied" ? "" : " (denied)"), text_of(entry, "object"),
                    text_of(entry, "detail")});
  return table(rows);
}

std::string projects_table(const Json& projects) {
  if (projects.empty()) return "no projects\n";
  std::vector<std::vector<std::string>> rows{{"PROJECT", "WEIGHT", "MAX RUNNING", "RUNNING", "DEVICES"}};
  for (const Json& project : projects) {
    const auto most = project.value("max_running", 0U);
    rows.push_back({text_of(project, "project"), fmt::format("{:g}", project.value("weight", 1.0)), most == 0 ? "no limit" : std::to_string(most),
                    std::to_string(project.value("running", 0U)), span_text(project.value("device_seconds", 0.0))});
  }
  return table(rows);
}

}  // namespace dubfarm::cli
