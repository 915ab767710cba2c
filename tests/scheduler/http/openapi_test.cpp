// docs/formats/openapi.json against the running server: every route is in it, everything in it answers, and the answers fit their schemas.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "scheduler/http/server.hpp"
#include "tests/support/command.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/json_schema.hpp"
#include "tests/support/scripted_farm.hpp"

namespace dubfarm::http {
namespace {

using testing::HttpClient;
using testing::HttpReply;
using testing::Json;
using testing::ScriptedFarm;

Json description() { return Json::parse(std::ifstream(testing::project_file("docs/formats/openapi.json"))); }

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); });
  return text;
}

TEST(OpenApi, NamesEveryRouteAndNoOther) {
  const Json api = description();
  std::set<std::string> described, served;
  for (const auto& [path, methods] : api.at("paths").items())
    for (const auto& [method, operation] : methods.items()) described.insert(upper(method) + " " + path);
  for (const RouteName& route : route_names()) served.insert(route.method + " " + route.path);
  EXPECT_EQ(described, served);
}

TEST(OpenApi, IsServedByTheServer) {
  ScriptedFarm farm;
  const std::unique_ptr<Server> server = Server::start(farm, {}).value();
  EXPECT_EQ(HttpClient(server->port()).get("/api/v1/openapi.json").json(), description());
}

TEST(OpenApi, EveryOperationAnswersAsItSays) {
  const Json api = description();
  ScriptedFarm farm;
  farm.fill();
  const std::unique_ptr<Server> server = Server::start(farm, {}).value();
  const std::string secret = farm.add("admin", "admin:*"), other = farm.add("other", "viewer:*").substr(4, 16);
  const HttpClient admin(server->port(), secret);
  const auto fits = [&](const Json& responses, const HttpReply& reply, const std::string& what) {
    const std::string status = std::to_string(reply.status);
    ASSERT_TRUE(responses.contains(status)) << what << " answers " << status << ": " << reply.body;
    const Json& content = responses.at(status).at("content");
    if (content.contains("application/json")) {
      EXPECT_EQ(testing::misfits(content.at("application/json").at("schema"), reply.json(), api), "") << what;
    } else if (!content.empty()) {
      EXPECT_TRUE(reply.header("content-type").starts_with(content.begin().key())) << what << ": " << reply.header("content-type");
    }
  };
  const std::map<std::string, Json> bodies{{"POST /api/v1/jobs", {{"project", "film"}, {"mix", "{\"tracks\": []}"}, {"folder", "{media}"}, {"out", "{out}/x"}}},
                                           {"PUT /api/v1/jobs/{job}/priority", {{"priority", 70}}},
                                           {"PUT /api/v1/projects/{project}", {{"weight", 2.5}, {"max_running", 10}}},
                                           {"POST /api/v1/tokens", {{"name", "new"}, {"grants", "viewer:film"}}}};
  int asked = 0;
  for (const auto& [path, methods] : api.at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      const std::string what = upper(method) + " " + path;
      const bool needs_done = path.find("report") != std::string::npos || path.find("files") != std::string::npos || path.find("outputs") != std::string::npos;
      const bool is_retry = path.ends_with("/retry");
      std::string target = path;
      const auto put = [&](const std::string& name, const std::string& value) {
        if (const std::size_t at = target.find(name); at != std::string::npos) target.replace(at, name.size(), value);
      };
      put("{job}", needs_done ? "2" : is_retry ? "1" : path.ends_with("/cancel") ? "4" : "3");
      put("{path}", path.starts_with("/assets") ? "app.js" : "en/tv-stereo.wav");
      put("{worker}", path.ends_with("/revoke") ? "attic" : "stage-a");
      put("{project}", "film");
      put("{token}", other);
      if (path == "/api/v1/events") continue;  // never ends; events_test.cpp follows it
      ++asked;
      const std::string body = bodies.contains(what) ? bodies.at(what).dump() : "";
      if (bodies.contains(what)) {
        EXPECT_EQ(testing::misfits(operation.at("requestBody").at("content").at("application/json").at("schema"), bodies.at(what), api), "") << what;
      }
      const HttpReply reply = admin.request(upper(method), target, body, {});
      EXPECT_TRUE(reply.status == 200 || reply.status == 201) << what << " answers " << reply.status << ": " << reply.body;
      fits(operation.at("responses"), reply, what);
      if (!operation.at("security").empty()) fits(operation.at("responses"), HttpClient(server->port()).request(upper(method), target, "", {}), what + " without a token");
      if (operation.contains("parameters"))
        for (const Json& parameter : operation.at("parameters"))
          if (parameter.at("name") == "job" && parameter.at("in") == "path") {
            std::string missing = path;
            missing.replace(missing.find("{job}"), 5, "999");
            fits(operation.at("responses"), admin.request(upper(method), missing, body, {}), what + " of a job that is not there");
          }
    }
  }
  EXPECT_GT(asked, 30);
}

}  // namespace
}  // namespace dubfarm::http
