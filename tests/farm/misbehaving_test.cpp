// Workers that lie, that die of a task, that speak another protocol, and a scheduler or worker that is stopped for a while.
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>
#include <zmq.hpp>

#include "common/wire/frame.hpp"
#include "common/wire/socket.hpp"
#include "tests/farm/farm_folder.hpp"
#include "tests/farm/null_farm.hpp"
#include "tests/farm/proxy.hpp"

namespace dubfarm::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Liar, IsFoundOutSetAsideWithTheReasonAndNothingOfItStays) {
  NullFarm farm;
  const farm::JobId job = farm.add_job(4000);  // more than are done until it is back
  farm.start({"--dead-after", "800"});
  Proxy proxy(farm.endpoint);
  const auto lie = [](const NullTask& task) {
    std::string digest = null_digest(task);
    digest[14] = 66;
    return digest;
  };
  NullWorker& liar = farm.join("liar", {.slots = 1, .work_ms = 100, .digest = lie}, proxy.endpoint());
  ASSERT_TRUE(eventually([&] { return liar.acknowledged().size() > 2; })) << liar.log();  // these are believed, for now
  proxy.is_stalled[Proxy::to_scheduler] = true;
  ASSERT_TRUE(eventually([&] { return farm.log().find("fell silent") != std::string::npos; })) << farm.log();
  for (const char* name : {"a", "b", "c"}) farm.join(name, {.slots = 1, .work_ms = 10, .digest = null_digest});
  ASSERT_TRUE(eventually([&] { return farm.workers[1]->acknowledged().size() > 8; })) << farm.log();  // what the liar held among them
  proxy.is_stalled[Proxy::to_scheduler] = false;  // and here are its late results
  proxy.drop();                                   // its next handshake need not wait for the last one's end
  ASSERT_TRUE(eventually([&] { return farm.log().find("worker.sick") != std::string::npos; })) << farm.log();
  std::this_thread::sleep_for(milliseconds(300));
  farm.kill();
  const std::string log = farm.log();
  const std::string line = log.substr(log.find("worker.sick"), log.find('\n', log.find("worker.sick")) - log.find("worker.sick"));
  EXPECT_NE(line.find("host=liar reason=\"its result of job 1, chunk "), std::string::npos) << line;
  EXPECT_NE(line.find("differs from what two others made\""), std::string::npos) << line;
  EXPECT_EQ(log.find("worker.sick", log.find("worker.sick") + 1), std::string::npos) << "one who told the truth is set aside too";
  const farm::Saved saved = farm.stored();
  ASSERT_FALSE(NullFarm::is_done(saved, job));
  for (const auto& [task, digest] : NullFarm::done(saved)) EXPECT_EQ(std::string(digest.begin(), digest.end()), null_digest(task)) << "chunk " << task.second << " is a lie still";
  for (const auto& worker : farm.workers) worker->work_ms = 0;
  farm.start();
  ASSERT_TRUE(farm.wait_done()) << farm.log();
}

TEST(Poison, KillsThreeWorkersAndThenFailsWithTheReason) {
  Reel reel;
  reel.write();
  FarmFolder farm(reel);
  farm.start_scheduler();
  const http::JobId job = farm.submit("film");
  int deaths = 0;
  while (deaths < 8 && !http::is_over(farm.service().job(job)->state)) {
    std::unique_ptr<Command> victim;
    {
      const FaultyFiles faulty("o:1:1000000:KILL:/steps.wav");  // a file that kills whoever opens it
      victim = farm.worker(fmt::format("victim-{}", deaths));
    }
    const bool is_dead = eventually([&] { return victim->ends_within(milliseconds(20)) || http::is_over(farm.service().job(job)->state); }, seconds(20));
    ASSERT_TRUE(is_dead) << farm.log();
    if (victim->ends_within(milliseconds(0))) ++deaths;
    const std::string gone = fmt::format("victim-{}", deaths - 1);
    eventually([&] {
      for (const http::WorkerView& worker : farm.service().workers())
        if (worker.name == gone) return worker.state == http::WorkerState::lost;
      return false;
    }, seconds(10));
  }
  const http::JobView view = *farm.service().job(job);
  ASSERT_EQ(view.state, http::JobState::failed) << farm.log();
  EXPECT_GE(deaths, 3);
  EXPECT_LE(deaths, 5);
  const std::string log = farm.log();
  EXPECT_NE(log.find("task.given_up"), std::string::npos);
  EXPECT_NE(log.find("3 workers died or fell silent while they ran chunk "), std::string::npos) << log;
  // Whoever comes with a sound file system, after a retry, does it.
  ASSERT_TRUE(farm.service().command(http::RetryJob{job}, {"tester", "127.0.0.1"}).ok());
  const auto sound = farm.worker("sound");
  EXPECT_EQ(farm.wait(job).state, http::JobState::done) << farm.log();
}

