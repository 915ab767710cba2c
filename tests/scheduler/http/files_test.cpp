// Files of jobs over HTTP: whole, in parts, by ticket, and none that is not a job's own.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/http/server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/scripted_farm.hpp"

namespace dubfarm::http {
namespace {

using testing::HttpClient;
using testing::HttpReply;
using testing::Json;
using testing::ScriptedFarm;

class Files : public ::testing::Test {
 protected:
  Files() {
    farm.fill();
    server = Server::start(farm, {}).value();
    wav = client().get("/api/v1/jobs/2/files/en/tv-stereo.wav").body;
  }
  HttpClient client(const std::string& grants = "viewer:series") { return HttpClient(server->port(), farm.add("player", grants)); }
  ScriptedFarm farm;
  std::unique_ptr<Server> server;
  std::string wav;
};

TEST_F(Files, AreSentWhole) {
  const HttpReply reply = client().get("/api/v1/jobs/2/files/en/tv-stereo.wav");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("content-type"), "audio/wav");
  EXPECT_EQ(reply.header("accept-ranges"), "bytes");
  ASSERT_EQ(reply.body.size(), 96044U);
  EXPECT_EQ(reply.body.substr(0, 4), "RIFF");
}

TEST_F(Files, AreSentInParts) {
  const auto part = [&](const std::string& range) { return client().get("/api/v1/jobs/2/files/en/tv-stereo.wav", {{"Range", range}}); };
  const HttpReply middle = part("bytes=100-199");
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(middle.header("content-range"), "bytes 100-199/96044");
  EXPECT_EQ(middle.body, wav.substr(100, 100));
  EXPECT_EQ(part("bytes=96000-").body, wav.substr(96000));
  EXPECT_EQ(part("bytes=-44").body, wav.substr(96000));
  EXPECT_EQ(part("bytes=96000-999999999").body, wav.substr(96000));
  EXPECT_EQ(part("bytes=-999999999").header("content-range"), "bytes 0-96043/96044");
  const HttpReply beyond = part("bytes=96044-");
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.header("content-range"), "bytes */96044");
  for (const char* other : {"bytes=0-1,5-6", "bytes=9-3", "lines=1-2", "bytes=", "bytes=a-b", "bytes=18446744073709551616-"}) {
    const HttpReply whole = part(other);
    EXPECT_EQ(whole.status, 200) << other;
    EXPECT_EQ(whole.body.size(), wav.size()) << other;
  }
}

TEST_F(Files, ThatChangedSinceAreSentWhole) {
  const std::string path = "/api/v1/jobs/2/files/en/tv-stereo.wav", tag = client().get(path).header("etag");
  EXPECT_EQ(client().get(path, {{"Range", "bytes=0-9"}, {"If-Range", tag}}).status, 206);
  EXPECT_EQ(client().get(path, {{"Range", "bytes=0-9"}, {"If-Range", "\"other\""}}).status, 200);
}

TEST_F(Files, BesideTheOutputsAreNotSent) {
  ASSERT_EQ(::access((farm.out_folder() + "/series/secret.txt").c_str(), R_OK), 0);
  for (const char* path : {"secret.txt", "../series/report.json", "en/../report.json", "/etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/series/report.json", "en", "en/", "report.json%00.wav", "./report.json", "en//tv-stereo.wav"})
    EXPECT_EQ(client().get(std::string("/api/v1/jobs/2/files/") + path).status, 404) << path;
  EXPECT_EQ(client("viewer:film").get("/api/v1/jobs/2/files/en/tv-stereo.wav").status, 404);
  EXPECT_EQ(client().get("/api/v1/jobs/2/files/report.json").status, 200);
}

TEST_F(Files, ASymbolicLinkLeadsNowhere) {
  const std::string path = farm.out_folder() + "/series/en/tv-stereo.wav";
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", path.c_str()), 0);
  EXPECT_EQ(client().get("/api/v1/jobs/2/files/en/tv-stereo.wav").status, 404);
  ASSERT_EQ(::rename((farm.out_folder() + "/series/es").c_str(), (farm.out_folder() + "/elsewhere").c_str()), 0);
  ASSERT_EQ(::symlink("../elsewhere", (farm.out_folder() + "/series/es").c_str()), 0);
  EXPECT_EQ(client().get("/api/v1/jobs/2/files/es/tv-stereo.wav").status, 404);
}

TEST_F(Files, APipeDoesNotHoldTheServer) {
  const std::string path = farm.out_folder() + "/series/en/tv-stereo.wav";
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(client().get("/api/v1/jobs/2/files/en/tv-stereo.wav").status, 404);
}

TEST_F(Files, AreListedWithTheirSums) {
  const Json files = client().get("/api/v1/jobs/2/files").json().at("files");
  EXPECT_EQ(files.size(), 10U);  // six outputs, the report twice, the manifest, the sums
  for (const Json& file : files) {
    EXPECT_NE(file.at("path"), "secret.txt");
    if (file.at("path").get<std::string>().ends_with(".wav")) {
      EXPECT_EQ(file.at("sha256").get<std::string>().size(), 64U);
    }
  }
}

TEST_F(Files, ATicketOpensOneJobsFilesOnly) {
  const HttpClient viewer = client("viewer:*"), nobody(server->port());
  const std::string ticket = viewer.post("/api/v1/jobs/2/ticket").json().at("ticket");
  EXPECT_EQ(nobody.get("/api/v1/jobs/2/files/en/tv-stereo.wav?ticket=" + ticket).body, wav);
  EXPECT_EQ(nobody.get("/api/v1/jobs/2/report.html?ticket=" + ticket).status, 200);
  EXPECT_EQ(nobody.get("/api/v1/jobs/3/report?ticket=" + ticket).status, 401);
  EXPECT_EQ(nobody.get("/api/v1/jobs/2/outputs?ticket=" + ticket).status, 401);
  std::string other = ticket;
  other.back() = other.back() == 'a' ? 'b' : 'a';
  EXPECT_EQ(nobody.get("/api/v1/jobs/2/report?ticket=" + other).status, 401);
  EXPECT_EQ(nobody.get("/api/v1/jobs/2/report?ticket=").status, 401);
  EXPECT_EQ(nobody.get("/api/v1/jobs/2/report?ticket=2.9999999999.0000000000000000." + std::string(64, '0')).status, 401);
}

TEST_F(Files, ATicketEndsWithItsToken) {
  const std::string token = farm.add("leaving", "viewer:series");
  const std::string ticket = HttpClient(server->port(), token).post("/api/v1/jobs/2/ticket").json().at("ticket");
  ASSERT_TRUE(farm.revoke_token(token.substr(4, 16), {}).ok());
  EXPECT_EQ(HttpClient(server->port()).get("/api/v1/jobs/2/report?ticket=" + ticket).status, 401);
}

TEST_F(Files, TheReportPageCannotRunAnything) {
  const HttpReply page = client().get("/api/v1/jobs/2/report.html");
  EXPECT_EQ(page.header("content-security-policy"),
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox");
  EXPECT_EQ(client().get("/api/v1/jobs/2/files/report.html").header("content-security-policy"), "default-src 'none'; sandbox");
  EXPECT_EQ(client().get("/api/v1/jobs/2/files/report.html").header("content-disposition"), "attachment");
}

}  // namespace
}  // namespace dubfarm::http
