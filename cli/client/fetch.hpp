// `dubfarm fetch` brings a job's files here, goes on where an earlier fetch stopped, and checks every file's SHA-256.
#pragma once
#include <string>

#include "cli/client/farm_client.hpp"

namespace dubfarm::cli {

struct FetchOptions {
  FarmTarget target;
  std::string job;
  std::string out;           // folder; made if it is not there
  std::string files = "*";   // glob over their paths
};
/// @return the exit status; 1: a file's SHA-256 is not the one reported, and nothing is under its name.
[[nodiscard]] int run_fetch(const FetchOptions& options);

}  // namespace dubfarm::cli
