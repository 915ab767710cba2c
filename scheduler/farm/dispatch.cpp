// Which worker gets which task.
#include <algorithm>
#include <cmath>
#include <utility>

#include "scheduler/farm/state.hpp"

namespace dubfarm::farm {
namespace {

constexpr std::size_t kDurationsKept = 256, kDurationsNeeded = 8, kDurationsBetween = 16;
constexpr int kMostAge = 100;  // priorities that age adds

}  // namespace

void Durations::add(double ratio) {
  if (last_.size() < kDurationsKept) last_.push_back(ratio);
  else last_[next_] = ratio;
  next_ = (next_ + 1) % kDurationsKept;
  if (last_.size() < kDurationsNeeded || (++since_ < kDurationsBetween && usual_ > 0)) return;
  since_ = 0;
  std::vector<double> sorted = last_;
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() * 3 / 4);
  std::ranges::nth_element(sorted, at);
  usual_ = *at;
}

Project& Farm::State::project(const std::string& name) {
  const auto [found, is_new] = projects.try_emplace(name);
  if (is_new) {
    found->second.limits.project = name;
    found->second.number = static_cast<std::uint32_t>(project_at.size());
    project_at.push_back(&found->second);
  }
  return found->second;
}

void Farm::State::share(Project& shares) {
  const bool is_in = shares.shared_at >= 0, wants_in = !shares.queue.empty();
  if (is_in && (!wants_in || shares.shared_at != shares.virtual_time)) {
    sharing.erase({shares.shared_at, shares.number});
    shares.shared_at = -1;
  }
  if (!is_in && wants_in) shares.virtual_time = std::max(shares.virtual_time, virtual_now);
  if (wants_in && shares.shared_at < 0) {
    sharing.insert({shares.virtual_time, shares.number});
    shares.shared_at = shares.virtual_time;
  }
}

void Farm::State::charge(const Job& job, double device_seconds) {
  Project& shares = project(job.spec().project);
  const double weight = shares.limits.weight * std::pow(1.1, job.now().priority - kUsualPriority);
  shares.virtual_time = std::max(0.0, shares.virtual_time + device_seconds / weight);
  share(shares);
}

void Farm::State::requeue(Job& job) {
  Project& shares = project(job.spec().project);
  const bool belongs = job.is_open() && job.ready_count() > 0;
  const auto age = std::min<std::int64_t>(kMostAge, (at.now - job.hungry_since) / settings.aging);
  const int rank = job.now().priority + static_cast<int>(age);
  if (job.is_queued && (!belongs || rank != job.rank)) {
    shares.queue.erase({-job.rank, job.id()});
    job.is_queued = false;
  }
  if (belongs && !job.is_queued) {
    job.rank = rank;
    shares.queue.insert({-rank, job.id()});
    job.is_queued = true;
  }
  share(shares);
  if (!belongs || job.ready(TaskKind::print).size() == 0) job.prints_since.reset();
  else if (!job.prints_since) job.prints_since = at.now;
}

void Farm::State::wants(Worker& worker) {
  if (worker.session == 0 || worker.credit == 0 || !takes_tasks(worker)) return;
  worker.turn = ++last_turn;
  hungry.insert({worker.turn, worker.id});
}

bool Farm::State::is_barred(const Trouble& trouble, const Worker& worker) const {
  if (trouble.is_barred(worker.id)) return true;
  return std::ranges::any_of(trouble.results, [&](const auto& result) {
    const auto other = workers.find(result.first);
    return other != workers.end() && other->second.key == worker.key && other->second.host == worker.host;
  });
}

bool Farm::State::may_run(const Job& job, TaskIndex task, const Worker& worker) const {
  const Trouble* trouble = job.trouble_of(task);
  if (trouble == nullptr) return true;
  if (is_barred(*trouble, worker)) return false;
  if (trouble->killed.empty()) return true;
  // Workers died of it, or beside it. One such task to a worker tells which.
  return std::ranges::none_of(worker.leases, [&](LeaseId id) {
    const LeaseRef& ref = leases.at(id).ref;
    const Trouble* other = jobs.at(ref.job).trouble_of(ref.task);
    return other != nullptr && !other->killed.empty();
  });
}

