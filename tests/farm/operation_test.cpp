// What operators do beside a scheduler that runs: one folder for one job, limits, the audit log.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "scheduler/http/server.hpp"
#include "tests/farm/farm_folder.hpp"

namespace dubfarm::testing {
namespace {

class Operation : public ::testing::Test {
 protected:
  Operation() {
    reel_.write();
    farm_.start_scheduler();
  }
  ~Operation() override { server_.reset(); }
  /// Stops the scheduler, makes an admin's token in its state folder, and starts it again.
  void be_admin() {
    server_.reset();
    farm_.stop_scheduler();
    const CommandResult made = dubfarm({"tokens", "create", "boss", "--may", "admin:*", "--state", farm_.folder / "state"});
    ASSERT_EQ(made.status, 0) << made.err;
    token_ = made.out.substr(0, made.out.size() - 1);
    farm_.start_scheduler();
    server_ = http::Server::start(farm_.service(), {}).value();
  }
  CommandResult ask(std::vector<std::string> arguments) {
    const Variable token("DUBFARM_TOKEN", token_), server("DUBFARM_SERVER", server_->url());
    return dubfarm(arguments);
  }
  CommandResult submit(const std::string& out) {
    return ask({"submit", reel_.mix, "--project", "film", "--root", "media=" + reel_.folder.path(), "--out", out});
  }
  Reel reel_;
  FarmFolder farm_{reel_};
  std::unique_ptr<http::Server> server_;
  std::string token_;
};

TEST_F(Operation, OneFolderIsOneJobs) {
  be_admin();
  ASSERT_EQ(submit("{out}/film").out, "job 1\n");
  for (const char* same : {"{out}/film", "{out}/film/", "{out}//film"}) {
    const CommandResult refused = submit(same);
    EXPECT_EQ(refused.status, 2) << same << refused.out;
    EXPECT_TRUE(refused.err == "error: out: job 1 is planning and writes into " + std::string(same) + "; wait for its end, cancel it, or name another folder\n" ||
                refused.err == "error: out: job 1 is queued and writes into " + std::string(same) + "; wait for its end, cancel it, or name another folder\n")
        << refused.err;
  }
  EXPECT_EQ(submit("{out}/film-2").out, "job 2\n");
  ASSERT_EQ(ask({"cancel", "1"}).status, 0);
  EXPECT_EQ(submit("{out}/film").out, "job 3\n");  // nobody's now
  const CommandResult retried = ask({"retry", "1"});
  EXPECT_EQ(retried.status, 2) << retried.out;
  EXPECT_NE(retried.err.find("error: out: job 3 is "), std::string::npos) << retried.err;
  ASSERT_EQ(ask({"cancel", "3"}).status, 0);
  EXPECT_EQ(ask({"retry", "1"}).status, 0);
}

TEST_F(Operation, TheSameSubmissionTwiceIsOneJob) {
  http::SubmitRequest request;
  request.project = "film";
  request.name = "reel";
  request.mix = file_text(reel_.mix);
  request.folder = "{media}";
  request.out = "{out}/film";
  request.request_key = "once";
  const auto first = farm_.service().submit(request, {"tester", "127.0.0.1"}), again = farm_.service().submit(request, {"tester", "127.0.0.1"});
  ASSERT_TRUE(first.ok() && again.ok()) << (again.ok() ? "" : again.error().message);
  EXPECT_EQ(std::get<http::JobId>(*first), std::get<http::JobId>(*again));
  request.request_key = "twice";
  const auto other = farm_.service().submit(request, {"tester", "127.0.0.1"});
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, Errc::invalid_input);
}

TEST_F(Operation, AJobIsPlannedOnceInTheLog) {
  const http::JobId job = farm_.submit("film");
  farm_.wait(job, [](const http::JobView& view) { return view.state != http::JobState::planning; });
  const std::string log = farm_.log();
  const std::size_t first = log.find("job.planned");
  ASSERT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find("job.planned", first + 1), std::string::npos) << log;
}

