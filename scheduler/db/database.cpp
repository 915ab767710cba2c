#include "scheduler/db/database.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "common/descriptor.hpp"
#include "scheduler/db/schema.hpp"
#include "scheduler/db/sqlite.hpp"
#include "scheduler/db/task_bytes.hpp"

namespace dubfarm::db {
namespace {

constexpr std::size_t kTasksInARow = 8192;
constexpr const char* kMemory = ":memory:";

std::string join(const std::vector<std::string>& words) {  // a line each; no tag has a line end in it
  std::string text;
  for (const std::string& word : words) text += word + '\n';
  return text;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    words.push_back(text.substr(at, end - at));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return words;
}

farm::Digest digest_of(std::span<const std::byte> bytes) {
  farm::Digest digest{};
  for (std::size_t i = 0; i < digest.size() && i < bytes.size(); ++i) digest[i] = static_cast<std::uint8_t>(bytes[i]);
  return digest;
}

std::int64_t number(StoredTask state) { return static_cast<std::int64_t>(state); }

}  // namespace

struct Database::State {
  Connection connection;
  std::string path;
  std::string head;             // hash of the last audit entry
  std::uint64_t entries = 0;    // of the audit log
  std::uint32_t next_statement = 0;
  std::array<std::optional<Statement>, 40> statements;

  /// The statement of that place, prepared when it is wanted first.
  Result<Statement*> statement(std::size_t place, const char* sql) {
    auto& slot = statements[place];
    if (!slot) {
      TRY_ASSIGN(slot, connection.prepare(sql));
    }
    slot->start();
    return &*slot;
  }

  Result<void> put(const farm::NewJob& row);
  Result<void> put(const farm::JobPlanned& row);
  Result<void> put(const farm::JobChanged& row);
  Result<void> put(const farm::JobDone& row);
  Result<void> put(const farm::JobForgotten& row);
  Result<void> put(const farm::TaskDone& row);
  Result<void> put(const farm::TaskUndone& row);
  Result<void> put(const farm::TaskFailed& row);
  Result<void> put(const farm::LeaseGiven& row);
  Result<void> put(const farm::LeaseEnded& row);
  Result<void> put(const farm::AttemptFailed& row);
  Result<void> put(const farm::AttemptForgiven& row);
  Result<void> put(const farm::AttemptsCleared& row);
  Result<void> put(const farm::WorkerSeen& row);
  Result<void> put(const farm::WorkerGone& row);
  Result<void> put(const farm::ProjectLimits& row);
  Result<void> put(const farm::AuditEntry& row);
  Result<void> put(const farm::Token& row);
  Result<void> put(const farm::AllowedKey& row);
  Result<void> put_tasks(farm::JobId job, const farm::TaskList& tasks);
  Result<void> put_task(std::size_t place, farm::JobId job, farm::TaskIndex task, StoredTask state, const farm::Digest& digest, farm::WorkerId worker,
                        double device_seconds, const std::string& error);
  Result<void> drop(std::size_t place, const char* sql, farm::JobId job);
  Result<void> make_or_check();
  Result<void> read_tasks(farm::JobId job, farm::TaskList& tasks);
};

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::string& path) {
  if (path != kMemory) {  // for its owner alone: it has the hashes of tokens
    const Descriptor made(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!made.is_open()) return system_error(errno, path, "make");
  }
  auto state = std::make_unique<State>();
  state->path = path;
  TRY(state->connection.open(path));
  TRY(state->make_or_check());
  return Database(std::move(state));
}

