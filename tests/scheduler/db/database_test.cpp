#include "scheduler/db/database.hpp"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>

#include "scheduler/db/task_bytes.hpp"
#include "tests/scheduler/db/faulty_disk.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dubfarm::db {
namespace {

using namespace farm;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

NewJob some_job(JobId id, std::uint32_t chunks) {
  auto tasks = std::make_shared<TaskList>();
  std::vector<TaskIndex> all;
  for (std::uint32_t i = 0; i < chunks; ++i) all.push_back(tasks->add(TaskKind::chunk, i * 3, 0.5F));
  tasks->add(TaskKind::print, 0, 2, all);
  auto spec = std::make_shared<JobSpec>(JobSpec{.project = "film", .name = "reel", .submitter = "ada", .tags = {"a", "b c"}, .request = "r", .detail = "{}", .tasks = tasks});
  return {id, spec, 1234};
}

Database open_or_fail(const std::string& path) {
  auto opened = Database::open(path);
  EXPECT_TRUE(opened) << opened.error().message;
  return std::move(*opened);
}

void run_sql(const std::string& path, const char* sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
  sqlite3_close(handle);
}

TEST(TaskBytes, ComeBackAndDamageIsSeen) {
  TaskList tasks;
  for (std::uint32_t i = 0; i < 300; ++i) tasks.add(TaskKind::chunk, i * 1000, 0.25F * static_cast<float>(i + 1));
  tasks.add(TaskKind::print, 7, 3, std::vector<TaskIndex>{0, 1, 2, 50, 40, 299});
  tasks.add(TaskKind::package, 0, 1, std::vector<TaskIndex>{300});
  TaskList back;
  const std::string first = encode_tasks(tasks, 0, 200), second = encode_tasks(tasks, 200, 102);
  ASSERT_TRUE(decode_tasks(bytes_of(first), back));
  ASSERT_TRUE(decode_tasks(bytes_of(second), back));
  EXPECT_EQ(back.kind, tasks.kind);
  EXPECT_EQ(back.subject, tasks.subject);
  EXPECT_EQ(back.cost, tasks.cost);
  EXPECT_EQ(back.needs, tasks.needs);
  EXPECT_EQ(back.needs_begin, tasks.needs_begin);
  for (std::size_t length = second.size() - 12; length < second.size(); ++length) {
    TaskList partial;
    ASSERT_TRUE(decode_tasks(bytes_of(first), partial));
    const auto read = decode_tasks(bytes_of(second.substr(0, length)), partial);
    EXPECT_TRUE(!read || partial.size() < tasks.size()) << length;
  }
  TaskList wrong;
  const auto read = decode_tasks(bytes_of(encode_tasks(tasks, 300, 1)), wrong);  // it needs what is not there
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::corrupt);
}

