// What is shown of the farm.
#include <algorithm>

#include "scheduler/farm/state.hpp"

namespace dubfarm::farm {
namespace {

double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000.0; }

}  // namespace

JobView Farm::State::view(const Job& job) const {
  const JobSpec& spec = job.spec();
  const JobChanged& now = job.now();
  JobView view{.id = job.id(), .project = spec.project, .name = spec.name, .submitter = spec.submitter, .package = spec.package, .detail = spec.detail,
               .state = job.state(), .priority = now.priority, .max_running = now.max_running, .tags = spec.tags, .profile = now.profile,
               .tasks = job.counts(), .reused = job.reused(), .cost_done = seconds(job.cost_ms(TaskState::done)), .device_seconds = job.device_seconds,
               .failures = job.failures, .kills = job.kills, .created_ms = job.created_ms(), .started_ms = now.started_ms, .ended_ms = now.ended_ms,
               .error = now.error};
  for (std::size_t state = 0; state < kTaskStates; ++state) view.cost_total += seconds(job.cost_ms(static_cast<TaskState>(state)));
  for (const auto& [task, ids] : job.leases) {
    float most = 0;
    for (const LeaseId id : ids) most = std::max(most, leases.at(id).progress);
    view.cost_running += static_cast<double>(most) * seconds(job.cost_ms(task));
  }
  return view;
}

WorkerView Farm::State::view(const Worker& worker) const {
  WorkerView view{.id = worker.id, .key = worker.key, .host = worker.host, .profile = worker.profile, .build = worker.build, .device = worker.device,
                  .reason = !worker.sick.empty() ? worker.sick : !worker.hindered.empty() ? worker.hindered : worker.remark, .tags = worker.tags, .slots = worker.slots, .credit = worker.credit,
                  .memory_bytes = worker.memory_bytes, .tasks_done = worker.tasks_done, .tasks_failed = worker.tasks_failed,
                  .device_seconds = worker.device_seconds, .silent_for = at.now - worker.heard, .since_ms = worker.since_ms};
  view.health = worker.is_dead           ? WorkerHealth::gone
                : !worker.sick.empty()   ? WorkerHealth::sick
                : worker.is_draining     ? WorkerHealth::draining
                : is_resting(worker)     ? WorkerHealth::resting
                                         : WorkerHealth::well;
  for (const LeaseId id : worker.leases) {
    const Lease& lease = leases.at(id);
    const Job& job = jobs.at(lease.ref.job);
    view.tasks.push_back({lease.ref, job.kind(lease.ref.task), job.tasks().subject[lease.ref.task], lease.progress, at.now - lease.given});
  }
  std::ranges::sort(view.tasks, {}, [](const WorkerTask& task) { return std::pair(task.lease.job, task.lease.task); });
  return view;
}

std::vector<JobView> Farm::jobs() const {
  std::vector<JobView> all;
  for (const auto& [id, job] : state_->jobs) all.push_back(state_->view(job));
  return all;
}

std::optional<JobView> Farm::job(JobId id) const {
  const auto found = state_->jobs.find(id);
  if (found == state_->jobs.end()) return std::nullopt;
  return state_->view(found->second);
}

std::vector<TaskView> Farm::tasks(JobId id, TaskIndex first, std::size_t count) const {
  std::vector<TaskView> views;
  const auto found = state_->jobs.find(id);
  if (found == state_->jobs.end() || !found->second.spec().tasks) return views;
  const Job& job = found->second;
  for (std::size_t i = first; i < job.size() && views.size() < count; ++i) {
    const auto task = static_cast<TaskIndex>(i);
    TaskView view{.index = task, .kind = job.kind(task), .subject = job.tasks().subject[task], .state = job.state(task), .was_there = job.was_there(task),
                  .cost = job.tasks().cost[task], .attempt = job.attempts(task), .workers = {}, .error = {}};
    if (const auto held = job.leases.find(task); held != job.leases.end())
      for (const LeaseId lease : held->second) {
        view.workers.push_back(state_->leases.at(lease).worker);
        view.progress = std::max(view.progress, state_->leases.at(lease).progress);
      }
    else if (view.state == TaskState::done && job.made_by(task) != 0)
      view.workers.push_back(job.made_by(task));
    if (const Trouble* trouble = job.trouble_of(task)) view.error = trouble->error;
    views.push_back(std::move(view));
  }
  return views;
}

