// A whole farm in one thread: the real state and the real database, with simulated workers, network, clock and faults. Everything follows from the
// seed, so a run that fails can be run again. After every step the farm is held against what must always be true (docs/decisions/0011).
#pragma once
#include <cstdint>
#include <string>

namespace dubfarm::sim {

/// A mistake put into the scheduler's shell, so that the checks are checked too.
enum class Plant : std::uint8_t {
  none,
  acknowledge_before_commit,  // and the scheduler dies between the two
  free_anothers_lease,        // a stale report ends the lease of the worker that has the task now
  forget_a_row,               // one kind of row is not stored
  believe_old_sessions,       // what a session that is over says (late, doubled, replayed) counts as the worker's word now
  send_once,                  // workers do not repeat a result that nobody acknowledged
};

struct Outcome {
  std::string violation;  // "" or what was broken, and when
  std::uint64_t steps = 0, restarts = 0, crashes = 0, tasks_done = 0, jobs = 0, jobs_failed = 0, dropped = 0, doubts = 0, lost_blobs = 0, stale = 0;
  std::uint64_t fingerprint = 0;  // of all that happened: the same seed has the same
};

/// @param liars  in so many of 100 farms a worker makes wrong chunks.
Outcome simulate(std::uint64_t seed, Plant plant, std::uint64_t liars, bool is_loud);

}  // namespace dubfarm::sim
