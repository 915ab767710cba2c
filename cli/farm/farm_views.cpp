#include "cli/farm/farm_views.hpp"

#include <fmt/format.h>

#include "common/hex.hpp"

namespace dubfarm::cli {

std::string worker_name(farm::WorkerId id) { return fmt::format("{:016x}", id); }

std::int64_t unix_ms(http::WallTime time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count(); }
http::WallTime wall_time(std::int64_t ms) { return http::WallTime(std::chrono::milliseconds(ms)); }

namespace {
std::optional<http::WallTime> known_time(std::int64_t ms) { return ms == 0 ? std::nullopt : std::optional(wall_time(ms)); }
http::TaskKind task_kind(farm::TaskKind kind) { return static_cast<http::TaskKind>(kind); }
static_assert(static_cast<int>(http::TaskKind::package) == static_cast<int>(farm::TaskKind::package));
static_assert(static_cast<int>(http::JobState::cancelled) == static_cast<int>(farm::JobState::cancelled));
}  // namespace

http::TaskState task_state(farm::TaskState state, bool was_there, bool job_is_cancelled) {
  switch (state) {
    case farm::TaskState::done: return was_there ? http::TaskState::reused : http::TaskState::done;
    case farm::TaskState::failed: return http::TaskState::failed;
    case farm::TaskState::leased: return http::TaskState::running;
    case farm::TaskState::waiting: return job_is_cancelled ? http::TaskState::cancelled : http::TaskState::waiting;
    case farm::TaskState::ready: return job_is_cancelled ? http::TaskState::cancelled : http::TaskState::ready;
  }
  return http::TaskState::waiting;
}

http::JobView job_view(const farm::JobView& job) {
  http::JobView view;
  view.id = job.id;
  view.project = job.project;
  view.name = job.name;
  view.submitter = job.submitter;
  view.state = static_cast<http::JobState>(job.state);
  view.priority = job.priority;
  view.tags = job.tags;
  view.max_running = job.max_running;
  view.profile = job.profile;
  for (const farm::TaskState state : {farm::TaskState::waiting, farm::TaskState::ready, farm::TaskState::leased, farm::TaskState::done, farm::TaskState::failed})
    view.tasks[static_cast<std::size_t>(task_state(state, false, job.state == farm::JobState::cancelled))] += job.tasks.of(state);
  view.tasks[static_cast<std::size_t>(http::TaskState::done)] -= job.reused;
  view.tasks[static_cast<std::size_t>(http::TaskState::reused)] += job.reused;
  view.cost_total = job.cost_total;
  view.cost_done = job.cost_done + job.cost_running;
  view.device_seconds = job.device_seconds;
  view.created = wall_time(job.created_ms);
  view.started = known_time(job.started_ms);
  view.ended = known_time(job.ended_ms);
  if (job.state == farm::JobState::running && view.started && view.cost_done > 0.02 * view.cost_total) {
    const double elapsed = std::chrono::duration<double>(std::chrono::system_clock::now() - *view.started).count();
    view.seconds_left = std::max(0.0, elapsed * (view.cost_total - view.cost_done) / view.cost_done);
  }
  if (!job.error.empty()) view.problems.push_back({job.error, {}, 0, 0, {}});
  return view;
}

http::TaskView task_view(const farm::TaskView& task, bool job_is_cancelled) {
  http::TaskView view;
  view.task = task.index;
  view.kind = task_kind(task.kind);
  view.subject = task.subject;
  view.state = task_state(task.state, task.was_there, job_is_cancelled);
  if (!task.workers.empty()) view.worker = worker_name(task.workers.front());
  view.attempt = static_cast<int>(task.attempt);
  view.progress = task.progress;
  view.cost = static_cast<double>(task.cost);
  view.error = task.error;
  return view;
}

http::WorkerView worker_view(const farm::WorkerView& worker, const std::string& name, const std::map<farm::JobId, std::string>& projects) {
  http::WorkerView view;
  view.id = worker_name(worker.id);
  view.key = worker.key;
  view.name = name;
  view.host = worker.host;
  view.device = worker.device;
  view.build = worker.build;
  view.profile = worker.profile;
  view.tags = worker.tags;
  switch (worker.health) {
    case farm::WorkerHealth::well: view.state = worker.tasks.empty() ? http::WorkerState::idle : http::WorkerState::working; break;
    case farm::WorkerHealth::resting:
    case farm::WorkerHealth::sick: view.state = http::WorkerState::sick; break;
    case farm::WorkerHealth::draining: view.state = http::WorkerState::draining; break;
    case farm::WorkerHealth::gone: view.state = http::WorkerState::lost; break;
  }
  view.reason = worker.reason;
  view.slots = worker.slots;
  view.memory_bytes = worker.memory_bytes;
  view.seen_seconds_ago = std::chrono::duration<double>(worker.silent_for).count();
  view.joined = wall_time(worker.since_ms);
  view.tasks_done = worker.tasks_done;
  view.tasks_failed = worker.tasks_failed;
  view.device_seconds = worker.device_seconds;
  for (const farm::WorkerTask& task : worker.tasks) {
    const auto project = projects.find(task.lease.job);
    view.running.push_back({task.lease.job, project == projects.end() ? "" : project->second, task.lease.task, task_kind(task.kind), task.progress,
                            std::chrono::duration<double>(task.held_for).count()});
  }
  return view;
}

http::Demand demand_of(const farm::Backlog& backlog) {
  http::Demand demand;
  for (const std::string& tag : backlog.tags) demand.capability += (demand.capability.empty() ? "" : "+") + tag;
  if (demand.capability.empty()) demand.capability = "any";
  demand.ready_tasks = backlog.ready_tasks;
  demand.running_tasks = backlog.busy_slots;
  demand.backlog_seconds = backlog.ready_cost;
  demand.workers = backlog.workers;
  demand.idle_slots = backlog.slots - std::min(backlog.slots, backlog.busy_slots);
  demand.missing_workers = backlog.missing_workers;
  return demand;
}

http::TokenRecord token_record(const farm::Token& row) {
  http::TokenRecord token;
  token.id = row.id;
  token.name = row.name;
  if (Result<std::vector<http::Grant>> grants = http::parse_grants(row.role); grants.ok()) token.grants = std::move(*grants);
  for (std::size_t i = 0; i < token.sha256.size() && 2 * i + 1 < row.sha256.size(); ++i)
    token.sha256[i] = static_cast<std::uint8_t>(std::stoi(row.sha256.substr(2 * i, 2), nullptr, 16));
  token.created = wall_time(row.created_ms);
  token.expires = known_time(row.expires_ms);
  token.revoked = known_time(row.revoked_ms);
  return token;
}

farm::Token token_row(const http::TokenRecord& token) {
  const auto ms = [](const std::optional<http::WallTime>& time) { return time ? unix_ms(*time) : 0; };
  return {token.id, token.name, http::grants_text(token.grants), "*", to_hex(token.sha256), unix_ms(token.created), ms(token.expires), ms(token.revoked)};
}

}  // namespace dubfarm::cli
