// The farm's words: who and what is named how, what a job is made of. docs/formats/protocol.md has the messages that carry them.
#pragma once
#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dubfarm::farm {

/// Monotonic, from an origin of the caller's choice. Every decision is made by it.
using Time = std::chrono::milliseconds;
/// `wall_ms` is Unix time in milliseconds: stored and shown, never decided by. It may jump either way.
struct Instant {
  Time now{};
  std::int64_t wall_ms = 0;
};

using JobId = std::uint64_t;      // 1, 2, 3 ...; never used again
using TaskIndex = std::uint32_t;  // into its job's tasks
using LeaseId = std::uint64_t;    // random, not 0
using SessionId = std::uint64_t;  // random, not 0
using Epoch = std::uint64_t;      // random, not 0: one run of a scheduler
/// One run of a worker's program: the number it drew when it started (Hello.boot). Several workers may share a key.
using WorkerId = std::uint64_t;
/// Where a message came from and goes to; the link's own name for it, which says nothing here.
using Connection = std::string;
/// The caller's name for a command, by which its answer is known. 0: no answer wanted.
using Ticket = std::uint64_t;

/// XXH3-128 of what a task made, as the worker says. All zero: none.
using Digest = std::array<std::uint8_t, 16>;

enum class TaskKind : std::uint8_t {
  chunk,    // one chunk of the plan, rendered into the store
  print,    // one group of prints, all its ranges
  package,  // report and manifest
};
inline constexpr std::size_t kTaskKinds = 3;

enum class TaskState : std::uint8_t {
  waiting,  // for tasks it needs
  ready,
  leased,
  done,
  failed,   // for good, until somebody retries the job
};
inline constexpr std::size_t kTaskStates = 5;

/// Derived from the job's tasks and from what people asked for.
enum class JobState : std::uint8_t {
  planning,  // handed in, its tasks not known yet
  queued,    // nothing of it runs or ran
  running,
  paused,
  done,
  failed,    // a task failed for good; what it had running is cancelled
  cancelled,
};
[[nodiscard]] const char* name_of(TaskKind kind);
[[nodiscard]] const char* name_of(TaskState state);
[[nodiscard]] const char* name_of(JobState state);
[[nodiscard]] constexpr bool is_over(JobState state) { return state == JobState::done || state == JobState::failed || state == JobState::cancelled; }

/// One leased task, as both sides name it.
struct LeaseRef {
  LeaseId lease = 0;
  JobId job = 0;
  TaskIndex task = 0;
  std::uint32_t attempt = 0;  // 1 for the first
  friend bool operator==(const LeaseRef&, const LeaseRef&) = default;
};

/// A job's tasks, column by column. A task needs only tasks that come before it.
struct TaskList {
  std::vector<TaskKind> kind;
  std::vector<std::uint32_t> subject;      // chunk: index into the plan's chunks; print: into its groups of prints; package: 0
  std::vector<float> cost;                 // estimated device-seconds, above 0
  std::vector<std::uint32_t> needs_begin{0};  // task t needs needs[needs_begin[t]] ... needs[needs_begin[t + 1] - 1]
  std::vector<TaskIndex> needs;
  std::vector<TaskIndex> already_done;     // ascending; results that are in the store from earlier. Only where the job names its profile

  [[nodiscard]] std::size_t size() const { return kind.size(); }
  [[nodiscard]] std::span<const TaskIndex> needs_of(TaskIndex task) const {
    return std::span(needs).subspan(needs_begin[task], needs_begin[task + 1] - needs_begin[task]);
  }
  TaskIndex add(TaskKind of_kind, std::uint32_t of_subject, float of_cost, std::span<const TaskIndex> needed = {}) {
    kind.push_back(of_kind);
    subject.push_back(of_subject);
    cost.push_back(of_cost);
    needs.insert(needs.end(), needed.begin(), needed.end());
    needs_begin.push_back(static_cast<std::uint32_t>(needs.size()));
    return static_cast<TaskIndex>(kind.size() - 1);
  }
};

inline constexpr int kLowestPriority = 0, kUsualPriority = 50, kHighestPriority = 100;

struct JobSpec {
  std::string project{}, name{}, submitter{};
  int priority = kUsualPriority;     // 0 ... 100, more is sooner
  std::vector<std::string> tags{};     // its workers must have all of them
  std::uint32_t max_running = 0;     // tasks at once; 0: no limit
  std::string numeric_profile{};       // "": that of the first worker that takes one of its tasks, where its plan names none
  std::string package{};               // SHA-256 (hex) of the job's package file in the store; may come with the plan
  std::string request{};               // not "": a second submission by the same submitter with the same text is the same job
  std::string detail{};                // the caller's own, kept with the job (where outputs go, what was selected)
  std::shared_ptr<const TaskList> tasks{};  // null: still to be planned (PlanReady, PlanFailed)
};

/// What both sides are told, and what the rules count with.
struct Settings {
  Epoch epoch = 1;
  Time ping_interval{1000};
  Time dead_after{5000};              // a worker silent so long is dead; its leases end
  Time restart_grace{7000};           // after a start, nothing ends before that; at least 2 ping intervals
  Time late_tick{2500};               // steps further apart: this process was stopped; nobody else is to blame for the silence
  std::uint32_t failures_per_task = 3;   // on so many workers: the task failed
  std::uint32_t kills_per_task = 3;      // so many workers died of it: the task failed
  std::uint32_t blames_per_worker = 3;   // so many tasks that it failed and others did: the worker is sick
  std::uint32_t rests_after = 3;         // failures in a row: it rests until others have tried what it failed
  std::uint32_t leases_per_slot = 4;     // a worker holds no more, whatever it asks for,
  std::uint32_t most_leases_per_slot = 32;  // but for chunks: so many, while there are as many for every slot of the farm and they are done
  Time soon{2000};                    //   so soon after they were given
  std::uint32_t prints_together = 8;  // of prints it may hold so many, however few its slots are: it prints them side by side
  Time print_patience{5000};          // prints that are ready let their job's chunks go first no longer
  Time no_one_left{60'000};           // every worker here has failed a task, for so long: the task failed
  double straggler_factor = 1.5;      // a chunk's lease this much longer than the 75th percentile, for its cost: a second copy
  Time straggler_least{2000};         // nothing that ran for less is copied
  Time lease_limit{30 * 60'000};      // no lease lasts longer than that and than 20 times what was to be expected
  Time aging{60'000};                 // a job that got nothing for so long counts one priority more
  Time forget_worker{10 * 60'000};    // a worker that is gone is shown so long
};

}  // namespace dubfarm::farm
