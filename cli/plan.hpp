// `dubfarm plan MIX`: what a render would do, before anything runs.
#pragma once
#include <string>

namespace dubfarm::cli {

struct PlanOptions {
  std::string mix, store;  // store empty: default_store_folder()
  std::string version = "*", deliverable = "*";
  int threads = 0;  // that the time is estimated for; 0: usable_processors()
  bool json = false;
};

/// Prints, for each version and stem, what is rendered, reused and shared, and how long that takes at this machine's measured pace.
/// @return the exit status.
[[nodiscard]] int run_plan(const PlanOptions& options);

}  // namespace dubfarm::cli
