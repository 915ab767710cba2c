// What a farm's worker does with a task: from its package to blobs in the store and files in the output folder, by the code of `dubfarm render`.
#pragma once
#include <atomic>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/farm/farm_device.hpp"
#include "cli/farm/media_roots.hpp"
#include "cli/farm/planned_job.hpp"
#include "common/store/store.hpp"
#include "scheduler/delivery/report.hpp"
#include "worker/ir_cache.hpp"
#include "worker/link/task_runner.hpp"
#include "worker/render_chunk.hpp"
#include "worker/sources.hpp"
#include "worker/stage_times.hpp"

namespace dubfarm::cli {

/// Threads: run() on several at once. Store, roots, device and times outlive it.
class Executor : public worker::TaskRunner {
  using WorkClock = std::chrono::steady_clock;

 public:
  /// @param threads  that call run(): a print shares them with what else runs.
  /// @param device   renders the chunks; null: the CPU does.
  /// @param times    how long each stage was busy; may be null.
  Executor(const Store& store, const MediaRoots& roots, int threads, FarmDevice* device = nullptr, worker::StageTimes* times = nullptr)
      : store_(store), roots_(roots), threads_(threads), device_(device), times_(times) {}

  [[nodiscard]] std::vector<std::size_t> company(std::span<const worker::AssignedTask> waiting, std::size_t free_threads) override;
  void run(std::span<const worker::AssignedTask> tasks, worker::TaskControl& control,
           const std::function<void(std::size_t, wire::Result)>& finished) override;

 private:
  /// A job at work here, with what its tasks share.
  struct Job {
    std::shared_ptr<const PlannedJob> planned;
    std::unique_ptr<worker::Sources> sources;
    std::unique_ptr<worker::IrCache> irs;
    std::unique_ptr<SegmentCache> segments;
  };
  struct Entry {
    std::mutex mutex;  // one thread plans, the others wait
    std::shared_ptr<const Job> job;
  };
  /// Of the first's job: the prints that wait; none yet where more may be on their way. Other threads without work take ranges of them too.
  [[nodiscard]] std::vector<std::size_t> prints_together(std::span<const worker::AssignedTask> waiting);
  Result<std::shared_ptr<const Job>> job(const std::string& package);
  /// The job, where it is planned here already.
  [[nodiscard]] std::shared_ptr<const Job> known(const std::string& package);
  void render(const std::shared_ptr<const Job>& job, std::span<const worker::AssignedTask> tasks, worker::TaskControl& control,
              const std::function<void(std::size_t, wire::Result)>& finished);
  /// Groups of prints, side by side: they have most of their stems in common.
  void print(const std::shared_ptr<const Job>& job, std::span<const worker::AssignedTask> tasks, worker::TaskControl& control, const std::function<void(std::size_t, wire::Result)>& finished);
  wire::Result write_package(const std::shared_ptr<const Job>& job, const worker::AssignedTask& task, worker::TaskControl& control);
  /// @param task    one of those that want them
  /// @param prints  indices into the plan's, ascending; null: all.
  Result<scheduler::Report> print_outputs(const std::shared_ptr<const Job>& job, const worker::AssignedTask& task, const std::vector<std::size_t>* prints,
                                          worker::TaskControl& control);
  /// The job of a task as the device knows it.
  [[nodiscard]] static FarmDevice::Job on_device(const std::shared_ptr<const Job>& job, const worker::AssignedTask& task) {
    return {task.package, task.lease.job(), {job, job->sources.get()}};
  }
  /// Work memory in which nothing but this job's audio lies: another job's is cleared first.
  [[nodiscard]] std::unique_ptr<worker::RenderScratch> take_scratch(const std::string& package);

  const Store& store_;
  const MediaRoots& roots_;
  const int threads_;
  FarmDevice* const device_;
  worker::StageTimes* const times_;
  std::optional<WorkClock::time_point> gathering_since_;  // of company(), which is called by one thread at a time
  std::atomic<int> running_{0}, printing_{0};  // calls of run(), and those of them that print
  std::atomic<WorkClock::time_point> last_chunk_{WorkClock::time_point{}};  // when one was done last
  std::mutex mutex_;  // guards what follows
  std::list<std::pair<std::string, std::shared_ptr<Entry>>> jobs_;  // the last used first
  struct Scratch {
    std::string package;  // whose audio was in it last
    std::unique_ptr<worker::RenderScratch> memory;
  };
  std::vector<Scratch> scratches_;  // that no thread uses
};

}  // namespace dubfarm::cli
