// `dubfarm submit` hands a mix to the farm; `dubfarm watch` follows a job to its end.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "cli/client/farm_client.hpp"

namespace dubfarm::cli {

struct SubmitOptions {
  FarmTarget target;
  std::string mix;             // path of the document
  std::string project, name;   // name empty: the file's
  std::vector<std::string> roots;  // "media=/mnt/media": to name the mix's folder and `out` as the farm does
  std::string folder, out;     // "{media}/film"; empty: from the roots, and "{out}/<name>"
  std::string version = "*", deliverable = "*", profile;
  std::vector<std::string> tags;
  int priority = 50;
  std::uint32_t max_running = 0;
  bool wait = false;
};
/// @return the exit status; with `wait` that of the job: 1 where it failed, was cancelled, or an output of it fails a check.
[[nodiscard]] int run_submit(const SubmitOptions& options);
[[nodiscard]] int run_watch(const FarmTarget& target, const std::string& job);

}  // namespace dubfarm::cli
