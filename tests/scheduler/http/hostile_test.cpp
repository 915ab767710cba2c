// What a hostile or careless client gets: an answer that costs little, and never more than its share of bytes, threads and time.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "scheduler/http/rate_limit.hpp"
#include "scheduler/http/server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/scripted_farm.hpp"

namespace dubfarm::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HttpClient;
using testing::HttpReply;
using testing::RawConnection;
using testing::ScriptedFarm;

class Hostile : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) { server = Server::start(farm, options).value(); }
  std::string say(const std::string& bytes) const {
    const RawConnection connection(server->port());
    connection.send(bytes);
    return connection.receive("}\n");
  }
  ScriptedFarm farm;
  std::unique_ptr<Server> server;
};

TEST_F(Hostile, WhatIsNotHttpIsRefused) {
  start();
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"), std::string("GET / HTTP/1.1\r\n folded: line\r\n\r\n"), std::string("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 26),
                                   std::string("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), std::string("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
                                   std::string("\x16\x03\x01\x02 garbage\r\n\r\n")})
    EXPECT_TRUE(say(bytes).starts_with("HTTP/1.1 400 ")) << bytes;
}

TEST_F(Hostile, BodiesWithoutOrBeyondALengthAreRefusedBeforeTheyAreRead) {
  start();
  EXPECT_TRUE(say("POST /api/v1/jobs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n").starts_with("HTTP/1.1 411 "));
  EXPECT_TRUE(say("POST /api/v1/jobs HTTP/1.1\r\nContent-Length: 67108865\r\n\r\n").starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(say("PUT /api/v1/jobs/1/priority HTTP/1.1\r\nContent-Length: 65537\r\n\r\n").starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(say("POST /api/v1/jobs HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n").starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(say("POST /api/v1/jobs HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n").starts_with("HTTP/1.1 415 "));
}

TEST_F(Hostile, WhoHasNoTokenIsRefusedBeforeItsBodyIsRead) {
  start();
  const RawConnection connection(server->port());
  connection.send("POST /api/v1/jobs HTTP/1.1\r\nContent-Length: 60000000\r\n\r\n");  // and nothing more
  EXPECT_TRUE(connection.receive("}\n").starts_with("HTTP/1.1 401 "));
  EXPECT_TRUE(connection.is_ended_within(seconds(20)));
}

TEST_F(Hostile, LongHeadersAreRefused) {
  start();
  std::string many = "GET /healthz HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) many += "X: y\r\n";
  EXPECT_TRUE(say(many + "\r\n").starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(say("GET /healthz HTTP/1.1\r\nX: " + std::string(40000, 'x')).starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(say("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 414 "));
}

TEST_F(Hostile, AHeaderThatComesByteByByteIsCutOff) {
  ServerOptions options;
  options.header_deadline = milliseconds(300);
  start(options);
  const RawConnection slow(server->port());
  slow.send("GET /healthz HTTP/1.1\r\n");
  EXPECT_TRUE(slow.receive("").starts_with("HTTP/1.1 408 "));
}

TEST_F(Hostile, AConnectionThatSaysNothingIsClosed) {
  ServerOptions options;
  options.idle = milliseconds(300);
  start(options);
  const RawConnection silent(server->port());
  EXPECT_TRUE(silent.is_ended_within(seconds(20)));
}

TEST_F(Hostile, OneAddressGetsOnlyItsShareOfConnections) {
  ServerOptions options;
  options.connections_per_address = 3;
  start(options);
  std::vector<std::unique_ptr<RawConnection>> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(std::make_unique<RawConnection>(server->port()));
    held.back()->send("GET /healthz HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(held.back()->receive("}\n").starts_with("HTTP/1.1 200 "));
  }
  EXPECT_TRUE(say("GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 503 "));
  held.pop_back();
  std::string answer;  // it is seen soon that one has gone
  for (int i = 0; i < 100 && !answer.starts_with("HTTP/1.1 200 "); ++i) answer = say("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 "));
}

TEST_F(Hostile, OneConnectionServesManyRequests) {
  start();
  const RawConnection connection(server->port());
  connection.send("GET /healthz HTTP/1.1\r\n\r\nGET /api/v1/jobs HTTP/1.1\r\n\r\n");  // the second without waiting for the first
  const std::string both = connection.receive("Bearer");
  EXPECT_TRUE(both.starts_with("HTTP/1.1 200 ")) << both;
  EXPECT_NE(both.find("HTTP/1.1 401 "), std::string::npos) << both;
}

TEST_F(Hostile, TooManyRequestsAreTurnedAway) {
  ServerOptions options;
  options.requests_per_second = 0.001;
  options.request_burst = 10;
  start(options);
  const HttpClient nobody(server->port()), somebody(server->port(), farm.add("somebody", "viewer:*"));
  EXPECT_EQ(nobody.get("/healthz").status, 200);
  EXPECT_EQ(nobody.get("/healthz").status, 200);
  const HttpReply refused = nobody.get("/healthz");  // an address has a fifth of a token's share
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("retry-after"), "1");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(somebody.get("/api/v1/jobs").status, 200);
  EXPECT_EQ(somebody.get("/api/v1/jobs").status, 429);
}

TEST_F(Hostile, DeniedRequestsFillNoDisk) {
  ServerOptions options;
  options.requests_per_second = 1e6;
  options.request_burst = 1e6;
  start(options);
  const HttpClient stranger(server->port(), "dft_0000000000000000_" + std::string(64, '0'));
  for (int i = 0; i < 60; ++i) EXPECT_EQ(stranger.get("/api/v1/jobs").status, 401);
  EXPECT_LT(farm.audited().size(), 45U);  // 20, and one more every five seconds
}

TEST_F(Hostile, EveryAnswerHasTheSecurityHeaders) {
  start();
  for (const HttpReply& reply : {HttpClient(server->port()).get("/"), HttpClient(server->port()).get("/api/v1/jobs"), HttpClient(server->port()).get("/nothing")}) {
    EXPECT_EQ(reply.header("x-content-type-options"), "nosniff");
    EXPECT_EQ(reply.header("x-frame-options"), "DENY");
    EXPECT_EQ(reply.header("referrer-policy"), "no-referrer");
    EXPECT_TRUE(reply.header("content-security-policy").starts_with("default-src 'none'; script-src 'self'; style-src 'self';")) << reply.header("content-security-policy");
    EXPECT_EQ(reply.headers.count("access-control-allow-origin"), 0U);
    EXPECT_EQ(reply.header("content-security-policy").find("unsafe"), std::string::npos);
  }
}

TEST_F(Hostile, PlainHttpStaysOnThisMachine) {
  const auto error = [&](const ServerOptions& options) {
    const Result<std::unique_ptr<Server>> started = Server::start(farm, options);
    return started.ok() ? std::string("started") : started.error().message;
  };
  ServerOptions options;
  options.host = "0.0.0.0";
  EXPECT_EQ(error(options), "0.0.0.0 is not this machine alone, and without TLS everybody on the way can read the tokens; give --tls-cert and --tls-key, listen on 127.0.0.1, or say --insecure");
  options.insecure = true;
  EXPECT_EQ(error(options), "started");
  options.tls_key = "key.pem";
  EXPECT_EQ(error(options), "TLS needs both a certificate (--tls-cert) and its key (--tls-key); only one is given");
  const testing::TemporaryFolder folder;
  options.tls_key = folder.file("key.pem", "not a key");
  options.tls_certificate = folder.file("cert.pem", "not a certificate");
  ASSERT_EQ(::chmod(options.tls_key.c_str(), 0644), 0);
  EXPECT_EQ(error(options), options.tls_key + ": others than its owner may read this key (mode 644); chmod 600 it");
  ASSERT_EQ(::chmod(options.tls_key.c_str(), 0600), 0);
  EXPECT_TRUE(error(options).starts_with(options.tls_certificate + ": no certificate chain in PEM")) << error(options);
}

TEST_F(Hostile, TwoServersDoNotShareAPort) {
  start();
  ServerOptions options;
  options.port = server->port();
  EXPECT_FALSE(Server::start(farm, options).ok());
}

TEST(RateLimit, GivesABurstAndThenARate) {
  RateLimit limit(2, 3);
  const RateLimit::Time start{};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take("a", start));
  EXPECT_FALSE(limit.take("a", start));
  EXPECT_TRUE(limit.take("b", start));
  EXPECT_FALSE(limit.take("a", start + milliseconds(499)));
  EXPECT_TRUE(limit.take("a", start + milliseconds(500)));
  EXPECT_FALSE(limit.take("a", start + milliseconds(501)));
}

TEST(RateLimit, RemembersABoundedNumberOfNames) {
  RateLimit limit(0, 1, 4);
  const RateLimit::Time start{};
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(limit.take(std::to_string(i), start));
  EXPECT_TRUE(limit.take("new", start));
  EXPECT_FALSE(limit.take("newer", start));  // shares a bucket with all that are not remembered
}

TEST(RateLimit, CountsAnIpv6NetworkAsOne) {
  EXPECT_EQ(network_of("2001:db8:1:2:3:4:5:6"), network_of("2001:db8:1:2:ffff::1"));
  EXPECT_NE(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:3::1"));
  EXPECT_EQ(network_of("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(network_of("192.0.2.7"), "192.0.2.7");
}

}  // namespace
}  // namespace dubfarm::http
