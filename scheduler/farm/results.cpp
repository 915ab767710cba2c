// What workers report about tasks, and what is held against whom.
#include <algorithm>
#include <utility>

#include "scheduler/farm/state.hpp"

namespace dubfarm::farm {
namespace {

/// Results that differ from each other, of so many workers: nobody can tell any more.
constexpr std::size_t kMostOpinions = 5;
/// One worker may report the inputs of one task lost so often. After that its store is in doubt, not the inputs.
constexpr std::ptrdiff_t kLossesBelieved = 3;

/// Who reports such a result did not make it.
bool was_in_store(const Job& job, TaskIndex task, const TaskResult& result) { return job.kind(task) == TaskKind::chunk && result.bytes_written == 0; }
bool is_set(const Digest& digest) { return digest != Digest{}; }
bool has(const std::vector<WorkerId>& workers, WorkerId worker) { return std::ranges::find(workers, worker) != workers.end(); }

}  // namespace

std::string Farm::State::words(const Job& job, TaskIndex task) const {
  return job.kind(task) == TaskKind::package ? "the report" : fmt::format("{} {}", name_of(job.kind(task)), job.tasks().subject[task]);
}

void Farm::State::end_lease(LeaseId id, bool tell, bool is_task_over) {
  const auto found = leases.find(id);
  if (found == leases.end()) return;
  const Lease lease = found->second;
  leases.erase(found);
  Job& job = jobs.at(lease.ref.job);
  Worker& worker = workers.at(lease.worker);
  worker.leases.erase(id);
  worker.print_ms -= lease.print_ms;
  worker.prints -= lease.print_ms > 0;
  if (job.trouble_of(lease.ref.task) != nullptr) there_is_more();
  auto& holders = job.leases[lease.ref.task];
  std::erase(holders, id);
  --job.lease_count;
  Project& shares = project(job.spec().project);
  --shares.running;
  if (job.now().max_running != 0 || shares.limits.max_running != 0) there_is_more();
  if (holders.empty()) {
    job.leases.erase(lease.ref.task);
    if (!is_task_over && job.state(lease.ref.task) == TaskState::leased) {
      job.unlease(lease.ref.task);
      there_is_more();
    }
  }
  store(LeaseEnded{id});
  if (tell) send(worker, CancelLease{lease.ref});
  touched.insert(job.id());
  changed(worker);
}

void Farm::State::on(const TaskResult& event) {
  Worker* worker = worker_of(event.session);
  if (worker == nullptr) return on(UnknownSession{event.connection});
  take(*worker, event);
}

void Farm::State::take(Worker& worker, const TaskResult& result) {
  const LeaseRef& ref = result.lease;
  const auto held = leases.find(ref.lease);
  const bool is_its_own = held != leases.end() && held->second.ref == ref && workers.at(held->second.worker).key == worker.key;
  const auto found = jobs.find(ref.job);
  Job* job = found == jobs.end() || ref.task >= found->second.size() ? nullptr : &found->second;
  if (is_its_own) {
    const Lease lease = held->second;
    touched.insert(job->id());
    switch (result.outcome) {
      case Outcome::done:
        durations[static_cast<std::size_t>(job->kind(ref.task))].add(static_cast<double>((at.now - lease.given).count()) /
                                                                     static_cast<double>(job->cost_ms(ref.task)));
        complete(*job, ref.task, worker, result);
        break;
      case Outcome::failed:
        end_lease(ref.lease, false);
        hold_against(*job, ref, worker.id, Fault::failed, result.error.empty() ? "failed, and did not say why" : result.error);
        break;
      case Outcome::lost_inputs: lost_inputs(*job, worker, lease, result); break;
      case Outcome::released:
        end_lease(ref.lease, false);
        if (worker.hindered != result.error) {
          worker.hindered = result.error;
          say(Level::warning, "worker.hindered", ref.job, worker.id, result.error.empty() ? "no more" : result.error);
          changed(worker);
        }
        break;
    }
  } else if (job != nullptr && held == leases.end() && result.outcome == Outcome::done && job->is_planned() && job->now().ending == JobState::running &&
             job->kind(ref.task) == TaskKind::chunk && job->now().profile == worker.profile && worker.sick.empty()) {
    // Late: its lease ended. What it made is in the store all the same, under a key that anybody would make it under. (Not where that is in doubt.)
    if (job->state(ref.task) == TaskState::done || (job->state(ref.task) == TaskState::ready && !job->is_afresh(ref.task))) {
      touched.insert(job->id());
      complete(*job, ref.task, worker, result);
    }
  }
  send(worker, ResultAck{ref});
}

void Farm::State::complete(Job& job, TaskIndex task, Worker& worker, const TaskResult& result) {
  const bool is_compared = job.kind(task) == TaskKind::chunk && is_set(result.digest);
  if (job.state(task) == TaskState::done) {
    if (leases.contains(result.lease.lease)) end_lease(result.lease.lease, false, true);
    if (is_compared && is_set(job.digest(task)) && job.digest(task) != result.digest) doubt(job, task, worker, result);
    return;
  }
  Trouble* trouble = job.trouble_of(task);
  if (trouble != nullptr && !trouble->results.empty()) return vote(job, task, worker, result);

  const std::vector<LeaseId> holders = [&] {
    const auto found = job.leases.find(task);
    return found == job.leases.end() ? std::vector<LeaseId>{} : found->second;
  }();
  const std::uint32_t ready_before = job.ready_count();
  for (const LeaseId id : holders) end_lease(id, id != result.lease.lease, true);
  const bool was_there = was_in_store(job, task, result);
  job.finish(task, result.digest, was_there ? 0 : worker.id, was_there);
  if (job.ready_count() > ready_before) there_is_more();
  store(TaskDone{job.id(), task, result.digest, was_there ? 0 : worker.id, result.device_seconds, was_there});
  job.device_seconds += result.device_seconds;
  Project& shares = project(job.spec().project);
  shares.device_seconds += result.device_seconds;
  if (!holders.empty()) charge(job, result.device_seconds - static_cast<double>(job.cost_ms(task)) / 1000.0);
  ++worker.tasks_done;
  worker.device_seconds += result.device_seconds;
  worker.failures_in_row = 0;
  worker.hindered.clear();
  settle_task(job, task, true);
  touched.insert(job.id());
  changed(worker);
}

void Farm::State::settle_task(const Job& job, TaskIndex task, bool others_did_it) {
  const Trouble* trouble = job.trouble_of(task);
  if (trouble == nullptr) return;
  for (const WorkerId id : trouble->failed) {
    Worker* worker = worker_at(id);
    if (worker == nullptr) continue;
    worker->unsettled.erase({job.id(), task});
    if (worker->unsettled.empty()) worker->failures_in_row = 0;
    if (others_did_it && worker->blames.insert({job.id(), task}).second && worker->blames.size() >= settings.blames_per_worker)
      set_aside(*worker, fmt::format("failed {} tasks that other workers did; the last: job {}, {}: {}", worker->blames.size(), job.id(), words(job, task),
                                     trouble->error));
  }
  there_is_more();
}

void Farm::State::hold_against(Job& job, const LeaseRef& ref, WorkerId id, Fault fault, const std::string& error, const Digest& digest) {
  if (job.now().ending != JobState::running) return;
  const TaskIndex task = ref.task;
  Trouble& trouble = job.troubles[task];
  trouble.error = error;
  trouble.since = at.now;
  store(AttemptFailed{ref, id, fault, digest, error, at.wall_ms});
  say(Level::warning, fault == Fault::killed ? "task.killed" : fault == Fault::failed ? "task.failed" : "task.disagreed", job.id(), id,
      fmt::format("task={} attempt={} what=\"{}\" error=\"{}\"", task, ref.attempt, words(job, task), error));
  touched.insert(job.id());
  Worker* worker = worker_at(id);
  if (fault == Fault::failed) {
    if (!has(trouble.failed, id)) trouble.failed.push_back(id);
    ++job.failures;
    if (worker != nullptr) {
      ++worker->tasks_failed;
      ++worker->failures_in_row;
      worker->last_failure = at.now;
      worker->unsettled.insert({job.id(), task});
      changed(*worker);
    }
    if (trouble.failed.size() >= settings.failures_per_task && job.state(task) != TaskState::done)
      fail_task(job, task, fmt::format("{} failed on {} workers; the last said: {}", words(job, task), trouble.failed.size(), error));
  } else if (fault == Fault::killed) {
    if (!has(trouble.killed, id)) trouble.killed.push_back(id);
    ++job.kills;
    if (worker != nullptr) worker->died_of.insert({job.id(), task});
    if (trouble.killed.size() >= settings.kills_per_task && job.state(task) != TaskState::done)
      fail_task(job, task, fmt::format("{} workers died or fell silent while they ran {}; the last: {}", trouble.killed.size(), words(job, task), error));
  } else {
    trouble.results.emplace_back(id, digest);
  }
}

void Farm::State::lost_inputs(Job& job, Worker& worker, const Lease& lease, const TaskResult& result) {
  const TaskIndex task = lease.ref.task;
  end_lease(lease.ref.lease, false);
  const auto needs = job.tasks().needs_of(task);
  bool names_any = false;
  for (const TaskIndex input : std::set<TaskIndex>(result.lost.begin(), result.lost.end())) {
    if (std::ranges::find(needs, input) == needs.end()) continue;
    names_any = true;
    if (job.state(input) == TaskState::done) undo(job, input, false);
  }
  if (!names_any) {
    hold_against(job, lease.ref, worker.id, Fault::failed, "reports inputs lost, and names none that it needs");
    return;
  }
  Trouble& trouble = job.troubles[task];
  trouble.lost_for.push_back(worker.id);
  trouble.since = at.now;
  if (std::ranges::count(trouble.lost_for, worker.id) >= kLossesBelieved) {
    std::erase(trouble.lost_for, worker.id);
    hold_against(job, lease.ref, worker.id, Fault::failed,
                 fmt::format("found inputs lost {} times, each time after they were rendered again; does it see the same store as the others?", kLossesBelieved));
    return;
  }
  say(Level::info, "task.lost_inputs", job.id(), worker.id, fmt::format("task={} lost={}", task, result.lost.size()));
}

void Farm::State::undo(Job& job, TaskIndex task, bool is_in_doubt) {
  job.undo(task);
  store(TaskUndone{job.id(), task});
  touched.insert(job.id());
  there_is_more();
  if (!is_in_doubt) return;  // what was made of it was made of the right bits
  for (const TaskIndex next : job.needed_by(task)) {
    if (const auto held = job.leases.find(next); held != job.leases.end())
      for (const LeaseId id : std::vector<LeaseId>(held->second)) end_lease(id, true);
    if (job.state(next) == TaskState::done) undo(job, next, true);
  }
}

/// A second result that differs from the first: neither counts until two workers agree. 0 stands for whoever made what the store had.
void Farm::State::doubt(Job& job, TaskIndex task, Worker& worker, const TaskResult& result) {
  const WorkerId first = job.made_by(task), second = was_in_store(job, task, result) ? 0 : worker.id;
  const Digest digest = job.digest(task);
  undo(job, task, true);
  const LeaseRef ref{0, job.id(), task, result.lease.attempt};
  const std::string text = fmt::format("{}: two results of it differ, of workers {:016x} and {:016x}; both are set aside, a third decides", words(job, task), first, second);
  hold_against(job, ref, first, Fault::disagreed, text, digest);
  hold_against(job, ref, second, Fault::disagreed, text, result.digest);
  for (const WorkerId id : {first, second})
    if (Worker* one = worker_at(id)) {
      one->remark = text;
      changed(*one);
    }
}

void Farm::State::vote(Job& job, TaskIndex task, Worker& worker, const TaskResult& result) {
  Trouble& trouble = job.troubles[task];
  const bool has_lease = leases.contains(result.lease.lease);
  if (is_barred(trouble, worker) || was_in_store(job, task, result)) {  // it has had its say, or has none
    if (has_lease) {
      end_lease(result.lease.lease, false);
      if (!is_barred(trouble, worker)) hold_against(job, result.lease, worker.id, Fault::failed, "was to render the chunk afresh, and took what the store had");
    }
    return;
  }
  const bool is_agreed = is_set(result.digest) && std::ranges::any_of(trouble.results, [&](const auto& other) { return other.second == result.digest; });
  if (!is_agreed) {
    if (has_lease) end_lease(result.lease.lease, false);
    hold_against(job, result.lease, worker.id, Fault::disagreed, fmt::format("{}: a result that differs from all before it", words(job, task)), result.digest);
    if (trouble.results.size() >= kMostOpinions)
      fail_task(job, task, fmt::format("{}: {} workers, and no two results agree", words(job, task), trouble.results.size()));
    return;
  }
  const auto opinions = std::exchange(trouble.results, {});
  complete(job, task, worker, result);
  for (const auto& [id, digest] : opinions) {
    Worker* other = worker_at(id);
    if (digest == result.digest) {
      if (other != nullptr) other->remark.clear();
      continue;
    }
    if (id == 0 || !is_set(digest)) continue;  // it did not say what it made: a device's worker whose CPU took the chunk over
    if (other != nullptr) set_aside(*other, fmt::format("its result of job {}, {}, differs from what two others made", job.id(), words(job, task)));
    for (const JobId open_id : std::set<JobId>(open)) {  // whatever else it made is in doubt
      Job& suspect = jobs.at(open_id);
      for (TaskIndex made = 0; made < suspect.size(); ++made)
        if (suspect.state(made) == TaskState::done && suspect.made_by(made) == id) undo(suspect, made, true);
    }
  }
}

void Farm::State::fail_task(Job& job, TaskIndex task, const std::string& error) {
  if (const auto held = job.leases.find(task); held != job.leases.end())
    for (const LeaseId id : std::vector<LeaseId>(held->second)) end_lease(id, true);
  if (job.state(task) == TaskState::failed) return;
  job.fail(task);
  store(TaskFailed{job.id(), task, error});
  say(Level::error, "task.given_up", job.id(), 0, fmt::format("task={} error=\"{}\"", task, error));
  settle_task(job, task, false);
  if (job.now().error.empty()) job.change().error = error;
  touched.insert(job.id());
}

void Farm::State::cancel_leases(Job& job) {
  std::vector<LeaseId> held;
  for (const auto& [task, ids] : job.leases) held.insert(held.end(), ids.begin(), ids.end());
  for (const LeaseId id : held) end_lease(id, true);
}

void Farm::State::settle(Job& job) {
  if (job.is_planned() && job.now().ending == JobState::running) {
    const auto over = [&](JobState ending) {
      job.change().ending = ending;
      job.change().ended_ms = at.wall_ms;
      open.erase(job.id());
      touched.insert(job.id());
      say(ending == JobState::done ? Level::info : Level::error, ending == JobState::done ? "job.done" : "job.failed", job.id(), 0,
          fmt::format("project={} name=\"{}\" tasks={} error=\"{}\"", job.spec().project, job.spec().name, job.size(), job.now().error));
    };
    if (job.counts().of(TaskState::failed) > 0) {
      cancel_leases(job);
      for (const auto& [task, trouble] : job.troubles) settle_task(job, task, false);
      over(JobState::failed);
    } else if (job.counts().of(TaskState::done) == job.size()) {
      over(JobState::done);
      job.is_changed = false;
      store(job.now());
      store(job.totals());
      job.forget_tasks();
    }
  }
  requeue(job);
}

}  // namespace dubfarm::farm
