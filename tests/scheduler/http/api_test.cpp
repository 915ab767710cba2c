// The API as clients meet it: what each request answers, and to whom.
#include <gtest/gtest.h>

#include "scheduler/http/server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/scripted_farm.hpp"

namespace dubfarm::http {
namespace {

using testing::HttpClient;
using testing::HttpReply;
using testing::Json;
using testing::ScriptedFarm;

class Api : public ::testing::Test {
 protected:
  Api() {
    farm.fill();
    server = Server::start(farm, {}).value();
  }
  HttpClient as(const std::string& grants) { return HttpClient(server->port(), farm.add("somebody", grants)); }
  ScriptedFarm farm;
  std::unique_ptr<Server> server;
};

std::string code_of(const HttpReply& reply) { return reply.json().value("/error/code"_json_pointer, std::string("none")); }
std::string message_of(const HttpReply& reply) { return reply.json().value("/error/message"_json_pointer, std::string("none")); }

Json submission() { return {{"project", "film"}, {"mix", R"({"tracks": []})"}, {"folder", "{media}/film"}, {"out", "{out}/film"}}; }

TEST_F(Api, WithoutATokenAnswersOnlyWhatIsOpen) {
  const HttpClient nobody(server->port());
  EXPECT_EQ(nobody.get("/healthz").json(), Json({{"status", "ok"}}));
  EXPECT_EQ(nobody.get("/").status, 200);
  for (const RouteName& route : route_names()) {
    if (route.path.starts_with("/api/v1/openapi") || route.path == "/healthz" || route.path == "/" || route.path.starts_with("/assets")) continue;
    const HttpReply reply = nobody.request(route.method, route.path, "", {});
    EXPECT_EQ(reply.status, 401) << route.method << " " << route.path;
    EXPECT_EQ(reply.header("www-authenticate"), "Bearer realm=\"dubfarm\"");
    EXPECT_EQ(message_of(reply), "this needs a token");
  }
}

TEST_F(Api, ATokenThatIsNotKnownIsRefusedAndLogged) {
  const std::string token = farm.add("gone", "viewer:*");
  std::string other = token;
  other.back() = other.back() == '0' ? '1' : '0';
  const HttpReply reply = HttpClient(server->port(), other).get("/api/v1/jobs");
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(message_of(reply), "this token is not known, has expired or was revoked");
  ASSERT_EQ(farm.audited().size(), 1U);
  EXPECT_EQ(farm.audited()[0].action, "denied");
  EXPECT_EQ(farm.audited()[0].object, "GET /api/v1/jobs");
  EXPECT_EQ(farm.audited()[0].actor.address, "127.0.0.1");
  EXPECT_FALSE(farm.audited()[0].allowed);
}

TEST_F(Api, ARevokedTokenIsRefused) {
  const HttpClient admin = as("admin:*");
  const std::string token = farm.add("old", "viewer:*");
  EXPECT_EQ(HttpClient(server->port(), token).get("/api/v1/jobs").status, 200);
  EXPECT_EQ(admin.request("DELETE", "/api/v1/tokens/" + token.substr(4, 16), "", {}).status, 200);
  EXPECT_EQ(HttpClient(server->port(), token).get("/api/v1/jobs").status, 401);
}

TEST_F(Api, AViewerSeesItsProjectsAndNothingElse) {
  const HttpClient viewer = as("viewer:series");
  const Json jobs = viewer.get("/api/v1/jobs").json().at("jobs");
  ASSERT_EQ(jobs.size(), 2U);
  for (const Json& job : jobs) EXPECT_EQ(job.at("project"), "series");
  EXPECT_EQ(viewer.get("/api/v1/jobs/2").status, 200);
  for (const char* path : {"/api/v1/jobs/3", "/api/v1/jobs/99", "/api/v1/jobs/3/log", "/api/v1/jobs/x", "/api/v1/jobs/-3", "/api/v1/jobs/18446744073709551617"}) {
    const HttpReply reply = viewer.get(path);
    EXPECT_EQ(reply.status, 404) << path;  // one that it may not see is as one that is not there
    EXPECT_TRUE(message_of(reply).starts_with("there is no job ")) << reply.body;
  }
  const Json workers = viewer.get("/api/v1/workers").json().at("workers");
  EXPECT_TRUE(workers.at(0).at("running").at(0).at("job").is_null());
  EXPECT_EQ(viewer.get("/api/v1/log").status, 403);
  EXPECT_EQ(viewer.get("/metrics").status, 403);
}

TEST_F(Api, AViewerMayNotChangeAnything) {
  const HttpClient viewer = as("viewer:*");
  for (const char* what : {"cancel", "retry", "pause", "resume"}) EXPECT_EQ(viewer.post(std::string("/api/v1/jobs/3/") + what).status, 403);
  EXPECT_EQ(viewer.put("/api/v1/jobs/3/priority", {{"priority", 90}}).status, 403);
  EXPECT_EQ(viewer.post("/api/v1/jobs", submission()).status, 403);
  EXPECT_EQ(viewer.post("/api/v1/workers/stage-a/drain").status, 403);
  EXPECT_EQ(viewer.get("/api/v1/tokens").status, 403);
  EXPECT_EQ(farm.job(3)->state, JobState::running);
  EXPECT_EQ(message_of(viewer.post("/api/v1/jobs/3/cancel")), "the token somebody has not the role submitter in the project film");
  EXPECT_EQ(std::ranges::count_if(farm.audited(), [](const AuditEntry& e) { return e.action == "denied"; }), 9);
}

TEST_F(Api, SubmittersSubmitToTheirProjectsOnly) {
  const HttpClient submitter = as("submitter:film,viewer:*");
  const HttpReply taken = submitter.post("/api/v1/jobs", submission(), {{"Idempotency-Key", "once"}});
  ASSERT_EQ(taken.status, 201) << taken.body;
  EXPECT_EQ(taken.header("location"), "/api/v1/jobs/5");
  EXPECT_EQ(taken.json().at("state"), "planning");
  EXPECT_EQ(taken.json().at("submitter"), "somebody");
  ASSERT_EQ(farm.submitted().size(), 1U);
  EXPECT_EQ(farm.submitted()[0].mix, R"({"tracks": []})");
  EXPECT_EQ(farm.submitted()[0].request_key, "once");
  Json other = submission();
  other["project"] = "series";
  EXPECT_EQ(submitter.post("/api/v1/jobs", other).status, 403);
  EXPECT_EQ(submitter.post("/api/v1/jobs/2/retry").status, 403);
}

TEST_F(Api, TwoJobsIntoOneFolderAreAConflict) {
  const HttpClient submitter = as("submitter:film");
  ASSERT_EQ(submitter.post("/api/v1/jobs", submission()).status, 201);
  const HttpReply second = submitter.post("/api/v1/jobs", submission());
  EXPECT_EQ(second.status, 409);
  EXPECT_EQ(code_of(second), "conflict");
  EXPECT_EQ(message_of(second), "out: job 5 is planning and writes into " + submission().at("out").get<std::string>() + "; wait for its end, cancel it, or name another folder");
}

TEST_F(Api, TheAuditLogComesInPages) {
  const HttpClient admin = as("admin:*");
  for (const char* what : {"pause", "resume", "cancel"}) ASSERT_EQ(admin.post(std::string("/api/v1/jobs/3/") + what).status, 200);
  const Json last = admin.get("/api/v1/audit?limit=2").json();
  EXPECT_EQ(last.at("total"), 3);
  ASSERT_EQ(last.at("entries").size(), 2U);
  EXPECT_EQ(last.at("entries").at(0).at("action"), "resume");
  const Json first = admin.get("/api/v1/audit?after=0&limit=1").json();
  ASSERT_EQ(first.at("entries").size(), 1U);
  EXPECT_EQ(first.at("entries").at(0).at("number"), 1);
  EXPECT_EQ(first.at("entries").at(0).at("action"), "pause");
  EXPECT_TRUE(admin.get("/api/v1/audit?after=3").json().at("entries").empty());
  EXPECT_EQ(message_of(admin.get("/api/v1/audit?after=x")), "after is \"x\"; it is a whole number from 0 to 4611686018427387904");
  EXPECT_EQ(as("viewer:*").get("/api/v1/audit").status, 403);
  EXPECT_EQ(as("admin:film").get("/api/v1/audit").status, 403);
}

TEST_F(Api, AMixMayBeSentAsAnObject) {
  Json body = submission();
  body["mix"] = {{"tracks", Json::array()}};
  ASSERT_EQ(as("submitter:film").post("/api/v1/jobs", body).status, 201);
  EXPECT_EQ(farm.submitted()[0].mix, "{\n \"tracks\": []\n}\n");
}

TEST_F(Api, AMixWithMistakesSaysAllOfThem) {
  Json body = submission();
  body["mix"] = "{}";
  const HttpReply reply = as("submitter:film").post("/api/v1/jobs", body);
  EXPECT_EQ(reply.status, 422);
  const Json error = reply.json().at("error");
  EXPECT_EQ(error.at("message"), "the mix cannot be rendered: 2 mistakes");
  EXPECT_EQ(error.at("problems").at(0).at("help"), "a mix has tracks");
  EXPECT_EQ(error.at("problems").at(1).at("pointer"), "/versions");
  EXPECT_EQ(error.at("problems").at(1).at("line"), 2);
}

TEST_F(Api, ASubmissionWithMistakesSaysAllOfThem) {
  const HttpReply reply = as("submitter:film")
                              .post("/api/v1/jobs", {{"project", "film"}, {"mix", 3}, {"folder", "/etc"}, {"out", "{out}/../x"}, {"priority", 101}, {"tags", {"a b"}}});
  EXPECT_EQ(reply.status, 400);
  std::vector<std::string> said;
  const Json answer = reply.json();
  for (const Json& p : answer.at("error").at("problems")) said.push_back(p.at("message"));
  EXPECT_EQ(said, (std::vector<std::string>{"\"priority\" is not a whole number from 0 to 100", "\"tags\" is not a list of at most 32 names (letters, digits, \"-\", \"_\", \".\")",
                                            "\"mix\" is not a string",
                                            "\"folder\" is \"/etc\"; it starts with a root of the farm in braces, as in {media}/film, and has no \"..\"",
                                            "\"out\" is \"{out}/../x\"; it starts with a root of the farm in braces, as in {out}/film, and has no \"..\""}));
}

TEST_F(Api, BodiesThatAreNotUnderstoodAreRefused) {
  const HttpClient admin = as("admin:*");
  EXPECT_EQ(message_of(admin.request("POST", "/api/v1/jobs", "{", {})), "the request's body is not JSON");
  EXPECT_EQ(message_of(admin.request("POST", "/api/v1/jobs", "[]", {})), "the request's body is not a JSON object");
  EXPECT_EQ(message_of(admin.post("/api/v1/jobs/3/cancel", {{"force", true}})), "\"force\" is not known here");
  EXPECT_EQ(message_of(admin.put("/api/v1/jobs/3/priority", {{"priority", "high"}})), "\"priority\" is not a whole number from 0 to 100");
  EXPECT_EQ(message_of(admin.put("/api/v1/projects/film", {{"weight", 0}})), "\"weight\" is not a number from 0.001 to 1000");
  EXPECT_EQ(message_of(admin.get("/api/v1/jobs?limit=many")), "limit is \"many\"; it is a whole number from 0 to 1000");
  EXPECT_EQ(message_of(admin.get("/api/v1/jobs?state=asleep")), "state is planning, queued, running, paused, done, failed or cancelled");
}

TEST_F(Api, WhatIsNotThereIsSaid) {
  const HttpClient admin = as("admin:*");
  EXPECT_EQ(admin.get("/api/v1/nothing").status, 404);
  EXPECT_EQ(message_of(admin.get("/api/v1/nothing")), "there is nothing at /api/v1/nothing");
  EXPECT_EQ(admin.request("DELETE", "/api/v1/jobs/3", "", {}).status, 405);
  EXPECT_EQ(code_of(admin.request("DELETE", "/api/v1/jobs/3", "", {})), "method_not_allowed");
  EXPECT_EQ(message_of(admin.post("/api/v1/workers/nobody/drain")), "there is no worker nobody");
  EXPECT_EQ(message_of(admin.get("/api/v1/jobs/4/timeline")), "job 4 has no timeline: it is not planned yet, or was planned by an earlier run of the scheduler");
  EXPECT_EQ(message_of(admin.get("/api/v1/jobs/3/report")), "job 3 has no report yet");
}

/// Its job 3 ends as soon as somebody has looked at it.
class EndsWhenSeen : public ScriptedFarm {
 public:
  [[nodiscard]] std::optional<JobView> job(JobId id) const override {
    std::optional<JobView> view = ScriptedFarm::job(id);
    if (id == 3 && view && !is_over(view->state)) self_->change({Subject::Kind::job, "3"}, [](ScriptedFarm& farm) { farm.jobs_by_id[3].view.state = JobState::done; });
    return view;
  }

