// `dubfarm worker`: takes tasks from a scheduler, and works on them.
#pragma once
#include <string>
#include <vector>

#include "cli/backend.hpp"

namespace dubfarm::cli {

struct WorkerOptions {
  std::string scheduler = "tcp://127.0.0.1:7460";
  std::string key;     // the file that `dubfarm keys worker` made
  std::string store;   // empty: default_store_folder()
  std::string state;   // folder of results that are not acknowledged; empty: of this user, by the worker's name
  std::vector<std::string> roots;
  std::vector<std::string> tags;
  int slots = 0;       // 0: usable_processors()
  BackendOptions backend;  // that renders chunks; prints are the CPU's
  bool profile = false;    // at its end say how long each stage was busy
  bool once = false;
  std::string idle_exit, max_life, drain_budget, orphan_timeout;  // "90", "90s", "15m", "4h"; empty: as LinkOptions has it
};

/// Works until its life ends. @return the exit status: kDone drained or idle; kBadInput a key, a root or an option that is wrong, or a scheduler
/// that does not let it in (to start it again is of no use); kCannotRun no scheduler for too long, a self-test that failed, or a device that did.
[[nodiscard]] int run_worker_verb(const WorkerOptions& options);

}  // namespace dubfarm::cli
