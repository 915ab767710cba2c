// A scheduler starts with what an earlier one stored.
#include <algorithm>
#include <utility>

#include "scheduler/farm/state.hpp"

namespace dubfarm::farm {

Farm::State::State(const Settings& with, std::function<std::uint64_t()> source, Instant start, Saved saved)
    : settings(with), random(std::move(source)), at(start), started(start.now), last_job(saved.last_job) {
  for (ProjectLimits& limits : saved.projects) project(limits.project).limits = limits;
  for (SavedJob& row : saved.jobs) {
    const JobId id = row.job.job;
    const std::shared_ptr<const JobSpec> spec = row.job.spec;
    last_job = std::max(last_job, id);
    row.now.job = id;
    Job& job = jobs.try_emplace(id, row.job, row.now).first->second;
    project(spec->project);
    if (!spec->request.empty()) requests[{spec->submitter, spec->request}] = id;
    if (row.ended) {
      job.restore(*row.ended);
      continue;
    }
    if (spec->tasks) job.plan(spec->tasks, spec->package, spec->numeric_profile);
    for (const TaskIndex task : row.undone) {
      if (task >= job.size()) continue;
      if (job.state(task) == TaskState::done) job.undo(task);
      else job.mark_afresh(task);
    }
    for (const TaskDone& done : row.done) {
      if (done.task >= job.size() || job.state(done.task) == TaskState::done) continue;
      job.finish(done.task, done.digest, done.worker, done.was_there);
      job.device_seconds += done.device_seconds;
    }
    for (const TaskFailed& failed : row.failed)
      if (failed.task < job.size() && job.state(failed.task) != TaskState::done) job.fail(failed.task);
    job.hungry_since = start.now;
    if (row.now.ending == JobState::running) open.insert(id);
    job.is_changed = false;
  }

  for (const WorkerSeen& row : saved.workers) {
    Worker& worker = workers[row.worker];
    worker.id = row.worker;
    worker.key = row.key;
    worker.host = row.host;
    worker.profile = row.profile;
    worker.is_draining = row.is_draining;
    worker.sick = row.sick;
    worker.since_ms = row.at_ms;
    worker.heard = start.now;
    worker.is_dead = true;  // until it says Hello, or holds a lease
  }
  for (const AttemptFailed& row : saved.attempts) {
    const auto found = jobs.find(row.lease.job);
    if (found == jobs.end() || row.lease.task >= found->second.size() || !found->second.spec().tasks) continue;
    Job& job = found->second;
    const bool is_done = job.state(row.lease.task) == TaskState::done;
    Trouble& trouble = job.troubles[row.lease.task];
    trouble.error = row.error;
    trouble.since = start.now;
    job.count_attempt(row.lease.task, std::max(job.attempts(row.lease.task), row.lease.attempt));
    Worker* worker = worker_at(row.worker);
    const auto add = [](std::vector<WorkerId>& to, WorkerId id) {
      if (std::ranges::find(to, id) == to.end()) to.push_back(id);
    };
    if (row.fault == Fault::failed) {
      add(trouble.failed, row.worker);
      ++job.failures;
      if (worker != nullptr && is_done) worker->blames.insert({job.id(), row.lease.task});
      if (worker != nullptr && !is_done && open.contains(job.id())) worker->unsettled.insert({job.id(), row.lease.task});
    } else if (row.fault == Fault::killed) {
      add(trouble.killed, row.worker);
      ++job.kills;
      if (worker != nullptr) worker->died_of.insert({job.id(), row.lease.task});
    } else if (!is_done) {
      trouble.results.emplace_back(row.worker, row.digest);
    }
  }
  for (const LeaseGiven& row : saved.leases) {
    const auto found = jobs.find(row.lease.job);
    if (found == jobs.end() || row.lease.task >= found->second.size() || !open.contains(row.lease.job) ||
        (found->second.state(row.lease.task) != TaskState::ready && found->second.state(row.lease.task) != TaskState::leased)) {
      store(LeaseEnded{row.lease.lease});  // of a task that waits for others again
      continue;
    }
    Job& job = found->second;
    Worker& worker = workers[row.worker];
    worker.id = row.worker;
    worker.key = row.key;
    worker.heard = start.now;
    worker.is_dead = false;
    const std::int64_t print_ms = job.kind(row.lease.task) == TaskKind::print ? job.cost_ms(row.lease.task) : 0;
    leases[row.lease.lease] = Lease{row.lease, row.worker, start.now, start.now, 0, print_ms};
    worker.leases.insert(row.lease.lease);
    worker.print_ms += print_ms;
    worker.prints += print_ms > 0;
    if (job.state(row.lease.task) == TaskState::ready) job.lease(row.lease.task);
    job.leases[row.lease.task].push_back(row.lease.lease);
    ++job.lease_count;
    job.count_attempt(row.lease.task, std::max(job.attempts(row.lease.task), row.lease.attempt));
    ++project(job.spec().project).running;
  }
  for (auto& [id, job] : jobs) {
    requeue(job);
    touched.insert(id);  // derived again at the first step
  }
  if (!jobs.empty()) say(Level::info, "farm.restored", 0, 0, fmt::format("jobs={} leases={} workers={}", jobs.size(), leases.size(), workers.size()));
}

}  // namespace dubfarm::farm
