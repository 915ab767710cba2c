#include "scheduler/http/api.hpp"

#include <algorithm>
#include <charconv>

#include "scheduler/http/token.hpp"
#include "scheduler/http/views_json.hpp"

namespace dubfarm::http {
namespace {

// Sorted by path; the OpenAPI file has the same ones, which a test sees to.
constexpr Route kRoutes[] = {
    {"GET", "/", Access::open, get_asset},
    {"GET", "/assets/{path}", Access::open, get_asset},
    {"GET", "/healthz", Access::open, get_health},
    {"GET", "/metrics", Access::farm_viewer, get_metrics},
    {"GET", "/api/v1/audit", Access::farm_admin, get_audit},
    {"GET", "/api/v1/autoscale", Access::farm_viewer, get_autoscale},
    {"GET", "/api/v1/events", Access::token, get_events},
    {"GET", "/api/v1/jobs", Access::token, get_jobs},
    {"POST", "/api/v1/jobs", Access::token, post_job},
    {"GET", "/api/v1/jobs/{job}", Access::token, get_job},
    {"POST", "/api/v1/jobs/{job}/cancel", Access::token, post_cancel},
    {"GET", "/api/v1/jobs/{job}/files", Access::token, get_files},
    {"GET", "/api/v1/jobs/{job}/files/{path}", Access::ticket, get_file},
    {"GET", "/api/v1/jobs/{job}/log", Access::token, get_job_log},
    {"GET", "/api/v1/jobs/{job}/map", Access::token, get_job_map},
    {"GET", "/api/v1/jobs/{job}/outputs", Access::token, get_outputs},
    {"POST", "/api/v1/jobs/{job}/pause", Access::token, post_pause},
    {"PUT", "/api/v1/jobs/{job}/priority", Access::token, put_priority},
    {"GET", "/api/v1/jobs/{job}/report", Access::ticket, get_report},
    {"GET", "/api/v1/jobs/{job}/report.html", Access::ticket, get_report_page},
    {"POST", "/api/v1/jobs/{job}/resume", Access::token, post_resume},
    {"POST", "/api/v1/jobs/{job}/retry", Access::token, post_retry},
    {"GET", "/api/v1/jobs/{job}/tasks", Access::token, get_job_tasks},
    {"POST", "/api/v1/jobs/{job}/ticket", Access::token, post_ticket},
    {"GET", "/api/v1/jobs/{job}/timeline", Access::token, get_job_timeline},
    {"GET", "/api/v1/jobs/{job}/waiting", Access::token, get_job_waiting},
    {"GET", "/api/v1/log", Access::farm_viewer, get_log},
    {"GET", "/api/v1/me", Access::token, get_me},
    {"GET", "/api/v1/openapi.json", Access::open, get_openapi},
    {"GET", "/api/v1/projects", Access::farm_viewer, get_projects},
    {"PUT", "/api/v1/projects/{project}", Access::farm_admin, put_project},
    {"GET", "/api/v1/tokens", Access::farm_admin, get_tokens},
    {"POST", "/api/v1/tokens", Access::farm_admin, post_token},
    {"DELETE", "/api/v1/tokens/{token}", Access::farm_admin, delete_token},
    {"GET", "/api/v1/workers", Access::token, get_workers},
    {"GET", "/api/v1/workers/{worker}", Access::token, get_worker},
    {"POST", "/api/v1/workers/{worker}/drain", Access::farm_admin, post_drain},
    {"POST", "/api/v1/workers/{worker}/resume", Access::farm_admin, post_resume_worker},
    {"POST", "/api/v1/workers/{worker}/revoke", Access::farm_admin, post_revoke},
};

/// What stood for the names in `pattern`; nothing where the path is another.
std::optional<std::vector<std::string>> parts_of(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t slash = std::min(pattern.find('/'), pattern.size()), path_slash = std::min(path.find('/'), path.size());
    const std::string_view step = pattern.substr(0, slash);
    if (step == "{path}") {  // takes in all that is left
      if (path.empty()) return std::nullopt;
      parts.emplace_back(path);
      return parts;
    }
    const std::string_view seen = path.substr(0, path_slash);
    if (step.starts_with('{')) {
      if (seen.empty()) return std::nullopt;
      parts.emplace_back(seen);
    } else if (step != seen) {
      return std::nullopt;
    }
    const bool ends = slash == pattern.size(), path_ends = path_slash == path.size();
    if (ends || path_ends) return ends && path_ends ? std::optional(std::move(parts)) : std::nullopt;
    pattern.remove_prefix(slash + 1);
    path.remove_prefix(path_slash + 1);
  }
}

int status_of(Errc code) {
  switch (code) {
    case Errc::invalid_input: return 409;
    case Errc::not_found: return 404;
    case Errc::no_space:
    case Errc::io_error: return 503;
    default: return 500;
  }
}
const char* word_of(int status) {
  switch (status) {
    case 404: return "not_found";
    case 409: return "conflict";
    case 503: return "unavailable";
    default: return "internal";
  }
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

std::vector<RouteName> route_names() {
  std::vector<RouteName> names;
  for (const Route& route : kRoutes) names.push_back({route.method, route.path});
  return names;
}

Found find_route(std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  Found found;
  for (const Route& route : kRoutes) {
    std::optional<std::vector<std::string>> parts = parts_of(route.path, path);
    if (!parts) continue;
    if (method == route.method) return {&route, false, std::move(*parts)};
    found.other_method = true;
  }
  return found;
}

std::string error_body(std::string_view code, const std::string& message, const std::string& help, const std::vector<Problem>& problems) {
  Json error{{"code", code}, {"message", message}};
  if (!help.empty()) error["help"] = help;
  if (!problems.empty()) {
    if (!problems.front().pointer.empty()) error["pointer"] = problems.front().pointer;
    for (const Problem& p : problems) error["problems"].push_back(problem_json(p));
  }
  return Json{{"error", std::move(error)}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Api::Api(FarmGate& farm, const ServerOptions& settings)
    : gate(farm),
      options(settings),
      by_token(settings.requests_per_second, settings.request_burst),
      by_address(settings.requests_per_second / 5, settings.request_burst / 5),
      audited(0.2, 20) {}

void Api::log_denied(const httplib::Request& request, const std::string& who, const std::string& why) {
  ++denied;
  if (!audited.take(network_of(request.remote_addr), RateLimit::Time::clock::now())) {
    ++denied_unlogged;
    return;
  }
  std::string detail = why;
  if (const std::uint64_t more = denied_unlogged.exchange(0); more > 0) detail += fmt::format("; {} more were denied since the last entry", more);
  gate.audit({{who, request.remote_addr}, "denied", request.method + " " + request.path.substr(0, 200), detail, false});
}

void Call::send(const Json& body, int status) const {
  response.status = status;
  response.set_content(body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", "application/json");
}

void Call::refuse(int status, std::string_view code, const std::string& message, const std::string& help) const {
  response.status = status;
  response.set_content(error_body(code, message, help), "application/json");
}

void Call::refuse(const Error& error) const {
  const int status = status_of(error.code);
  refuse(status, word_of(status), error.message);
}

void Call::deny(const std::string& message, const std::string& help) const {
  api.log_denied(request, token ? token->name : "", message);
  refuse(403, "forbidden", message, help);
}

bool Call::allows(Role role, const std::string& project) const {
  if (token && may(*token, role, project)) return true;
  deny(fmt::format("the token {} has not the role {} in {}", token ? token->name : "", name_of(role), project == "*" ? "all projects" : "the project " + project),
       "ask an admin of this farm for a token that has");
  return false;
}

std::optional<Json> Call::body(std::initializer_list<std::string_view> known) const {
  Json json = request.body.empty() ? Json::object() : Json::parse(request.body, nullptr, false);
  if (json.is_discarded()) {
    refuse(400, "bad_request", "the request's body is not JSON");
    return std::nullopt;
  }
  if (!json.is_object()) {
    refuse(400, "bad_request", "the request's body is not a JSON object");
    return std::nullopt;
  }
  for (const auto& [key, value] : json.items())
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      refuse(400, "bad_request", fmt::format("\"{}\" is not known here", key), fmt::format("known are {}", fmt::join(known, ", ")));
      return std::nullopt;
    }
  return json;
}

std::optional<JobView> Call::job(Role role) const {
  JobId id = 0;
  const std::string& text = parts.front();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  std::optional<JobView> found;
  if (error == std::errc{} && end == text.data() + text.size()) found = api.gate.job(id);
  // One that the token may not see is as one that is not there.
  if (!found || !token || !may(*token, Role::viewer, found->project)) {
    refuse(404, "not_found", fmt::format("there is no job {}", text), "dubfarm jobs lists those that this token may see");
    return std::nullopt;
  }
  if (!allows(role, found->project)) return std::nullopt;
  return found;
}

std::optional<std::uint64_t> Call::number(const char* name, std::uint64_t fallback, std::uint64_t highest) const {
  if (!request.has_param(name)) return fallback;
  const std::string text = request.get_param_value(name);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value <= highest) return value;
  refuse(400, "bad_request", fmt::format("{} is \"{}\"; it is a whole number from 0 to {}", name, text, highest));
  return std::nullopt;
}

}  // namespace dubfarm::http
