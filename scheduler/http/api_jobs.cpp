// Requests about jobs: submitting them, seeing them, changing their course.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "scheduler/http/api.hpp"
#include "scheduler/http/token.hpp"
#include "scheduler/http/views_json.hpp"

namespace dubfarm::http {
namespace {

constexpr std::uint64_t kMostJobs = 1000, kMostTasks = 1000, kMostLines = 1000, kMostNumber = std::uint64_t{1} << 62;
constexpr std::uint64_t kLongestWaitMs = 2000;  // a token that was revoked meanwhile learns no more than that
constexpr std::chrono::milliseconds kBetweenLooks{50};  // a running job changes hundreds of times a second

/// "{media}/film": a root's name in braces, then steps none of which leads out again.
bool is_below_a_root(const std::string& folder) {
  const std::size_t end = folder.find('}');
  if (folder.empty() || folder.front() != '{' || end == std::string::npos || !is_plain_name(std::string_view(folder).substr(1, end - 1))) return false;
  if (folder.find('\0') != std::string::npos || (end + 1 < folder.size() && folder[end + 1] != '/')) return false;
  const std::string steps = folder.substr(end + 1) + "/";
  return steps.find("/../") == std::string::npos && steps.find("/./") == std::string::npos;
}

/// A submission's members, each checked as it is taken.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}
  void text(const char* name, std::string& into, bool is_needed = false) {
    const auto found = json_.find(name);
    if (found == json_.end()) {
      if (is_needed) wrong(name, "is missing");
    } else if (!found->is_string()) {
      wrong(name, "is not a string");
    } else {
      into = found->get<std::string>();
      if (into.size() > 4096 && std::string_view(name) != "mix") wrong(name, "is longer than 4096 bytes");
    }
  }
  template <class Whole>
  void number(const char* name, Whole& into, std::int64_t lowest, std::int64_t highest) {
    const auto found = json_.find(name);
    if (found == json_.end()) return;
    if (!found->is_number_integer() || found->get<std::int64_t>() < lowest || found->get<std::int64_t>() > highest)
      wrong(name, fmt::format("is not a whole number from {} to {}", lowest, highest));
    else into = static_cast<Whole>(found->get<std::int64_t>());
  }
  void names(const char* name, std::vector<std::string>& into) {
    const auto found = json_.find(name);
    if (found == json_.end()) return;
    if (!found->is_array() || found->size() > 32 ||
        !std::all_of(found->begin(), found->end(), [](const Json& tag) { return tag.is_string() && is_plain_name(tag.get<std::string>()); }))
      wrong(name, "is not a list of at most 32 names (letters, digits, \"-\", \"_\", \".\")");
    else into = found->get<std::vector<std::string>>();
  }
  void wrong(const std::string& name, const std::string& what) { problems.push_back({fmt::format("\"{}\" {}", name, what), "/" + name, 0, 0, {}}); }

  std::vector<Problem> problems;

