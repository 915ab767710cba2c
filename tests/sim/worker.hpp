// A simulated worker: what a real one owes the scheduler (docs/formats/protocol.md), with faults of its own. And the world it works on.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "scheduler/farm/events.hpp"

namespace dubfarm::sim {

using farm::LeaseId;
using farm::LeaseRef;
using farm::TaskIndex;
using TaskName = std::pair<farm::JobId, TaskIndex>;

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ += 0x9E37'79B9'7F4A'7C15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9u;
    z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EBu;
    return z ^ (z >> 31);
  }
  std::int64_t below(std::int64_t limit) { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(limit)); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

/// What a job's tasks are in truth.
struct JobTruth {
  std::uint64_t salt = 0;
  std::shared_ptr<const farm::TaskList> tasks;
  std::set<TaskIndex> bad, poison;  // fails everywhere; kills whoever runs it
};

struct World {
  double drop = 0, duplicate = 0, delay = 0, crash = 0;
  std::int64_t fault_every = 1000;
  std::vector<JobTruth> jobs;
  std::map<std::tuple<std::size_t, TaskIndex, std::string>, std::uint64_t> blobs;  // (job, chunk, profile): the store
  std::map<std::pair<std::size_t, TaskIndex>, std::uint64_t> printed;              // what outputs were last made of

  [[nodiscard]] std::uint64_t true_chunk(std::size_t job, TaskIndex task) const { return Random(jobs[job].salt + task).next() | 1; }
  static std::uint64_t mix(std::uint64_t sum, std::uint64_t value) { return Random(sum ^ value).next() | 1; }
  [[nodiscard]] std::uint64_t true_print(std::size_t job, TaskIndex task) const {
    std::uint64_t sum = 1;
    for (const TaskIndex input : jobs[job].tasks->needs_of(task)) sum = mix(sum, true_chunk(job, input));
    return sum;
  }
};

struct Held {
  LeaseRef ref;
  std::size_t job = 0;  // in World::jobs
  bool is_afresh = false, was_there = false;  // was_there: the store had it when this worker began
  std::int64_t started = -1, ends = -1;  // -1: not started
};

struct Worker {
  std::string key, profile, connection;
  std::uint32_t slots = 1;
  bool is_big = false, sick = false, lies = false, is_revoked = false, is_up = false, is_draining = false, sends_once = false;
  std::int64_t slow = 1;
  farm::WorkerId boot = 0;
  farm::SessionId session = 0;
  std::int64_t stalled_until = 0, restart_at = 0, next_wake = -1;
  std::array<std::int64_t, 2> cut{};  // nothing gets through to the scheduler, or from it, until then
  std::vector<farm::Send> mail;
  std::map<LeaseId, Held> held;
  std::map<LeaseId, farm::TaskResult> results;  // not acknowledged; they outlive a crash

  void start(std::int64_t now, Random& random);
  void crash(std::int64_t now, Random& random);
  void mend(std::int64_t now);
  /// Reads its mail and works; appends what it says. @return when it wants to act again.
  std::int64_t act(std::int64_t now, Random& random, World& world, std::vector<farm::Event>& said);

 private:
  void read(const farm::Send& send, std::int64_t now);
  [[nodiscard]] farm::TaskResult make(const Held& task, Random& random, World& world) const;
  void connect();
  std::uint64_t connections_ = 0;
  std::int64_t heard_ = 0, next_hello_ = 0, next_ping_ = 0, next_want_ = 0, drain_until_ = 0;
  std::map<LeaseId, std::int64_t> resend_;
  std::uint64_t pings_ = 0;
  std::uint32_t wanted_ = 0;
};

}  // namespace dubfarm::sim
