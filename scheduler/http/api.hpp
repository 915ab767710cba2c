// The requests that the server answers, one function each. Inside scheduler/http only.
#pragma once
#include <httplib.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "scheduler/http/farm_gate.hpp"
#include "scheduler/http/rate_limit.hpp"
#include "scheduler/http/report_cache.hpp"
#include "scheduler/http/server.hpp"
#include "scheduler/http/ticket.hpp"

namespace dubfarm::http {

using Json = nlohmann::ordered_json;

[[nodiscard]] inline WallTime wall_now() { return std::chrono::system_clock::now(); }

/// What all requests share.
struct Api {
  Api(FarmGate& farm, const ServerOptions& settings);

  FarmGate& gate;
  ServerOptions options;
  const std::atomic<bool>* stopping = nullptr;
  RateLimit by_token, by_address, audited;
  TicketOffice tickets;
  ReportCache reports;
  std::atomic<int> event_streams = 0, connections = 0;
  std::mutex counted_mutex;
  std::map<std::pair<std::string, int>, std::uint64_t> requests;  // by route and status
  std::atomic<std::uint64_t> denied = 0, denied_unlogged = 0;

  /// Logs a request that was refused for lack of a right; not more than some a minute for each address.
  void log_denied(const httplib::Request& request, const std::string& who, const std::string& why);
};

/// One request on its way.
struct Call {
  Api& api;
  const httplib::Request& request;
  httplib::Response& response;
  std::vector<std::string> parts;      // what stood for {job}, {path} ... in the route
  std::optional<TokenRecord> token;    // who asks; nothing where the route is open to all
  bool by_ticket = false;              // let in by a ticket in the address, for one job's files

  [[nodiscard]] Actor actor() const { return {token ? token->name : "", request.remote_addr}; }
  void send(const Json& body, int status = 200) const;
  void refuse(int status, std::string_view code, const std::string& message, const std::string& help = {}) const;
  /// The error's own status and code.
  void refuse(const Error& error) const;
  /// Refuses what needs more than the token has, and logs it.
  void deny(const std::string& message, const std::string& help = {}) const;
  /// Whether the token allows what needs `role` in `project`; denies it where not.
  [[nodiscard]] bool allows(Role role, const std::string& project) const;
  /// The body as a JSON object; answers and returns nothing where it is not one, or has members that are not in `known`.
  [[nodiscard]] std::optional<Json> body(std::initializer_list<std::string_view> known) const;
  /// {job} of the route, where the token may see it and, for `role`, act on it; answers and returns nothing otherwise.
  [[nodiscard]] std::optional<JobView> job(Role role = Role::viewer) const;
  /// A whole number in the query; `fallback` where it is absent; answers and returns nothing where it is not one in range.
  [[nodiscard]] std::optional<std::uint64_t> number(const char* name, std::uint64_t fallback, std::uint64_t highest) const;
};

using Handler = void (*)(Call&);
enum class Access : std::uint8_t {
  open,         // to everyone
  token,        // any valid token; the handler looks at what it allows
  farm_viewer,  // viewer in all projects
  farm_admin,   // admin in all projects
  ticket,       // a token, or a ticket for this job
};
struct Route {
  const char* method;
  const char* path;
  Access access;
  Handler handler;
};
[[nodiscard]] std::span<const Route> routes();

struct Found {
  const Route* route = nullptr;   // null: none has this path
  bool other_method = false;      // one has, for another method
  std::vector<std::string> parts;
};
/// The route of a decoded path. {path} at a route's end takes in slashes. HEAD finds GET's.
[[nodiscard]] Found find_route(std::string_view method, std::string_view path);

/// The one form of an error.
[[nodiscard]] std::string error_body(std::string_view code, const std::string& message, const std::string& help = {}, const std::vector<Problem>& problems = {});

// The handlers, by file.
void get_health(Call&), get_metrics(Call&), get_me(Call&), get_openapi(Call&), get_autoscale(Call&), get_log(Call&), get_audit(Call&), get_projects(Call&);
void get_asset(Call&);
void post_job(Call&), get_jobs(Call&), get_job(Call&), get_job_waiting(Call&), get_job_log(Call&), get_job_timeline(Call&), get_job_tasks(Call&), get_job_map(Call&);
void post_cancel(Call&), post_retry(Call&), post_pause(Call&), post_resume(Call&), put_priority(Call&), put_project(Call&);
void get_outputs(Call&), get_report(Call&), get_report_page(Call&), get_files(Call&), get_file(Call&), post_ticket(Call&);
void get_workers(Call&), get_worker(Call&), post_drain(Call&), post_resume_worker(Call&), post_revoke(Call&);
void get_events(Call&);
void get_tokens(Call&), post_token(Call&), delete_token(Call&);

}  // namespace dubfarm::http
