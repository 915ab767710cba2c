// What happens to the farm (Event), and what it wants done about it (Action): messages to workers, rows to be stored, news for people.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "scheduler/farm/rows.hpp"
#include "scheduler/farm/types.hpp"

namespace dubfarm::farm {

// ---- events: from workers -------------------------------------------------------------------------------------------------------

enum class Outcome : std::uint8_t { done, failed, lost_inputs, released };

struct TaskResult {
  Connection connection{};  // this and
  SessionId session = 0;  // that, the envelope's, are not looked at inside Hello
  LeaseRef lease{};
  Outcome outcome = Outcome::done;
  Digest digest{};
  std::vector<TaskIndex> lost{};  // lost_inputs: tasks whose results are gone or corrupt
  std::string error{};
  double device_seconds = 0;
  std::uint64_t bytes_read = 0, bytes_written = 0;  // a chunk that is done with nothing written was in the store
};

struct Hello {
  Connection connection{};
  std::string key{};    // CURVE public key (Z85), as the link learnt it from the handshake
  WorkerId boot = 0;  // not 0
  std::string profile{}, build{}, host{}, device{};
  std::vector<std::string> tags{};
  std::uint32_t slots = 1;
  std::uint64_t memory_bytes = 0;
  std::vector<LeaseRef> running{};           // every lease it holds, started or not
  std::vector<TaskResult> unacknowledged{};  // results it still keeps, those of an earlier boot with the same key too
};
/// It takes so many more tasks now; replaces what it said before.
struct Want {
  Connection connection;
  SessionId session = 0;
  std::uint32_t credit = 0;
};
struct Progress {
  LeaseRef lease;
  float done = 0;  // 0 ... 1
};
/// `running` names every lease it holds: started, not started, or done with its result not acknowledged. One that is not named for
/// Settings::dead_after never arrived, and is given to another.
struct Ping {
  Connection connection;
  SessionId session = 0;
  std::uint64_t number = 0;
  std::vector<Progress> running;
};
/// The worker's process ends in an orderly way.
struct Bye {
  SessionId session = 0;
  std::string reason;
};
/// The link is sure that nobody is at the other end. (Silence needs no event: see Tick.)
struct ConnectionLost {
  SessionId session = 0;
};
/// Anything else with a session that is not known here: its sender is told to say Hello.
struct UnknownSession {
  Connection connection;
};

// ---- events: from people --------------------------------------------------------------------------------------------------------
// Each is answered by an Answer with its ticket, after the commit.

struct SubmitJob {
  Ticket ticket = 0;
  JobSpec spec;
};
/// The plan of a job in state planning. Such jobs are there again after a restart: whoever plans looks for them in jobs().
struct PlanReady {
  Ticket ticket = 0;
  JobId job = 0;
  std::shared_ptr<const TaskList> tasks;
  std::string package, numeric_profile;  // as in JobSpec; "" leaves what was handed in. Tasks that were planned for a profile never go to another
};
struct PlanFailed {
  Ticket ticket = 0;
  JobId job = 0;
  std::string error;
};
struct SetPriority {
  Ticket ticket = 0;
  JobId job = 0;
  int priority = kUsualPriority;
};
struct SetMaxRunning {
  Ticket ticket = 0;
  JobId job = 0;
  std::uint32_t max_running = 0;
};
struct Pause {
  Ticket ticket = 0;
  JobId job = 0;
};
struct Resume {
  Ticket ticket = 0;
  JobId job = 0;
};
struct CancelJob {
  Ticket ticket = 0;
  JobId job = 0;
};
/// Failed tasks are ready again, with nothing held against them; a cancelled job goes on.
struct Retry {
  Ticket ticket = 0;
  JobId job = 0;
};
/// Takes a job that is over out of the state and of the database. Its outputs stay.
struct ForgetJob {
  Ticket ticket = 0;
  JobId job = 0;
};
/// The worker gets nothing more; what it runs may end within the budget (0: without limit), then it is to leave.
struct DrainWorker {
  Ticket ticket = 0;
  WorkerId worker = 0;
  std::uint32_t budget_s = 0;
};
/// What was held against it is forgotten; it gets tasks again.
struct HealWorker {
  Ticket ticket = 0;
  WorkerId worker = 0;
};
/// Every session of that key ends at once, and its leases. The link refuses new ones (it keeps the list of keys).
struct RevokeKey {
  Ticket ticket = 0;
  std::string key;
};
struct SetLimits {
  Ticket ticket = 0;
  std::string project;
  double weight = 1;              // above 0: its share of the farm's device-seconds beside other projects
  std::uint32_t max_running = 0;  // tasks at once; 0: no limit
};

// ---- events: from the shell -----------------------------------------------------------------------------------------------------

/// At least once a second, and while nothing happens.
struct Tick {};
/// Why nothing can be stored (disk full ...): no leases are given meanwhile. "": it can again.
struct StorageTrouble {
  std::string reason;
};

using Event = std::variant<Tick, Hello, Want, Ping, TaskResult, Bye, ConnectionLost, UnknownSession, SubmitJob, PlanReady, PlanFailed, SetPriority,
                           SetMaxRunning, Pause, Resume, CancelJob, Retry, ForgetJob, DrainWorker, HealWorker, RevokeKey, SetLimits, StorageTrouble>;

// ---- actions: messages to workers ------------------------------------------------------------------------------------------------

struct Welcome {
  Epoch epoch = 0;
  SessionId session = 0;
  Time ping_interval{}, dead_after{};
  std::vector<LeaseRef> keep, drop;  // of Hello.running
};
struct Assign {
  LeaseRef lease;
  TaskKind kind = TaskKind::chunk;
  std::uint32_t subject = 0;
  std::string package{};
  std::uint32_t deadline_s = 0;
  bool afresh = false;  // what the store has of it is in doubt: render it again and put that in its place
};
struct CancelLease {
  LeaseRef lease;
};
struct Pong {
  std::uint64_t number = 0;
  std::vector<LeaseRef> drop;
};
struct ResultAck {
  LeaseRef lease;
};
struct Drain {
  std::uint32_t budget_s = 0;
};
struct Nak {
  std::string code, message;
};
using Message = std::variant<Welcome, Assign, CancelLease, Pong, ResultAck, Drain, Nak>;

/// `after_commit`: not before every row that came up to here, in this step or an earlier one, is on the disk.
struct Send {
  Connection connection;
  SessionId session = 0;  // for the envelope
  Message message;
  bool after_commit = true;
};

// ---- actions: the rest -----------------------------------------------------------------------------------------------------------

/// To be applied in the order given; those of one step in one transaction.
struct Store {
  Row row;
};
/// The session is over here: forget its connection.
struct CloseSession {
  Connection connection;
  SessionId session = 0;
  std::string reason;
};
/// After the commit. `error` is "" where the command was carried out.
struct Answer {
  Ticket ticket = 0;
  JobId job = 0;
  std::string error;
};
enum class Changed : std::uint8_t { job, job_gone, worker, worker_gone };
/// A view is worth reading again. Once for each step and subject.
struct Publish {
  Changed what = Changed::job;
  std::uint64_t id = 0;  // JobId or WorkerId
  friend auto operator<=>(const Publish&, const Publish&) = default;
};
enum class Level : std::uint8_t { info, warning, error };
/// One line of the log: a dotted name, what it is about (0: nothing), key=value text.
struct Log {
  Level level = Level::info;
  std::string name;
  JobId job = 0;
  WorkerId worker = 0;
  std::string text;
};

using Action = std::variant<Send, Store, CloseSession, Answer, Publish, Log>;

}  // namespace dubfarm::farm
