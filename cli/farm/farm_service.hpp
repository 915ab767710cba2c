// The scheduler as the HTTP server sees it: its state behind the reactor, planning on a thread of its own, tokens, the log and the audit.
#pragma once
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cli/farm/media_roots.hpp"
#include "cli/farm/planned_job.hpp"
#include "common/lease.hpp"
#include "common/store/store.hpp"
#include "common/wire/keys.hpp"
#include "scheduler/http/farm_gate.hpp"
#include "scheduler/link/reactor.hpp"

namespace dubfarm::cli {

struct ServiceOptions {
  std::string state_folder;  // the database, and the documents of what was submitted
  std::string keys_folder;
  std::string listen = "tcp://127.0.0.1:7460";
  farm::Settings settings;
  int threads = 1;           // that read media while a job is planned
  bool is_quiet = false;     // nothing on stderr
};

/// Threads: everything but start and destruction may be called from any.
class FarmService : public http::FarmGate {
 public:
  /// Opens the database, takes up what an earlier run left, and listens for workers. Store and roots outlive it.
  /// Errors: what the keys, the database and the reactor say.
  static Result<std::unique_ptr<FarmService>> start(const ServiceOptions& options, const Store& store, const MediaRoots& roots);
  ~FarmService() override;

  /// Where workers connect.
  [[nodiscard]] const std::string& endpoint() const { return reactor_->endpoint(); }
  [[nodiscard]] link::Reactor& reactor() { return *reactor_; }

  Result<http::SubmitOutcome> submit(const http::SubmitRequest& request, const http::Actor& actor) override;
  Result<void> command(const http::Command& command, const http::Actor& actor) override;
  [[nodiscard]] std::vector<http::JobView> jobs() const override;
  [[nodiscard]] std::optional<http::JobView> job(http::JobId id) const override;
  [[nodiscard]] std::vector<http::TaskView> tasks(http::JobId id, std::uint32_t first, std::uint32_t count) const override;
  [[nodiscard]] std::string task_states(http::JobId id) const override;
  [[nodiscard]] std::optional<http::JobTimeline> timeline(http::JobId id) const override;
  [[nodiscard]] http::JobOutputs outputs(http::JobId id) const override;
  [[nodiscard]] std::vector<http::Waiting> waiting(http::JobId id) const override;
  [[nodiscard]] std::vector<http::WorkerView> workers() const override;
  [[nodiscard]] std::vector<http::ProjectView> projects() const override;
  [[nodiscard]] std::vector<http::LogLine> log(const http::LogQuery& query) const override;
  [[nodiscard]] std::vector<http::Demand> demand() const override;
  [[nodiscard]] http::Health health() const override;
  [[nodiscard]] std::vector<http::Metric> metrics() const override;
  [[nodiscard]] http::EventHub& events() override { return events_; }
  [[nodiscard]] std::optional<http::TokenRecord> token(const std::string& id) const override;
  [[nodiscard]] std::vector<http::TokenRecord> tokens() const override;
  Result<void> add_token(const http::TokenRecord& token, const http::Actor& actor) override;
  Result<void> revoke_token(const std::string& id, const http::Actor& actor) override;
  void audit(const http::AuditEntry& entry) override;
  [[nodiscard]] Result<http::AuditPage> audit_log(std::optional<std::uint64_t> after, std::size_t limit) const override;

 private:
  FarmService(const ServiceOptions& options, const Store& store, const MediaRoots& roots);
  void write_log(const farm::Log& line);
  void plan_jobs();
  void plan(farm::JobId job, const farm::JobSpec& spec);
  /// Waits for its turn on claims_mutex_. @return `io_error`: it did not come in time.
  [[nodiscard]] Result<std::unique_lock<std::timed_mutex>> claim();
  /// That no job that is not over, but for `self`, has this folder for its outputs. Under claims_mutex_ until the farm has taken the job.
  [[nodiscard]] Result<void> check_folder_is_free(const std::string& out, farm::JobId self, const farm::JobSpec& spec) const;
  Result<Submission> submission_of(const farm::JobSpec& spec) const;
  [[nodiscard]] std::shared_ptr<const PlannedJob> planned(const std::string& package) const;
  [[nodiscard]] http::JobView view_of(const farm::JobView& job) const;

  const ServiceOptions options_;
  const Store& store_;
  const MediaRoots& roots_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  http::EventHub events_;
  mutable wire::AllowList allowed_;
  std::timed_mutex claims_mutex_;   // one submission or retry at a time, so that two cannot find the same folder free
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool is_over_ = false;
  bool has_new_job_ = false;  // since the planner last looked
  std::deque<http::LogLine> log_;
  std::uint64_t last_line_ = 0;
  std::map<std::string, http::TokenRecord> tokens_;
  std::map<farm::JobId, std::vector<http::Problem>> problems_;             // of jobs whose planning failed in this run
  mutable std::deque<std::pair<std::string, std::shared_ptr<const PlannedJob>>> planned_;  // by package, the last used first
  std::map<farm::JobId, Lease> pins_;                                      // what jobs at work need is not evicted
  std::unique_ptr<link::Reactor> reactor_;
  std::thread planner_;
};

}  // namespace dubfarm::cli
