// What the HTTP server knows of the farm and asks of it: views, commands, and a hub of what changed. The scheduler's link implements FarmGate
// over its reactor; tests implement it over a farm in one process. Everything here may be called from any thread, and nothing waits for long:
// views are snapshots, commands are answered when they are on the scheduler's disk.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/result.hpp"
#include "common/units.hpp"
#include "scheduler/http/event_hub.hpp"

namespace dubfarm::http {

using JobId = std::uint64_t;
using WallTime = std::chrono::system_clock::time_point;  // to be shown; nothing is decided by it

enum class JobState : std::uint8_t { planning, queued, running, paused, done, failed, cancelled };
enum class TaskKind : std::uint8_t { chunk, print, package };
/// waiting: its inputs are not there yet. reused: its result was in the store before the job began.
enum class TaskState : std::uint8_t { waiting, ready, running, reused, done, failed, cancelled };
inline constexpr std::size_t kTaskStates = 7;
enum class WorkerState : std::uint8_t { idle, working, draining, sick, lost };
[[nodiscard]] std::string_view name_of(JobState state);
[[nodiscard]] std::string_view name_of(TaskKind kind);
[[nodiscard]] std::string_view name_of(TaskState state);
[[nodiscard]] std::string_view name_of(WorkerState state);
[[nodiscard]] std::optional<JobState> job_state_of(std::string_view name);
/// done, failed or cancelled: only a retry changes it again.
[[nodiscard]] bool is_over(JobState state);

/// One thing that is wrong with a submission, or why a job failed.
struct Problem {
  std::string message;  // where, what was seen, what was expected
  std::string pointer;  // into the mix document (RFC 6901); may be empty
  int line = 0, column = 0;  // 1-based; 0: not known
  std::string help;     // what to do; may be empty
};

struct JobView {
  JobId id = 0;
  std::string project, name, submitter;
  JobState state = JobState::planning;
  int priority = 50;         // 0 ... 100, higher goes first
  std::vector<std::string> tags;   // that its workers must have
  std::uint32_t max_running = 0;   // tasks at once; 0: no limit
  std::string profile;       // numeric profile that its chunks are bound to; empty: not bound yet
  std::string out;           // as submitted: "{out}/film"
  std::array<std::uint32_t, kTaskStates> tasks{};  // by TaskState
  double cost_total = 0, cost_done = 0;  // estimated device-seconds of all tasks and of those done; reused ones count in neither
  double device_seconds = 0;             // spent so far
  double audio_seconds = 0;              // of the chunks and outputs that the job makes; 0 where not known
  WallTime created;
  std::optional<WallTime> started, ended;
  std::optional<double> seconds_left;    // estimated
  std::vector<Problem> problems;         // state failed: why
};

struct TaskView {
  std::uint32_t task = 0;    // index in its job
  TaskKind kind = TaskKind::chunk;
  std::uint32_t subject = 0;  // chunk: index into the plan's chunks; print: into its groups of prints
  TaskState state = TaskState::waiting;
  std::string worker;        // id of the worker that runs it or did; empty: none
  int attempt = 0;
  float progress = 0;        // 0 ... 1, running
  double cost = 0;           // estimated device-seconds
  std::string error;         // of the last attempt that failed
};

struct RunningTask {
  JobId job = 0;
  std::string project;       // of the job
  std::uint32_t task = 0;
  TaskKind kind = TaskKind::chunk;
  float progress = 0;
  double seconds = 0;        // since it was assigned
};
struct WorkerView {
  std::string id;            // as the farm names it: letters and digits
  std::string key;           // its public key, Z85
  std::string name;          // as its key was made for (`dubfarm keys worker NAME`); several workers may share a key
  std::string host, device, build, profile;
  std::vector<std::string> tags;
  WorkerState state = WorkerState::idle;
  std::string reason;        // sick, draining: why
  std::uint32_t slots = 1;
  std::uint64_t memory_bytes = 0;
  double seen_seconds_ago = 0;
  WallTime joined;
  std::uint64_t tasks_done = 0, tasks_failed = 0;
  double device_seconds = 0;
  std::vector<RunningTask> running;
};

/// Where a job's chunks stand, for the map. Does not change once the job is planned.
struct TimelineLane {
  std::string version, bus;
  struct Piece {
    Frames first = 0, length = 0;
    std::uint32_t task = 0;  // its chunk task
  };
  std::vector<Piece> pieces;  // ascending; what none covers is silence
};
struct JobTimeline {
  int sample_rate = 48000;
  Frames length = 0;          // of the longest version
  std::string start_timecode, frame_rate;  // of frame 0; "25"
  std::vector<TimelineLane> lanes;
};

/// An output as planned. Readings and verdicts come from the report in the job's folder once it is there.
struct OutputView {
  std::string version, deliverable, bus;  // bus: of a stem; else empty
  std::string layout;
  TaskState state = TaskState::waiting;   // of the print task that writes it
  std::uint32_t task = 0;
  std::vector<std::string> files;         // relative to the job's folder
};
struct JobOutputs {
  std::string folder;        // on this machine, absolute: where the files lie. Empty: the scheduler does not see them
  std::vector<OutputView> outputs;
};

/// Why a job does not go on, or not faster.
struct Waiting {
  std::string code;          // paused, no_worker, tag, profile, project_limit, job_limit, behind, sick_worker, dispatch_paused, planning, inputs
  std::string message;
};

struct LogLine {
  std::uint64_t number = 0;  // ascending
  WallTime time;
  std::string level;         // info, warning, error
  std::optional<JobId> job;
  std::string worker;        // id; may be empty
  std::string message;
};
struct LogQuery {
  std::optional<JobId> job;
  std::string worker;
  std::uint64_t after = 0;   // lines with a greater number
  std::size_t limit = 200;   // the last so many of them where `after` is 0, else the first
};

/// Work and supply of one kind of worker: the tags that are asked for.
struct Demand {
  std::string capability;    // "any", or tags joined with "+"
  std::uint64_t ready_tasks = 0, running_tasks = 0;
  double backlog_seconds = 0;  // estimated device-seconds of ready tasks
  std::uint32_t workers = 0, idle_slots = 0;  // that serve it; draining and sick ones count in neither
  std::uint32_t missing_workers = 0;  // so many more of one slot would each have a task
};

struct Health {
  bool is_dispatching = true;
  std::string reason;        // why not: "disk full: ..."
  std::uint64_t epoch = 0;   // drawn when the scheduler started
  double uptime_seconds = 0;
};

/// A figure for /metrics beyond those that follow from the views.
struct Metric {
  std::string name, help;    // dubfarm_..., a unit at its end
  bool is_counter = false;   // else a gauge
  std::string labels;        // `worker="a"`, already escaped; may be empty
  double value = 0;
};

/// Who asks, for the audit log.
struct Actor {
  std::string name;          // of the token
  std::string address;       // of the client
};

struct SubmitRequest {
  std::string project, name;
  std::string mix;           // the document's text
  std::string folder;        // where the mix lies, which its relative paths start from: "{media}/film"
  std::string out;           // "{out}/film"
  std::string version = "*", deliverable = "*";  // globs, as `render` takes them
  int priority = 50;
  std::vector<std::string> tags;
  std::uint32_t max_running = 0;
  std::string profile;       // numeric profile to bind to; empty: that of the workers there are (docs/decisions/0017)
  std::string request_key;   // a second submission of the project with the same key is the first one again; empty: none
};
using SubmitOutcome = std::variant<JobId, std::vector<Problem>>;

struct SetPriority { JobId job = 0; int priority = 50; };
struct PauseJob { JobId job = 0; };
struct ResumeJob { JobId job = 0; };
struct CancelJob { JobId job = 0; };
struct RetryJob { JobId job = 0; };      // its failed and cancelled tasks run again
struct DrainWorker { std::string worker; bool drain = true; };  // false: takes work again; clears what made it sick
struct RevokeWorker { std::string worker; };  // its key: every worker with it is shut out
struct SetProjectLimits { std::string project; double weight = 1; std::uint32_t max_running = 0; };
using Command = std::variant<SetPriority, PauseJob, ResumeJob, CancelJob, RetryJob, DrainWorker, RevokeWorker, SetProjectLimits>;

enum class Role : std::uint8_t { viewer, submitter, admin };  // each may do what those before it may
[[nodiscard]] std::string_view name_of(Role role);
[[nodiscard]] std::optional<Role> role_of(std::string_view name);

/// What a token may do in one project; "*" stands for all of them.
struct Grant {
  Role role = Role::viewer;
  std::string project;
  friend bool operator==(const Grant&, const Grant&) = default;
};
/// "submitter:film,viewer:*", as the database and the command line write grants.
[[nodiscard]] std::string grants_text(const std::vector<Grant>& grants);
/// Errors: invalid_input (an unknown role, no project, the same project twice).
[[nodiscard]] Result<std::vector<Grant>> parse_grants(std::string_view text);

/// What is kept of a token; never the token.
struct TokenRecord {
  std::string id;            // 16 hexadecimal digits: the token's first part, to find it by
  std::string name;          // whose
  std::array<std::uint8_t, 32> sha256{};  // of the whole token
  std::vector<Grant> grants; // what none of them allows is denied
  WallTime created;
  std::optional<WallTime> expires, revoked;
};

struct AuditEntry {
  Actor actor;
  std::string action;        // "submit", "cancel", "token.create", "denied"
  std::string object;        // "job 12", "worker gpu-1", "GET /api/v1/jobs"
  std::string detail;
  bool allowed = true;
};

/// An entry as it stands in the log. docs/formats/database.md says what its hash is of.
struct AuditLine {
  std::uint64_t number = 0;  // from 1, without gaps
  WallTime time;             // to the millisecond
  AuditEntry entry;
  std::string hash;
};
struct AuditPage {
  std::vector<AuditLine> lines;  // ascending
  std::uint64_t total = 0;       // the last entry's number
};

/// A project's share of the farm.
struct ProjectView {
  std::string name;
  double weight = 1;               // its share of device-seconds beside other projects
  std::uint32_t max_running = 0;   // tasks at once; 0: no limit
  std::uint32_t running = 0;       // tasks now
  double device_seconds = 0;       // since the scheduler's start
};

class FarmGate {
 public:
  virtual ~FarmGate() = default;