 private:
  EndsWhenSeen* const self_ = this;
};

TEST(ApiWait, AJobIsAnsweredWhenItIsOver) {
  EndsWhenSeen farm;
  farm.fill();
  const std::unique_ptr<Server> server = Server::start(farm, {}).value();
  const HttpClient viewer(server->port(), farm.add("somebody", "viewer:*"));
  EXPECT_EQ(viewer.get("/api/v1/jobs/3?wait_ms=2000").json().at("state"), "done");
  farm.jobs_by_id[3].view.state = JobState::running;
  EXPECT_EQ(viewer.get("/api/v1/jobs/3").json().at("state"), "running");
  EXPECT_EQ(message_of(viewer.get("/api/v1/jobs/3?wait_ms=2001")), "wait_ms is \"2001\"; it is a whole number from 0 to 2000");
  EXPECT_EQ(viewer.get("/api/v1/jobs/99?wait_ms=2000").status, 404);
}

TEST_F(Api, AJobThatGoesOnIsAnsweredAfterTheWait) { EXPECT_EQ(as("viewer:*").get("/api/v1/jobs/3?wait_ms=30").json().at("state"), "running"); }

TEST_F(Api, CommandsChangeTheJobAndAnswerWithIt) {
  const HttpClient admin = as("admin:*");
  EXPECT_EQ(admin.post("/api/v1/jobs/3/pause").json().at("state"), "paused");
  EXPECT_EQ(admin.post("/api/v1/jobs/3/resume").json().at("state"), "running");
  EXPECT_EQ(admin.put("/api/v1/jobs/3/priority", {{"priority", 90}}).json().at("priority"), 90);
  EXPECT_EQ(admin.post("/api/v1/jobs/3/cancel").json().at("state"), "cancelled");
  const HttpReply again = admin.post("/api/v1/jobs/3/cancel");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(message_of(again), "job 3 is cancelled already");
  EXPECT_EQ(admin.post("/api/v1/jobs/3/retry").json().at("state"), "running");
  EXPECT_EQ(admin.post("/api/v1/workers/stage-a/drain").json().at("state"), "draining");
  EXPECT_EQ(admin.post("/api/v1/workers/0a1b2c3d4e5f6071/resume").json().at("state"), "idle");
  EXPECT_EQ(admin.post("/api/v1/workers/stage-b/revoke").json(), Json({{"id", "1a1b2c3d4e5f6072"}, {"gone", true}}));
  EXPECT_EQ(farm.audited().back().object, "worker stage-b");
}

TEST_F(Api, TasksComeInPagesAndByState) {
  const HttpClient viewer = as("viewer:*");
  const Json page = viewer.get("/api/v1/jobs/3/tasks?first=10&count=5").json();
  ASSERT_EQ(page.at("tasks").size(), 5U);
  EXPECT_EQ(page.at("tasks").at(0).at("task"), 10);
  EXPECT_EQ(page.at("next"), 15);
  const Json failed = viewer.get("/api/v1/jobs/3/tasks?state=failed").json();
  ASSERT_EQ(failed.at("tasks").size(), 1U);
  EXPECT_EQ(failed.at("tasks").at(0).at("task"), 171);
  EXPECT_EQ(failed.at("tasks").at(0).at("error"), "the FFT of 3 blocks was not finite");
  EXPECT_TRUE(failed.at("next").is_null());
}

TEST_F(Api, OutputsHaveTheReadingsAndTheWorstVerdictOfTheReport) {
  const Json outputs = as("viewer:series").get("/api/v1/jobs/2/outputs").json().at("outputs");
  ASSERT_EQ(outputs.size(), 6U);
  EXPECT_EQ(outputs[0].at("verdict"), "pass");
  EXPECT_NEAR(outputs[0].at("loudness").at("integrated_lufs"), -22.9, 1e-9);
  EXPECT_EQ(outputs[2].at("verdict"), "measured");
  EXPECT_EQ(outputs[3].at("verdict"), "warning");
  EXPECT_EQ(outputs[4].at("verdict"), "fail");
  EXPECT_EQ(outputs[4].at("checks").at(1).at("measured"), "-0.4 dBTP");
  const Json waiting = as("viewer:film").get("/api/v1/jobs/3/outputs").json().at("outputs");
  EXPECT_TRUE(waiting[0].at("verdict").is_null());
  EXPECT_EQ(waiting[0].at("files").at(0).at("path"), "en_tv-stereo.wav");
}

TEST_F(Api, MetricsAreInPrometheusForm) {
  const HttpReply reply = as("viewer:*").get("/metrics");
  EXPECT_EQ(reply.header("content-type"), "text/plain; version=0.0.4");
  for (const char* line : {"# TYPE dubfarm_jobs gauge\n", "dubfarm_jobs{state=\"running\"} 1\n", "dubfarm_workers{state=\"sick\"} 1\n", "dubfarm_backlog_seconds{capability=\"any\"} 360\n",
                           "# TYPE dubfarm_commits_total counter\ndubfarm_commits_total 17\n", "dubfarm_worker_silent_seconds{worker=\"stage-a\"} 0.4\n"})
    EXPECT_NE(reply.body.find(line), std::string::npos) << line << reply.body;
}

TEST_F(Api, HealthSaysWhenNothingIsGivenOut) {
  farm.change({Subject::Kind::farm, ""}, [](ScriptedFarm& f) { f.health_now = {false, "disk full", 0x1234, 60}; });
  const HttpReply reply = HttpClient(server->port()).get("/healthz");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.json(), Json({{"status", "not_dispatching"}}));  // why, only for those with a token
  EXPECT_EQ(as("viewer:film").get("/api/v1/me").json().at("reason"), "disk full");
  const HttpReply refused = as("submitter:film").post("/api/v1/jobs", submission());
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(message_of(refused), "the scheduler's disk is full");
}

TEST_F(Api, TokensAreMadeAndShownWithoutTheirSecrets) {
  const HttpClient admin = as("admin:*");
  const HttpReply made = admin.post("/api/v1/tokens", {{"name", "mixer"}, {"grants", "submitter:film"}, {"expires_in_seconds", 3600}});
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string secret = made.json().at("secret");
  EXPECT_EQ(HttpClient(server->port(), secret).post("/api/v1/jobs", submission()).status, 201);
  const HttpReply list = admin.get("/api/v1/tokens");
  EXPECT_EQ(list.body.find(secret.substr(21)), std::string::npos);
  EXPECT_EQ(list.json().at("tokens").size(), 2U);
  EXPECT_EQ(message_of(admin.post("/api/v1/tokens", {{"name", "mixer"}, {"grants", "king:film"}})),
            "\"king:film\": a role is viewer, submitter or admin, with a project after a colon, as in submitter:film or viewer:*");
  EXPECT_EQ(as("admin:film").post("/api/v1/tokens", {{"name", "x"}, {"grants", "admin:*"}}).status, 403);
}

}  // namespace
}  // namespace dubfarm::http
