// tests_sim [--liars PERCENT] [--seeds N] [--from N] [--seed N]: simulated farms under faults. Without --seed: N seeds (1000), and then the checks are checked, with
// planted mistakes that must be found. With --seed: one seed, told event by event. Exit status 0: nothing was broken.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "tests/sim/simulation.hpp"

namespace {

using dubfarm::sim::Outcome;
using dubfarm::sim::Plant;
using dubfarm::sim::simulate;

constexpr std::array<std::pair<const char*, Plant>, 5> kPlants{{{"acknowledge before the commit", Plant::acknowledge_before_commit},
                                                                {"free another's lease", Plant::free_anothers_lease},
                                                                {"forget to store that leases end", Plant::forget_a_row},
                                                                {"believe sessions that are over", Plant::believe_old_sessions},
                                                                {"send results once", Plant::send_once}}};
constexpr std::uint64_t kSeedsForAPlant = 300;

bool check_seeds(std::uint64_t from, std::uint64_t count, std::uint64_t liars) {
  Outcome sum;
  for (std::uint64_t seed = from; seed < from + count; ++seed) {
    const Outcome one = simulate(seed, Plant::none, liars, false);
    if (!one.violation.empty()) {
      fmt::print("seed {}: {}\nreplay it: tests_sim --liars {} --seed {}\n", seed, one.violation, liars, seed);
      return false;
    }
    if (seed % 100 == 0 && simulate(seed, Plant::none, liars, false).fingerprint != one.fingerprint) {
      fmt::print("seed {}: a second run went another way; something depends on more than the seed\n", seed);
      return false;
    }
    sum.steps += one.steps;
    sum.restarts += one.restarts;
    sum.crashes += one.crashes;
    sum.tasks_done += one.tasks_done;
    sum.jobs += one.jobs;
    sum.jobs_failed += one.jobs_failed;
    sum.dropped += one.dropped;
    sum.doubts += one.doubts;
    sum.lost_blobs += one.lost_blobs;
    sum.stale += one.stale;
  }
  fmt::print("{} seeds, nothing broken: {} steps, {} jobs ({} failed for cause), {} tasks done, {} scheduler crashes, {} worker crashes, {} messages lost, "
             "{} messages of sessions that were over, {} blobs lost, {} results in doubt\n",
             count, sum.steps, sum.jobs, sum.jobs_failed, sum.tasks_done, sum.restarts, sum.crashes, sum.dropped, sum.stale, sum.lost_blobs, sum.doubts);
  const bool is_rich = count < 500 || (sum.restarts > 50 && sum.crashes > 50 && sum.lost_blobs > 50 && (liars == 0 || sum.doubts > 5) && sum.jobs_failed > 20 && sum.dropped > 100 && sum.stale > 100);
  if (!is_rich) fmt::print("the runs met too few faults to say much\n");
  return is_rich;
}

bool check_plants() {
  bool all = true;
  for (const auto& [name, plant] : kPlants) {
    std::string found;
    std::uint64_t seed = 1;
    for (; seed <= kSeedsForAPlant && found.empty(); ++seed) found = simulate(seed, plant, 0, false).violation;
    if (found.empty()) fmt::print("planted: {}: NOT found in {} seeds\n", name, kSeedsForAPlant);
    else fmt::print("planted: {}: found by seed {}: {}\n", name, seed - 1, found);
    all = all && !found.empty();
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seeds = 1000, from = 1, only = 0, liars = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (option == "--seeds") seeds = value;
    else if (option == "--from") from = value;
    else if (option == "--seed") only = value;
    else if (option == "--liars") liars = value;
    else return fmt::print(stderr, "tests_sim [--liars PERCENT] [--seeds N] [--from N] [--seed N]\n"), 2;
  }
  if (only != 0) {
    const Outcome one = simulate(only, Plant::none, liars, true);
    fmt::print("seed {}: {}\n", only, one.violation.empty() ? "nothing broken" : one.violation);
    return one.violation.empty() ? 0 : 1;
  }
  const bool seeds_well = check_seeds(from, seeds, liars), plants_found = check_plants();
  return seeds_well && plants_found ? 0 : 1;
}
