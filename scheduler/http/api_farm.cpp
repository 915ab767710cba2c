// Requests about the farm as a whole: workers, health, figures, tokens.
#include <algorithm>

#include "scheduler/http/api.hpp"
#include "scheduler/http/token.hpp"
#include "scheduler/http/views_json.hpp"

namespace dubfarm::http {
namespace {

/// A worker of the farm sees to many projects' work; whoever may see any project may see it.
std::optional<WorkerView> find_worker(const Call& call) {
  for (WorkerView& worker : call.api.gate.workers())
    if (worker.id == call.parts.front() || worker.name == call.parts.front()) return std::move(worker);
  call.refuse(404, "not_found", fmt::format("there is no worker {}", call.parts.front()), "dubfarm workers lists them");
  return std::nullopt;
}

void command_worker(Call& call, const Command& command, const std::string& id) {
  const Result<void> done = call.api.gate.command(command, call.actor());
  if (!done.ok()) return call.refuse(done.error());
  for (const WorkerView& worker : call.api.gate.workers())
    if (worker.id == id) return call.send(worker_json(worker, *call.token));
  call.send({{"id", id}, {"gone", true}});
}

/// A label's value as Prometheus writes it.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out;
}

class Exposition {
 public:
  void family(const std::string& name, std::string_view help, bool is_counter) {
    fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, is_counter ? "counter" : "gauge");
  }
  void sample(const std::string& name, const std::string& labels, double value) {
    fmt::format_to(std::back_inserter(text), "{}{}{}{} {}\n", name, labels.empty() ? "" : "{", labels, labels.empty() ? "" : "}", value);
  }
  std::string text;
};

}  // namespace

void get_health(Call& call) {
  const Health health = call.api.gate.health();
  // Open to everyone, so it says no more than that.
  call.send({{"status", health.is_dispatching ? "ok" : "not_dispatching"}}, health.is_dispatching ? 200 : 503);
}

void get_metrics(Call& call) {
  Exposition out;
  const std::vector<JobView> jobs = call.api.gate.jobs();
  std::array<std::uint64_t, 7> by_state{};
  std::array<std::uint64_t, kTaskStates> tasks{};
  for (const JobView& job : jobs) {
    ++by_state[static_cast<std::size_t>(job.state)];
    if (!is_over(job.state))
      for (std::size_t i = 0; i < kTaskStates; ++i) tasks[i] += job.tasks[i];
  }
  out.family("dubfarm_jobs", "Jobs that the scheduler knows, by state.", false);
  for (std::size_t i = 0; i < by_state.size(); ++i) out.sample("dubfarm_jobs", fmt::format("state=\"{}\"", name_of(static_cast<JobState>(i))), static_cast<double>(by_state[i]));
  out.family("dubfarm_tasks", "Tasks of jobs that are not over, by state.", false);
  for (std::size_t i = 0; i < kTaskStates; ++i) out.sample("dubfarm_tasks", fmt::format("state=\"{}\"", name_of(static_cast<TaskState>(i))), static_cast<double>(tasks[i]));
  std::array<std::uint64_t, 5> workers{};
  for (const WorkerView& worker : call.api.gate.workers()) ++workers[static_cast<std::size_t>(worker.state)];
  out.family("dubfarm_workers", "Workers, by state.", false);
  for (std::size_t i = 0; i < workers.size(); ++i) out.sample("dubfarm_workers", fmt::format("state=\"{}\"", name_of(static_cast<WorkerState>(i))), static_cast<double>(workers[i]));
  const std::vector<Demand> demand = call.api.gate.demand();
  const auto gauge = [&](const std::string& name, std::string_view help, auto&& value) {
    out.family(name, help, false);
    for (const Demand& d : demand) out.sample(name, fmt::format("capability=\"{}\"", escaped(d.capability)), static_cast<double>(value(d)));
  };
  gauge("dubfarm_backlog_seconds", "Estimated device-seconds of ready tasks.", [](const Demand& d) { return d.backlog_seconds; });
  gauge("dubfarm_missing_workers", "Workers of one slot that would each have a task.", [](const Demand& d) { return d.missing_workers; });
  const Health health = call.api.gate.health();
  out.family("dubfarm_dispatching", "1 while tasks are given out.", false);
  out.sample("dubfarm_dispatching", "", health.is_dispatching ? 1 : 0);
  out.family("dubfarm_uptime_seconds", "Since the scheduler started.", false);
  out.sample("dubfarm_uptime_seconds", "", health.uptime_seconds);
  std::string family;
  for (const Metric& m : call.api.gate.metrics()) {
    if (m.name != family) out.family(m.name, m.help, m.is_counter);
    family = m.name;
    out.sample(m.name, m.labels, m.value);
  }
  out.family("dubfarm_http_connections", "Open connections.", false);
  out.sample("dubfarm_http_connections", "", call.api.connections);
  out.family("dubfarm_http_event_streams", "Open event streams.", false);
  out.sample("dubfarm_http_event_streams", "", call.api.event_streams);
  out.family("dubfarm_http_denied_total", "Requests without the right token.", true);
  out.sample("dubfarm_http_denied_total", "", static_cast<double>(call.api.denied));
  out.family("dubfarm_http_requests_total", "Requests answered, by route and status.", true);
  {
    const std::lock_guard lock(call.api.counted_mutex);
    for (const auto& [what, count] : call.api.requests)
      out.sample("dubfarm_http_requests_total", fmt::format("route=\"{}\",status=\"{}\"", escaped(what.first), what.second), static_cast<double>(count));
  }
  call.response.set_content(out.text, "text/plain; version=0.0.4");
}

