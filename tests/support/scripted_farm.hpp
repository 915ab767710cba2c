// A farm that only says what a test put into it, behind the gate that the HTTP server asks. Commands change it as a farm would, at once.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "scheduler/http/farm_gate.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dubfarm::testing {

class ScriptedFarm : public http::FarmGate {
 public:
  /// No jobs, no workers, no tokens.
  ScriptedFarm() = default;
  /// A film in the middle of its render, one that is done with its outputs in a folder, one that failed and one that waits; three workers.
  void fill();

  /// Adds a token and returns its text.
  std::string add(const std::string& name, const std::string& grants);
  /// Changes the farm under its lock and tells who watches.
  template <class Change>
  void change(const http::Subject& subject, Change&& make) {
    {
      const std::lock_guard lock(mutex_);
      make(*this);
    }
    hub_.changed(subject);
  }

  struct Job {
    http::JobView view;
    http::JobTimeline timeline;
    http::JobOutputs outputs;
    std::string states;  // by task
  };
  std::map<http::JobId, Job> jobs_by_id;
  std::vector<http::WorkerView> workers_now;
  std::vector<http::LogLine> lines;
  std::map<std::string, http::ProjectView> projects_by_name;
  http::Health health_now{true, "", 0x1234, 60};
  std::vector<http::TokenRecord> token_records;

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
  [[nodiscard]] std::vector<http::LogLine> log(const http::LogQuery& query) const override;
  [[nodiscard]] std::vector<http::Demand> demand() const override;
  [[nodiscard]] http::Health health() const override;
  [[nodiscard]] std::vector<http::Metric> metrics() const override;
  [[nodiscard]] http::EventHub& events() override { return hub_; }
  [[nodiscard]] std::optional<http::TokenRecord> token(const std::string& id) const override;
  [[nodiscard]] std::vector<http::TokenRecord> tokens() const override;
  Result<void> add_token(const http::TokenRecord& token, const http::Actor& actor) override;
  Result<void> revoke_token(const std::string& id, const http::Actor& actor) override;
  void audit(const http::AuditEntry& entry) override;
  /// Its entries have no time and no hash of their own: the database's tests hold those.
  [[nodiscard]] Result<http::AuditPage> audit_log(std::optional<std::uint64_t> after, std::size_t limit) const override;
  [[nodiscard]] std::vector<http::ProjectView> projects() const override;

  [[nodiscard]] const std::string& out_folder() const { return folder_.path(); }
  /// What was written into the audit log, and what was submitted, until now.
  [[nodiscard]] std::vector<http::AuditEntry> audited() const { return locked(audited_); }
  [[nodiscard]] std::vector<http::SubmitRequest> submitted() const { return locked(submitted_); }
  /// Writes a file below the outputs' folder.
  void put_file(const std::string& path, const std::string& bytes) const;

 private:
  void count(Job& job) const;
  template <class T>
  T locked(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }
  mutable std::mutex mutex_;
  std::vector<http::AuditEntry> audited_;
  std::vector<http::SubmitRequest> submitted_;
  http::EventHub hub_;
  TemporaryFolder folder_;
};

}  // namespace dubfarm::testing
