// `dubfarm render MIX`: every output of a mix, on this machine.
#pragma once
#include <string>

#include "cli/backend.hpp"

namespace dubfarm::cli {

struct RenderOptions {
  std::string mix;
  std::string out;
  std::string store;  // empty: default_store_folder()
  std::string store_limit;  // a size to keep the store below from now on, or "none"; empty: as it is
  std::string version = "*", deliverable = "*";
  BackendOptions backend;
  int threads = 0;  // 0: usable_processors()
  bool verify_outputs = false;  // hash the outputs of earlier renders before they are used again
  bool reprint = false;         // print all outputs, whatever is there
  bool profile = false;  // say how long each stage was busy
  bool dry_run = false;
  bool json = false;
};

/// Renders, and leaves report.json in the output folder. Results go to stdout (a table, or with json the report), talk to stderr.
/// @return the exit status (cli/exit_code.hpp).
[[nodiscard]] int run_render(const RenderOptions& options);

/// $XDG_CACHE_HOME/dubfarm, else ~/.cache/dubfarm, else .dubfarm-store in the working folder.
[[nodiscard]] std::string default_store_folder();

}  // namespace dubfarm::cli
