// `dubfarm scheduler`: takes jobs, plans them, and gives them out to workers.
#pragma once
#include <string>
#include <vector>

#include "scheduler/farm/types.hpp"

namespace dubfarm::cli {

struct SchedulerOptions {
  std::string state;   // folder of the database
  std::string store;   // empty: default_store_folder()
  std::string keys;    // empty: default_keys_folder()
  std::string listen = "tcp://127.0.0.1:7460";
  std::string http = "127.0.0.1:7461";  // empty: no API
  std::string tls_cert, tls_key;
  bool insecure = false;
  std::vector<std::string> roots;
  int threads = 0;     // that read media; 0: usable_processors()
  int dead_after_ms = 5000;
};

/// The timers that follow from --dead-after: a worker that falls silent is seen within that time.
[[nodiscard]] farm::Settings settings_for(int dead_after_ms);

/// Runs until SIGTERM or SIGINT. @return the exit status (cli/exit_code.hpp).
[[nodiscard]] int run_scheduler(const SchedulerOptions& options);

}  // namespace dubfarm::cli
