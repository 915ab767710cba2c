// What time brings: silence, leases that last too long, tasks that nobody is left for, stragglers, age.
#include <algorithm>

#include "scheduler/farm/state.hpp"

namespace dubfarm::farm {

void Farm::State::on(const Tick&) {
  const bool is_grace_over = at.now - started >= settings.restart_grace;
  std::vector<WorkerId> forgotten;
  for (auto& [id, worker] : workers) {
    const Time silent = at.now - worker.heard;
    if (!worker.is_dead && silent > settings.dead_after && is_grace_over)
      lose(worker, fmt::format("fell silent for {:.1f} s", static_cast<double>(silent.count()) / 1000.0), true);
    if (worker.is_dead && silent > settings.forget_worker) forgotten.push_back(id);
  }
  for (const WorkerId id : forgotten) {
    store(WorkerGone{id});
    news.insert({Changed::worker_gone, id});
    workers.erase(id);
  }

  std::vector<LeaseRef> too_long;
  for (const auto& [id, lease] : leases) {
    const Job& job = jobs.at(lease.ref.job);
    const double usual = durations[static_cast<std::size_t>(job.kind(lease.ref.task))].usual();
    const Time held = at.now - lease.given;
    if (held > settings.lease_limit && static_cast<double>(held.count()) > 20.0 * usual * static_cast<double>(job.cost_ms(lease.ref.task)))
      too_long.push_back(lease.ref);
  }
  std::ranges::sort(too_long, {}, [](const LeaseRef& ref) { return std::pair(ref.job, ref.task); });
  for (const LeaseRef& ref : too_long) {
    const auto found = leases.find(ref.lease);
    if (found == leases.end()) continue;
    const WorkerId worker = found->second.worker;
    const auto held_s = std::chrono::duration_cast<std::chrono::seconds>(at.now - found->second.given).count();
    end_lease(ref.lease, true);
    hold_against(jobs.at(ref.job), ref, worker, Fault::failed, fmt::format("not done after {} s", held_s));
  }

  for (const JobId id : std::set<JobId>(open)) {
    Job& job = jobs.at(id);
    touched.insert(id);  // settled and queued again, whatever was forgotten
    if (!job.is_planned()) continue;
    if (job.spec().numeric_profile.empty() && !job.now().profile.empty() && job.lease_count == 0 && job.counts().of(TaskState::done) == 0) {
      job.change().profile.clear();  // nothing depends on the choice any more
      there_is_more();
    }
    if (!job.is_open()) continue;
    for (auto& [task, trouble] : job.troubles) {
      if (job.state(task) != TaskState::ready || (trouble.failed.empty() && trouble.results.empty()) || at.now - trouble.since < settings.no_one_left) continue;
      bool is_any = false, is_one_left = false;
      for (const auto& [worker_id, worker] : workers)
        if (takes_tasks(worker) && suits(job, worker)) {
          is_any = true;
          is_one_left = is_one_left || !is_barred(trouble, worker);
        }
      if (is_any && !is_one_left)
        fail_task(job, task, fmt::format("{}: every worker here has tried it, and there is no other; the last said: {}", words(job, task), trouble.error));
    }
  }
  find_stragglers();
  there_is_more();  // once a second, everybody who wants tasks is tried again
}

}  // namespace dubfarm::farm