bool Farm::State::leaves_prints(const Job& job, const Worker& worker) const {
  if (worker.leases.empty()) return false;  // nobody is idle for the sake of balance
  if (worker.prints >= std::max(settings.prints_together, settings.leases_per_slot * worker.slots)) return true;
  return std::ranges::any_of(workers, [&](const auto& entry) {
    const Worker& other = entry.second;
    return other.session != 0 && takes_tasks(other) && !is_resting(other) && suits(job, other) &&
           other.print_ms * worker.slots < worker.print_ms * other.slots;
  });
}

bool Farm::State::choose_in(const Job& job, const Worker& worker, TaskIndex& task) const {
  if (is_resting(worker)) {  // it may still try what others failed
    for (const auto& [index, trouble] : job.troubles)
      if (!trouble.failed.empty() && job.state(index) == TaskState::ready && may_run(job, index, worker)) {
        task = index;
        return true;
      }
    return false;
  }
  // Prints after the chunks, so that they are given out evenly when all are ready, and none of those chunks waits behind them; but what completes outputs does
  // not wait for long.
  const bool are_prints_due = job.prints_since && at.now - *job.prints_since >= settings.print_patience;
  const TaskKind second = are_prints_due ? TaskKind::print : TaskKind::chunk, third = are_prints_due ? TaskKind::chunk : TaskKind::print;
  for (const TaskKind kind : {TaskKind::package, second, third}) {
    auto index = job.ready(kind).next();
    if (kind == TaskKind::print && index && leaves_prints(job, worker)) continue;
    for (; index; index = job.ready(kind).next(*index + 1))
      if (may_run(job, *index, worker)) {
        task = *index;
        return true;
      }
  }
  return false;
}

bool Farm::State::choose(const Worker& worker, Choice& choice) {
  for (const auto& [time, number] : sharing) {
    const Project& shares = *project_at[number];
    if (shares.is_full()) continue;
    for (const auto& [rank, id] : shares.queue) {
      Job& job = jobs.at(id);
      if (is_full(job) || !suits(job, worker) || !choose_in(job, worker, choice.task)) continue;
      choice.job = &job;
      virtual_now = std::max(virtual_now, shares.virtual_time);
      return true;
    }
  }
  return choose_copy(worker, choice);
}

bool Farm::State::choose_copy(const Worker& worker, Choice& choice) {
  if (is_resting(worker)) return false;
  for (const LeaseId id : stragglers) {
    const auto found = leases.find(id);
    if (found == leases.end() || found->second.worker == worker.id) continue;
    Job& job = jobs.at(found->second.ref.job);
    const TaskIndex task = found->second.ref.task;
    if (!job.is_open() || job.leases.at(task).size() != 1 || is_full(job) || project(job.spec().project).is_full() || !suits(job, worker)) continue;
    const Trouble* trouble = job.trouble_of(task);
    if (trouble != nullptr && (!trouble->killed.empty() || is_barred(*trouble, worker))) continue;
    choice = {&job, task};
    return true;
  }
  return false;
}

void Farm::State::find_stragglers() {
  stragglers.clear();
  const double usual = durations[static_cast<std::size_t>(TaskKind::chunk)].usual();
  if (usual <= 0) return;
  const bool is_grace = at.now - started < settings.restart_grace;
  std::vector<std::pair<double, LeaseId>> slow;
  for (const auto& [id, lease] : leases) {
    if (is_grace && workers.at(lease.worker).session == 0) continue;  // its worker is on its way back, perhaps with the result
    const Job& job = jobs.at(lease.ref.job);
    const Time held = at.now - lease.given;
    if (job.kind(lease.ref.task) != TaskKind::chunk || held < settings.straggler_least || job.leases.at(lease.ref.task).size() != 1) continue;
    const double over = static_cast<double>(held.count()) / (usual * static_cast<double>(job.cost_ms(lease.ref.task)));
    if (over > settings.straggler_factor) slow.emplace_back(-over, id);
  }
  std::ranges::sort(slow);
  for (const auto& [over, id] : slow) stragglers.push_back(id);
  if (!stragglers.empty()) there_is_more();
}

