#include "cli/farm/keys.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/exit_code.hpp"
#include "common/wire/keys.hpp"

namespace dubfarm::cli {
namespace {

std::string folder_of(const KeysOptions& options) { return options.folder.empty() ? default_keys_folder() : options.folder; }

int no_key(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  return exit_code(error.code);
}

}  // namespace

std::string default_keys_folder() {
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config != '\0') return std::string(config) + "/dubfarm/keys";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return std::string(home) + "/.config/dubfarm/keys";
  return ".dubfarm-keys";
}

int run_keys_init(const KeysOptions& options) {
  const Result<wire::KeyPair> pair = wire::make_scheduler_key(folder_of(options));
  if (!pair.ok()) return no_key(pair.error());
  fmt::print("{}\nscheduler's keys: {}; next, for each worker: dubfarm keys worker NAME --keys {}\n", pair->public_key, folder_of(options), folder_of(options));
  return kDone;
}

int run_keys_worker(const KeysOptions& options) {
  const Result<std::string> path = wire::make_worker_key(folder_of(options), options.name, options.out);
  if (!path.ok()) return no_key(path.error());
  fmt::print("{}\nmove this file to the worker's machine, readable by its user alone, and start: dubfarm worker --key FILE --scheduler tcp://HOST:7460\n", *path);
  return kDone;
}

int run_keys_revoke(const KeysOptions& options) {
  const Result<void> revoked = wire::revoke_worker(folder_of(options), options.name);
  if (!revoked.ok()) return no_key(revoked.error());
  fmt::print("worker \"{}\" is let in no more; a running scheduler closes its session within a second\n", options.name);
  return kDone;
}

int run_keys_list(const KeysOptions& options) {
  const Result<std::vector<wire::AllowedWorker>> workers = wire::workers_of(folder_of(options));
  if (!workers.ok()) return no_key(workers.error());
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const wire::AllowedWorker& worker : *workers) list.push_back({{"name", worker.name}, {"public_key", worker.public_key}, {"revoked", worker.is_revoked}});
    fmt::print("{}\n", list.dump(2));
    return kDone;
  }
  for (const wire::AllowedWorker& worker : *workers) fmt::print("{}  {}{}\n", worker.public_key, worker.name, worker.is_revoked ? "  (revoked)" : "");
  return kDone;
}

}  // namespace dubfarm::cli
