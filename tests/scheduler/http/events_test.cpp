// The event stream: what changed, to those who may see it, from where they left off.
#include <gtest/gtest.h>

#include "scheduler/http/server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/scripted_farm.hpp"

namespace dubfarm::http {
namespace {

using testing::HttpClient;
using testing::RawConnection;
using testing::ScriptedFarm;

const Subject kFilm{Subject::Kind::job, "3"}, kSeries{Subject::Kind::job, "2"};

class Events : public ::testing::Test {
 protected:
  Events() {
    farm.fill();
    server = Server::start(farm, {}).value();
  }
  std::unique_ptr<RawConnection> open(const std::string& token, const std::string& query = {}, const std::string& last = {}) const {
    auto connection = std::make_unique<RawConnection>(server->port());
    connection->send("GET /api/v1/events" + query + " HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n" + (last.empty() ? "" : "Last-Event-ID: " + last + "\r\n") + "\r\n");
    return connection;
  }
  void touch(const Subject& subject) {
    farm.change(subject, [](ScriptedFarm&) {});
  }
  ScriptedFarm farm;
  std::unique_ptr<Server> server;
};

TEST_F(Events, TellsWhatChangedAsItIsNow) {
  const auto stream = open(farm.add("a", "viewer:*"));
  const std::string greeting = stream->receive("event: reset\nid: 0000000000001234-0\n");
  EXPECT_NE(greeting.find("Content-Type: text/event-stream"), std::string::npos);
  farm.change(kFilm, [](ScriptedFarm& f) { f.jobs_by_id[3].view.priority = 77; });
  const std::string event = stream->receive("id: 0000000000001234-1");
  EXPECT_NE(event.find("event: job\n"), std::string::npos) << event;
  EXPECT_NE(event.find("\"priority\":77"), std::string::npos) << event;
}

TEST_F(Events, OneWhoComesBackGetsWhatChangedMeanwhileOnce) {
  const std::string token = farm.add("a", "viewer:*");
  touch(kFilm);
  touch(kSeries);
  touch(kFilm);
  const std::string missed = open(token, "", "0000000000001234-1")->receive("event: seen\nid: 0000000000001234-3");
  EXPECT_NE(missed.find("event: hello"), std::string::npos) << missed;
  EXPECT_EQ(missed.find("event: reset"), std::string::npos);
  const std::size_t film = missed.find("\"id\":3,");
  EXPECT_NE(film, std::string::npos) << missed;
  EXPECT_EQ(missed.find("\"id\":3,", film + 1), std::string::npos);
  EXPECT_LT(missed.find("\"id\":2,"), film);
}

TEST_F(Events, AnIdOfAnotherRunOfTheSchedulerStartsAnew) {
  const std::string token = farm.add("a", "viewer:*");
  touch(kFilm);
  for (const char* last : {"0000000000009999-1", "0000000000001234-2", "0000000000001234-", "nonsense", "-1"}) {
    const std::string greeting = open(token, "", last)->receive("id: 0000000000001234-1");
    EXPECT_NE(greeting.find("event: reset"), std::string::npos) << last;
  }
}

TEST_F(Events, AreOfProjectsThatTheTokenMaySee) {
  const auto stream = open(farm.add("a", "viewer:series"));
  (void)stream->receive("event: reset");
  touch(kFilm);
  touch(kSeries);
  const std::string event = stream->receive("event: seen");
  EXPECT_NE(event.find("\"id\":2,"), std::string::npos) << event;
  EXPECT_EQ(event.find("\"id\":3,"), std::string::npos) << event;
}

TEST_F(Events, MayBeOfOneJobOnly) {
  const std::string token = farm.add("a", "viewer:*");
  const auto stream = open(token, "?job=2");
  (void)stream->receive("event: reset");
  touch(kFilm);
  touch(kSeries);
  EXPECT_EQ(stream->receive("event: seen").find("\"id\":3,"), std::string::npos);
  EXPECT_EQ(HttpClient(server->port(), token).get("/api/v1/events?job=99").status, 404);
}

TEST_F(Events, EndWhenTheTokenIsRevoked) {
  const std::string token = farm.add("a", "viewer:*");
  const auto stream = open(token);
  (void)stream->receive("event: reset");
  ASSERT_TRUE(farm.revoke_token(token.substr(4, 16), {}).ok());
  EXPECT_NE(stream->receive("event: end").find("event: end"), std::string::npos);
}

TEST_F(Events, AWorkerThatLeftIsSaidToBeGone) {
  const auto stream = open(farm.add("a", "viewer:*"));
  (void)stream->receive("event: reset");
  touch({Subject::Kind::worker, "ffff"});
  EXPECT_NE(stream->receive("event: seen").find("event: worker\ndata: {\"id\":\"ffff\",\"gone\":true}"), std::string::npos);
}

TEST_F(Events, OpenStreamsDoNotHoldUpTheEndOfTheServer) {
  const std::string token = farm.add("a", "viewer:*");
  std::vector<std::unique_ptr<RawConnection>> streams;
  for (int i = 0; i < 8; ++i) {
    streams.push_back(open(token));
    (void)streams.back()->receive("event: reset");
  }
  server.reset();
  for (const auto& stream : streams) EXPECT_TRUE(stream->is_ended_within(std::chrono::seconds(20)));
}

TEST(EventStreams, AreLimitedInNumber) {
  ScriptedFarm farm;
  ServerOptions options;
  options.event_streams = 1;
  const std::unique_ptr<Server> server = Server::start(farm, options).value();
  const std::string token = farm.add("a", "viewer:*");
  const RawConnection first(server->port());
  first.send("GET /api/v1/events HTTP/1.1\r\nAuthorization: Bearer " + token + "\r\n\r\n");
  (void)first.receive("event: reset");
  const testing::HttpReply second = HttpClient(server->port(), token).get("/api/v1/events");
  EXPECT_EQ(second.status, 503);
  EXPECT_EQ(second.header("retry-after"), "10");
}

}  // namespace
}  // namespace dubfarm::http
