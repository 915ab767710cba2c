// A farm whose tasks do nothing, for faults: `dubfarm scheduler` as a process with jobs in its database, and workers' links in this process, the
// real ones, on a runner that answers at once.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/descriptor.hpp"
#include "common/wire/keys.hpp"
#include "scheduler/db/database.hpp"
#include "tests/support/command.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/link/worker_link.hpp"

namespace dubfarm::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr long kMemoryFactor = 16;  // a sanitizer keeps what was freed for a while, and books about all memory
#else
constexpr long kMemoryFactor = 1;
#endif

using NullTask = std::pair<farm::JobId, farm::TaskIndex>;

/// Waits for a condition. @return whether it came true.
template <class F>
bool eventually(F condition, std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// A number from the environment, for longer runs.
[[nodiscard]] int number_from(const char* variable, int usual);

/// The digest that every honest worker gives for a task.
[[nodiscard]] std::string null_digest(const NullTask& task);

/// One worker: a link of its own, and threads that take `work_ms` for each task.
class NullWorker : public worker::TaskRunner {
 public:
  struct Options {
    std::uint32_t slots = 1;
    int work_ms = 0;
    std::function<std::string(const NullTask&)> digest = null_digest;
  };
  NullWorker(const std::string& endpoint, const wire::WorkerKey& key, const std::string& state_folder, Options options);
  /// Releases what runs, and leaves.
  ~NullWorker() override;

  [[nodiscard]] std::vector<std::size_t> company(std::span<const worker::AssignedTask> waiting, std::size_t free_threads) override;
  void run(std::span<const worker::AssignedTask> tasks, worker::TaskControl& control, const std::function<void(std::size_t, wire::Result)>& finished) override;

  std::atomic<int> work_ms;
  void signal() { ++signals_; }  // as SIGTERM would
  /// Waits for the end of its life.
  worker::LinkOutcome outcome();
  /// How often it began each task.
  [[nodiscard]] std::map<NullTask, int> runs() const;
  /// Tasks whose results it does not keep any more, because the scheduler said that they are on its disk.
  [[nodiscard]] std::set<NullTask> acknowledged();
  [[nodiscard]] std::string log() const;
  [[nodiscard]] std::size_t times_said(const std::string& words) const;

 private:
  Options options_;
  Descriptor watch_;  // inotify, on the folder of results
  std::atomic<int> signals_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::map<NullTask, int> runs_;
  std::map<std::string, NullTask> by_file_;
  std::set<NullTask> acknowledged_;
  std::vector<std::string> log_;
  std::optional<worker::LinkOutcome> outcome_;
  worker::LinkOptions link_;
  std::thread thread_;
};

class NullFarm {
 public:
  /// Keys and empty folders. Nothing runs yet.
  NullFarm();
  /// A job of so many chunks, a print that needs all of them, and the report; before the scheduler starts. @return its number.
  farm::JobId add_job(std::uint32_t chunks);
  /// Starts the scheduler's process, and waits until workers can connect unless `is_patient` is false.
  void start(const std::vector<std::string>& more = {}, bool is_patient = true);
  /// SIGKILL.
  void kill();
  [[nodiscard]] Command& scheduler() { return *process_; }
  [[nodiscard]] std::string log() const { return process_ ? process_->err() : ""; }

  NullWorker& join(const std::string& name) { return join(name, NullWorker::Options()); }
  /// @param through  an endpoint; empty: the scheduler's own.
  NullWorker& join(const std::string& name, NullWorker::Options options, const std::string& through = {});
  [[nodiscard]] wire::WorkerKey key(const std::string& name);

  /// What the database says; it may be read while the scheduler runs not.
  [[nodiscard]] farm::Saved stored() const;
  [[nodiscard]] static bool is_done(const farm::Saved& saved, farm::JobId job);
  /// The tasks whose digest is stored, with it; of jobs that are done there are none.
  [[nodiscard]] static std::map<NullTask, farm::Digest> done(const farm::Saved& saved);
  /// Waits for the log's line on the job's end.
  [[nodiscard]] bool wait_done(std::size_t jobs = 1, std::chrono::milliseconds patience = std::chrono::seconds(60));

  TemporaryFolder folder;
  std::string endpoint;
  std::vector<std::unique_ptr<NullWorker>> workers;

 private:
  std::unique_ptr<Command> process_;
};

}  // namespace dubfarm::testing
