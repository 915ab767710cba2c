#include "cli/client/farm_verbs.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/client/audit.hpp"
#include "cli/client/farm_client.hpp"
#include "cli/client/farm_text.hpp"
#include "cli/client/fetch.hpp"
#include "cli/client/submit.hpp"
#include "cli/client/tokens.hpp"

namespace dubfarm::cli {

using Json = nlohmann::ordered_json;

namespace {

/// What the verbs of one run are given.
struct FarmArguments {
  FarmTarget target;
  std::string job, worker, project, state;
  int priority = 50, limit = 0;
  bool undo = false, follow = false;
  std::optional<double> weight;
  std::optional<std::uint32_t> max_running;
  SubmitOptions submit;
  FetchOptions fetch;
  TokensOptions tokens;
  std::string audit_state;
};

/// Asks once, and prints the answer as it is or as `text` makes it.
int ask_and_print(const FarmTarget& target, const std::string& method, const std::string& path, const std::function<std::string(const Json&)>& text, const Json* body = nullptr) {
  Answer<FarmClient> connected = FarmClient::connect(target);
  if (const auto* error = std::get_if<FarmError>(&connected)) return report_farm_error(*error, target.json);
  const Answer<Json> answer = std::get<FarmClient>(connected).ask(method, path, body);
  if (const auto* error = std::get_if<FarmError>(&answer)) return report_farm_error(*error, target.json);
  const Json& json = std::get<Json>(answer);
  if (target.json) fmt::print("{}\n", json.dump());
  else fmt::print("{}", text(json));
  return kDone;
}

std::string job_path(const std::string& job, const std::string& what = {}) { return "/jobs/" + url_encoded(job) + what; }

std::string state_line(const Json& job) { return fmt::format("job {} is {}, priority {}\n", job.value("id", 0ULL), job.value("state", ""), job.value("priority", 0)); }
std::string worker_line(const Json& worker) {
  return fmt::format("worker {} is {}\n", worker.value("name", worker.value("id", "")), worker.value("gone", false) ? "gone" : worker.value("state", ""));
}

int run_jobs(const FarmArguments& a) {
  std::string query;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) query += fmt::format("{}{}={}", query.empty() ? "?" : "&", name, url_encoded(value));
  };
  add("project", a.project);
  add("state", a.state);
  add("limit", a.limit > 0 ? std::to_string(a.limit) : "");
  return ask_and_print(a.target, "GET", "/jobs" + query, [](const Json& json) { return jobs_table(json.at("jobs")); });
}

int run_show(const FarmArguments& a) {
  Answer<FarmClient> connected = FarmClient::connect(a.target);
  if (const auto* error = std::get_if<FarmError>(&connected)) return report_farm_error(*error, a.target.json);
  FarmClient& client = std::get<FarmClient>(connected);
  Answer<Json> job = client.ask("GET", job_path(a.job));
  if (const auto* error = std::get_if<FarmError>(&job)) return report_farm_error(*error, a.target.json);
  const Answer<Json> outputs = client.ask("GET", job_path(a.job, "/outputs"));
  if (const auto* error = std::get_if<FarmError>(&outputs)) return report_farm_error(*error, a.target.json);
  Json& json = std::get<Json>(job);
  if (a.target.json) {
    json["outputs"] = std::get<Json>(outputs).at("outputs");
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("{}{}", job_text(json), outputs_text(std::get<Json>(outputs)));
  }
  return kDone;
}

