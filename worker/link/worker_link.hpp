// A worker's side of the farm: one DEALER socket to the scheduler, and threads that work. docs/formats/protocol.md.
//
// The thread that calls run() owns the socket and does nothing but talk, so that heartbeats never wait for work. Results are kept until the
// scheduler has acknowledged them. Without its scheduler a worker goes on with what it has, and looks for it again.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "common/wire/keys.hpp"
#include "worker/link/task_runner.hpp"

namespace dubfarm::worker {

struct LinkOptions {
  std::string scheduler;      // endpoint: tcp://host:7460
  wire::WorkerKey key;
  std::string state_folder;   // results that are not acknowledged yet
  std::string build, numeric_profile, host, device;
  std::vector<std::string> tags;
  std::uint32_t slots = 1;    // threads that work
  std::uint64_t memory_bytes = 0;
  bool once = false;                                  // leave after the first task
  std::chrono::milliseconds idle_exit{0};             // leave after so long without any; 0: never
  std::chrono::milliseconds max_life{0};              // drain after so long; 0: never
  std::chrono::milliseconds drain_budget{0};          // what runs may take so long to end, then it is released; 0: without limit
  std::chrono::milliseconds orphan_timeout{300'000};  // give up after so long without a scheduler
  std::function<void(const std::string&)> log;        // lines for people, from run()'s thread
  std::function<std::string()> unfit;                 // not "": why this worker can do nothing more; it drains then
  const std::atomic<int>* stop_signals = nullptr;     // never null; 1: drain; 2 or more: release what runs, and leave
};

/// How a worker's life ended.
enum class LinkEnd : std::uint8_t {
  left,       // drained, idle, or done: everything it made is acknowledged
  orphaned,   // no scheduler for orphan_timeout; results wait in the state folder
  refused,    // the scheduler does not let this key in, or speaks another protocol
  unfit,      // drained, because LinkOptions::unfit said so
};
struct LinkOutcome {
  LinkEnd end = LinkEnd::left;
  std::string reason;
};

/// Works until its life ends. `runner` is called from options.slots threads of its own.
/// Errors: io_error for the state folder; invalid_input for an endpoint that cannot be understood.
[[nodiscard]] Result<LinkOutcome> run_worker(const LinkOptions& options, TaskRunner& runner);

}  // namespace dubfarm::worker
