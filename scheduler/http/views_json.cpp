#include "scheduler/http/views_json.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "scheduler/http/token.hpp"

namespace dubfarm::http {

using Json = nlohmann::ordered_json;

namespace {

Json time_or_null(const std::optional<WallTime>& time) { return time ? Json(iso_time(*time)) : Json(); }
double rounded(double value, double step) { return std::round(value / step) * step; }
double seconds_between(WallTime from, WallTime to) { return std::chrono::duration<double>(to - from).count(); }

}  // namespace

std::string iso_time(WallTime time) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::int64_t seconds = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(seconds)), ms - seconds * 1000);
}

double progress_of(const JobView& job) {
  if (job.state == JobState::done) return 1;
  return job.cost_total > 0 ? std::clamp(job.cost_done / job.cost_total, 0.0, 1.0) : 0;
}

Json problem_json(const Problem& problem) {
  Json json{{"message", problem.message}};
  if (!problem.pointer.empty()) json["pointer"] = problem.pointer;
  if (problem.line > 0) json["line"] = problem.line;
  if (problem.column > 0) json["column"] = problem.column;
  if (!problem.help.empty()) json["help"] = problem.help;
  return json;
}

Json job_json(const JobView& job, WallTime now) {
  Json tasks;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kTaskStates; ++i) total += job.tasks[i];
  tasks["total"] = total;
  for (std::size_t i = 0; i < kTaskStates; ++i) tasks[std::string(name_of(static_cast<TaskState>(i)))] = job.tasks[i];
  const double progress = progress_of(job);
  Json speed, left;
  if (job.started) {
    const double elapsed = seconds_between(*job.started, job.ended.value_or(now));
    if (elapsed >= 0.5 && job.audio_seconds > 0 && progress > 0) speed = rounded(job.audio_seconds * progress / elapsed, 0.01);
    if (!is_over(job.state)) {
      if (job.seconds_left) left = rounded(*job.seconds_left, 0.1);
      else if (job.state == JobState::running && progress > 0.02 && elapsed > 2) left = rounded(elapsed * (1 - progress) / progress, 0.1);
    }
  }
  Json problems = Json::array();
  for (const Problem& p : job.problems) problems.push_back(problem_json(p));
  return {{"id", job.id},
          {"project", job.project},
          {"name", job.name},
          {"submitter", job.submitter},
          {"state", name_of(job.state)},
          {"priority", job.priority},
          {"tags", job.tags},
          {"max_running", job.max_running},
          {"profile", job.profile},
          {"out", job.out},
          {"tasks", tasks},
          {"progress", rounded(progress, 0.0001)},
          {"speed", speed},
          {"seconds_left", left},
          {"device_seconds", rounded(job.device_seconds, 0.001)},
          {"audio_seconds", rounded(job.audio_seconds, 0.001)},
          {"created", iso_time(job.created)},
          {"started", time_or_null(job.started)},
          {"ended", time_or_null(job.ended)},
          {"problems", problems}};
}

Json task_json(const TaskView& task) {
  return {{"task", task.task},
          {"kind", name_of(task.kind)},
          {"subject", task.subject},
          {"state", name_of(task.state)},
          {"worker", task.worker},
          {"attempt", task.attempt},
          {"progress", rounded(task.progress, 0.001)},
          {"cost", rounded(task.cost, 0.001)},
          {"error", task.error}};
}

Json worker_json(const WorkerView& worker, const TokenRecord& viewer) {
  Json running = Json::array();
  for (const RunningTask& r : worker.running) {
    const bool is_seen = may(viewer, Role::viewer, r.project);
    running.push_back({{"job", is_seen ? Json(r.job) : Json()},
                       {"project", is_seen ? Json(r.project) : Json()},
                       {"task", r.task},
                       {"kind", name_of(r.kind)},
                       {"progress", rounded(r.progress, 0.001)},
                       {"seconds", rounded(r.seconds, 0.1)}});
  }
  return {{"id", worker.id},
          {"key", worker.key},
          {"name", worker.name},
          {"host", worker.host},
          {"device", worker.device},
          {"build", worker.build},
          {"profile", worker.profile},
          {"tags", worker.tags},
          {"state", name_of(worker.state)},
          {"reason", worker.reason},
          {"slots", worker.slots},
          {"memory_bytes", worker.memory_bytes},
          {"seen_seconds_ago", rounded(worker.seen_seconds_ago, 0.1)},
          {"joined", iso_time(worker.joined)},
          {"tasks_done", worker.tasks_done},
          {"tasks_failed", worker.tasks_failed},
          {"device_seconds", rounded(worker.device_seconds, 0.001)},
          {"running", running}};
}