TEST(StoppedScheduler, TakesNobodyForDeadAndBeginsNothingAgain) {
  NullFarm farm;
  farm.add_job(40);
  farm.start({"--dead-after", "1000"});
  for (const char* name : {"a", "b"}) farm.join(name, {.slots = 1, .work_ms = 60, .digest = null_digest});
  ASSERT_TRUE(eventually([&] { return !farm.workers[0]->acknowledged().empty() && !farm.workers[1]->acknowledged().empty(); })) << farm.log();
  farm.scheduler().signal(SIGSTOP);
  std::this_thread::sleep_for(seconds(3));
  farm.scheduler().signal(SIGCONT);
  ASSERT_TRUE(farm.wait_done()) << farm.log();
  EXPECT_EQ(farm.log().find("fell silent"), std::string::npos) << farm.log();
  EXPECT_NE(farm.log().find("farm.late"), std::string::npos) << farm.log();
  for (const auto& worker : farm.workers)
    for (const auto& [task, times] : worker->runs()) EXPECT_EQ(times, 1);
  EXPECT_EQ(farm.workers[0]->runs().size() + farm.workers[1]->runs().size(), 42u);
}

TEST(SecondSignal, GivesBackWhatRunsAtOnce) {
  NullFarm farm;
  const farm::JobId job = farm.add_job(1);
  farm.start();
  NullWorker& slow = farm.join("slow", {.slots = 1, .work_ms = 600'000, .digest = null_digest});
  ASSERT_TRUE(eventually([&] { return !slow.runs().empty(); })) << slow.log();
  slow.signal();
  ASSERT_TRUE(eventually([&] { return slow.times_said("draining: asked to stop") == 1; }));
  slow.signal();
  EXPECT_EQ(slow.outcome().end, worker::LinkEnd::left) << slow.log();
  NullWorker& quick = farm.join("quick");
  ASSERT_TRUE(farm.wait_done()) << farm.log();
  EXPECT_EQ(quick.runs().size(), 3u);
  EXPECT_EQ(farm.log().find("fell silent"), std::string::npos) << "its lease was waited for";
  farm.kill();
  const farm::Saved saved = farm.stored();
  EXPECT_TRUE(NullFarm::is_done(saved, job));
  EXPECT_TRUE(saved.attempts.empty()) << "a release counts against somebody";
}

/// A scheduler of another release: it answers every Hello by Nak.
TEST(VersionSkew, AWorkerThatIsNotUnderstoodSaysWhatToDoAndEnds) {
  TemporaryFolder folder;
  const wire::KeyPair pair = wire::make_scheduler_key(folder / "keys").value();
  const wire::WorkerKey key = wire::read_worker_key(wire::make_worker_key(folder / "keys", "a", "").value()).value();
  zmq::context_t context{1};
  zmq::socket_t router(context, zmq::socket_type::router);
  router.set(zmq::sockopt::linger, 0);
  router.set(zmq::sockopt::rcvtimeo, 10'000);
  router.set(zmq::sockopt::curve_server, true);
  router.set(zmq::sockopt::curve_secretkey, pair.secret_key);
  router.bind("tcp://127.0.0.1:*");
  NullWorker worker(router.get(zmq::sockopt::last_endpoint), key, folder / "worker", {});
  zmq::message_t peer, frame;
  ASSERT_TRUE(router.recv(peer) && router.recv(frame));
  const wire::Decoded decoded = wire::decode(wire::bytes_of(frame));
  ASSERT_TRUE(decoded.envelope && decoded.envelope->has_hello());
  EXPECT_EQ(decoded.envelope->hello().protocol_low(), wire::kProtocolLow);
  wire::Envelope envelope;
  envelope.mutable_nak()->set_code(wire::kNakVersion);
  envelope.mutable_nak()->set_message("this scheduler speaks protocol 3 to 4, the worker 2 to 2: use builds of one release");
  router.send(peer, zmq::send_flags::sndmore);
  router.send(zmq::buffer(wire::encode(envelope)), zmq::send_flags::none);
  const worker::LinkOutcome outcome = worker.outcome();
  EXPECT_EQ(outcome.end, worker::LinkEnd::refused);
  EXPECT_EQ(outcome.reason, "this scheduler speaks protocol 3 to 4, the worker 2 to 2: use builds of one release");
}

}  // namespace
}  // namespace dubfarm::testing
