// What happens next in a job: tasks, what they wait for, and what every event changes. Pure: no clock, no threads, no files; the caller
// brings events in one at a time and carries out what comes back. A job's own state is derived from its tasks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "common/result.hpp"
#include "common/units.hpp"

namespace dubfarm::scheduler {

using TaskId = std::size_t;

enum class TaskKind : std::uint8_t {
  chunk,   // render a chunk program into the store
  measure,  // sum and measure one range of a master, before its gain is known
  solve,    // find a master's gain; where the limiter changes the answer, its ranges are measured again first
  range,   // sum, quantise, measure and write one range of a print
  finish,  // aggregate a print's measurements, write its header, verify, put it under its final name
  compare,  // hold a range of delivered stems against their printmaster
};

struct Task {
  TaskKind kind = TaskKind::chunk;
  std::size_t subject = 0;     // chunk: index into Plan::chunks; measure and solve: into Plan::masters; range and finish: into Plan::prints;
                               // compare: into the stem sets
  Frames first = 0, length = 0;  // range: frames of the timeline
  std::vector<TaskId> needs;   // must be done before this one starts
  std::uint64_t turn = 0;      // of the ready tasks of a kind the one with the least starts first; of equal ones the one that was given first
};

enum class TaskState : std::uint8_t { waiting, ready, leased, done };

class JobState {
 public:
  /// `already_done` holds, for each task, whether its result is in the store from an earlier run.
  JobState(std::vector<Task> tasks, const std::vector<bool>& already_done);

  /// The next task to start, now leased to the caller; nothing where none is ready. Work that completes outputs goes first; otherwise
  /// tasks start by their turn.
  std::optional<TaskId> lease();
  /// Further tasks for a caller who does some together: of the next `look` that are ready, in their order, those that `wanted` asks for.
  std::vector<TaskId> lease_more(std::size_t look, const std::function<bool(TaskId)>& wanted);
  /// The task's result is there.
  void finished(TaskId task);
  /// `task` found that results it needs are gone or corrupt: they are rendered again first, then it is. One that was rendered anew since `task`
  /// was leased is not what it read, and stays.
  /// @return those whose loss was not known before.
  std::vector<TaskId> lost_inputs(TaskId task, std::span<const TaskId> inputs);
  /// No further task starts; what is leased may still end. The first error given stands.
  void fail(Error error);

  [[nodiscard]] const Task& task(TaskId id) const { return tasks_[id]; }
  [[nodiscard]] std::size_t task_count() const { return tasks_.size(); }
  [[nodiscard]] TaskState state(TaskId id) const { return state_[id]; }
  /// At least as many as lease() would give now.
  [[nodiscard]] std::size_t ready_count() const { return ready_.size(); }
  [[nodiscard]] std::size_t leased_count() const { return leased_; }
  [[nodiscard]] bool all_done() const { return done_ == tasks_.size(); }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  /// Nothing is leased and nothing will be.
  [[nodiscard]] bool is_over() const { return all_done() || (error_ && leased_ == 0); }

 private:
  void make_ready(TaskId id);
  std::optional<TaskId> next_ready();
  struct Later {
    const std::vector<Task>* tasks;
    bool operator()(TaskId a, TaskId b) const;
  };
  std::vector<Task> tasks_;
  std::vector<TaskState> state_;
  std::vector<std::size_t> missing_;              // of each task, done ones too: inputs not done at present
  std::vector<std::vector<TaskId>> needed_by_;
  std::priority_queue<TaskId, std::vector<TaskId>, Later> ready_;
  std::vector<std::uint64_t> leased_at_, finished_at_;  // of each task, last; in events
  std::uint64_t events_ = 0;
  std::size_t leased_ = 0, done_ = 0;
  std::optional<Error> error_;
};

}  // namespace dubfarm::scheduler