int run_logs(const FarmArguments& a) {
  Answer<FarmClient> connected = FarmClient::connect(a.target);
  if (const auto* error = std::get_if<FarmError>(&connected)) return report_farm_error(*error, a.target.json);
  FarmClient& client = std::get<FarmClient>(connected);
  std::uint64_t after = 0;
  for (;;) {
    const std::string path = (a.job.empty() ? "/log" : job_path(a.job, "/log")) + fmt::format("?limit={}&after={}", a.limit > 0 ? a.limit : 200, after);
    const Answer<Json> answer = client.ask("GET", path);
    if (const auto* error = std::get_if<FarmError>(&answer)) return report_farm_error(*error, a.target.json);
    const Json& json = std::get<Json>(answer);
    if (a.target.json && !a.follow) fmt::print("{}\n", json.dump());
    else if (a.target.json)
      for (const Json& line : json.at("lines")) fmt::print("{}\n", line.dump());
    else fmt::print("{}", log_text(json));
    std::fflush(stdout);
    if (!json.at("lines").empty()) after = json.at("lines").back().value("number", after);
    if (!a.follow) return kDone;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

int run_limits(const FarmArguments& a) {
  if (!a.weight && !a.max_running)
    return report_farm_error({kBadInput, "limits: nothing is to be set", "say --weight, --max-running or both; dubfarm projects shows what they are", {}, 0, {}}, a.target.json);
  Answer<FarmClient> connected = FarmClient::connect(a.target);
  if (const auto* error = std::get_if<FarmError>(&connected)) return report_farm_error(*error, a.target.json);
  FarmClient& client = std::get<FarmClient>(connected);
  const Answer<Json> now = client.ask("GET", "/projects");
  if (const auto* error = std::get_if<FarmError>(&now)) return report_farm_error(*error, a.target.json);
  Json body = Json::object();  // what is not given stays as it is
  for (const Json& project : std::get<Json>(now).at("projects"))
    if (project.value("project", "") == a.project) body = {{"weight", project.at("weight")}, {"max_running", project.at("max_running")}};
  if (a.weight) body["weight"] = *a.weight;
  if (a.max_running) body["max_running"] = *a.max_running;
  const Answer<Json> set = client.ask("PUT", "/projects/" + url_encoded(a.project), &body);
  if (const auto* error = std::get_if<FarmError>(&set)) return report_farm_error(*error, a.target.json);
  const Json& json = std::get<Json>(set);
  const auto most = json.value("max_running", 0U);
  if (a.target.json) fmt::print("{}\n", json.dump());
  else fmt::print("project {}: weight {:g}, {}\n", json.value("project", ""), json.value("weight", 1.0), most == 0 ? "no limit" : fmt::format("at most {} tasks at once", most));
  return kDone;
}

void add_target_options(CLI::App& verb, FarmTarget& target) {
  verb.add_option("--server", target.server, "The scheduler's address (default: $DUBFARM_SERVER, else http://127.0.0.1:7461)");
  verb.add_option("--token-file", target.token_file, "File with the token (default: $DUBFARM_TOKEN is the token, else ~/.config/dubfarm/token)");
  verb.add_option("--ca", target.ca, "Certificates to trust, in PEM (default: $DUBFARM_CA, else the system's)");
}

std::string waiting_text(const Json& json) {
  std::string out = fmt::format("job {} is {}\n", json.value("job", 0ULL), json.value("state", ""));
  for (const Json& reason : json.at("reasons")) out += fmt::format("  {}: {}\n", reason.value("code", ""), reason.value("message", ""));
  return out;
}

}  // namespace

bool names_a_job(const std::string& argument) {
  return !argument.empty() && argument.size() < 20 && std::all_of(argument.begin(), argument.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         ::access(argument.c_str(), F_OK) != 0;
}

int run_explain_job(const FarmTarget& target, const std::string& job) { return ask_and_print(target, "GET", job_path(job, "/waiting"), waiting_text); }

void add_farm_verbs(CLI::App& app, int& status) {
  const auto a = std::make_shared<FarmArguments>();  // lives as long as the callbacks
  const auto add = [&app, a](CLI::App* parent, const char* name, const char* says, FarmTarget& target, std::function<int()> act, int& result) {
    CLI::App* verb = (parent != nullptr ? parent : &app)->add_subcommand(name, says);
    add_target_options(*verb, target);
    verb->add_flag("--json", target.json, "Print JSON on stdout");
    if (parent == nullptr) verb->group("On a farm");
    verb->callback([act = std::move(act), &result] { result = act(); });
    return verb;
  };
  const auto on_farm = [&](const char* name, const char* says, std::function<int()> act) { return add(nullptr, name, says, a->target, std::move(act), status); };
  const auto with_job = [&](CLI::App* verb) {
    verb->add_option("job", a->job, "The job's number")->required();
    return verb;
  };

  CLI::App* verb = add(nullptr, "submit", "Hand a mix to the farm", a->submit.target, [a] { return run_submit(a->submit); }, status);
  verb->footer("The farm knows files by its roots: --root media=/mnt/media says which folder here is which root there (or DUBFARM_ROOTS=media=/mnt/media,out=/mnt/out).\n"
               "Exit status with --wait: 0 all outputs pass, 1 the job failed or an output fails a check.");
  verb->add_option("mix", a->submit.mix, "The mix document (*.mix.json)")->required();
  verb->add_option("--project", a->submit.project, "Whose job it is: projects share the farm, and tokens are for projects")->required();
  verb->add_option("--name", a->submit.name, "What people call the job (default: the document's file name)");
  verb->add_option("--root", a->submit.roots, "A root of the farm, and where it is here: media=/mnt/media; may be repeated")->allow_extra_args(false);
  verb->add_option("--folder", a->submit.folder, "Where the mix lies, as the farm names it: {media}/film (default: from --root)");
  verb->add_option("--out", a->submit.out, "Folder for the outputs: {out}/film, or a folder in a root (default: {out}/ and the document's name)");
  verb->add_option("--version", a->submit.version, "Only the versions whose names match this glob");
  verb->add_option("--deliverable", a->submit.deliverable, "Only the deliverables whose names match this glob");
  verb->add_option("--priority", a->submit.priority, "0 to 100; higher goes first (default: 50)")->check(CLI::Range(0, 100));
  verb->add_option("--tag", a->submit.tags, "Only workers with this tag; may be repeated")->allow_extra_args(false);
  verb->add_option("--max-running", a->submit.max_running, "At most so many tasks at once (default: no limit)");
  verb->add_option("--profile", a->submit.profile, "Only workers of this numeric profile (default: that of the connected workers with its tags, a GPU's before the CPU's)");
  verb->add_flag("--wait", a->submit.wait, "Follow the job to its end");

  verb = on_farm("jobs", "List jobs, newest first", [a] { return run_jobs(*a); });
  verb->add_option("--project", a->project, "Only this project's");
  verb->add_option("--state", a->state, "Only those in this state")->check(CLI::IsMember({"planning", "queued", "running", "paused", "done", "failed", "cancelled"}));
  verb->add_option("--limit", a->limit, "At most so many (default: 200)")->check(CLI::Range(1, 1000));
  with_job(on_farm("show", "Show a job and its outputs", [a] { return run_show(*a); }));
  with_job(on_farm("watch", "Follow a job to its end; exit status 1 where it fails", [a] { return run_watch(a->target, a->job); }));
  const auto command = [&](const char* name, const char* says) {
    with_job(on_farm(name, says, [a, name] { return ask_and_print(a->target, "POST", job_path(a->job, std::string("/") + name), state_line); }));
  };
  command("cancel", "End a job; what it rendered stays in the store");
  command("retry", "Run a job's failed and cancelled tasks again");
  command("pause", "Start no more of a job's tasks");
  command("resume", "Go on with a job that was paused");
  verb = with_job(on_farm("priority", "Set a job's priority", [a] {
    const Json body{{"priority", a->priority}};
    return ask_and_print(a->target, "PUT", job_path(a->job, "/priority"), state_line, &body);
  }));
  verb->add_option("priority", a->priority, "0 to 100; higher goes first")->required()->check(CLI::Range(0, 100));
  on_farm("workers", "List workers: what they run, their profile and health", [a] {
    return ask_and_print(a->target, "GET", "/workers", [](const Json& json) { return workers_table(json.at("workers")); });
  });
  verb = on_farm("drain", "Give a worker no more tasks", [a] {
    return ask_and_print(a->target, "POST", "/workers/" + url_encoded(a->worker) + (a->undo ? "/resume" : "/drain"), worker_line);
  });
  verb->add_option("worker", a->worker, "Its name or id")->required();
  verb->add_flag("--undo", a->undo, "Let it work again; forgets why it was set aside");
  on_farm("projects", "List projects: their shares of the farm, their limits, what they run", [a] {
    return ask_and_print(a->target, "GET", "/projects", [](const Json& json) { return projects_table(json.at("projects")); });
  });
  verb = on_farm("limits", "Set a project's share of the farm and how much of it may run at once", [a] { return run_limits(*a); });
  verb->add_option("project", a->project, "Its name")->required();
  verb->add_option("--weight", a->weight, "Its share beside other projects: one of weight 2 gets twice the devices' time of one of weight 1")->check(CLI::Range(0.001, 1000.0));
  verb->add_option("--max-running", a->max_running, "Tasks at once; 0: no limit")->check(CLI::Range(0, 1'000'000));
  verb = on_farm("logs", "Print a job's log, or the farm's", [a] { return run_logs(*a); });
  verb->add_option("job", a->job, "The job's number (default: everything)");
  verb->add_option("--limit", a->limit, "The last so many lines (default: 200)")->check(CLI::Range(1, 1000));
  verb->add_flag("--follow", a->follow, "Go on with what comes");
  verb = add(nullptr, "fetch", "Bring a job's files here, and check their SHA-256", a->fetch.target, [a] { return run_fetch(a->fetch); }, status);
  verb->footer("A fetch that was stopped goes on where it was. A file appears under its name when it is whole and its sum is the one in the report.");
  verb->add_option("job", a->fetch.job, "The job's number")->required();
  verb->add_option("--out", a->fetch.out, "Folder to put them into; made if it is not there")->required();
  verb->add_option("--files", a->fetch.files, "Only those whose paths match this glob");

  CLI::App* const tokens = app.add_subcommand("tokens", "Who may use the farm's API")->require_subcommand(1)->group("On a farm");
  const auto token_verb = [&](const char* name, const char* says, int (*act)(const TokensOptions&)) {
    CLI::App* made = add(tokens, name, says, a->tokens.target, [a, act] { return act(a->tokens); }, status);
    made->add_option("--state", a->tokens.state, "A scheduler's state folder, while it does not run (default: through the API, as an admin)");
    return made;
  };
  verb = token_verb("create", "Make a token and print it, once", run_tokens_create);
  verb->add_option("name", a->tokens.name, "Whose it is")->required();
  verb->add_option("--may", a->tokens.grants, "role:project, with commas between: submitter:film,viewer:* (default: viewer:*). Roles: viewer, submitter, admin");
  verb->add_option("--expires", a->tokens.expires, "Until when it is good: 12h, 30d (default: until it is revoked)");
  token_verb("list", "List tokens and what they may do", run_tokens_list);
  verb = token_verb("revoke", "End a token", run_tokens_revoke);
  verb->add_option("id", a->tokens.id, "Its id, as list shows it")->required();

  CLI::App* const audit = app.add_subcommand("audit", "Who did what")->require_subcommand(1)->group("On a farm");
  verb = add(audit, "list", "Print the last entries of the audit log", a->target, [a] { return run_audit_list(a->target, a->limit > 0 ? a->limit : 50); }, status);
  verb->add_option("--limit", a->limit, "The last so many entries (default: 50)")->check(CLI::Range(1, 1000));
  verb = add(audit, "verify", "Check that no entry of the audit log was changed or taken out", a->target, [a] { return run_audit_verify(a->target, a->audit_state); }, status);
  verb->add_option("--state", a->audit_state, "A scheduler's state folder, while it does not run (default: through the API, as an admin)");
}

}  // namespace dubfarm::cli
