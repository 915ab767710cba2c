// The HTTP server over a farm that works: from a submission to the bytes of its outputs, as a client meets them.
#include <gtest/gtest.h>

#include "common/sha256.hpp"
#include "scheduler/http/server.hpp"
#include "scheduler/http/token.hpp"
#include "tests/farm/farm_folder.hpp"
#include "tests/farm/null_farm.hpp"
#include "tests/support/http_client.hpp"

namespace dubfarm::testing {
namespace {

class ApiOverAFarm : public ::testing::Test {
 protected:
  ApiOverAFarm() {
    reel_.write();
    farm_.start_scheduler();
    http::ServerOptions options;
    options.requests_per_second = options.request_burst = 1e6;  // the test asks again and again
    server_ = http::Server::start(farm_.service(), options).value();
  }
  ~ApiOverAFarm() override { server_.reset(); }
  HttpClient as(http::Role role, const std::string& project = "*") {
    const http::NewToken token = http::make_token("somebody", {{role, project}}, std::chrono::system_clock::now()).value();
    EXPECT_TRUE(farm_.service().add_token(token.record, {"tester", "127.0.0.1"}).ok());
    return HttpClient(server_->port(), token.text);
  }
  Json submission() { return {{"project", "film"}, {"name", "reel"}, {"mix", file_text(reel_.mix)}, {"folder", "{media}"}, {"out", "{out}/film"}}; }
  Reel reel_;
  FarmFolder farm_{reel_};
  std::unique_ptr<http::Server> server_;
};

TEST_F(ApiOverAFarm, TakesAMixAndGivesItsOutputs) {
  const HttpClient client = as(http::Role::submitter, "film");
  const HttpReply taken = client.post("/api/v1/jobs", submission());
  ASSERT_EQ(taken.status, 201) << taken.body;
  const std::string job = fmt::format("/api/v1/jobs/{}", taken.json().at("id").get<std::uint64_t>());
  const auto state = [&] { return client.get(job).json().value("state", std::string("none")); };
  ASSERT_TRUE(eventually([&] { return client.get(job + "/waiting").body.find("no_worker") != std::string::npos; })) << client.get(job + "/waiting").body;
  const auto worker = farm_.worker("a");
  ASSERT_TRUE(eventually([&] { return state() == "done" || state() == "failed"; }, std::chrono::seconds(60))) << client.get(job).body;
  ASSERT_EQ(state(), "done") << farm_.log();

  const Json view = client.get(job).json();
  EXPECT_EQ(view.at("name"), "reel");
  EXPECT_EQ(view.at("submitter"), "somebody");
  ASSERT_EQ(reel_.render("alone", "alone-store").status, 0);
  const Json expected = digests(reel_.report("alone"));
  EXPECT_EQ(digests(client.get(job + "/report").json()), expected);
  for (const auto& [path, sha256] : expected.items()) {
    const HttpReply file = client.get(job + "/files/" + path);
    ASSERT_EQ(file.status, 200) << path;
    Sha256 hash;
    hash.update(std::as_bytes(std::span(file.body.data(), file.body.size())));
    EXPECT_EQ(hash.hex(), sha256.get<std::string>()) << path;
  }
  EXPECT_EQ(client.get(job + "/outputs").json().at("outputs").size(), expected.size());
  EXPECT_EQ(client.get(job + "/timeline").status, 200);
  EXPECT_NE(client.get(job + "/log").body.find("job.done"), std::string::npos);
  EXPECT_EQ(as(http::Role::viewer, "other").get(job).status, 404) << "another project's";
  EXPECT_EQ(as(http::Role::viewer).get("/api/v1/workers").json().at("workers").size(), 1u);
  EXPECT_NE(as(http::Role::viewer).get("/metrics").body.find("dubfarm_commits_total"), std::string::npos);
}

TEST_F(ApiOverAFarm, CommandsReachTheFarmAndItsRefusalsTheClient) {
  const HttpClient client = as(http::Role::admin);
  const HttpReply taken = client.post("/api/v1/jobs", submission());
  ASSERT_EQ(taken.status, 201) << taken.body;
  const std::string job = fmt::format("/api/v1/jobs/{}", taken.json().at("id").get<std::uint64_t>());
  const auto state = [&] { return client.get(job).json().value("state", std::string("none")); };
  EXPECT_EQ(client.put(job + "/priority", {{"priority", 80}}).status, 200);
  EXPECT_EQ(client.get(job).json().at("priority"), 80);
  ASSERT_TRUE(eventually([&] { return state() != "planning"; }));
  EXPECT_EQ(client.post(job + "/pause").status, 200);
  EXPECT_EQ(state(), "paused");
  EXPECT_EQ(client.post(job + "/resume").status, 200);
  EXPECT_EQ(client.post(job + "/cancel").status, 200);
  EXPECT_EQ(state(), "cancelled");
  EXPECT_EQ(client.post("/api/v1/jobs/999/cancel").status, 404);
  Json wrong = submission();
  wrong["folder"] = "{elsewhere}";
  const HttpReply refused = client.post("/api/v1/jobs", wrong);
  EXPECT_EQ(refused.status, 422) << refused.body;
  EXPECT_NE(refused.body.find("no such root here"), std::string::npos) << refused.body;
}

}  // namespace
}  // namespace dubfarm::testing