std::size_t Farm::State::most_leases(const Worker& worker) const {
  return std::size_t{worker.slots} * std::max(settings.leases_per_slot, settings.most_leases_per_slot);
}

/// A print: choose_in() has seen to that. Beyond leases_per_slot: is it a chunk that will soon be done, and is as much left for everybody? Many chunks to choose from are
/// cheaper, as they are rendered in company; but the last ones of a job should not wait behind one another, nor a job that is in more of a hurry behind them.
bool Farm::State::may_hold(const Worker& worker, const Choice& choice) const {
  const Job& job = *choice.job;
  const std::size_t held = worker.leases.size() / worker.slots;
  if (held < settings.leases_per_slot || job.kind(choice.task) == TaskKind::print) return true;
  const double usual = durations[static_cast<std::size_t>(TaskKind::chunk)].usual();
  if (job.kind(choice.task) != TaskKind::chunk || usual <= 0 || usual * static_cast<double>(job.cost_ms(choice.task)) > static_cast<double>(settings.soon.count())) return false;
  std::size_t slots = 0;
  for (const auto& [id, other] : workers)
    if (other.session != 0) slots += other.slots;
  return job.ready(TaskKind::chunk).size() >= held * slots;
}

void Farm::State::dispatch() {
  if (!storage_trouble.empty()) return;
  do {  // again where what was given lets others have something: each time something was
    if (std::exchange(is_more_, false)) {
      hungry.merge(idle);
      idle.clear();
    }
    while (!hungry.empty()) {
      const auto [turn, id] = *hungry.begin();
      hungry.erase(hungry.begin());
      Worker& worker = workers.at(id);
      Choice choice;
      if (worker.leases.size() >= most_leases(worker) || !choose(worker, choice) || !may_hold(worker, choice)) {
        idle.insert({turn, id});
        continue;
      }
      give(worker, *choice.job, choice.task);
      --worker.credit;
      wants(worker);
    }
  } while (is_more_);
}

LeaseId Farm::State::enter_lease(Worker& worker, Job& job, const LeaseRef& ref, float progress) {
  const std::int64_t print_ms = job.kind(ref.task) == TaskKind::print ? job.cost_ms(ref.task) : 0;
  leases[ref.lease] = Lease{ref, worker.id, at.now, at.now, progress, print_ms};
  worker.leases.insert(ref.lease);
  worker.print_ms += print_ms;
  worker.prints += print_ms > 0;
  if (job.state(ref.task) == TaskState::ready) job.lease(ref.task);
  job.leases[ref.task].push_back(ref.lease);
  ++job.lease_count;
  job.count_attempt(ref.task, ref.attempt);
  ++project(job.spec().project).running;
  store(LeaseGiven{ref, worker.id, worker.key, at.wall_ms});
  if (job.now().started_ms == 0) job.change().started_ms = at.wall_ms;
  if (job.now().profile.empty()) {
    job.change().profile = worker.profile;
    say(Level::info, "job.profile", job.id(), worker.id, fmt::format("profile={}", worker.profile));
  }
  job.hungry_since = at.now;
  requeue(job);
  touched.insert(job.id());
  changed(worker);
  return ref.lease;
}

void Farm::State::give(Worker& worker, Job& job, TaskIndex task) {
  LeaseRef ref{0, job.id(), task, job.attempts(task) + 1};
  do ref.lease = draw();
  while (leases.contains(ref.lease));
  enter_lease(worker, job, ref, 0);
  if (job.kind(task) == TaskKind::print) there_is_more();  // a print that another worker left may now be its turn
  charge(job, static_cast<double>(job.cost_ms(task)) / 1000.0);
  const double usual = durations[static_cast<std::size_t>(job.kind(task))].usual();
  const double limit_ms = std::max(static_cast<double>(settings.lease_limit.count()), 20.0 * usual * static_cast<double>(job.cost_ms(task)));
  send(worker, Assign{ref, job.kind(task), job.tasks().subject[task], job.spec().package, static_cast<std::uint32_t>(std::ceil(limit_ms / 1000.0)),
                      job.is_afresh(task)});
}

}  // namespace dubfarm::farm
