// One job and its tasks: which state each is in, what it waits for, what went wrong with it. Knows no workers and no time.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/farm/index_set.hpp"
#include "scheduler/farm/rows.hpp"
#include "scheduler/farm/types.hpp"
#include "scheduler/farm/views.hpp"

namespace dubfarm::farm {

/// What is held against a task.
struct Trouble {
  std::vector<WorkerId> failed, killed;               // distinct
  std::vector<WorkerId> lost_for;                     // who reported inputs lost, as often as it did
  std::vector<std::pair<WorkerId, Digest>> results;   // that do not agree; none: there is no doubt
  std::string error;                                  // the last one
  Time since{};                                       // of the last one
  [[nodiscard]] bool is_barred(WorkerId worker) const;  // it tried already
};

class Job {
 public:
  Job(NewJob row, JobChanged now);

  [[nodiscard]] JobId id() const { return changed_.job; }
  [[nodiscard]] const JobSpec& spec() const { return *spec_; }
  [[nodiscard]] const std::shared_ptr<const JobSpec>& spec_pointer() const { return spec_; }
  [[nodiscard]] const JobChanged& now() const { return changed_; }
  /// To be changed through here, so that the step stores it.
  JobChanged& change() {
    is_changed = true;
    return changed_;
  }
  [[nodiscard]] JobState state() const;
  /// It may get leases: planned, not paused, not over.
  [[nodiscard]] bool is_open() const { return is_planned_ && !changed_.is_paused && changed_.ending == JobState::running; }
  [[nodiscard]] std::int64_t created_ms() const { return created_ms_; }

  // ---- tasks; none before plan() and after forget_tasks() -------------------------------------------------------------------------
  void plan(std::shared_ptr<const TaskList> tasks, std::string package, std::string numeric_profile);
  [[nodiscard]] bool is_planned() const { return is_planned_; }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(state_.size()); }
  [[nodiscard]] const TaskList& tasks() const { return *tasks_; }
  [[nodiscard]] TaskState state(TaskIndex task) const { return static_cast<TaskState>(state_[task] & 15); }
  [[nodiscard]] bool was_there(TaskIndex task) const { return (state_[task] & kWasThere) != 0; }
  [[nodiscard]] bool is_afresh(TaskIndex task) const { return (state_[task] & kAfresh) != 0; }
  [[nodiscard]] TaskKind kind(TaskIndex task) const { return tasks_->kind[task]; }
  [[nodiscard]] std::int64_t cost_ms(TaskIndex task) const;
  [[nodiscard]] const Digest& digest(TaskIndex task) const { return digest_[task]; }
  [[nodiscard]] WorkerId made_by(TaskIndex task) const { return made_by_[task]; }
  [[nodiscard]] std::uint32_t attempts(TaskIndex task) const { return attempts_[task]; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::int64_t cost_ms(TaskState state) const { return cost_ms_[static_cast<std::size_t>(state)]; }
  [[nodiscard]] std::uint32_t reused() const { return reused_; }
  [[nodiscard]] std::uint32_t ready_count() const { return ready_[0].size() + ready_[1].size() + ready_[2].size(); }
  [[nodiscard]] const IndexSet& ready(TaskKind kind) const { return ready_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] std::span<const TaskIndex> needed_by(TaskIndex task) const;

  void lease(TaskIndex task);                          // ready -> leased
  void unlease(TaskIndex task);                        // leased -> ready, or waiting where an input was lost meanwhile
  /// ready or leased -> done; those that waited for it become ready. `by`: 0 where the store had it.
  void finish(TaskIndex task, const Digest& digest, WorkerId by, bool was_there);
  void undo(TaskIndex task);                           // done -> ready or waiting, to be made afresh; ready ones that need it -> waiting
  void fail(TaskIndex task);                           // waiting, ready or leased -> failed
  void revive(TaskIndex task);                         // failed -> ready or waiting
  void count_attempt(TaskIndex task, std::uint32_t attempt) { attempts_[task] = static_cast<std::uint16_t>(std::min(attempt, 65535u)); }
  void mark_afresh(TaskIndex task) { state_[task] |= kAfresh; }
  /// Frees what only a job with work left needs.
  void forget_tasks();
  [[nodiscard]] std::string states() const;            // Farm::task_states
  void restore(const JobDone& row);                    // of a job that was done before the start
  [[nodiscard]] JobDone totals() const;

  [[nodiscard]] Trouble* trouble_of(TaskIndex task);
  [[nodiscard]] const Trouble* trouble_of(TaskIndex task) const;
  std::map<TaskIndex, Trouble> troubles;
  std::unordered_map<TaskIndex, std::vector<LeaseId>> leases;  // of leased tasks
  std::uint32_t lease_count = 0;                       // of all of them
  std::uint32_t failures = 0, kills = 0;
  double device_seconds = 0;
  Time hungry_since{};                                 // when it last got a lease, or became able to
  std::optional<Time> prints_since;                    // since when there is a print that could be given
  int rank = 0;                                        // the priority it is queued with: its own and its age
  bool is_queued = false, is_changed = false;

  /// "" or what is wrong with the counts.
  [[nodiscard]] std::string inconsistency() const;

 private:
  static constexpr std::uint8_t kWasThere = 16, kAfresh = 32;
  void set(TaskIndex task, TaskState to);
  void make_ready_or_waiting(TaskIndex task) { set(task, missing_[task] == 0 ? TaskState::ready : TaskState::waiting); }

  std::shared_ptr<const JobSpec> spec_;
  std::shared_ptr<const TaskList> tasks_;
  JobChanged changed_;
  std::int64_t created_ms_ = 0;
  bool is_planned_ = false;
  std::vector<std::uint8_t> state_;
  std::vector<std::uint32_t> missing_;                 // of what a task needs: not done now
  std::vector<std::uint32_t> needed_by_begin_;
  std::vector<TaskIndex> needed_by_;
  std::vector<Digest> digest_;
  std::vector<WorkerId> made_by_;                      // of tasks that are done
  std::vector<std::uint16_t> attempts_;                // leases given, the first is 1
  std::array<IndexSet, kTaskKinds> ready_;
  Counts counts_;
  std::array<std::int64_t, kTaskStates> cost_ms_{};
  std::uint32_t reused_ = 0;
};

}  // namespace dubfarm::farm