TEST_F(Operation, LimitsOfAProject) {
  be_admin();
  EXPECT_EQ(ask({"projects"}).out, "no projects\n");
  EXPECT_EQ(ask({"limits", "film", "--weight", "2.5"}).out, "project film: weight 2.5, no limit\n");
  EXPECT_EQ(ask({"limits", "film", "--max-running", "3"}).out, "project film: weight 2.5, at most 3 tasks at once\n");  // the weight stays
  EXPECT_EQ(ask({"projects"}).out, "PROJECT  WEIGHT  MAX RUNNING  RUNNING  DEVICES\nfilm     2.5     3            0        0 s\n");
  const CommandResult nothing = ask({"limits", "film"});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_EQ(nothing.err, "error: limits: nothing is to be set\nhelp: say --weight, --max-running or both; dubfarm projects shows what they are\n");
}

TEST_F(Operation, TheAuditLogIsReadAndFollowedWhileTheSchedulerRuns) {
  be_admin();
  ASSERT_EQ(submit("{out}/film").status, 0);
  ASSERT_EQ(ask({"priority", "1", "70"}).status, 0);
  farm_.service().audit({{"", "127.0.0.1"}, "denied", "GET /\xff\xfe", "no token", false});  // a path may be any bytes
  const Json page = Json::parse(ask({"audit", "list", "--json"}).out);
  ASSERT_EQ(page.at("entries").size(), 4u) << page;
  EXPECT_EQ(page.at("total"), 4);
  const auto& entries = page.at("entries");
  EXPECT_EQ(entries[0].at("action"), "token.create");
  EXPECT_EQ(entries[1].at("action"), "submit");
  EXPECT_EQ(entries[1].at("actor"), "boss");
  EXPECT_EQ(entries[2].at("object"), "job 1");
  EXPECT_EQ(entries[2].at("detail"), "70");
  EXPECT_EQ(entries[3].at("object"), "GET /\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(entries[3].at("allowed"), false);
  const CommandResult whole = ask({"audit", "verify"});
  EXPECT_EQ(whole.status, 0) << whole.out << whole.err;
  EXPECT_EQ(whole.out, "4 entries, none changed or taken out; the last has " + entries[3].at("hash").get<std::string>() + "\n");
  const CommandResult beside = ask({"audit", "verify", "--state", farm_.folder / "state"});
  EXPECT_EQ(beside.status, 2);
  EXPECT_EQ(beside.err, "error: " + (farm_.folder / "state/farm.db") + ": another process has this database; one scheduler to a state folder\n"
                        "help: while the scheduler runs, ask it, as an admin: leave --state out\n");
}

TEST_F(Operation, AnAuditLogThatWasAlteredIsFoundOutThroughTheApi) {
  be_admin();
  ASSERT_EQ(submit("{out}/film").status, 0);
  ASSERT_EQ(ask({"cancel", "1"}).status, 0);
  server_.reset();
  farm_.stop_scheduler();
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((farm_.folder / "state/farm.db").c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, "DROP TRIGGER audit_is_final; UPDATE audit SET actor = 'nobody' WHERE number = 2", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  farm_.start_scheduler();
  server_ = http::Server::start(farm_.service(), {}).value();
  const CommandResult found = ask({"audit", "verify"});
  EXPECT_EQ(found.status, 1) << found.out << found.err;
  EXPECT_EQ(found.out, "entry 2: entry 2 is not what it was when it was written\n");
}

TEST_F(Operation, TheAuditLogIsForAdmins) {
  be_admin();
  const std::string boss = token_;
  const CommandResult made = ask({"tokens", "create", "viewer", "--may", "viewer:*"});
  ASSERT_EQ(made.status, 0) << made.err;
  token_ = made.out.substr(0, made.out.size() - 1);
  const CommandResult refused = ask({"audit", "list"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_NE(refused.err.find("the token viewer has not the role admin in all projects\n"), std::string::npos) << refused.err;
  EXPECT_EQ(ask({"limits", "film", "--weight", "2"}).status, 2);
}

}  // namespace
}  // namespace dubfarm::testing