void get_me(Call& call) {
  const Health health = call.api.gate.health();
  call.send({{"token", token_json(*call.token)},
             {"dubfarm", DUBFARM_VERSION},
             {"epoch", fmt::format("{:016x}", health.epoch)},
             {"is_dispatching", health.is_dispatching},
             {"reason", health.reason},
             {"uptime_seconds", health.uptime_seconds}});
}

void get_autoscale(Call& call) {
  Json json = Json::object();
  for (const Demand& d : call.api.gate.demand())
    json[d.capability] = {{"ready_tasks", d.ready_tasks}, {"running_tasks", d.running_tasks}, {"backlog_seconds", d.backlog_seconds},
                          {"workers", d.workers},         {"idle_slots", d.idle_slots},       {"missing_workers", d.missing_workers}};
  call.send(json);
}

void get_workers(Call& call) {
  Json list = Json::array();
  for (const WorkerView& worker : call.api.gate.workers()) list.push_back(worker_json(worker, *call.token));
  call.send({{"workers", std::move(list)}});
}

void get_worker(Call& call) {
  if (const std::optional<WorkerView> worker = find_worker(call)) call.send(worker_json(*worker, *call.token));
}

void post_drain(Call& call) {
  if (!call.body({})) return;
  if (const std::optional<WorkerView> worker = find_worker(call)) command_worker(call, DrainWorker{worker->id, true}, worker->id);
}
void post_resume_worker(Call& call) {
  if (!call.body({})) return;
  if (const std::optional<WorkerView> worker = find_worker(call)) command_worker(call, DrainWorker{worker->id, false}, worker->id);
}
void post_revoke(Call& call) {
  if (!call.body({})) return;
  if (const std::optional<WorkerView> worker = find_worker(call)) command_worker(call, RevokeWorker{worker->id}, worker->id);
}

void get_projects(Call& call) {
  Json list = Json::array();
  for (const ProjectView& p : call.api.gate.projects())
    list.push_back({{"project", p.name}, {"weight", p.weight}, {"max_running", p.max_running}, {"running", p.running}, {"device_seconds", p.device_seconds}});
  call.send({{"projects", std::move(list)}});
}

void get_audit(Call& call) {
  std::optional<std::uint64_t> after;
  if (call.request.has_param("after") && !(after = call.number("after", 0, std::uint64_t{1} << 62))) return;
  const std::optional<std::uint64_t> limit = call.number("limit", 200, 1000);
  if (!limit) return;
  const Result<AuditPage> page = call.api.gate.audit_log(after, static_cast<std::size_t>(*limit));
  if (!page.ok()) return call.refuse(page.error());
  Json list = Json::array();
  for (const AuditLine& line : page->lines) list.push_back(audit_json(line));
  call.send({{"entries", std::move(list)}, {"total", page->total}});
}

void get_tokens(Call& call) {
  Json list = Json::array();
  for (const TokenRecord& token : call.api.gate.tokens()) list.push_back(token_json(token));
  call.send({{"tokens", std::move(list)}});
}

void post_token(Call& call) {
  const std::optional<Json> body = call.body({"name", "grants", "expires_in_seconds"});
  if (!body) return;
  const auto text_of = [&](const char* name) {
    const auto found = body->find(name);
    return found != body->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const Result<std::vector<Grant>> grants = parse_grants(text_of("grants"));
  if (!grants.ok()) return call.refuse(400, "bad_request", grants.error().message);
  std::optional<WallTime> expires;
  if (const auto seconds = body->find("expires_in_seconds"); seconds != body->end()) {
    if (!seconds->is_number_integer() || *seconds < 1 || *seconds > 315'360'000)
      return call.refuse(400, "bad_request", "\"expires_in_seconds\" is not a whole number from 1 to 315360000, ten years");
    expires = wall_now() + std::chrono::seconds(seconds->get<std::int64_t>());
  }
  Result<NewToken> made = make_token(text_of("name"), *grants, wall_now(), expires);
  if (!made.ok()) return call.refuse(made.error().code == Errc::invalid_input ? 400 : 503, made.error().code == Errc::invalid_input ? "bad_request" : "unavailable", made.error().message);
  if (const Result<void> kept = call.api.gate.add_token(made->record, call.actor()); !kept.ok()) return call.refuse(kept.error());
  Json json = token_json(made->record);
  json["secret"] = made->text;
  call.send(json, 201);
}

void delete_token(Call& call) {
  const std::string& id = call.parts.front();
  if (!call.api.gate.token(id)) return call.refuse(404, "not_found", fmt::format("there is no token {}", id), "dubfarm tokens list shows them");
  if (const Result<void> done = call.api.gate.revoke_token(id, call.actor()); !done.ok()) return call.refuse(done.error());
  const std::optional<TokenRecord> token = call.api.gate.token(id);
  if (!token) return call.refuse(404, "not_found", fmt::format("there is no token {} any more", id));
  call.send(token_json(*token));
}

}  // namespace dubfarm::http
