#include "cli/farm/scheduler.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>

#include "cli/exit_code.hpp"
#include "cli/farm/farm_service.hpp"
#include "cli/farm/keys.hpp"
#include "cli/farm/media_roots.hpp"
#include "cli/render.hpp"
#include "common/machine.hpp"
#include "scheduler/http/server.hpp"

namespace dubfarm::cli {
namespace {

int not_started(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  return exit_code(error.code);
}

std::string default_state_folder() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0') return std::string(state) + "/dubfarm/scheduler";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return std::string(home) + "/.local/state/dubfarm/scheduler";
  return ".dubfarm-scheduler";
}

/// "host:port", "[::1]:port".
Result<http::ServerOptions> http_options(const SchedulerOptions& options) {
  http::ServerOptions server;
  const std::size_t colon = options.http.rfind(':');
  const std::string port = colon == std::string::npos ? "" : options.http.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos || std::stoi(port) > 65535)
    return fail(Errc::invalid_input, "--http \"{}\": write address:port, such as 127.0.0.1:7461", options.http);
  server.host = options.http.substr(0, colon);
  if (server.host.size() > 2 && server.host.front() == '[' && server.host.back() == ']') server.host = server.host.substr(1, server.host.size() - 2);
  server.port = std::stoi(port);
  server.tls_certificate = options.tls_cert;
  server.tls_key = options.tls_key;
  server.insecure = options.insecure;
  return server;
}

}  // namespace

farm::Settings settings_for(int dead_after_ms) {
  farm::Settings settings;
  settings.dead_after = farm::Time(dead_after_ms - std::min(300, dead_after_ms / 4));  // looked at every 250 ms
  settings.ping_interval = farm::Time(std::max(50, dead_after_ms / 5));
  settings.late_tick = farm::Time(std::max(600, dead_after_ms / 2));
  settings.restart_grace = farm::Time(std::max(dead_after_ms + 2000, 3 * dead_after_ms / 2));
  return settings;
}

int run_scheduler(const SchedulerOptions& options) {
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTERM);
  ::sigaddset(&stop, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // of every thread to come: this one waits for them
  ::signal(SIGXFSZ, SIG_IGN);                    // a file-size limit is an error of write(), as a full disk is
  ::signal(SIGPIPE, SIG_IGN);
  rlimit files{};  // a connection takes one, and whoever may connect may open many
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  const Result<MediaRoots> roots = MediaRoots::parse(options.roots);
  if (!roots.ok()) return not_started(roots.error());
  const Result<Store> store = Store::open(options.store.empty() ? default_store_folder() : options.store);
  if (!store.ok()) return not_started(store.error());
  ServiceOptions service;
  service.state_folder = options.state.empty() ? default_state_folder() : options.state;
  service.keys_folder = options.keys.empty() ? default_keys_folder() : options.keys;
  service.listen = options.listen;
  service.threads = options.threads > 0 ? options.threads : usable_processors();
  service.settings = settings_for(options.dead_after_ms);
  const Result<http::ServerOptions> api = http_options(options);
  if (!options.http.empty() && !api.ok()) return not_started(api.error());
  const Result<std::unique_ptr<FarmService>> farm = FarmService::start(service, *store, *roots);
  if (!farm.ok()) return not_started(farm.error());
  fmt::print("workers: {}\n", (*farm)->endpoint());
  std::unique_ptr<http::Server> server;
  if (!options.http.empty()) {
    Result<std::unique_ptr<http::Server>> started = http::Server::start(**farm, *api);
    if (!started.ok()) return not_started(started.error());
    server = std::move(*started);
    fmt::print("dashboard: {}\n", server->url());
  }
  std::fflush(stdout);
  int signal = 0;
  while (::sigwait(&stop, &signal) != 0) {}
  fmt::print(stderr, "stopping: workers go on with what they have, and come back\n");
  return kDone;
}

}  // namespace dubfarm::cli
