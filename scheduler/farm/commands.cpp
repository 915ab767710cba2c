// What people ask for.
#include <algorithm>
#include <cmath>
#include <utility>

#include "scheduler/farm/state.hpp"

namespace dubfarm::farm {
namespace {

/// "" or what is wrong with the tasks.
std::string check(const TaskList& tasks, bool has_profile) {
  const std::size_t count = tasks.size();
  if (count > 0xFFFF'FFFFu) return fmt::format("{} tasks; a job has 4294967295 at the most", count);
  if (tasks.subject.size() != count || tasks.cost.size() != count || tasks.needs_begin.size() != count + 1 || tasks.needs_begin[0] != 0 ||
      tasks.needs_begin[count] != tasks.needs.size())
    return "the columns of the tasks have different lengths";
  for (TaskIndex task = 0; task < count; ++task) {
    if (static_cast<std::size_t>(tasks.kind[task]) >= kTaskKinds) return fmt::format("task {} is of no known kind", task);
    if (!(tasks.cost[task] > 0) || !std::isfinite(tasks.cost[task])) return fmt::format("task {} costs {} device-seconds; more than 0 is expected", task, tasks.cost[task]);
    if (tasks.needs_begin[task] > tasks.needs_begin[task + std::size_t{1}]) return "the columns of the tasks have different lengths";
    for (const TaskIndex input : tasks.needs_of(task))
      if (input >= task) return fmt::format("task {} needs task {}, which does not come before it", task, input);
  }
  if (!tasks.already_done.empty() && !has_profile) return "tasks are done already, and no numeric profile is named for which they are";
  for (std::size_t i = 0; i < tasks.already_done.size(); ++i)
    if (tasks.already_done[i] >= count || (i > 0 && tasks.already_done[i] <= tasks.already_done[i - 1])) return "already_done is not ascending, or names no task";
  return "";
}

std::string check_priority(int priority) {
  return priority >= kLowestPriority && priority <= kHighestPriority ? "" : fmt::format("priority {} is not in 0 ... 100", priority);
}

}  // namespace

Job* Farm::State::open_job(Ticket ticket, JobId id) {
  const auto found = jobs.find(id);
  if (found == jobs.end()) {
    answer(ticket, id, fmt::format("there is no job {}", id));
    return nullptr;
  }
  if (is_over(found->second.state())) {
    answer(ticket, id, fmt::format("job {} is {} already", id, name_of(found->second.state())));
    return nullptr;
  }
  touched.insert(id);
  return &found->second;
}

void Farm::State::on(SubmitJob& event) {
  JobSpec& spec = event.spec;
  if (!spec.request.empty())
    if (const auto found = requests.find({spec.submitter, spec.request}); found != requests.end()) return answer(event.ticket, found->second);
  std::string wrong = check_priority(spec.priority);
  if (wrong.empty() && spec.project.empty()) wrong = "a job belongs to a project; name it";
  if (wrong.empty() && spec.tasks) wrong = check(*spec.tasks, !spec.numeric_profile.empty());
  if (!wrong.empty()) return answer(event.ticket, 0, std::move(wrong));
  const JobId id = ++last_job;
  if (!spec.request.empty()) requests[{spec.submitter, spec.request}] = id;
  const auto kept = std::make_shared<const JobSpec>(std::move(spec));
  NewJob row{id, kept, at.wall_ms};
  JobChanged now{.job = id, .priority = kept->priority, .max_running = kept->max_running, .profile = kept->numeric_profile, .error = {}};
  store(row);
  Job& job = jobs.try_emplace(id, std::move(row), std::move(now)).first->second;
  job.hungry_since = at.now;
  open.insert(id);
  if (kept->tasks) job.plan(kept->tasks, kept->package, kept->numeric_profile);
  touched.insert(id);
  there_is_more();
  say(Level::info, "job.submitted", id, 0, fmt::format("project={} name=\"{}\" submitter={} priority={} tasks={}", kept->project, kept->name, kept->submitter,
                                                       kept->priority, job.size()));
  answer(event.ticket, id);
}

void Farm::State::on(PlanReady& event) {
  Job* job = open_job(event.ticket, event.job);
  if (job == nullptr) return;
  if (job->is_planned()) return answer(event.ticket, event.job, fmt::format("job {} is planned already", event.job));
  if (!event.tasks) return answer(event.ticket, event.job, "a plan without tasks");
  if (!event.numeric_profile.empty()) job->change().profile = event.numeric_profile;
  if (std::string wrong = check(*event.tasks, !job->now().profile.empty()); !wrong.empty()) return answer(event.ticket, event.job, std::move(wrong));
  const std::string& package = event.package.empty() ? job->spec().package : event.package;
  job->plan(event.tasks, package, event.numeric_profile.empty() ? job->spec().numeric_profile : event.numeric_profile);
  store(JobPlanned{event.job, event.tasks, job->spec().package, job->spec().numeric_profile});
  job->hungry_since = at.now;
  there_is_more();
  say(Level::info, "job.planned", event.job, 0, fmt::format("tasks={} already_done={} profile=\"{}\"", event.tasks->size(), event.tasks->already_done.size(), job->now().profile));
  answer(event.ticket, event.job);
}

void Farm::State::on(const PlanFailed& event) {
  Job* job = open_job(event.ticket, event.job);
  if (job == nullptr) return;
  if (job->is_planned()) return answer(event.ticket, event.job, fmt::format("job {} is planned already", event.job));
  job->change().ending = JobState::failed;
  job->change().ended_ms = at.wall_ms;
  job->change().error = event.error;
  open.erase(event.job);
  say(Level::error, "job.failed", event.job, 0, event.error);
  answer(event.ticket, event.job);
}

void Farm::State::on(const SetPriority& event) {
  if (std::string wrong = check_priority(event.priority); !wrong.empty()) return answer(event.ticket, event.job, std::move(wrong));
  Job* job = open_job(event.ticket, event.job);
  if (job == nullptr) return;
  job->change().priority = event.priority;
  answer(event.ticket, event.job);
}

void Farm::State::on(const SetMaxRunning& event) {
  Job* job = open_job(event.ticket, event.job);
  if (job == nullptr) return;
  job->change().max_running = event.max_running;
  there_is_more();
  answer(event.ticket, event.job);
}

void Farm::State::on(const Pause& event) {
  Job* job = open_job(event.ticket, event.job);
  if (job == nullptr) return;
  if (!job->now().is_paused) job->change().is_paused = true;
  answer(event.ticket, event.job);
}

void Farm::State::on(const Resume& event) {
  Job* job = open_job(event.ticket, event.job);
  if (job == nullptr) return;
  if (job->now().is_paused) {
    job->change().is_paused = false;
    job->hungry_since = at.now;
    there_is_more();
  }
  answer(event.ticket, event.job);
}

void Farm::State::on(const CancelJob& event) {
  Job* job = open_job(event.ticket, event.job);
  if (job == nullptr) return;
  job->change().ending = JobState::cancelled;
  job->change().ended_ms = at.wall_ms;
  open.erase(event.job);
  cancel_leases(*job);
  for (const auto& [task, trouble] : job->troubles) settle_task(*job, task, false);
  say(Level::info, "job.cancelled", event.job, 0, fmt::format("tasks={} done={}", job->size(), job->counts().of(TaskState::done)));
  answer(event.ticket, event.job);
}

void Farm::State::on(const Retry& event) {
  const auto found = jobs.find(event.job);
  if (found == jobs.end()) return answer(event.ticket, event.job, fmt::format("there is no job {}", event.job));
  Job& job = found->second;
  const JobState state = job.state();
  if (state != JobState::failed && state != JobState::cancelled)
    return answer(event.ticket, event.job, fmt::format("job {} is {}; only what failed or was cancelled can be tried again", event.job, name_of(state)));
  job.troubles.clear();
  store(AttemptsCleared{event.job});
  job.change().ending = JobState::running;
  job.change().ended_ms = 0;
  job.change().error.clear();
  job.hungry_since = at.now;
  if (job.is_planned())
    for (TaskIndex task = 0; task < job.size(); ++task)
      if (job.state(task) == TaskState::failed) job.revive(task);
  open.insert(event.job);
  touched.insert(event.job);
  there_is_more();
  say(Level::info, "job.retried", event.job, 0, fmt::format("tasks={} done={}", job.size(), job.counts().of(TaskState::done)));
  answer(event.ticket, event.job);
}

void Farm::State::on(const ForgetJob& event) {
  const auto found = jobs.find(event.job);
  if (found == jobs.end()) return answer(event.ticket, event.job, fmt::format("there is no job {}", event.job));
  Job& job = found->second;
  if (!is_over(job.state())) return answer(event.ticket, event.job, fmt::format("job {} is {}; cancel it first", event.job, name_of(job.state())));
  store(JobForgotten{event.job});
  if (!job.spec().request.empty()) requests.erase({job.spec().submitter, job.spec().request});
  news.insert({Changed::job_gone, event.job});
  jobs.erase(found);
  answer(event.ticket, event.job);
}

void Farm::State::on(const DrainWorker& event) {
  Worker* worker = worker_at(event.worker);
  if (worker == nullptr) return answer(event.ticket, 0, fmt::format("there is no worker {:016x}", event.worker));
  worker->is_draining = true;
  worker->drain_budget_s = event.budget_s;
  hungry.erase({worker->turn, worker->id});
  idle.erase({worker->turn, worker->id});
  send(*worker, Drain{event.budget_s});
  store_worker(*worker);
  say(Level::info, "worker.draining", 0, worker->id, fmt::format("host={} leases={} budget_s={}", worker->host, worker->leases.size(), event.budget_s));
  answer(event.ticket, 0);
}

void Farm::State::on(const HealWorker& event) {
  Worker* worker = worker_at(event.worker);
  if (worker == nullptr) return answer(event.ticket, 0, fmt::format("there is no worker {:016x}", event.worker));
  worker->is_draining = false;
  worker->sick.clear();
  worker->remark.clear();
  worker->blames.clear();
  worker->failures_in_row = 0;
  hungry.erase({worker->turn, worker->id});
  idle.erase({worker->turn, worker->id});
  wants(*worker);
  store_worker(*worker);
  say(Level::info, "worker.healed", 0, worker->id, fmt::format("host={}", worker->host));
  answer(event.ticket, 0);
}

void Farm::State::on(const RevokeKey& event) {
  std::size_t ended = 0;
  for (auto& [id, worker] : workers)
    if (worker.key == event.key && !worker.is_dead) {
      lose(worker, "its key was revoked", false);
      ++ended;
    }
  say(Level::warning, "key.revoked", 0, 0, fmt::format("sessions_ended={}", ended));
  answer(event.ticket, 0);
}

void Farm::State::on(const SetLimits& event) {
  if (event.project.empty()) return answer(event.ticket, 0, "limits belong to a project; name it");
  if (!(event.weight > 0) || !std::isfinite(event.weight)) return answer(event.ticket, 0, fmt::format("weight {} of project {}: more than 0 is expected", event.weight, event.project));
  Project& shares = project(event.project);
  shares.limits = {event.project, event.weight, event.max_running};
  store(shares.limits);
  there_is_more();
  answer(event.ticket, 0);
}

void Farm::State::on(const StorageTrouble& event) {
  if (event.reason == storage_trouble) return;
  say(event.reason.empty() ? Level::info : Level::error, event.reason.empty() ? "storage.well" : "storage.trouble", 0, 0, event.reason);
  storage_trouble = event.reason;
  there_is_more();
}

}  // namespace dubfarm::farm
