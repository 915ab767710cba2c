#include "scheduler/farm/job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace dubfarm::farm {
namespace {

std::size_t number(TaskKind kind) { return static_cast<std::size_t>(kind); }
std::size_t number(TaskState state) { return static_cast<std::size_t>(state); }

/// From a state (row) to a state (column).
constexpr bool kLegal[kTaskStates][kTaskStates] = {
    // waiting ready leased done failed
    {false, true, false, true, true},    // waiting: done where the store had it before, though what it needs is not there
    {true, false, true, true, true},     // ready: done by a late result
    {true, true, false, true, true},     // leased
    {true, true, false, false, false},   // done: its result is gone or in doubt
    {true, true, false, false, false},   // failed
};

}  // namespace

bool Trouble::is_barred(WorkerId worker) const {
  return std::ranges::find(failed, worker) != failed.end() || std::ranges::any_of(results, [&](const auto& result) { return result.first == worker; });
}

Job::Job(NewJob row, JobChanged now) : spec_(std::move(row.spec)), changed_(std::move(now)), created_ms_(row.created_ms) {}

JobState Job::state() const {
  if (changed_.ending != JobState::running) return changed_.ending;
  if (!is_planned_) return JobState::planning;
  if (changed_.is_paused) return JobState::paused;
  return lease_count > 0 || changed_.started_ms != 0 ? JobState::running : JobState::queued;
}

void Job::plan(std::shared_ptr<const TaskList> tasks, std::string package, std::string numeric_profile) {
  tasks_ = std::move(tasks);
  if (spec_->tasks != tasks_ || spec_->package != package || spec_->numeric_profile != numeric_profile) {
    auto spec = std::make_shared<JobSpec>(*spec_);
    spec->tasks = tasks_;
    spec->package = std::move(package);
    spec->numeric_profile = std::move(numeric_profile);
    spec_ = std::move(spec);
  }
  const auto count = static_cast<std::uint32_t>(tasks_->size());
  is_planned_ = true;
  state_.assign(count, static_cast<std::uint8_t>(TaskState::waiting));
  missing_.resize(count);
  digest_.assign(count, Digest{});
  made_by_.assign(count, 0);
  attempts_.assign(count, 0);
  needed_by_begin_.assign(count + std::size_t{1}, 0);
  for (const TaskIndex input : tasks_->needs) ++needed_by_begin_[input + std::size_t{1}];
  for (std::size_t i = 1; i <= count; ++i) needed_by_begin_[i] += needed_by_begin_[i - 1];
  needed_by_.resize(tasks_->needs.size());
  std::vector<std::uint32_t> at(needed_by_begin_.begin(), needed_by_begin_.end() - 1);
  for (auto& set : ready_) set = IndexSet(count);
  for (TaskIndex task = 0; task < count; ++task) {
    for (const TaskIndex input : tasks_->needs_of(task)) needed_by_[at[input]++] = task;
    missing_[task] = static_cast<std::uint32_t>(tasks_->needs_of(task).size());
    ++counts_.by[number(kind(task))][number(TaskState::waiting)];
    cost_ms_[number(TaskState::waiting)] += cost_ms(task);
  }
  for (TaskIndex task = 0; task < count; ++task)
    if (missing_[task] == 0) set(task, TaskState::ready);
  for (const TaskIndex task : tasks_->already_done) finish(task, Digest{}, 0, true);
}

std::int64_t Job::cost_ms(TaskIndex task) const {
  return std::max<std::int64_t>(1, std::llround(1000.0 * static_cast<double>(tasks_->cost[task])));
}

std::span<const TaskIndex> Job::needed_by(TaskIndex task) const {
  return std::span(needed_by_).subspan(needed_by_begin_[task], needed_by_begin_[task + std::size_t{1}] - needed_by_begin_[task]);
}

void Job::set(TaskIndex task, TaskState to) {
  const TaskState from = state(task);
  assert(kLegal[number(from)][number(to)]);
  auto& counts = counts_.by[number(kind(task))];
  --counts[number(from)];
  ++counts[number(to)];
  cost_ms_[number(from)] -= cost_ms(task);
  cost_ms_[number(to)] += cost_ms(task);
  auto& set = ready_[number(kind(task))];
  if (from == TaskState::ready) set.erase(task);
  if (to == TaskState::ready) set.insert(task);
  state_[task] = static_cast<std::uint8_t>((state_[task] & ~15u) | number(to));
}

void Job::lease(TaskIndex task) {
  assert(state(task) == TaskState::ready);
  set(task, TaskState::leased);
}

void Job::unlease(TaskIndex task) {
  assert(state(task) == TaskState::leased);
  make_ready_or_waiting(task);
}

