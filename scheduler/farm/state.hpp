// The inside of Farm, shared by the files that carry out its events.
#pragma once
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/farm/farm.hpp"
#include "scheduler/farm/job.hpp"

namespace dubfarm::farm {

struct Lease {
  LeaseRef ref;
  WorkerId worker = 0;
  Time given{}, heard{};  // heard: its worker named it
  float progress = 0;
  std::int64_t print_ms = 0;  // what it is expected to cost, where it is a print
};

using TaskName = std::pair<JobId, TaskIndex>;

struct Worker {
  WorkerId id = 0;
  std::string key, profile, build, host, device;
  std::vector<std::string> tags;
  std::uint32_t slots = 1, credit = 0;
  std::uint64_t memory_bytes = 0;
  SessionId session = 0;         // 0: none
  Connection connection;
  Time heard{};
  std::int64_t since_ms = 0;
  std::uint64_t order = 0;       // of first Hellos
  std::uint64_t turn = 0;        // among those that want tasks
  bool is_draining = false, is_dead = false;
  std::uint32_t drain_budget_s = 0;
  std::string sick, remark;      // why set aside; what else is held against it
  std::string hindered;          // why it gave its last task back undone, though nobody asked it to: its disk is full
  std::set<LeaseId> leases;
  std::int64_t print_ms = 0;     // of the leases
  std::uint32_t prints = 0;      // among them
  std::set<TaskName> unsettled;  // tasks that it failed, and nobody has done or failed for good since
  std::set<TaskName> blames;     // tasks that it failed and others did
  std::set<TaskName> died_of;    // tasks that are held to have killed it
  std::uint32_t failures_in_row = 0;
  Time last_failure{};
  std::uint64_t tasks_done = 0, tasks_failed = 0;
  double device_seconds = 0;
};

/// Start-time fair queueing over projects: each has a virtual time that grows by the device-seconds it is given over its weight; the least is
/// next. One that had nothing to do starts again at the time of the others, so idleness is neither held against it nor saved up.
struct Project {
  ProjectLimits limits;
  std::uint32_t number = 0;
  std::uint32_t running = 0;
  double virtual_time = 0, shared_at = -1;  // shared_at: its place in `sharing`; below 0: none
  double device_seconds = 0;
  std::set<std::pair<int, JobId>> queue;  // open jobs with ready tasks: (-rank, id)
  [[nodiscard]] bool is_full() const { return limits.max_running != 0 && running >= limits.max_running; }
};

/// The last durations of one kind of task, each over its estimated cost.
class Durations {
 public:
  void add(double ratio);
  /// Their 75th percentile; 0 until there are enough of them.
  [[nodiscard]] double usual() const { return usual_; }

 private:
  std::vector<double> last_;
  std::size_t next_ = 0, since_ = 0;
  double usual_ = 0;
};

struct Farm::State {
  State(const Settings& with, std::function<std::uint64_t()> source, Instant start, Saved saved);

  // ---- events (sessions.cpp, results.cpp, commands.cpp, tick.cpp) -----------------------------------------------------------------
  void on(const Tick& event);
  void on(Hello& event);
  void on(const Want& event);
  void on(const Ping& event);
  void on(const TaskResult& event);
  void on(const Bye& event);
  void on(const ConnectionLost& event);
  void on(const UnknownSession& event);
  void on(SubmitJob& event);
  void on(PlanReady& event);
  void on(const PlanFailed& event);
  void on(const SetPriority& event);
  void on(const SetMaxRunning& event);
  void on(const Pause& event);
  void on(const Resume& event);
  void on(const CancelJob& event);
  void on(const Retry& event);
  void on(const ForgetJob& event);
  void on(const DrainWorker& event);
  void on(const HealWorker& event);
  void on(const RevokeKey& event);
  void on(const SetLimits& event);
  void on(const StorageTrouble& event);

  // ---- workers (sessions.cpp) -----------------------------------------------------------------------------------------------------
  Worker* worker_of(SessionId session);        // and it was heard of
  Worker* worker_at(WorkerId id);
  void end_session(Worker& worker, const std::string& reason);
  /// All its leases end; `is_killed`: what it ran is held to be the cause.
  void lose(Worker& worker, const std::string& reason, bool is_killed);
  void set_aside(Worker& worker, const std::string& reason);
  void store_worker(const Worker& worker);
  [[nodiscard]] bool is_resting(const Worker& worker) const;
  [[nodiscard]] bool takes_tasks(const Worker& worker) const { return !worker.is_dead && worker.sick.empty() && !worker.is_draining; }
  [[nodiscard]] bool suits(const Job& job, const Worker& worker) const;  // its tags and profile
  void resume_lease(Worker& worker, const LeaseRef& ref, Welcome& welcome);

