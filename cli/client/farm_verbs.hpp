// The verbs that ask a farm over HTTP: submit, jobs, show, watch, cancel, retry, pause, resume, priority, workers, drain, logs, fetch, tokens,
// audit, and explain where it is given a job's number.
#pragma once
#include <string>

namespace CLI {
class App;
}

namespace dubfarm::cli {

/// Adds them to the command line; each sets `status` when it has run.
void add_farm_verbs(CLI::App& app, int& status);

/// Whether `dubfarm explain ARGUMENT` asks about a job of the farm: a whole number, and no file of that name.
[[nodiscard]] bool names_a_job(const std::string& argument);
struct FarmTarget;
/// Says why a job does not go on, or not faster.
[[nodiscard]] int run_explain_job(const FarmTarget& target, const std::string& job);

}  // namespace dubfarm::cli
