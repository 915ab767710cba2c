// What must survive a crash: the rows that a step wants stored (Row), and what comes back at the next start (Saved).
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "scheduler/farm/types.hpp"

namespace dubfarm::farm {

struct NewJob {
  JobId job = 0;
  std::shared_ptr<const JobSpec> spec;
  std::int64_t created_ms = 0;  // wall times here and below; 0: not yet
};
/// What may change about a job; all of it, as it is now.
struct JobChanged {
  JobId job = 0;
  int priority = kUsualPriority;
  std::uint32_t max_running = 0;
  std::string profile{};
  bool is_paused = false;
  JobState ending = JobState::running;  // done, failed or cancelled once it is over
  std::string error{};
  std::int64_t started_ms = 0, ended_ms = 0;
};
/// The tasks of a job that was handed in without.
struct JobPlanned {
  JobId job = 0;
  std::shared_ptr<const TaskList> tasks;
  std::string package, numeric_profile;  // that it was planned for; "": none
};
/// Every task is done: their rows are not needed any more, but for what is shown.
struct JobDone {
  JobId job = 0;
  std::string states{};  // as Farm::task_states gives them
  std::array<std::uint32_t, kTaskKinds> tasks{};  // of each kind
  std::uint32_t reused = 0, failures = 0, kills = 0;
  double cost_total = 0, device_seconds = 0;
};
struct JobForgotten {
  JobId job = 0;
};
struct TaskDone {
  JobId job = 0;
  TaskIndex task = 0;
  Digest digest{};
  WorkerId worker = 0;
  double device_seconds = 0;
  bool was_there = false;  // the store had it: nothing was rendered
};
struct TaskUndone {  // its result is gone or in doubt
  JobId job = 0;
  TaskIndex task = 0;
};
struct TaskFailed {
  JobId job = 0;
  TaskIndex task = 0;
  std::string error;
};
struct LeaseGiven {
  LeaseRef lease;
  WorkerId worker = 0;
  std::string key;  // the worker's
  std::int64_t given_ms = 0;
};
struct LeaseEnded {
  LeaseId lease = 0;
};
/// What is held against a worker, or a task.
enum class Fault : std::uint8_t {
  failed,     // the worker reported a failure, or took too long
  killed,     // the worker died, or fell silent, while it ran the task
  disagreed,  // its result differs from another's
};
struct AttemptFailed {
  LeaseRef lease;
  WorkerId worker = 0;
  Fault fault = Fault::failed;
  Digest digest{};
  std::string error;
  std::int64_t at_ms = 0;
};
/// A worker taken for dead came back: it was not killed by the task after all.
struct AttemptForgiven {
  JobId job = 0;
  TaskIndex task = 0;
  WorkerId worker = 0;
  Fault fault = Fault::killed;
};
/// Nothing is held against the job's tasks any more, and none is failed.
struct AttemptsCleared {
  JobId job = 0;
};
struct WorkerSeen {
  WorkerId worker = 0;
  std::string key, host, profile;
  bool is_draining = false;
  std::string sick;  // why; "": it is not
  std::int64_t at_ms = 0;
};
struct WorkerGone {
  WorkerId worker = 0;
};
struct ProjectLimits {
  std::string project;
  double weight = 1;
  std::uint32_t max_running = 0;
};
/// One entry of the audit log, which only grows: who did what to what. The database chains it to the one before.
struct AuditEntry {
  std::int64_t at_ms = 0;
  std::string actor, address;  // the token's name; the client's address
  std::string action;          // "submit", "cancel", "token.create", "denied"
  std::string object;          // "job 12", "worker gpu-1", "GET /api/v1/jobs"
  std::string detail;
  bool allowed = true;
};
/// A bearer token of the API; a row replaces the one with the same id. The token itself is nowhere.
struct Token {
  std::string id, name, role, project;  // project "*": all
  std::string sha256;                   // hex, of the whole token
  std::int64_t created_ms = 0, expires_ms = 0, revoked_ms = 0;  // 0: never
};
/// A worker's public key that may join; a row replaces the one with the same key.
struct AllowedKey {
  std::string key, name;
  std::int64_t created_ms = 0, revoked_ms = 0;
};

using Row = std::variant<NewJob, JobPlanned, JobChanged, JobDone, JobForgotten, TaskDone, TaskUndone, TaskFailed, LeaseGiven, LeaseEnded,
                         AttemptFailed, AttemptForgiven, AttemptsCleared, WorkerSeen, WorkerGone, ProjectLimits, AuditEntry, Token, AllowedKey>;

struct SavedJob {
  NewJob job;  // its spec has the tasks, however they came; a job that is done has none
  JobChanged now;
  std::optional<JobDone> ended;
  std::vector<TaskDone> done{};
  std::vector<TaskIndex> undone{};  // done once, and not now
  std::vector<TaskFailed> failed{};
};
/// All that the farm needs of what was stored.
struct Saved {
  JobId last_job = 0;
  std::vector<SavedJob> jobs;
  std::vector<LeaseGiven> leases;
  std::vector<AttemptFailed> attempts;
  std::vector<WorkerSeen> workers;
  std::vector<ProjectLimits> projects;
};

}  // namespace dubfarm::farm