Result<void> Database::State::make_or_check() {
  // One connection writes and checkpoints, and no other is let in: no index shared between processes, no checkpoint in another's transaction.
  TRY(connection.run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;"
                     "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; BEGIN EXCLUSIVE; COMMIT"));
  const auto pragma = [&](const char* sql) -> Result<std::int64_t> {
    TRY_ASSIGN(Statement one, connection.prepare(sql));
    TRY_ASSIGN(const bool is_there, one.step());
    return is_there ? one.integer(0) : 0;
  };
  TRY_ASSIGN(const std::int64_t tables, pragma("SELECT count(*) FROM sqlite_master"));
  TRY_ASSIGN(const std::int64_t application, pragma("PRAGMA application_id"));
  TRY_ASSIGN(const std::int64_t version, pragma("PRAGMA user_version"));
  if (tables == 0) {
    TRY(connection.run(fmt::format("BEGIN; {} PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT", kSchema, kApplicationId, kSchemaVersion).c_str()));
  } else if (application != kApplicationId) {
    return fail(Errc::invalid_input, "{}: this is no database of dubfarm's; name another state folder", path);
  } else if (version != kSchemaVersion) {
    return fail(Errc::invalid_input, "{}: its tables are version {}, this dubfarm knows version {}; use the dubfarm that made it, or a newer one", path, version,
                kSchemaVersion);
  } else {
    TRY_ASSIGN(Statement check, connection.prepare("PRAGMA integrity_check(1)"));
    TRY_ASSIGN(const bool is_there, check.step());
    if (!is_there || check.text(0) != "ok")
      return fail(Errc::corrupt, "{}: the database is damaged ({}); restore it from a copy", path, is_there ? check.text(0) : "no answer");
  }
  TRY_ASSIGN(Statement last, connection.prepare("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"));
  TRY_ASSIGN(const bool is_there, last.step());
  head = is_there ? last.text(1) : audit_start();
  entries = is_there ? last.unsigned64(0) : 0;
  return {};
}

Result<void> Database::apply(std::span<const farm::Row> rows) {
  if (rows.empty()) return {};
  const std::string head = state_->head;
  const std::uint64_t entries = state_->entries;
  TRY(state_->connection.run("BEGIN IMMEDIATE"));
  Result<void> done;
  for (const farm::Row& row : rows) {
    done = std::visit([&](const auto& one) { return state_->put(one); }, row);
    if (!done) break;
  }
  if (done) done = state_->connection.run("COMMIT");
  if (!done) {
    state_->head = head;
    state_->entries = entries;
    (void)state_->connection.run("ROLLBACK");  // fails where SQLite rolled back already
  }
  return done;
}

Result<void> Database::State::put_tasks(farm::JobId job, const farm::TaskList& tasks) {
  for (std::size_t first = 0; first < tasks.size(); first += kTasksInARow) {
    const std::string bytes = encode_tasks(tasks, first, std::min(kTasksInARow, tasks.size() - first));
    TRY_ASSIGN(Statement * insert, statement(0, "INSERT INTO job_tasks VALUES (?, ?, ?)"));
    (*insert << job << static_cast<std::uint64_t>(first)).blob(bytes.data(), bytes.size());
    TRY(insert->done());
  }
  const std::string already = encode_indices(tasks.already_done);
  TRY_ASSIGN(Statement * update, statement(1, "UPDATE job SET is_planned = 1, already_done = ? WHERE id = ?"));
  update->blob(already.data(), already.size()) << job;
  return update->done();
}

Result<void> Database::State::put(const farm::NewJob& row) {
  const farm::JobSpec& spec = *row.spec;
  const std::string tags = join(spec.tags);
  TRY_ASSIGN(Statement * insert, statement(2, "INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, x'', ?, ?, ?, 0, ?, '', 0, 0)"));
  *insert << row.job << spec.project << spec.name << spec.submitter << tags << spec.priority << spec.max_running << spec.numeric_profile << spec.package
          << spec.request << spec.detail << row.created_ms << spec.priority << spec.max_running << spec.numeric_profile
          << static_cast<int>(farm::JobState::running);
  TRY(insert->done());
  TRY_ASSIGN(Statement * last, statement(3, "INSERT OR REPLACE INTO counter VALUES ('last_job', ?)"));
  *last << row.job;
  TRY(last->done());
  if (spec.tasks) return put_tasks(row.job, *spec.tasks);
  return {};
}

