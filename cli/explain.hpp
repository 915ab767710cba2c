// `dubfarm explain MIX`: why a chunk is rendered, or that it is reused.
#pragma once
#include <string>

namespace dubfarm::cli {

struct ExplainOptions {
  std::string mix, store;  // store empty: default_store_folder()
  std::string version = "*", stem = "*";  // globs
  std::string at;  // timecode; empty: everywhere
  bool json = false;
};

/// Prints a line for each chunk that the options choose, in the order of the timeline, with its reasons.
/// @return the exit status.
[[nodiscard]] int run_explain(const ExplainOptions& options);

}  // namespace dubfarm::cli