  /// Checks the document and takes the job, which is then planned; what is wrong with its media makes it fail later, with `problems`.
  /// Errors: invalid_input: a job that is not over has the same folder for its outputs; no_space, io_error. Nothing was taken then.
  virtual Result<SubmitOutcome> submit(const SubmitRequest& request, const Actor& actor) = 0;
  /// Returns once the change is committed. Errors: not_found; invalid_input (the job is over already; another job has the retried one's folder);
  /// no_space, io_error.
  virtual Result<void> command(const Command& command, const Actor& actor) = 0;

  [[nodiscard]] virtual std::vector<JobView> jobs() const = 0;  // newest first
  [[nodiscard]] virtual std::optional<JobView> job(JobId id) const = 0;
  /// Tasks first ... first + count - 1, fewer at the end; empty where there is no such job.
  [[nodiscard]] virtual std::vector<TaskView> tasks(JobId id, std::uint32_t first, std::uint32_t count) const = 0;
  /// The state of every task, a byte each: static_cast<char>(TaskState).
  [[nodiscard]] virtual std::string task_states(JobId id) const = 0;
  [[nodiscard]] virtual std::optional<JobTimeline> timeline(JobId id) const = 0;  // nothing until the job is planned
  [[nodiscard]] virtual JobOutputs outputs(JobId id) const = 0;
  [[nodiscard]] virtual std::vector<Waiting> waiting(JobId id) const = 0;
  [[nodiscard]] virtual std::vector<WorkerView> workers() const = 0;
  [[nodiscard]] virtual std::vector<ProjectView> projects() const = 0;  // those that have or had work or limits, by name
  [[nodiscard]] virtual std::vector<LogLine> log(const LogQuery& query) const = 0;
  [[nodiscard]] virtual std::vector<Demand> demand() const = 0;
  [[nodiscard]] virtual Health health() const = 0;
  [[nodiscard]] virtual std::vector<Metric> metrics() const = 0;
  [[nodiscard]] virtual EventHub& events() = 0;

  [[nodiscard]] virtual std::optional<TokenRecord> token(const std::string& id) const = 0;
  [[nodiscard]] virtual std::vector<TokenRecord> tokens() const = 0;
  virtual Result<void> add_token(const TokenRecord& token, const Actor& actor) = 0;
  virtual Result<void> revoke_token(const std::string& id, const Actor& actor) = 0;
  /// Appends to the audit log. Commands and submissions are logged by the gate's implementation, in the same transaction; this is for the rest.
  virtual void audit(const AuditEntry& entry) = 0;
  /// The first `limit` entries after number `after`; without it the last ones. Errors: io_error.
  [[nodiscard]] virtual Result<AuditPage> audit_log(std::optional<std::uint64_t> after, std::size_t limit) const = 0;
};

}  // namespace dubfarm::http