Result<void> Database::State::put(const farm::JobPlanned& row) {
  TRY_ASSIGN(Statement * update, statement(4, "UPDATE job SET package = ?, numeric_profile = ? WHERE id = ?"));
  *update << row.package << row.numeric_profile << row.job;
  TRY(update->done());
  return put_tasks(row.job, *row.tasks);
}

Result<void> Database::State::put(const farm::JobChanged& row) {
  TRY_ASSIGN(Statement * update, statement(5, "UPDATE job SET priority = ?, max_running = ?, profile = ?, is_paused = ?, ending = ?, error = ?, started_ms = ?, "
                                              "ended_ms = ? WHERE id = ?"));
  *update << row.priority << row.max_running << row.profile << row.is_paused << static_cast<int>(row.ending) << row.error << row.started_ms << row.ended_ms
          << row.job;
  return update->done();
}

Result<void> Database::State::drop(std::size_t place, const char* sql, farm::JobId job) {
  TRY_ASSIGN(Statement * remove, statement(place, sql));
  *remove << job;
  return remove->done();
}

Result<void> Database::State::put(const farm::JobDone& row) {
  TRY_ASSIGN(Statement * insert, statement(6, "INSERT OR REPLACE INTO job_done VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  (*insert << row.job).blob(row.states.data(), row.states.size());
  for (const std::uint32_t count : row.tasks) *insert << count;
  *insert << row.reused << row.failures << row.kills << row.cost_total << row.device_seconds;
  TRY(insert->done());
  TRY(drop(7, "DELETE FROM job_tasks WHERE job = ?", row.job));
  TRY(drop(8, "DELETE FROM task WHERE job = ?", row.job));
  return drop(9, "UPDATE job SET already_done = x'' WHERE id = ?", row.job);
}

Result<void> Database::State::put(const farm::JobForgotten& row) {
  TRY(drop(7, "DELETE FROM job_tasks WHERE job = ?", row.job));
  TRY(drop(8, "DELETE FROM task WHERE job = ?", row.job));
  TRY(drop(10, "DELETE FROM job_done WHERE job = ?", row.job));
  TRY(drop(11, "DELETE FROM attempt WHERE job = ?", row.job));
  TRY(drop(12, "DELETE FROM lease WHERE job = ?", row.job));
  return drop(13, "DELETE FROM job WHERE id = ?", row.job);
}

Result<void> Database::State::put_task(std::size_t place, farm::JobId job, farm::TaskIndex task, StoredTask state, const farm::Digest& digest,
                                       farm::WorkerId worker, double device_seconds, const std::string& error) {
  TRY_ASSIGN(Statement * insert, statement(place, "INSERT OR REPLACE INTO task VALUES (?, ?, ?, ?, ?, ?, ?)"));
  (*insert << job << task << number(state)).blob(digest.data(), digest.size()) << worker << device_seconds << error;
  return insert->done();
}

Result<void> Database::State::put(const farm::TaskDone& row) {
  return put_task(14, row.job, row.task, row.was_there ? StoredTask::was_there : StoredTask::done, row.digest, row.worker, row.device_seconds, "");
}

Result<void> Database::State::put(const farm::TaskUndone& row) { return put_task(14, row.job, row.task, StoredTask::undone, {}, 0, 0, ""); }

Result<void> Database::State::put(const farm::TaskFailed& row) { return put_task(14, row.job, row.task, StoredTask::failed, {}, 0, 0, row.error); }

Result<void> Database::State::put(const farm::LeaseGiven& row) {
  TRY_ASSIGN(Statement * insert, statement(15, "INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?)"));
  *insert << row.lease.lease << row.lease.job << row.lease.task << row.lease.attempt << row.worker << row.given_ms;
  return insert->done();
}

Result<void> Database::State::put(const farm::LeaseEnded& row) { return drop(16, "DELETE FROM lease WHERE id = ?", row.lease); }

Result<void> Database::State::put(const farm::AttemptFailed& row) {
  TRY_ASSIGN(Statement * insert, statement(17, "INSERT INTO attempt VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  (*insert << row.lease.job << row.lease.task << row.lease.attempt << row.lease.lease << row.worker << static_cast<int>(row.fault))
          .blob(row.digest.data(), row.digest.size())
      << row.error << row.at_ms;
  return insert->done();
}

Result<void> Database::State::put(const farm::AttemptForgiven& row) {
  TRY_ASSIGN(Statement * remove, statement(18, "DELETE FROM attempt WHERE job = ? AND task = ? AND worker = ? AND fault = ?"));
  *remove << row.job << row.task << row.worker << static_cast<int>(row.fault);
  return remove->done();
}

Result<void> Database::State::put(const farm::AttemptsCleared& row) {
  TRY(drop(11, "DELETE FROM attempt WHERE job = ?", row.job));
  return drop(19, "DELETE FROM task WHERE job = ? AND state = 3", row.job);
}

Result<void> Database::State::put(const farm::WorkerSeen& row) {
  TRY_ASSIGN(Statement * insert, statement(20, "INSERT OR REPLACE INTO worker VALUES (?, ?, ?, ?, ?, ?, ?)"));
  *insert << row.worker << row.key << row.host << row.profile << row.is_draining << row.sick << row.at_ms;
  return insert->done();
}

Result<void> Database::State::put(const farm::WorkerGone& row) { return drop(21, "DELETE FROM worker WHERE id = ?", row.worker); }

Result<void> Database::State::put(const farm::ProjectLimits& row) {
  TRY_ASSIGN(Statement * insert, statement(22, "INSERT OR REPLACE INTO project VALUES (?, ?, ?)"));
  *insert << row.project << row.weight << row.max_running;
  return insert->done();
}

Result<void> Database::State::put(const farm::AuditEntry& row) {
  const std::string hash = audit_hash(head, entries + 1, row);
  TRY_ASSIGN(Statement * insert, statement(23, "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  *insert << entries + 1 << row.at_ms << row.actor << row.address << row.action << row.object << row.detail << row.allowed << hash;
  TRY(insert->done());
  head = hash;
  ++entries;
  return {};
}

Result<void> Database::State::put(const farm::Token& row) {
  TRY_ASSIGN(Statement * insert, statement(24, "INSERT OR REPLACE INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  *insert << row.id << row.name << row.role << row.project << row.sha256 << row.created_ms << row.expires_ms << row.revoked_ms;
  return insert->done();
}

Result<void> Database::State::put(const farm::AllowedKey& row) {
  TRY_ASSIGN(Statement * insert, statement(25, "INSERT OR REPLACE INTO allowed_key VALUES (?, ?, ?, ?)"));
  *insert << row.key << row.name << row.created_ms << row.revoked_ms;
  return insert->done();
}

Result<void> Database::State::read_tasks(farm::JobId job, farm::TaskList& tasks) {
  TRY_ASSIGN(Statement * rows, statement(26, "SELECT tasks FROM job_tasks WHERE job = ? ORDER BY first"));
  *rows << job;
  for (;;) {
    TRY_ASSIGN(const bool more, rows->step());
    if (!more) return {};
    const Result<void> read = decode_tasks(rows->bytes(0), tasks);
    if (!read) return fail(Errc::corrupt, "{}: the tasks of job {} are damaged; restore the database from a copy", path, job);
  }
}

Result<farm::Saved> Database::load() {
  State& state = *state_;
  farm::Saved saved;
  // Calls `read` with each row of a query.
  const auto each = [&](const char* sql, auto&& read) -> Result<void> {
    TRY_ASSIGN(Statement rows, state.connection.prepare(sql));
    for (;;) {
      TRY_ASSIGN(const bool more, rows.step());
      if (!more) return {};
      TRY(read(rows));
    }
  };
  TRY(each("SELECT value FROM counter WHERE name = 'last_job'", [&](Statement& row) -> Result<void> {
    saved.last_job = row.unsigned64(0);
    return {};
  }));
  const Result<void> jobs_read = each("SELECT id, project, name, submitter, tags, first_priority, first_max_running, numeric_profile, package, request, detail, created_ms, is_planned, "
           "already_done, priority, max_running, profile, is_paused, ending, error, started_ms, ended_ms FROM job ORDER BY id",
           [&](Statement& row) -> Result<void> {
             farm::SavedJob job;
             job.job.job = row.unsigned64(0);
             job.job.created_ms = row.integer(11);
             auto spec = std::make_shared<farm::JobSpec>();
             *spec = {.project = row.text(1), .name = row.text(2), .submitter = row.text(3), .priority = static_cast<int>(row.integer(5)), .tags = split(row.text(4)),
                      .max_running = row.unsigned32(6), .numeric_profile = row.text(7), .package = row.text(8), .request = row.text(9), .detail = row.text(10), .tasks = nullptr};
             job.now = {.job = job.job.job, .priority = static_cast<int>(row.integer(14)), .max_running = row.unsigned32(15), .profile = row.text(16),
                        .is_paused = row.integer(17) != 0, .ending = static_cast<farm::JobState>(row.integer(18)), .error = row.text(19),
                        .started_ms = row.integer(20), .ended_ms = row.integer(21)};
             if (row.integer(12) != 0 && job.now.ending != farm::JobState::done) {
               auto tasks = std::make_shared<farm::TaskList>();
               TRY(state.read_tasks(job.job.job, *tasks));
               TRY_ASSIGN(tasks->already_done, decode_indices(row.bytes(13)));
               for (const farm::TaskIndex task : tasks->already_done)
                 if (task >= tasks->size()) return fail(Errc::corrupt, "{}: the tasks of job {} are damaged; restore the database from a copy", state.path, job.job.job);
               spec->tasks = std::move(tasks);
             }
             job.job.spec = std::move(spec);
             saved.jobs.push_back(std::move(job));
             return {};
           });
  if (!jobs_read) return jobs_read.error();
  std::size_t at = 0;  // both queries below ascend by job, as saved.jobs does
  const auto job_at = [&](farm::JobId id) -> farm::SavedJob* {
    while (at < saved.jobs.size() && saved.jobs[at].job.job < id) ++at;
    return at < saved.jobs.size() && saved.jobs[at].job.job == id ? &saved.jobs[at] : nullptr;
  };
  TRY(each("SELECT job, task, state, digest, worker, device_seconds, error FROM task ORDER BY job, task", [&](Statement& row) -> Result<void> {
    farm::SavedJob* job = job_at(row.unsigned64(0));
    if (job == nullptr) return {};
    const farm::JobId id = row.unsigned64(0);
    const farm::TaskIndex task = row.unsigned32(1);
    const auto stored = static_cast<StoredTask>(row.integer(2));
    if (stored == StoredTask::undone) job->undone.push_back(task);
    else if (stored == StoredTask::failed) job->failed.push_back({id, task, row.text(6)});
    else job->done.push_back({id, task, digest_of(row.bytes(3)), row.unsigned64(4), row.real(5), stored == StoredTask::was_there});
    return {};
  }));
  at = 0;
  TRY(each("SELECT job, states, chunks, prints, packages, reused, failures, kills, cost_total, device_seconds FROM job_done ORDER BY job", [&](Statement& row) -> Result<void> {
    farm::SavedJob* job = job_at(row.unsigned64(0));
    if (job == nullptr) return {};
    const auto states = row.bytes(1);
    job->ended = farm::JobDone{.job = row.unsigned64(0), .states = std::string(reinterpret_cast<const char*>(states.data()), states.size()),
                               .tasks = {row.unsigned32(2), row.unsigned32(3), row.unsigned32(4)}, .reused = row.unsigned32(5), .failures = row.unsigned32(6),
                               .kills = row.unsigned32(7), .cost_total = row.real(8), .device_seconds = row.real(9)};
    return {};
  }));
  TRY(each("SELECT lease.id, job, task, attempt, worker, coalesce(key, ''), given_ms FROM lease LEFT JOIN worker ON worker.id = lease.worker ORDER BY job, task, lease.id",
           [&](Statement& row) -> Result<void> {
             saved.leases.push_back({{row.unsigned64(0), row.unsigned64(1), row.unsigned32(2), row.unsigned32(3)}, row.unsigned64(4), row.text(5), row.integer(6)});
             return {};
           }));
  TRY(each("SELECT lease, job, task, attempt, worker, fault, digest, error, at_ms FROM attempt ORDER BY number", [&](Statement& row) -> Result<void> {
    saved.attempts.push_back({{row.unsigned64(0), row.unsigned64(1), row.unsigned32(2), row.unsigned32(3)}, row.unsigned64(4), static_cast<farm::Fault>(row.integer(5)),
                              digest_of(row.bytes(6)), row.text(7), row.integer(8)});
    return {};
  }));
  TRY(each("SELECT id, key, host, profile, is_draining, sick, at_ms FROM worker ORDER BY at_ms, id", [&](Statement& row) -> Result<void> {
    saved.workers.push_back({row.unsigned64(0), row.text(1), row.text(2), row.text(3), row.integer(4) != 0, row.text(5), row.integer(6)});
    return {};
  }));
  TRY(each("SELECT name, weight, max_running FROM project ORDER BY name", [&](Statement& row) -> Result<void> {
    saved.projects.push_back({row.text(0), row.real(1), row.unsigned32(2)});
    return {};
  }));
  return saved;
}

Result<std::vector<farm::Token>> Database::tokens() {
  std::vector<farm::Token> all;
  TRY_ASSIGN(Statement rows, state_->connection.prepare("SELECT id, name, role, project, sha256, created_ms, expires_ms, revoked_ms FROM token ORDER BY created_ms, id"));
  for (;;) {
    TRY_ASSIGN(const bool more, rows.step());
    if (!more) return all;
    all.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3), rows.text(4), rows.integer(5), rows.integer(6), rows.integer(7)});
  }
}

Result<std::vector<farm::AllowedKey>> Database::keys() {
  std::vector<farm::AllowedKey> all;
  TRY_ASSIGN(Statement rows, state_->connection.prepare("SELECT key, name, created_ms, revoked_ms FROM allowed_key ORDER BY created_ms, key"));
  for (;;) {
    TRY_ASSIGN(const bool more, rows.step());
    if (!more) return all;
    all.push_back({rows.text(0), rows.text(1), rows.integer(2), rows.integer(3)});
  }
}

Result<std::vector<AuditLine>> Database::audit(std::uint64_t after, std::size_t limit) {
  std::vector<AuditLine> lines;
  TRY_ASSIGN(Statement rows, state_->connection.prepare(
      "SELECT number, at_ms, actor, address, action, object, detail, allowed, hash FROM audit WHERE number > ? ORDER BY number LIMIT ?"));
  rows.start();
  rows << after << static_cast<std::uint64_t>(limit);
  for (;;) {
    TRY_ASSIGN(const bool more, rows.step());
    if (!more) return lines;
    lines.push_back({rows.unsigned64(0), {rows.integer(1), rows.text(2), rows.text(3), rows.text(4), rows.text(5), rows.text(6), rows.integer(7) != 0}, rows.text(8)});
  }
}

std::uint64_t Database::audit_size() const { return state_->entries; }

Result<AuditCheck> Database::audit_chain() {
  AuditCheck check;
  check.head = audit_start();
  for (;;) {
    TRY_ASSIGN(const std::vector<AuditLine> lines, audit(check.entries, 4096));
    for (const AuditLine& line : lines)
      if (!follow(check, line)) return check;
    if (lines.empty()) return check;
  }
}

}  // namespace dubfarm::db