TEST(Database, GivesBackWhatWasStored) {
  testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/farm.db";
  {
    Database database = open_or_fail(path);
    const Digest digest{1, 2, 3};
    const std::uint64_t large = 0xFFFF'FFFF'FFFF'FFF0u;  // above what SQLite's integers reach
    ASSERT_TRUE(database.apply(std::vector<Row>{some_job(5, 20'000), TaskDone{5, 1, digest, large, 1.5, true}, TaskDone{5, 2, digest, 9, 1.5, false}, TaskUndone{5, 2},
                                                TaskFailed{5, 3, "bad"}, WorkerSeen{large, "key", "host", "cpu", true, "why", 7}, LeaseGiven{{large, 5, 4, 2}, large, "key", 8},
                                                LeaseGiven{{12, 5, 6, 1}, large, "key", 8}, LeaseEnded{12}, AttemptFailed{{11, 5, 3, 1}, 9, Fault::disagreed, digest, "bad", 9},
                                                JobChanged{.job = 5, .priority = 70, .max_running = 3, .profile = "cpu", .is_paused = true, .error = "e", .started_ms = 10, .ended_ms = 11},
                                                ProjectLimits{"film", 2, 9}}));
  }
  Database database = open_or_fail(path);
  const Saved saved = *database.load();
  ASSERT_EQ(saved.jobs.size(), 1u);
  EXPECT_EQ(saved.last_job, 5u);
  const SavedJob& job = saved.jobs[0];
  const NewJob given = some_job(5, 20'000);
  EXPECT_EQ(job.job.spec->tags, given.spec->tags);
  EXPECT_EQ(job.job.spec->tasks->needs, given.spec->tasks->needs);
  EXPECT_EQ(job.job.spec->tasks->subject, given.spec->tasks->subject);
  EXPECT_EQ(job.now.priority, 70);
  EXPECT_TRUE(job.now.is_paused);
  EXPECT_EQ(job.now.profile, "cpu");
  ASSERT_EQ(job.done.size(), 1u);
  EXPECT_TRUE(job.done[0].was_there);
  EXPECT_EQ(job.done[0].worker, 0xFFFF'FFFF'FFFF'FFF0u);
  EXPECT_EQ(job.done[0].digest, (Digest{1, 2, 3}));
  EXPECT_EQ(job.undone, std::vector<TaskIndex>{2});
  ASSERT_EQ(job.failed.size(), 1u);
  EXPECT_EQ(job.failed[0].error, "bad");
  ASSERT_EQ(saved.leases.size(), 1u);
  EXPECT_EQ(saved.leases[0].lease, (LeaseRef{0xFFFF'FFFF'FFFF'FFF0u, 5, 4, 2}));
  EXPECT_EQ(saved.leases[0].key, "key");
  ASSERT_EQ(saved.attempts.size(), 1u);
  EXPECT_EQ(saved.attempts[0].fault, Fault::disagreed);
  ASSERT_EQ(saved.workers.size(), 1u);
  EXPECT_EQ(saved.workers[0].sick, "why");
  EXPECT_EQ(saved.projects.at(0).max_running, 9u);
}

TEST(Database, KeepsTheProfileThatAJobWasPlannedFor) {
  testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/farm.db";
  const NewJob given = some_job(5, 10);
  auto spec = std::make_shared<JobSpec>(*given.spec);
  spec->tasks = nullptr;  // handed in without a plan, and without a profile
  spec->numeric_profile.clear();
  {
    Database database = open_or_fail(path);
    ASSERT_TRUE(database.apply(std::vector<Row>{NewJob{5, spec, 1}, JobPlanned{5, given.spec->tasks, "abc", "cuda 2"}}));
  }
  const Saved saved = *open_or_fail(path).load();
  ASSERT_EQ(saved.jobs.size(), 1u);
  EXPECT_EQ(saved.jobs[0].job.spec->numeric_profile, "cuda 2");
  EXPECT_EQ(saved.jobs[0].job.spec->package, "abc");
  EXPECT_EQ(saved.jobs[0].job.spec->tasks->subject, given.spec->tasks->subject);
}

TEST(Database, KeepsTokensAndKeys) {
  Database database = open_or_fail(":memory:");
  ASSERT_TRUE(database.apply(std::vector<Row>{Token{"id1", "ada", "admin", "*", "abcd", 1, 0, 0}, AllowedKey{"k1", "gpu-1", 1, 0}, Token{"id1", "ada", "admin", "*", "abcd", 1, 0, 5}}));
  const auto tokens = *database.tokens();
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens[0].revoked_ms, 5);
  EXPECT_EQ(database.keys()->at(0).name, "gpu-1");
}

TEST(Database, IsForItsOwnerAlone) {
  testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/farm.db";
  Database database = open_or_fail(path);
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto second = Database::open(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::invalid_input);
  EXPECT_EQ(second.error().message, path + ": another process has this database; one scheduler to a state folder");
}

TEST(Database, RefusesWhatItDoesNotKnow) {
  testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/farm.db", text = folder.path() + "/text", other = folder.path() + "/other";
  { open_or_fail(path); }
  run_sql(path, "PRAGMA user_version = 99");
  auto opened = Database::open(path);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::invalid_input);
  EXPECT_EQ(opened.error().message, path + ": its tables are version 99, this dubfarm knows version 1; use the dubfarm that made it, or a newer one");
  std::ofstream(text) << std::string(5000, 'x');
  opened = Database::open(text);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, text + ": this is no database of dubfarm's; name another state folder");
  run_sql(other, "CREATE TABLE t (x)");
  opened = Database::open(other);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, other + ": this is no database of dubfarm's; name another state folder");
  opened = Database::open(folder.path() + "/no/such/folder.db");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, folder.path() + "/no/such/folder.db: cannot make: No such file or directory");
}

TEST(Database, SeesDamageWhenItIsOpened) {
  testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/farm.db";
  {
    Database database = open_or_fail(path);
    ASSERT_TRUE(database.apply(std::vector<Row>{some_job(1, 20'000)}));
  }
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 3);
    file << std::string(4096, '\x5a');
  }
  const auto opened = Database::open(path);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::corrupt);
  EXPECT_THAT(opened.error().message, EndsWith("restore it from a copy"));
}

TEST(Database, LosesNothingWhereTheNthWriteFails) {
  for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC})
    for (int n = 1; n < 48; n += 1 + n / 12) {
      testing::TemporaryFolder folder;
      const std::string path = folder.path() + "/farm.db";
      FaultyDisk disk;
      std::optional<Database> database(open_or_fail(path));
      std::uint32_t stored = 0;
      disk.fail_at(n, 3, code);
      for (TaskIndex task = 0; task < 40; ++task) {
        const std::vector<Row> rows = task == 0 ? std::vector<Row>{some_job(1, 64), TaskDone{1, task, {}, 1, 1, false}} : std::vector<Row>{TaskDone{1, task, {}, 1, 1, false}};
        for (int attempt = 0;; ++attempt) {  // the shell keeps rows and tries again
          ASSERT_LT(attempt, 20) << "write " << n;
          const auto done = database->apply(rows);
          if (done) break;
          EXPECT_TRUE(done.error().code == (code == SQLITE_FULL ? Errc::no_space : Errc::io_error)) << done.error().message;
        }
        ++stored;  // acknowledged
        if (disk.failed() == 3 && stored > 20) break;
      }
      disk.fail_at(0, 0, code);
      database.reset();
      database.emplace(open_or_fail(path));  // checks its integrity
      const Saved saved = *database->load();
      ASSERT_EQ(saved.jobs.size(), 1u) << "write " << n;
      EXPECT_EQ(saved.jobs[0].done.size(), stored) << "write " << n << " code " << code;
    }
}