Json timeline_json(const JobTimeline& timeline) {
  Json lanes = Json::array();
  for (const TimelineLane& lane : timeline.lanes) {
    Json pieces = Json::array();
    for (const TimelineLane::Piece& p : lane.pieces) pieces.push_back(Json::array({p.first, p.length, p.task}));
    lanes.push_back({{"version", lane.version}, {"bus", lane.bus}, {"pieces", std::move(pieces)}});
  }
  return {{"sample_rate", timeline.sample_rate},
          {"length", timeline.length},
          {"start", timeline.start_timecode},
          {"frame_rate", timeline.frame_rate},
          {"lanes", std::move(lanes)}};
}

Json log_json(const std::vector<LogLine>& lines) {
  Json list = Json::array();
  for (const LogLine& line : lines)
    list.push_back({{"number", line.number},
                    {"time", iso_time(line.time)},
                    {"level", line.level},
                    {"job", line.job ? Json(*line.job) : Json()},
                    {"worker", line.worker},
                    {"message", line.message}});
  return {{"lines", std::move(list)}};
}

Json token_json(const TokenRecord& token) {
  Json grants = Json::array();
  for (const Grant& g : token.grants) grants.push_back({{"role", name_of(g.role)}, {"project", g.project}});
  return {{"id", token.id},
          {"name", token.name},
          {"grants", grants},
          {"created", iso_time(token.created)},
          {"expires", time_or_null(token.expires)},
          {"revoked", time_or_null(token.revoked)}};
}

std::string map_letters(std::string_view task_states) {
  constexpr std::string_view kLetters = ".orudfx";
  static_assert(kLetters.size() == kTaskStates);
  std::string letters(task_states.size(), '?');
  for (std::size_t i = 0; i < letters.size(); ++i) letters[i] = kLetters.at(static_cast<std::size_t>(task_states[i]));
  return letters;
}

Json audit_json(const AuditLine& line) {
  const AuditEntry& e = line.entry;
  return {{"number", line.number},
          {"time", iso_time(line.time)},
          {"at_ms", std::chrono::duration_cast<std::chrono::milliseconds>(line.time.time_since_epoch()).count()},
          {"actor", e.actor.name},
          {"address", e.actor.address},
          {"action", e.action},
          {"object", e.object},
          {"detail", e.detail},
          {"allowed", e.allowed},
          {"hash", line.hash}};
}

Json outputs_json(const JobOutputs& outputs, const Json* report) {
  using Name = std::tuple<std::string, std::string, std::string>;
  std::map<Name, const Json*> reported;
  if (report != nullptr)
    for (const Json& o : report->at("outputs"))
      if (o.is_object()) reported[{o.value("version", ""), o.value("deliverable", ""), o.value("bus", "")}] = &o;
  Json list = Json::array();
  for (const OutputView& output : outputs.outputs) {
    Json json{{"version", output.version}, {"deliverable", output.deliverable}, {"bus", output.bus}, {"layout", output.layout},
              {"state", name_of(output.state)}, {"task", output.task}};
    Json files = Json::array(), loudness, verdict, checks = Json::array();
    const auto found = reported.find({output.version, output.deliverable, output.bus});
    const bool is_there = found != reported.end() && (output.state == TaskState::done || output.state == TaskState::reused);
    if (is_there) {
      const Json& o = *found->second;
      for (const Json& f : o.value("files", Json::array())) files.push_back({{"path", f.value("path", "")}, {"bytes", f.value("bytes", Json())}, {"sha256", f.value("sha256", Json())}});
      const Json& reading = o.value("loudness", Json::object());
      loudness = Json::object();
      for (const char* key : {"integrated_lufs", "range_lu", "max_momentary_lufs", "max_short_term_lufs", "true_peak_dbtp"}) loudness[key] = reading.value(key, Json());
      std::string worst = "measured";
      for (const Json& c : o.value("checks", Json::array())) {
        const std::string result = c.value("result", "");
        if (result == "fail" || (result == "warning" && worst != "fail") || worst == "measured") worst = result;
        checks.push_back({{"id", c.value("id", "")}, {"title", c.value("title", "")}, {"result", result}, {"measured", c.value("measured_text", "")},
                          {"required", c.value("required_text", "")}, {"sentence", c.value("sentence", "")}});
      }
      verdict = worst;
    } else {
      for (const std::string& path : output.files) files.push_back({{"path", path}, {"bytes", Json()}, {"sha256", Json()}});
    }
    json["files"] = std::move(files);
    json["loudness"] = std::move(loudness);
    json["verdict"] = std::move(verdict);
    json["checks"] = std::move(checks);
    list.push_back(std::move(json));
  }
  return {{"outputs", std::move(list)}};
}

}  // namespace dubfarm::http