void Job::finish(TaskIndex task, const Digest& digest, WorkerId by, bool was_there) {
  set(task, TaskState::done);
  made_by_[task] = by;
  digest_[task] = digest;
  state_[task] = static_cast<std::uint8_t>((state_[task] & 15u) | (was_there ? kWasThere : 0u));
  reused_ += was_there;
  for (const TaskIndex next : needed_by(task)) {
    assert(missing_[next] > 0);
    if (--missing_[next] == 0 && state(next) == TaskState::waiting) set(next, TaskState::ready);
  }
}

void Job::undo(TaskIndex task) {
  assert(state(task) == TaskState::done);
  reused_ -= was_there(task);
  digest_[task] = Digest{};
  make_ready_or_waiting(task);
  state_[task] = static_cast<std::uint8_t>((state_[task] & 15u) | kAfresh);
  for (const TaskIndex next : needed_by(task))
    if (++missing_[next] == 1 && state(next) == TaskState::ready) set(next, TaskState::waiting);
}

void Job::fail(TaskIndex task) { set(task, TaskState::failed); }

void Job::revive(TaskIndex task) {
  assert(state(task) == TaskState::failed);
  make_ready_or_waiting(task);
}

void Job::forget_tasks() {
  auto spec = std::make_shared<JobSpec>(*spec_);
  spec->tasks = nullptr;
  spec_ = std::move(spec);
  tasks_ = nullptr;
  missing_ = {};
  needed_by_begin_ = {};
  needed_by_ = {};
  digest_ = {};
  made_by_ = {};
  attempts_ = {};
  ready_ = {};
  troubles.clear();
  leases.clear();
}

std::string Job::states() const {
  std::string text(state_.size(), '\0');
  for (std::size_t i = 0; i < state_.size(); ++i) text[i] = static_cast<char>(state_[i] & (15u | kWasThere));
  return text;
}

JobDone Job::totals() const {
  JobDone row{.job = id(), .states = states(), .reused = reused_, .failures = failures, .kills = kills};
  for (std::size_t kind = 0; kind < kTaskKinds; ++kind)
    for (const std::uint32_t n : counts_.by[kind]) row.tasks[kind] += n;
  for (const std::int64_t cost : cost_ms_) row.cost_total += static_cast<double>(cost) / 1000.0;
  row.device_seconds = device_seconds;
  return row;
}

void Job::restore(const JobDone& row) {
  is_planned_ = true;
  state_.assign(row.states.begin(), row.states.end());
  for (std::size_t kind = 0; kind < kTaskKinds; ++kind) counts_.by[kind][number(TaskState::done)] = row.tasks[kind];
  cost_ms_[number(TaskState::done)] = std::llround(row.cost_total * 1000.0);
  reused_ = row.reused;
  failures = row.failures;
  kills = row.kills;
  device_seconds = row.device_seconds;
}

Trouble* Job::trouble_of(TaskIndex task) {
  const auto found = troubles.find(task);
  return found == troubles.end() ? nullptr : &found->second;
}

const Trouble* Job::trouble_of(TaskIndex task) const {
  const auto found = troubles.find(task);
  return found == troubles.end() ? nullptr : &found->second;
}

std::string Job::inconsistency() const {
  if (!tasks_) return leases.empty() && lease_count == 0 ? "" : fmt::format("job {} has leases and no tasks", id());
  Counts counts;
  std::array<std::int64_t, kTaskStates> cost{};
  std::uint32_t reused = 0, leased = 0;
  for (TaskIndex task = 0; task < size(); ++task) {
    ++counts.by[number(kind(task))][number(state(task))];
    cost[number(state(task))] += cost_ms(task);
    reused += was_there(task);
    std::uint32_t missing = 0;
    for (const TaskIndex input : tasks_->needs_of(task)) missing += state(input) != TaskState::done;
    if (missing != missing_[task]) return fmt::format("job {} task {} misses {} inputs, counted {}", id(), task, missing, missing_[task]);
    if (state(task) == TaskState::ready && missing != 0) return fmt::format("job {} task {} is ready and misses {} inputs", id(), task, missing);
    if (state(task) == TaskState::waiting && missing == 0) return fmt::format("job {} task {} waits for nothing", id(), task);
    if (ready(kind(task)).contains(task) != (state(task) == TaskState::ready)) return fmt::format("job {} task {}: ready set", id(), task);
    const auto held = leases.find(task);
    const std::size_t holders = held == leases.end() ? 0 : held->second.size();
    if ((state(task) == TaskState::leased) != (holders > 0)) return fmt::format("job {} task {} is {} with {} leases", id(), task, name_of(state(task)), holders);
    leased += static_cast<std::uint32_t>(holders);
  }
  if (counts != counts_) return fmt::format("job {}: counts of states", id());
  if (cost != cost_ms_) return fmt::format("job {}: costs of states", id());
  if (reused != reused_) return fmt::format("job {}: {} reused, counted {}", id(), reused, reused_);
  if (leased != lease_count) return fmt::format("job {}: {} leases, counted {}", id(), leased, lease_count);
  return "";
}

}  // namespace dubfarm::farm
