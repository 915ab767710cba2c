#include "scheduler/state/job_state.hpp"

#include <algorithm>
#include <cassert>

namespace dubfarm::scheduler {

bool JobState::Later::operator()(TaskId a, TaskId b) const {
  const Task &x = (*tasks)[a], &y = (*tasks)[b];
  if (x.kind != y.kind) return x.kind < y.kind;  // finish before range before chunk
  return x.turn != y.turn ? x.turn > y.turn : a > b;
}

JobState::JobState(std::vector<Task> tasks, const std::vector<bool>& already_done)
    : tasks_(std::move(tasks)),
      state_(tasks_.size(), TaskState::waiting),
      missing_(tasks_.size(), 0),
      needed_by_(tasks_.size()),
      ready_(Later{&tasks_}),
      leased_at_(tasks_.size(), 0),
      finished_at_(tasks_.size(), 0) {
  assert(already_done.size() == tasks_.size());
  for (TaskId id = 0; id < tasks_.size(); ++id)
    if (already_done[id]) { state_[id] = TaskState::done; ++done_; }
  for (TaskId id = 0; id < tasks_.size(); ++id) {
    for (const TaskId input : tasks_[id].needs) {
      needed_by_[input].push_back(id);
      if (state_[input] != TaskState::done) ++missing_[id];
    }
    if (missing_[id] == 0 && state_[id] == TaskState::waiting) make_ready(id);
  }
}

void JobState::make_ready(TaskId id) {
  state_[id] = TaskState::ready;
  ready_.push(id);
}

std::optional<TaskId> JobState::next_ready() {
  while (!error_ && !ready_.empty()) {
    const TaskId id = ready_.top();
    ready_.pop();
    if (missing_[id] == 0) return id;
    state_[id] = TaskState::waiting;  // it lost an input while it was queued
  }
  return std::nullopt;
}

std::optional<TaskId> JobState::lease() {
  const std::optional<TaskId> id = next_ready();
  if (id) {
    state_[*id] = TaskState::leased;
    leased_at_[*id] = ++events_;
    ++leased_;
  }
  return id;
}

std::vector<TaskId> JobState::lease_more(std::size_t look, const std::function<bool(TaskId)>& wanted) {
  std::vector<TaskId> leased, left;
  while (leased.size() + left.size() < look) {
    const std::optional<TaskId> id = next_ready();
    if (!id) break;
    if (!wanted(*id)) {
      left.push_back(*id);
      continue;
    }
    state_[*id] = TaskState::leased;
    leased_at_[*id] = ++events_;
    ++leased_;
    leased.push_back(*id);
  }
  for (const TaskId id : left) ready_.push(id);
  return leased;
}

void JobState::finished(TaskId task) {
  assert(state_[task] == TaskState::leased);
  state_[task] = TaskState::done;
  finished_at_[task] = ++events_;
  --leased_;
  ++done_;
  for (const TaskId next : needed_by_[task]) {
    assert(missing_[next] > 0);
    if (--missing_[next] == 0 && state_[next] == TaskState::waiting) make_ready(next);
  }
}

std::vector<TaskId> JobState::lost_inputs(TaskId task, std::span<const TaskId> inputs) {
  assert(state_[task] == TaskState::leased);
  std::vector<TaskId> lost;
  state_[task] = TaskState::waiting;
  --leased_;
  for (const TaskId input : inputs) {
    if (state_[input] != TaskState::done || finished_at_[input] > leased_at_[task]) continue;  // another task has noticed already
    lost.push_back(input);
    --done_;
    make_ready(input);
    for (const TaskId next : needed_by_[input]) ++missing_[next];  // done ones too: finished() takes it off again
  }
  // Others that are queued are sorted out when they are leased; one that runs right now finds out by itself.
  if (missing_[task] == 0) make_ready(task);
  return lost;
}

void JobState::fail(Error error) {
  if (!error_) error_ = std::move(error);
}

}  // namespace dubfarm::scheduler