std::string Farm::task_states(JobId id) const {
  const auto found = state_->jobs.find(id);
  return found == state_->jobs.end() ? std::string() : found->second.states();
}

std::vector<WorkerView> Farm::workers() const {
  std::vector<std::pair<std::uint64_t, const Worker*>> in_order;
  for (const auto& [id, worker] : state_->workers) in_order.emplace_back(worker.order, &worker);
  std::ranges::sort(in_order);
  std::vector<WorkerView> all;
  for (const auto& [order, worker] : in_order) all.push_back(state_->view(*worker));
  return all;
}

std::optional<WorkerView> Farm::worker(WorkerId id) const {
  const auto found = state_->workers.find(id);
  if (found == state_->workers.end()) return std::nullopt;
  return state_->view(found->second);
}

std::vector<ProjectView> Farm::projects() const {
  std::vector<ProjectView> all;
  for (const auto& [name, project] : state_->projects)
    all.push_back({name, project.limits.weight, project.limits.max_running, project.running, project.device_seconds});
  return all;
}

std::shared_ptr<const JobSpec> Farm::spec(JobId id) const {
  const auto found = state_->jobs.find(id);
  return found == state_->jobs.end() ? nullptr : found->second.spec_pointer();
}

std::string Farm::inconsistency() const {
  const State& state = *state_;
  std::map<std::string, std::uint32_t> running;
  std::size_t leased = 0, queued = 0;
  for (const auto& [id, job] : state.jobs) {
    if (std::string wrong = job.inconsistency(); !wrong.empty()) return wrong;
    if (job.lease_count > 0 && job.now().ending != JobState::running) return fmt::format("job {} is {} and has leases", id, name_of(job.state()));
    if (state.open.contains(id) != (job.now().ending == JobState::running)) return fmt::format("job {} is {}: the list of open jobs", id, name_of(job.state()));
    running[job.spec().project] += job.lease_count;
    leased += job.lease_count;
    queued += job.is_queued;
    if (job.is_queued != (job.is_open() && job.ready_count() > 0)) return fmt::format("job {}: queued {}", id, job.is_queued);
    for (const auto& [task, ids] : job.leases)
      for (const LeaseId lease : ids) {
        const auto found = state.leases.find(lease);
        if (found == state.leases.end() || found->second.ref.job != id || found->second.ref.task != task) return fmt::format("job {} task {}: a lease of nobody", id, task);
      }
  }
  if (leased != state.leases.size()) return fmt::format("{} leases, jobs have {}", state.leases.size(), leased);
  std::size_t held = 0, in_queues = 0;
  for (const auto& [id, worker] : state.workers) {
    held += worker.leases.size();
    for (const LeaseId lease : worker.leases)
      if (const auto found = state.leases.find(lease); found == state.leases.end() || found->second.worker != id) return fmt::format("worker {:016x}: a lease that is not its own", id);
    if (worker.is_dead && !worker.leases.empty()) return fmt::format("worker {:016x} is gone and has leases", id);
    if (!worker.sick.empty() && !worker.leases.empty()) return fmt::format("worker {:016x} is sick and has leases", id);
    if (worker.session != 0 && (!state.sessions.contains(worker.session) || state.sessions.at(worker.session) != id)) return fmt::format("worker {:016x}: session", id);
    const bool wants = state.hungry.contains({worker.turn, id}) || state.idle.contains({worker.turn, id});
    if (wants && (worker.session == 0 || worker.credit == 0 || !state.takes_tasks(worker))) return fmt::format("worker {:016x} is queued and wants nothing", id);
  }
  if (held != leased) return fmt::format("{} leases, workers hold {}", leased, held);
  for (const auto& [name, project] : state.projects) {
    if (running[name] != project.running) return fmt::format("project {}: {} leases, counted {}", name, running[name], project.running);
    in_queues += project.queue.size();
    if ((project.shared_at >= 0) == project.queue.empty()) return fmt::format("project {}: its place among the others", name);
  }
  return in_queues == queued ? "" : fmt::format("{} jobs queued, projects have {}", queued, in_queues);
}

}  // namespace dubfarm::farm
