// Why a job waits; what the farm lacks.
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "scheduler/farm/state.hpp"

namespace dubfarm::farm {

std::optional<Waiting> Farm::explain(JobId id) const {
  const State& state = *state_;
  const auto found = state.jobs.find(id);
  if (found == state.jobs.end()) return std::nullopt;
  const Job& job = found->second;
  Waiting waiting{job.state(), {}};
  const auto because = [&](const char* code, std::string text) { waiting.reasons.push_back({code, std::move(text)}); };
  if (is_over(waiting.state)) {
    because("over", fmt::format("the job is {}{}{}", name_of(waiting.state), job.now().error.empty() ? "" : ": ", job.now().error));
    return waiting;
  }
  if (waiting.state == JobState::planning) {
    because("planning", "its plan is being made");
    return waiting;
  }
  if (waiting.state == JobState::paused) because("paused", "the job is paused; resume it");
  if (!state.storage_trouble.empty()) because("storage", fmt::format("nothing is given out while the scheduler cannot store what it does: {}", state.storage_trouble));

  const JobSpec& spec = job.spec();
  const auto lacks_tags = [&](const Worker& worker) {
    return std::ranges::any_of(spec.tags, [&](const std::string& tag) { return std::ranges::find(worker.tags, tag) == worker.tags.end(); });
  };
  std::set<std::string> offered;  // profiles
  std::uint32_t here = 0, tagged = 0, fitting = 0, able = 0, free = 0, sick = 0, draining = 0, resting = 0;
  for (const auto& [worker_id, worker] : state.workers) {
    if (worker.is_dead) continue;
    ++here;
    if (lacks_tags(worker)) continue;
    ++tagged;
    offered.insert(worker.profile);
    if (!job.now().profile.empty() && job.now().profile != worker.profile) continue;
    ++fitting;
    sick += !worker.sick.empty();
    draining += worker.sick.empty() && worker.is_draining;
    if (!state.takes_tasks(worker)) continue;
    ++able;
    resting += state.is_resting(worker);
    free += worker.session != 0 && worker.credit > 0;
    if (!worker.hindered.empty()) because("hindered", fmt::format("worker {:016x} on {} gives its tasks back undone: {}", worker.id, worker.host, worker.hindered));
  }
  if (here == 0) because("no_worker", "no worker is connected");
  else if (tagged == 0) because("tags", fmt::format("no worker has the tags [{}]; {} are connected", fmt::join(spec.tags, ", "), here));
  else if (fitting == 0)
    because("profile", fmt::format("its tasks belong to numeric profile {}; none of the {} workers with its tags has that: start one that has, or submit the job again with --profile \"{}\"",
                                   job.now().profile, tagged, fmt::join(offered, "\" or \"")));
  else if (able == 0 && sick > 0) because("sick", fmt::format("the workers that could take it are set aside ({} sick, {} draining); see their reasons", sick, draining));
  else if (able == 0) because("draining", fmt::format("the {} workers that could take it are draining", draining));

  const Counts& counts = job.counts();
  const std::uint32_t leased = counts.of(TaskState::leased), ready = job.ready_count(), left = counts.of(TaskState::waiting);
  if (ready == 0 && leased > 0) because("running", fmt::format("all that can run is running: {} tasks{}", leased, left > 0 ? fmt::format("; {} wait for them", left) : ""));
  if (ready == 0 && leased == 0 && left > 0) because("waiting_for_tasks", fmt::format("{} tasks wait for others", left));
  if (ready == 0 || !job.is_open() || able == 0) return waiting;

  if (state.is_full(job)) because("job_limit", fmt::format("{} of its tasks run, its limit", job.lease_count));
  const Project& project = state.projects.at(spec.project);
  if (project.is_full()) because("project_limit", fmt::format("project {} runs {} tasks, its limit", spec.project, project.running));
  std::uint32_t tried = 0;
  for (const auto& [task, trouble] : job.troubles) {
    if (job.state(task) != TaskState::ready || (trouble.failed.empty() && trouble.results.empty())) continue;
    tried += std::ranges::none_of(state.workers, [&, &why = trouble](const auto& entry) {
      return state.takes_tasks(entry.second) && state.suits(job, entry.second) && !state.is_barred(why, entry.second);
    });
  }
  if (tried > 0)
    because("failed_everywhere", fmt::format("{} of its tasks failed on every worker that is here; with no other in {} s they fail for good", tried,
                                             state.settings.no_one_left.count() / 1000));
  if (resting == able) because("resting", fmt::format("the {} workers that could take it failed {} tasks in a row, and rest until others have tried those", able, state.settings.rests_after));
  if (free == 0 && !state.is_full(job) && !project.is_full()) {
    const auto& queue = project.queue;
    std::size_t before = 0;
    for (const auto& entry : queue) {
      if (entry.second == id) break;
      ++before;
    }
    if (job.is_queued && before > 0)
      because("behind", fmt::format("{} jobs of project {} go first, job {} the next of them", before, spec.project, queue.begin()->second));
    std::size_t sharing = 0;
    for (const auto& [time, number] : state.sharing) sharing += state.project_at[number] != &project;
    if (sharing > 0) because("share", fmt::format("{} other projects have work too; project {} has weight {:g} and runs {} tasks", sharing, spec.project, project.limits.weight, project.running));
    because("all_busy", fmt::format("all {} workers that can take it are busy", able));
  }
  return waiting;
}

std::vector<Backlog> Farm::backlog() const {
  const State& state = *state_;
  std::map<std::pair<std::vector<std::string>, std::string>, Backlog> kinds;
  for (const JobId id : state.open) {
    const Job& job = state.jobs.at(id);
    if (!job.is_open()) continue;
    std::vector<std::string> tags = job.spec().tags;
    std::ranges::sort(tags);
    Backlog& kind = kinds[{tags, job.now().profile}];
    kind.tags = tags;
    kind.profile = job.now().profile;
    std::uint64_t ready = job.ready_count();
    if (job.now().max_running != 0) ready = std::min<std::uint64_t>(ready, job.now().max_running - std::min(job.lease_count, job.now().max_running));
    if (job.ready_count() > 0) kind.ready_cost += static_cast<double>(job.cost_ms(TaskState::ready)) / 1000.0 * static_cast<double>(ready) / job.ready_count();
    kind.ready_tasks += ready;
  }
  std::vector<Backlog> all;
  for (auto& [name, kind] : kinds) {
    for (const auto& [id, worker] : state.workers) {
      if (!state.takes_tasks(worker) || (!kind.profile.empty() && kind.profile != worker.profile)) continue;
      if (!std::ranges::all_of(kind.tags, [&tags = worker.tags](const std::string& tag) { return std::ranges::find(tags, tag) != tags.end(); })) continue;
      ++kind.workers;
      kind.slots += worker.slots;
      kind.busy_slots += std::min(worker.slots, static_cast<std::uint32_t>(worker.leases.size()));
    }
    const std::uint64_t free = kind.slots - kind.busy_slots;
    kind.missing_workers = static_cast<std::uint32_t>(std::min<std::uint64_t>(kind.ready_tasks - std::min(kind.ready_tasks, free), 0xFFFF'FFFFu));
    all.push_back(std::move(kind));
  }
  return all;
}

}  // namespace dubfarm::farm
