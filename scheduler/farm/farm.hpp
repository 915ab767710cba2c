// The farm's state: jobs, workers, leases, and what every event changes about them. Pure: no clock, threads, sockets, files or random device; the
// caller brings events in one at a time, with the time, and carries out what comes back. docs/decisions/0011 says how it shares out the work.
//
//   events -> step() -> rows (one transaction), then messages
//
// Nothing is promised to anybody before it is stored: a Send or Answer marked after_commit waits for the rows before it. Where they cannot be
// stored the caller keeps them, tries again, and says StorageTrouble meanwhile.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/farm/events.hpp"
#include "scheduler/farm/types.hpp"
#include "scheduler/farm/views.hpp"

namespace dubfarm::farm {

class Farm {
 public:
  /// @param random  64 random bits at each call; session and lease ids are made of them.
  /// @param saved   what an earlier run stored. Its leases go on: their workers have Settings::restart_grace to say Hello.
  Farm(const Settings& settings, std::function<std::uint64_t()> random, Instant at, Saved saved = {});
  ~Farm();
  Farm(Farm&&) noexcept;
  Farm& operator=(Farm&&) noexcept;

  /// @param at  not before the last step's.
  [[nodiscard]] std::vector<Action> step(Event event, Instant at);

  [[nodiscard]] std::vector<JobView> jobs() const;                       // by id
  [[nodiscard]] std::optional<JobView> job(JobId id) const;
  /// Tasks first ... first + count - 1, fewer at the end. A job that is done has none to show.
  [[nodiscard]] std::vector<TaskView> tasks(JobId id, TaskIndex first, std::size_t count) const;
  /// The state of every task, a byte each: TaskState, + 16 where it is done and the store had it before.
  [[nodiscard]] std::string task_states(JobId id) const;
  [[nodiscard]] std::vector<WorkerView> workers() const;                 // by first Hello
  [[nodiscard]] std::optional<WorkerView> worker(WorkerId id) const;
  [[nodiscard]] std::vector<ProjectView> projects() const;               // by name
  [[nodiscard]] std::vector<Backlog> backlog() const;
  /// Why it waits. Nothing: no such job.
  [[nodiscard]] std::optional<Waiting> explain(JobId id) const;
  /// The job as it was handed in; null: no such job.
  [[nodiscard]] std::shared_ptr<const JobSpec> spec(JobId id) const;

  /// For tests: every count against what it counts. "" or what is wrong.
  [[nodiscard]] std::string inconsistency() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dubfarm::farm