TEST(Database, AppliesAllRowsOrNone) {
  Database database = open_or_fail(":memory:");
  ASSERT_TRUE(database.apply(std::vector<Row>{some_job(1, 4)}));
  ASSERT_FALSE(database.apply(std::vector<Row>{ProjectLimits{"film", 2, 0}, AuditEntry{1, "ada", "::1", "submit", "job 2", "", true}, some_job(1, 4)}));  // there is a job 1
  EXPECT_TRUE(database.load()->projects.empty());
  EXPECT_EQ(database.audit_chain()->entries, 0u);
  ASSERT_TRUE(database.apply(std::vector<Row>{AuditEntry{1, "ada", "::1", "submit", "job 2", "", true}}));
  EXPECT_EQ(database.audit_chain()->broken_at, 0u);
}

TEST(Audit, EveryEntryStandsOnTheOneBefore) {
  testing::TemporaryFolder folder;
  const std::string path = folder.path() + "/farm.db";
  std::string head;
  {
    Database database = open_or_fail(path);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(database.apply(std::vector<Row>{AuditEntry{i, "ada", "::1", "cancel", "job 1", "", i != 3}}));
    const AuditCheck check = *database.audit_chain();
    EXPECT_EQ(check.entries, 10u);
    EXPECT_EQ(check.broken_at, 0u);
    head = check.head;
    const auto lines = *database.audit(8, 5);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[1].hash, head);
    EXPECT_EQ(lines[1].entry.actor, "ada");
  }
  run_sql(path, "DROP TRIGGER audit_is_final; UPDATE audit SET actor = 'eve' WHERE number = 4");
  {
    Database database = open_or_fail(path);
    const AuditCheck check = *database.audit_chain();
    EXPECT_EQ(check.broken_at, 4u);
    EXPECT_EQ(check.what, "entry 4 is not what it was when it was written");
  }
  run_sql(path, "DROP TRIGGER audit_stays; UPDATE audit SET actor = 'ada' WHERE number = 4; DELETE FROM audit WHERE number = 7");
  Database database = open_or_fail(path);
  const AuditCheck check = *database.audit_chain();
  EXPECT_EQ(check.broken_at, 7u);
  EXPECT_EQ(check.what, "entry 7 is missing");
}

}  // namespace
}  // namespace dubfarm::db