  // ---- leases and results (results.cpp) -------------------------------------------------------------------------------------------
  /// Takes a lease out of every book. The task is ready again if it was leased and this was the last; `tell`: its worker is told.
  void end_lease(LeaseId id, bool tell, bool is_task_over = false);
  void take(Worker& worker, const TaskResult& result);
  void complete(Job& job, TaskIndex task, Worker& worker, const TaskResult& result);
  void hold_against(Job& job, const LeaseRef& ref, WorkerId worker, Fault fault, const std::string& error, const Digest& digest = {});
  void lost_inputs(Job& job, Worker& worker, const Lease& lease, const TaskResult& result);
  /// Its result is in doubt or gone: what was made of it is made again too.
  void undo(Job& job, TaskIndex task, bool is_in_doubt);
  void doubt(Job& job, TaskIndex task, Worker& worker, const TaskResult& result);
  void vote(Job& job, TaskIndex task, Worker& worker, const TaskResult& result);
  void fail_task(Job& job, TaskIndex task, const std::string& error);
  void cancel_leases(Job& job);
  /// Nobody waits any longer to see whether the task's failures were its own.
  void settle_task(const Job& job, TaskIndex task, bool others_did_it);
  void settle(Job& job);                       // derives what state the job is in
  [[nodiscard]] std::string words(const Job& job, TaskIndex task) const;

  // ---- who gets what (dispatch.cpp) -----------------------------------------------------------------------------------------------
  struct Choice {
    Job* job = nullptr;
    TaskIndex task = 0;
  };
  void dispatch();
  bool choose(const Worker& worker, Choice& choice);
  /// How many leases it may hold at the very most.
  [[nodiscard]] std::size_t most_leases(const Worker& worker) const;
  /// Whether it may hold this one besides those that it has.
  [[nodiscard]] bool may_hold(const Worker& worker, const Choice& choice) const;
  /// It holds as many prints as it may, or others hold less of them, by their cost, for their slots: a print takes seconds, and a job's last ones should not wait
  /// behind one another at one worker.
  [[nodiscard]] bool leaves_prints(const Job& job, const Worker& worker) const;
  [[nodiscard]] bool choose_in(const Job& job, const Worker& worker, TaskIndex& task) const;
  /// It tried the task already; of results that differ, another run of it on the same host counts as it.
  [[nodiscard]] bool is_barred(const Trouble& trouble, const Worker& worker) const;
  [[nodiscard]] bool may_run(const Job& job, TaskIndex task, const Worker& worker) const;
  [[nodiscard]] bool is_full(const Job& job) const { return job.now().max_running != 0 && job.lease_count >= job.now().max_running; }
  bool choose_copy(const Worker& worker, Choice& choice);
  void give(Worker& worker, Job& job, TaskIndex task);
  LeaseId enter_lease(Worker& worker, Job& job, const LeaseRef& ref, float progress);
  void find_stragglers();
  void requeue(Job& job);                      // in its project's queue or out of it, at its rank
  void charge(const Job& job, double device_seconds);
  void share(Project& project);                // in its place in `sharing`, or out of it
  Project& project(const std::string& name);   // made where there is none
  void wants(Worker& worker);                  // it is among those that want tasks, at the end
  void there_is_more() { is_more_ = true; }    // something may be given that could not be before

  // ---- what comes of a step -------------------------------------------------------------------------------------------------------
  void send(const Worker& worker, Message message, bool after_commit = true);
  void store(Row row) { actions.emplace_back(Store{std::move(row)}); }
  void say(Level level, const char* name, JobId job, WorkerId worker, std::string text);
  void answer(Ticket ticket, JobId job, std::string error = "");
  void changed(const Job& job) { news.insert({Changed::job, job.id()}); }
  void changed(const Worker& worker) { news.insert({Changed::worker, worker.id}); }
  Job* open_job(Ticket ticket, JobId id);      // answers where there is none, or it is over
  std::uint64_t draw();                        // a random number, not 0

  [[nodiscard]] JobView view(const Job& job) const;
  [[nodiscard]] WorkerView view(const Worker& worker) const;

  Settings settings;
  std::function<std::uint64_t()> random;
  Instant at;
  Time started{};
  JobId last_job = 0;
  std::map<JobId, Job> jobs;
  std::map<WorkerId, Worker> workers;
  std::unordered_map<SessionId, WorkerId> sessions;
  std::unordered_map<LeaseId, Lease> leases;
  std::map<std::string, Project> projects;
  std::vector<Project*> project_at;                // by their number
  std::set<std::pair<double, std::uint32_t>> sharing;  // (virtual time, number) of projects whose queue is not empty
  std::map<std::pair<std::string, std::string>, JobId> requests;  // (submitter, request)
  double virtual_now = 0;
  std::uint64_t last_turn = 0, last_order = 0;
  std::set<std::pair<std::uint64_t, WorkerId>> hungry, idle;  // with credit: to be tried; tried in vain since there_is_more()
  std::array<Durations, kTaskKinds> durations;
  std::vector<LeaseId> stragglers;
  std::string storage_trouble;
  std::set<JobId> open;        // jobs that are not over
  std::set<JobId> touched;     // in this step
  std::vector<Action> actions;
  std::set<std::pair<Changed, std::uint64_t>> news;

 private:
  bool is_more_ = true;
};

}  // namespace dubfarm::farm
