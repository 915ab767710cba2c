// What a worker's link asks of whoever does the work: tasks in, results out.
#pragma once
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "common/wire/farm.pb.h"

namespace dubfarm::worker {

struct AssignedTask {
  wire::LeaseRef lease;
  std::string kind;          // "chunk", "print", "package"
  std::uint32_t subject = 0;
  std::string package;       // SHA-256 (hex) of the job's package in the store
  std::uint32_t deadline_s = 0;
  bool afresh = false;       // never take what the store has
  std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();  // when it came to this worker
};

/// One piece of work that a thread does: the runner looks at `stop`, and says how far it is.
struct TaskControl {
  std::atomic<bool> stop{false};
  std::atomic<float> done{0};  // 0 ... 1
};

class TaskRunner {
 public:
  virtual ~TaskRunner() = default;
  /// Of `waiting`, in order of arrival, those that one thread works on together: indices, ascending. None: more may join them in a moment; it is asked again then.
  /// Called by one thread at a time. @param free_threads  others that wait for work.
  [[nodiscard]] virtual std::vector<std::size_t> company(std::span<const AssignedTask> waiting, std::size_t free_threads) = 0;
  /// Works on `tasks` until they are done or soon after control.stop; called on several threads at once. `finished` takes the result of each task
  /// (its index among them), once, from the calling thread; the lease is filled in by the link. A stopped task is RELEASED.
  virtual void run(std::span<const AssignedTask> tasks, TaskControl& control, const std::function<void(std::size_t, wire::Result)>& finished) = 0;
};

}  // namespace dubfarm::worker
