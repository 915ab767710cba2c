// The verbs that ask a farm, run as a user runs them, against a server over a scripted farm.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "scheduler/http/server.hpp"
#include "tests/support/command.hpp"
#include "tests/support/mix_folder.hpp"
#include "tests/support/scripted_farm.hpp"

namespace dubfarm::cli {
namespace {

using testing::CommandResult;
using testing::dubfarm;
using testing::Json;
using testing::MixFolder;
using testing::ScriptedFarm;

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class FarmVerbs : public ::testing::Test {
 protected:
  FarmVerbs() {
    farm.fill();
    server = http::Server::start(farm, {}).value();
    ::setenv("DUBFARM_SERVER", server->url().c_str(), 1);
    ::setenv("XDG_CONFIG_HOME", folder.path().c_str(), 1);
    ::unsetenv("DUBFARM_CA");
    ::unsetenv("DUBFARM_ROOTS");
    be("admin:*");
  }
  ~FarmVerbs() override {
    for (const char* name : {"DUBFARM_SERVER", "DUBFARM_TOKEN", "XDG_CONFIG_HOME", "DUBFARM_CA"}) ::unsetenv(name);
  }
  void be(const std::string& grants) { ::setenv("DUBFARM_TOKEN", farm.add("somebody", grants).c_str(), 1); }
  MixFolder folder;
  ScriptedFarm farm;
  std::unique_ptr<http::Server> server;
};

TEST_F(FarmVerbs, JobsListsThemNewestFirst) {
  const CommandResult listed = dubfarm({"jobs"});
  EXPECT_EQ(listed.status, 0);
  EXPECT_TRUE(listed.out.starts_with("JOB  STATE    PROGRESS  LEFT         PRIORITY  PROJECT  NAME\n"
                                     "4    queued   0.0 %                  50        film     The Long Night, trailer\n"
                                     "3    running  "))
      << listed.out;
  EXPECT_NE(listed.out.find("12 min 34 s  60        film     The Long Night, reel 1 to 5\n"
                            "2    done     100.0 %                50        series   Harbour 104\n"
                            "1    failed   30.0 %                 50        series   Harbour 103\n"),
            std::string::npos)
      << listed.out;
  EXPECT_EQ(Json::parse(dubfarm({"jobs", "--json", "--state", "done"}).out).at("jobs").size(), 1U);
}

TEST_F(FarmVerbs, ShowSaysWhatFailedAndWhy) {
  const CommandResult shown = dubfarm({"show", "1"});
  EXPECT_EQ(shown.status, 0);
  EXPECT_NE(shown.out.find("problem: {media}/harbour/103/dx_es.wav: is 44100 Hz, the mix is 48000\n  help: resample it, or set \"resample\": true\n"), std::string::npos) << shown.out;
  const CommandResult done = dubfarm({"show", "2"});
  EXPECT_NE(done.out.find("fail: es / web-stereo: The true peak is 0.6 dB above the limit.\n"), std::string::npos) << done.out;
}

TEST_F(FarmVerbs, CommandsSayWhatTheJobIsThen) {
  EXPECT_EQ(dubfarm({"pause", "3"}).out, "job 3 is paused, priority 60\n");
  EXPECT_EQ(dubfarm({"resume", "3"}).out, "job 3 is running, priority 60\n");
  EXPECT_EQ(dubfarm({"priority", "3", "80"}).out, "job 3 is running, priority 80\n");
  EXPECT_EQ(dubfarm({"cancel", "3"}).out, "job 3 is cancelled, priority 80\n");
  const CommandResult again = dubfarm({"cancel", "3"});
  EXPECT_EQ(again.status, 2);
  EXPECT_EQ(again.err, "error: job 3 is cancelled already\n");
  EXPECT_EQ(dubfarm({"drain", "stage-a"}).out, "worker stage-a is draining\n");
  EXPECT_EQ(dubfarm({"drain", "stage-a", "--undo"}).out, "worker stage-a is idle\n");
}

TEST_F(FarmVerbs, ExplainTakesAJobsNumber) {
  EXPECT_EQ(dubfarm({"explain", "4"}).out, "job 4 is queued\n  tag: no worker has the tag gpu\n  behind: job 3 has a higher priority\n");
}

TEST_F(FarmVerbs, LogsOfAJob) {
  EXPECT_EQ(dubfarm({"logs", "2"}).out, "2026-03-02T22:40:02.000Z INFO job=2 done\n");
  EXPECT_EQ(dubfarm({"logs", "--limit", "1"}).out, "2026-03-02T22:40:02.000Z INFO job=2 done\n");
}

TEST_F(FarmVerbs, SubmitNamesTheMixAsTheFarmKnowsIt) {
  const std::string mix = folder.text("film.mix.json", "{\"tracks\": []}\n");
  const CommandResult sent = dubfarm({"submit", mix, "--project", "film", "--root", "media=" + folder.path(), "--tag", "large", "--tag", "night"});
  EXPECT_EQ(sent.status, 0) << sent.err;
  EXPECT_EQ(sent.out, "job 5\n");
  ASSERT_EQ(farm.submitted().size(), 1U);
  EXPECT_EQ(farm.submitted()[0].folder, "{media}");
  EXPECT_EQ(farm.submitted()[0].out, "{out}/film");
  EXPECT_EQ(farm.submitted()[0].name, "film");
  EXPECT_EQ(farm.submitted()[0].mix, "{\"tracks\": []}\n");
  EXPECT_EQ(farm.submitted()[0].tags, (std::vector<std::string>{"large", "night"}));
  EXPECT_EQ(farm.submitted()[0].request_key.size(), 32U);
}

TEST_F(FarmVerbs, SubmitSaysWhatIsWrong) {
  const std::string mix = folder.text("film.mix.json", "{}\n");
  const CommandResult nowhere = dubfarm({"submit", mix, "--project", "film"});
  EXPECT_EQ(nowhere.status, 2);
  EXPECT_EQ(nowhere.err, "error: " + folder.path() + ": lies in no root of the farm\nhelp: the farm knows files by its roots: say which folder here is which with --root media=/mnt/media (or "
                         "DUBFARM_ROOTS), or name the mix's folder with --folder {media}/film\n");
  const CommandResult wrong = dubfarm({"submit", mix, "--project", "film", "--folder", "{media}/film"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_EQ(wrong.err, "error: the mix cannot be rendered: 2 mistakes\n  line 1, column 1: there is no \"tracks\"\n    help: a mix has tracks\n  line 2, column 5: no \"versions\"  (at /versions)\n");
  be("viewer:*");
  const CommandResult denied = dubfarm({"submit", mix, "--project", "film", "--folder", "{media}/film"});
  EXPECT_EQ(denied.status, 2);
  EXPECT_EQ(denied.err, "error: the token somebody has not the role submitter in the project film\nhelp: ask an admin of this farm for a token that has\n");
}

TEST_F(FarmVerbs, WatchEndsWithTheJob) {
  EXPECT_EQ(dubfarm({"watch", "2"}).status, 1);  // an output of it fails a check
  EXPECT_EQ(dubfarm({"watch", "1"}).status, 1);
  testing::Command watching({"watch", "4"});
  farm.change({http::Subject::Kind::job, "4"}, [](ScriptedFarm& f) { f.jobs_by_id[4].view.state = http::JobState::done; });
  EXPECT_EQ(watching.result().status, 0);
}

TEST_F(FarmVerbs, FetchBringsEveryFileAndChecksIt) {
  const std::string into = folder.path("fetched");
  const CommandResult fetched = dubfarm({"fetch", "2", "--out", into});
  EXPECT_EQ(fetched.status, 0) << fetched.err;
  EXPECT_EQ(text_of(into + "/en/tv-stereo.wav"), text_of(farm.out_folder() + "/series/en/tv-stereo.wav"));
  EXPECT_TRUE(fetched.out.ends_with("10 fetched, 0 there already, into " + into + "\n")) << fetched.out;
  EXPECT_TRUE(dubfarm({"fetch", "2", "--out", into}).out.ends_with("4 fetched, 6 there already, into " + into + "\n"));  // the report and its like have no sum, and come anew
}

TEST_F(FarmVerbs, FetchGoesOnWhereItStopped) {
  const std::string into = folder.path("fetched"), whole = text_of(farm.out_folder() + "/series/en/tv-stereo.wav");
  std::filesystem::create_directories(into + "/en");
  std::ofstream(into + "/en/tv-stereo.wav.part", std::ios::binary) << whole.substr(0, 50000);
  EXPECT_EQ(dubfarm({"fetch", "2", "--out", into, "--files", "en/tv*"}).status, 0);
  EXPECT_EQ(text_of(into + "/en/tv-stereo.wav"), whole);
  EXPECT_EQ(::access((into + "/en/tv-stereo.wav.part").c_str(), F_OK), -1);
}

TEST_F(FarmVerbs, FetchLeavesNothingUnderItsNameWhereTheSumIsAnother) {
  const std::string into = folder.path("fetched");
  std::string changed = text_of(farm.out_folder() + "/series/en/tv-stereo.wav");
  changed[5000] = static_cast<char>(changed[5000] ^ 1);
  farm.put_file("series/en/tv-stereo.wav", changed);
  const CommandResult fetched = dubfarm({"fetch", "2", "--out", into, "--files", "en/tv*"});
  EXPECT_EQ(fetched.status, 1);
  EXPECT_NE(fetched.err.find("; what was fetched is thrown away\nhelp: fetch again\n"), std::string::npos) << fetched.err;
  EXPECT_EQ(::access((into + "/en/tv-stereo.wav").c_str(), F_OK), -1);
  EXPECT_EQ(::access((into + "/en/tv-stereo.wav.part").c_str(), F_OK), -1);
}

TEST_F(FarmVerbs, WithoutATokenOrAFarmSayWhatToDo) {
  ::unsetenv("DUBFARM_TOKEN");
  const CommandResult without = dubfarm({"jobs"});
  EXPECT_EQ(without.status, 2);
  EXPECT_EQ(without.err, "error: no token for the farm\nhelp: put one into " + folder.path() + "/dubfarm/token (mode 600) or into DUBFARM_TOKEN; dubfarm tokens create makes it\n");
  const std::string file = folder.file("token", farm.add("a", "viewer:*") + "\n");
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  EXPECT_EQ(dubfarm({"jobs", "--token-file", file}).err, "error: " + file + ": others than its owner may read this token (mode 644)\nhelp: chmod 600 " + file + "\n");
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  EXPECT_EQ(dubfarm({"jobs", "--token-file", file}).status, 0);
  be("viewer:*");
  server.reset();
  const CommandResult unreachable = dubfarm({"jobs"});
  EXPECT_EQ(unreachable.status, 3);
  EXPECT_NE(unreachable.err.find("the scheduler cannot be reached (no connection)\nhelp: is it running, and is --server or DUBFARM_SERVER its address?\n"), std::string::npos) << unreachable.err;
  EXPECT_EQ(dubfarm({"jobs", "--server", "farm:7461"}).err, "error: \"farm:7461\" is not the address of a scheduler\nhelp: it looks like https://farm.example:7461\n");
}

TEST_F(FarmVerbs, TokensThroughTheApi) {
  const CommandResult made = dubfarm({"tokens", "create", "mixer", "--may", "submitter:film", "--expires", "30d"});
  EXPECT_EQ(made.status, 0) << made.err;
  ::setenv("DUBFARM_TOKEN", made.out.substr(0, made.out.size() - 1).c_str(), 1);
  EXPECT_EQ(Json::parse(dubfarm({"jobs", "--json"}).out).at("jobs").size(), 2U);
  be("admin:*");
  EXPECT_EQ(dubfarm({"tokens", "revoke", made.out.substr(4, 16)}).status, 0);
  EXPECT_NE(dubfarm({"tokens", "list"}).out.find("revoked"), std::string::npos);
  EXPECT_EQ(dubfarm({"tokens", "create", "x", "--expires", "soon"}).err, "error: --expires \"soon\": write a whole number and d, h, m or s, as in 30d; ten years at most\n");
}

TEST_F(FarmVerbs, TokensAndAuditOfAStateFolder) {
  const std::string state = folder.path("state");
  std::filesystem::create_directories(state);
  const CommandResult made = dubfarm({"tokens", "create", "admin", "--may", "admin:*", "--state", state});
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string id = made.out.substr(4, 16);
  EXPECT_NE(dubfarm({"tokens", "list", "--state", state}).out.find(id + "  admin  admin:*"), std::string::npos);
  EXPECT_EQ(dubfarm({"tokens", "revoke", id, "--state", state}).out, "token " + id + " is revoked\n");
  const CommandResult verified = dubfarm({"audit", "verify", "--state", state});
  EXPECT_EQ(verified.status, 0) << verified.err;
  EXPECT_TRUE(verified.out.starts_with("2 entries, none changed or taken out; the last has ")) << verified.out;
  EXPECT_EQ(dubfarm({"audit", "verify", "--state", folder.path("none")}).status, 2);
}

/// A certificate for 127.0.0.1 that signs itself, and its key.
void make_certificate(const std::string& certificate_path, const std::string& key_path) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_RSA_gen(2048), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_EXTENSION* const names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_add_ext(certificate.get(), names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  std::FILE* file = std::fopen(certificate_path.c_str(), "w");
  PEM_write_X509(file, certificate.get());
  std::fclose(file);
  file = std::fopen(key_path.c_str(), "w");
  ::fchmod(::fileno(file), 0600);
  PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
}

TEST_F(FarmVerbs, OverTlsTheCertificateIsChecked) {
  http::ServerOptions options;
  options.tls_certificate = folder.path("cert.pem");
  options.tls_key = folder.path("key.pem");
  make_certificate(options.tls_certificate, options.tls_key);
  const std::unique_ptr<http::Server> secure = http::Server::start(farm, options).value();
  const std::string address = "https://localhost:" + std::to_string(secure->port());
  EXPECT_EQ(dubfarm({"jobs", "--server", address, "--ca", options.tls_certificate}).status, 0);
  const CommandResult unknown = dubfarm({"jobs", "--server", address});
  EXPECT_EQ(unknown.status, 3);
  EXPECT_NE(unknown.err.find("its certificate is not one that this machine trusts\n"), std::string::npos) << unknown.err;
  EXPECT_EQ(dubfarm({"fetch", "2", "--out", folder.path("fetched"), "--server", address, "--ca", options.tls_certificate}).status, 0);
}

}  // namespace
}  // namespace dubfarm::cli