 private:
  const Json& json_;
};

void refuse_problems(const Call& call, int status, std::string_view code, const std::string& message, const std::vector<Problem>& problems) {
  call.response.status = status;
  call.response.set_content(error_body(code, message, {}, problems), "application/json");
}

std::string count_of(std::size_t count, std::string_view noun) { return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s"); }

/// Runs a command on {job}, and answers with the job as it is then.
void command_job(Call& call, const Command& command, JobId id) {
  const Result<void> done = call.api.gate.command(command, call.actor());
  if (!done.ok()) return call.refuse(done.error());
  const std::optional<JobView> job = call.api.gate.job(id);
  if (!job) return call.refuse(404, "not_found", fmt::format("there is no job {} any more", id));
  call.send(job_json(*job, wall_now()));
}

template <class JobCommand>
void simple_command(Call& call) {
  if (!call.body({})) return;
  if (const std::optional<JobView> job = call.job(Role::submitter)) command_job(call, JobCommand{job->id}, job->id);
}

LogQuery log_query(std::optional<JobId> job, std::string worker, std::uint64_t after, std::uint64_t limit) {
  return {job, std::move(worker), after, static_cast<std::size_t>(limit)};
}

}  // namespace

void post_job(Call& call) {
  const std::optional<Json> body =
      call.body({"project", "name", "mix", "folder", "out", "version", "deliverable", "priority", "tags", "max_running", "profile"});
  if (!body) return;
  SubmitRequest submit;
  Fields fields(*body);
  fields.text("project", submit.project, true);
  fields.text("name", submit.name);
  fields.text("folder", submit.folder, true);
  fields.text("out", submit.out, true);
  fields.text("version", submit.version);
  fields.text("deliverable", submit.deliverable);
  fields.text("profile", submit.profile);
  fields.number("priority", submit.priority, 0, 100);
  fields.number("max_running", submit.max_running, 0, 1'000'000);
  fields.names("tags", submit.tags);
  if (const auto mix = body->find("mix"); mix != body->end() && mix->is_object()) submit.mix = mix->dump(1) + "\n";
  else fields.text("mix", submit.mix, true);
  if (body->contains("project") && fields.problems.empty() && !is_plain_name(submit.project))
    fields.wrong("project", fmt::format("is \"{}\"; a project is 1 to 64 letters, digits, \"-\", \"_\" or \".\"", submit.project));
  for (const auto& [name, folder] : {std::pair{"folder", &submit.folder}, std::pair{"out", &submit.out}})
    if (body->contains(name) && !folder->empty() && !is_below_a_root(*folder))
      fields.wrong(name, fmt::format("is \"{}\"; it starts with a root of the farm in braces, as in {{{}}}/film, and has no \"..\"", *folder, name == std::string_view("out") ? "out" : "media"));
  submit.request_key = call.request.get_header_value("Idempotency-Key");
  if (submit.request_key.size() > 128) fields.wrong("Idempotency-Key", "is longer than 128 bytes");
  if (!fields.problems.empty())
    return refuse_problems(call, 400, "bad_request", fmt::format("the submission has {}", count_of(fields.problems.size(), "mistake")), fields.problems);
  if (!call.allows(Role::submitter, submit.project)) return;
  if (submit.name.empty()) submit.name = "untitled";

  Result<SubmitOutcome> taken = call.api.gate.submit(submit, call.actor());
  if (!taken.ok()) return call.refuse(taken.error());
  if (const auto* problems = std::get_if<std::vector<Problem>>(&*taken))
    return refuse_problems(call, 422, "invalid_mix", fmt::format("the mix cannot be rendered: {}", count_of(problems->size(), "mistake")), *problems);
  const JobId id = std::get<JobId>(*taken);
  const std::optional<JobView> job = call.api.gate.job(id);
  if (!job) return call.refuse(500, "internal", fmt::format("job {} was taken and cannot be seen", id));
  call.response.set_header("Location", fmt::format("/api/v1/jobs/{}", id));
  call.send(job_json(*job, wall_now()), 201);
}

void get_jobs(Call& call) {
  const std::optional<std::uint64_t> limit = call.number("limit", 200, kMostJobs);
  if (!limit) return;
  const std::optional<std::uint64_t> before = call.number("before", kMostNumber, kMostNumber);
  if (!before) return;
  std::optional<JobState> state;
  if (call.request.has_param("state")) {
    state = job_state_of(call.request.get_param_value("state"));
    if (!state) return call.refuse(400, "bad_request", "state is planning, queued, running, paused, done, failed or cancelled");
  }
  const std::string project = call.request.get_param_value("project");
  Json list = Json::array();
  bool has_more = false;
  for (const JobView& job : call.api.gate.jobs()) {
    if (job.id >= *before || (state && job.state != *state) || (!project.empty() && job.project != project) || !may(*call.token, Role::viewer, job.project)) continue;
    if (list.size() >= *limit) {
      has_more = true;
      break;
    }
    list.push_back(job_json(job, wall_now()));
  }
  call.send({{"jobs", std::move(list)}, {"has_more", has_more}});
}

void get_job(Call& call) {
  const std::optional<std::uint64_t> wait_ms = call.number("wait_ms", 0, kLongestWaitMs);
  if (!wait_ms) return;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(*wait_ms);
  EventHub& events = call.api.gate.events();
  while (true) {
    const std::uint64_t seen = events.last();  // before the look: what changes after it is not missed
    const std::optional<JobView> job = call.job();
    if (!job) return;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (is_over(job->state) || left.count() <= 0 || events.is_closed()) return call.send(job_json(*job, wall_now()));
    std::this_thread::sleep_for(std::min(left, kBetweenLooks));
    static_cast<void>(events.since(seen, left));
  }
}

void get_job_waiting(Call& call) {
  const std::optional<JobView> job = call.job();
  if (!job) return;
  Json reasons = Json::array();
  for (const Waiting& w : call.api.gate.waiting(job->id)) reasons.push_back({{"code", w.code}, {"message", w.message}});
  call.send({{"job", job->id}, {"state", name_of(job->state)}, {"reasons", std::move(reasons)}});
}

void get_job_log(Call& call) {
  const std::optional<JobView> job = call.job();
  if (!job) return;
  const std::optional<std::uint64_t> after = call.number("after", 0, kMostNumber);
  if (!after) return;
  const std::optional<std::uint64_t> limit = call.number("limit", 200, kMostLines);
  if (limit) call.send(log_json(call.api.gate.log(log_query(job->id, {}, *after, *limit))));
}

void get_log(Call& call) {
  const std::optional<std::uint64_t> after = call.number("after", 0, kMostNumber);
  if (!after) return;
  const std::optional<std::uint64_t> limit = call.number("limit", 200, kMostLines);
  if (limit) call.send(log_json(call.api.gate.log(log_query(std::nullopt, call.request.get_param_value("worker"), *after, *limit))));
}

void get_job_timeline(Call& call) {
  const std::optional<JobView> job = call.job();
  if (!job) return;
  const std::optional<JobTimeline> timeline = call.api.gate.timeline(job->id);
  if (!timeline) return call.refuse(404, "not_found", fmt::format("job {} has no timeline: it is not planned yet, or was planned by an earlier run of the scheduler", job->id));
  call.send(timeline_json(*timeline));
}

void get_job_tasks(Call& call) {
  const std::optional<JobView> job = call.job();
  if (!job) return;
  const std::optional<std::uint64_t> first = call.number("first", 0, 0xffffffff);
  if (!first) return;
  const std::optional<std::uint64_t> count = call.number("count", 200, kMostTasks);
  if (!count) return;
  const std::string wanted = call.request.get_param_value("state");
  const std::string states = call.api.gate.task_states(job->id);
  Json list = Json::array();
  std::uint64_t next = *first;
  while (next < states.size() && list.size() < *count) {
    const auto is_wanted = [&](std::uint64_t i) { return wanted.empty() || name_of(static_cast<TaskState>(states[i])) == wanted; };
    if (!is_wanted(next)) {
      ++next;
      continue;
    }
    std::uint64_t end = next + 1;  // a run of those that are wanted
    while (end < states.size() && list.size() + (end - next) < *count && is_wanted(end)) ++end;
    for (const TaskView& task : call.api.gate.tasks(job->id, static_cast<std::uint32_t>(next), static_cast<std::uint32_t>(end - next))) list.push_back(task_json(task));
    next = end;
  }
  call.send({{"job", job->id}, {"total", states.size()}, {"tasks", std::move(list)}, {"next", next < states.size() ? Json(next) : Json()}});
}

void get_job_map(Call& call) {
  const std::optional<JobView> job = call.job();
  if (!job) return;
  Json running = Json::array();
  for (const WorkerView& worker : call.api.gate.workers())
    for (const RunningTask& task : worker.running)
      if (task.job == job->id) running.push_back({{"task", task.task}, {"worker", worker.name}, {"worker_id", worker.id}, {"progress", task.progress}, {"seconds", task.seconds}});
  call.send({{"job", job->id}, {"states", map_letters(call.api.gate.task_states(job->id))}, {"running", std::move(running)}});
}

void post_cancel(Call& call) { simple_command<CancelJob>(call); }
void post_retry(Call& call) { simple_command<RetryJob>(call); }
void post_pause(Call& call) { simple_command<PauseJob>(call); }
void post_resume(Call& call) { simple_command<ResumeJob>(call); }

void put_priority(Call& call) {
  const std::optional<JobView> job = call.job(Role::submitter);
  if (!job) return;
  const std::optional<Json> body = call.body({"priority"});
  if (!body) return;
  if (!body->contains("priority") || !(*body)["priority"].is_number_integer() || (*body)["priority"] < 0 || (*body)["priority"] > 100)
    return call.refuse(400, "bad_request", "\"priority\" is not a whole number from 0 to 100");
  command_job(call, SetPriority{job->id, (*body)["priority"].get<int>()}, job->id);
}

void put_project(Call& call) {
  const std::string& project = call.parts.front();
  const std::optional<Json> body = call.body({"weight", "max_running"});
  if (!body) return;
  if (!is_plain_name(project)) return call.refuse(400, "bad_request", "a project is 1 to 64 letters, digits, \"-\", \"_\" or \".\"");
  SetProjectLimits limits{project};
  if (const auto weight = body->find("weight"); weight != body->end()) {
    if (!weight->is_number() || weight->get<double>() < 0.001 || weight->get<double>() > 1000) return call.refuse(400, "bad_request", "\"weight\" is not a number from 0.001 to 1000");
    limits.weight = weight->get<double>();
  }
  if (const auto most = body->find("max_running"); most != body->end()) {
    if (!most->is_number_integer() || *most < 0 || *most > 1'000'000) return call.refuse(400, "bad_request", "\"max_running\" is not a whole number from 0 (no limit) to 1000000");
    limits.max_running = most->get<std::uint32_t>();
  }
  if (const Result<void> done = call.api.gate.command(limits, call.actor()); !done.ok()) return call.refuse(done.error());
  call.send({{"project", project}, {"weight", limits.weight}, {"max_running", limits.max_running}});
}

}  // namespace dubfarm::http
