// The threads that work, and the tasks that wait for them: a list under a lock. The link's thread puts tasks in and takes results out.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "worker/link/task_runner.hpp"

namespace dubfarm::worker {

class Crew {
 public:
  /// @param wake  called from a working thread when a result is there.
  Crew(TaskRunner& runner, std::size_t threads, std::function<void()> wake);
  /// Stops what runs, and waits for it.
  ~Crew();

  /// A lease that is held already changes nothing.
  void add(AssignedTask task);
  /// A task that waits is dropped, one that runs is stopped (where others run beside it on one thread, when all of them are). Neither gives a result.
  void drop(std::uint64_t lease);
  /// Tasks that wait are given back; with `running`, those that run are stopped and given back too. The results say RELEASED.
  void release(bool running);
  struct Held {
    wire::LeaseRef lease;
    float done = 0;
  };
  /// What waits or runs.
  [[nodiscard]] std::vector<Held> held() const;
  [[nodiscard]] std::size_t held_count() const;
  /// Results since the last call.
  [[nodiscard]] std::vector<wire::Result> take_results();

 private:
  struct Batch {
    std::vector<AssignedTask> tasks;
    std::vector<bool> is_over, is_dropped;
    TaskControl control;
  };
  void work();
  void give_back(const AssignedTask& task);
  TaskRunner& runner_;
  std::function<void()> wake_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<AssignedTask> waiting_;
  std::vector<std::shared_ptr<Batch>> running_;
  std::vector<wire::Result> results_;
  std::size_t free_threads_ = 0;
  bool is_closing_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace dubfarm::worker
