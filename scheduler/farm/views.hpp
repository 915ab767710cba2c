// What can be seen of the farm from outside: copies, made on the thread that steps it.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/farm/types.hpp"

namespace dubfarm::farm {

struct Counts {
  std::array<std::array<std::uint32_t, kTaskStates>, kTaskKinds> by{};  // [kind][state]
  [[nodiscard]] std::uint32_t of(TaskState state) const {
    std::uint32_t sum = 0;
    for (const auto& kind : by) sum += kind[static_cast<std::size_t>(state)];
    return sum;
  }
  [[nodiscard]] std::uint32_t of(TaskKind kind, TaskState state) const {
    return by[static_cast<std::size_t>(kind)][static_cast<std::size_t>(state)];
  }
  [[nodiscard]] std::uint32_t all() const {
    std::uint32_t sum = 0;
    for (const auto& kind : by)
      for (const std::uint32_t n : kind) sum += n;
    return sum;
  }
  friend bool operator==(const Counts&, const Counts&) = default;
};

struct JobView {
  JobId id = 0;
  std::string project{}, name{}, submitter{}, package{}, detail{};
  JobState state = JobState::queued;
  int priority = kUsualPriority;
  std::uint32_t max_running = 0;
  std::vector<std::string> tags{};
  std::string profile{};                     // "": not bound to one yet
  Counts tasks;
  std::uint32_t reused = 0;                // of those done: the store had them
  double cost_done = 0, cost_total = 0;    // estimated device-seconds
  double cost_running = 0;                 // of leased tasks, the part done, as their workers say
  double device_seconds = 0;               // as workers reported
  std::uint32_t failures = 0, kills = 0;   // attempts that failed; that took a worker with them
  std::int64_t created_ms = 0, started_ms = 0, ended_ms = 0;  // wall; 0: not yet
  std::string error{};
};

struct TaskView {
  TaskIndex index = 0;
  TaskKind kind = TaskKind::chunk;
  std::uint32_t subject = 0;
  TaskState state = TaskState::waiting;
  bool was_there = false;            // done: the store had it
  float cost = 0, progress = 0;
  std::uint32_t attempt = 0;
  std::vector<WorkerId> workers{};     // leased: who has it (two for a straggler)
  std::string error{};                 // the last one
};

enum class WorkerHealth : std::uint8_t {
  well,
  resting,   // failed several tasks in a row; waits until others have tried them
  sick,      // set aside; `reason` says why
  draining,
  gone,
};
[[nodiscard]] const char* name_of(WorkerHealth health);

struct WorkerTask {
  LeaseRef lease;
  TaskKind kind = TaskKind::chunk;
  std::uint32_t subject = 0;
  float progress = 0;
  Time held_for{};
};

struct WorkerView {
  WorkerId id = 0;
  std::string key{}, host{}, profile{}, build{}, device{}, reason{};
  std::vector<std::string> tags{};
  std::uint32_t slots = 0, credit = 0;
  std::uint64_t memory_bytes = 0;
  WorkerHealth health = WorkerHealth::well;
  std::vector<WorkerTask> tasks{};
  std::uint64_t tasks_done = 0, tasks_failed = 0;
  double device_seconds = 0;
  Time silent_for{};
  std::int64_t since_ms = 0;  // wall: first Hello
};

struct ProjectView {
  std::string name;
  double weight = 1;
  std::uint32_t max_running = 0, running = 0;
  double device_seconds = 0;  // since the scheduler's start
};

/// Why a job gets nothing, or does not go faster. Codes: "over", "paused", "storage", "no_worker", "tags", "profile", "job_limit",
/// "project_limit", "behind", "share", "waiting_for_tasks", "failed_everywhere", "sick", "draining", "resting", "planning", "all_busy", "hindered", "running".
struct Reason {
  std::string code, text;
};
struct Waiting {
  JobState state = JobState::queued;
  std::vector<Reason> reasons;
};

/// For an autoscaler: what waits for one kind of worker, and who there is. A draining or sick worker is no capacity.
struct Backlog {
  std::vector<std::string> tags;
  std::string profile;  // "": any
  std::uint64_t ready_tasks = 0;
  double ready_cost = 0;  // device-seconds
  std::uint32_t workers = 0, slots = 0, busy_slots = 0;
  std::uint32_t missing_workers = 0;  // so many more of one slot would each have a task
};

}  // namespace dubfarm::farm
