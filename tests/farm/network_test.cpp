// What networks do to the connection of a worker: it breaks, hangs either way, crawls, carries garbage, or is replayed by somebody else.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "tests/farm/farm_folder.hpp"
#include "tests/farm/null_farm.hpp"
#include "tests/farm/proxy.hpp"

namespace dubfarm::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The job is done, with the right digests, and everybody knows; nothing was held against anybody.
void expect_sound(NullFarm& farm, farm::JobId job, std::uint32_t chunks) {
  ASSERT_TRUE(farm.wait_done()) << farm.log();
  EXPECT_TRUE(eventually([&] {
    std::set<NullTask> all;
    for (const auto& worker : farm.workers) all.merge(worker->acknowledged());
    return all.size() == chunks + 2;
  }));
  EXPECT_EQ(farm.log().find("task.disagreed"), std::string::npos);
  EXPECT_EQ(farm.log().find("task.failed"), std::string::npos);
  farm.kill();
  EXPECT_TRUE(NullFarm::is_done(farm.stored(), job));
  EXPECT_TRUE(farm.stored().leases.empty());
}

TEST(Network, ConnectionsThatAreResetAnywhereLoseNothing) {
  NullFarm farm;
  constexpr std::uint32_t kChunks = 400;
  const farm::JobId job = farm.add_job(kChunks);
  farm.start();
  Proxy proxy(farm.endpoint);
  NullWorker& worker = farm.join("a", {.slots = 2, .work_ms = 4, .digest = null_digest}, proxy.endpoint());
  ASSERT_TRUE(eventually([&] { return !worker.acknowledged().empty(); })) << worker.log();
  // In the greeting (64 bytes), in CURVE's handshake (up to about 700), in Hello, and amid messages.
  for (const std::int64_t bytes : {1, 63, 300, 700, 1200}) {
    proxy.reset_after = bytes;
    const int before = proxy.connections;
    if (!eventually([&] { return proxy.connections > before; }, seconds(2))) continue;  // so little is said that it was not met
    std::this_thread::sleep_for(milliseconds(20));
  }
  proxy.reset_after = -1;
  for (int i = 0; i < 3; ++i) {
    const std::size_t before = worker.acknowledged().size();
    eventually([&] { return worker.acknowledged().size() > before; }, seconds(5));
    proxy.drop();
  }
  EXPECT_GT(proxy.connections, 6);
  expect_sound(farm, job, kChunks);
}

TEST(Network, AWorkerFarAwayIsNotTakenForDead) {
  NullFarm farm;
  const farm::JobId job = farm.add_job(6);
  farm.start({"--dead-after", "2000"});
  Proxy proxy(farm.endpoint);
  proxy.delay_ms = 150;
  proxy.jitter_ms = 200;
  proxy.slice = 1;  // byte by byte
  farm.join("a", {.slots = 2, .work_ms = 1, .digest = null_digest}, proxy.endpoint());
  ASSERT_TRUE(farm.wait_done()) << farm.log();
  EXPECT_EQ(farm.log().find("fell silent"), std::string::npos) << farm.log();
  EXPECT_EQ(farm.workers[0]->times_said("welcome"), 1u) << farm.workers[0]->log();
  expect_sound(farm, job, 6);
}

class Partition : public ::testing::TestWithParam<Proxy::Way> {};

TEST_P(Partition, CostsNothingButTime) {
  NullFarm farm;
  constexpr std::uint32_t kChunks = 60;
  const farm::JobId job = farm.add_job(kChunks);
  farm.start({"--dead-after", "1000"});
  Proxy proxy(farm.endpoint);
  NullWorker& cut_off = farm.join("cut-off", {.slots = 1, .work_ms = 50, .digest = null_digest}, proxy.endpoint());
  ASSERT_TRUE(eventually([&] { return cut_off.acknowledged().size() > 2; })) << cut_off.log();
  proxy.is_stalled[GetParam()] = true;
  // Either the scheduler hears nothing more, or the worker does; and nobody closes the connection.
  if (GetParam() == Proxy::to_scheduler) {
    ASSERT_TRUE(eventually([&] { return farm.log().find("fell silent") != std::string::npos; }, seconds(10))) << farm.log();
  } else {
    ASSERT_TRUE(eventually([&] { return cut_off.times_said("scheduler lost: it has been silent") > 0; }, seconds(10))) << cut_off.log();
  }
  NullWorker& other = farm.join("other", {.slots = 1, .work_ms = 10, .digest = null_digest});
  ASSERT_TRUE(eventually([&] { return other.acknowledged().size() > 5; })) << farm.log();
  proxy.is_stalled[GetParam()] = false;
  proxy.drop();  // its next handshake need not wait for the last one's end
  EXPECT_TRUE(eventually([&] { return cut_off.times_said("welcome") > 1; })) << cut_off.log();
  expect_sound(farm, job, kChunks);
}
INSTANTIATE_TEST_SUITE_P(EitherWay, Partition, ::testing::Values(Proxy::to_scheduler, Proxy::to_worker),
                         [](const auto& way) { return way.param == Proxy::to_scheduler ? "ToScheduler" : "ToWorker"; });

TEST(Network, GarbageInTheStreamIsSeenAndCostsAConnection) {
  NullFarm farm;
  constexpr std::uint32_t kChunks = 300;
  const farm::JobId job = farm.add_job(kChunks);
  farm.start({"--dead-after", "1000"});  // a bit that flips in a length is seen by the silence that follows
  Proxy proxy(farm.endpoint);
  NullWorker& worker = farm.join("a", {.slots = 2, .work_ms = 3, .digest = null_digest}, proxy.endpoint());
  ASSERT_TRUE(eventually([&] { return worker.acknowledged().size() > 2; })) << worker.log();
  std::size_t seen = 0;
  for (int i = 0; i < 12 && seen < 5; ++i) {  // a few bits mean nothing: ZMTP has reserved ones
    const std::size_t welcomes = worker.times_said("welcome");
    proxy.flips_next[i % 2] = true;
    seen += eventually([&] { return worker.times_said("welcome") > welcomes; }, seconds(i % 2 == 0 ? 4 : 6));
  }
  EXPECT_EQ(seen, 5u) << worker.log() << farm.log();
  expect_sound(farm, job, kChunks);
}

TEST(Network, WhatWasOverheardIsOfNoUse) {
  Reel reel;
  reel.write();
  FarmFolder farm(reel);
  farm.start_scheduler();
  const auto figure = [&](const std::string& name) {
    for (const http::Metric& metric : farm.service().metrics())
      if (metric.name == name) return metric.value;
    return -1.0;
  };
  Proxy proxy(farm.endpoint);
  {
    const wire::WorkerKey key = wire::read_worker_key(farm.key_of("a")).value();
    NullWorker worker(proxy.endpoint(), key, farm.folder / "worker-a", {});
    ASSERT_TRUE(eventually([&] { return worker.times_said("welcome") == 1; })) << worker.log();
    std::this_thread::sleep_for(milliseconds(500));  // a few pings more
  }
  ASSERT_TRUE(eventually([&] { return farm.service().workers().at(0).state == http::WorkerState::lost; }));
  const std::string overheard = proxy.recorded();
  ASSERT_GT(overheard.size(), 700u);
  const double messages = figure("dubfarm_messages_received_total");
  ASSERT_GE(messages, 3);  // Hello, Want, Ping
  for (int i = 0; i < 3; ++i) {
    const Descriptor line = connect_to(port_of(farm.endpoint));
    std::string answer(8192, '\0');
    for (std::size_t at = 0; at < overheard.size(); at += 100) {  // as slowly as it was said
      if (::send(line.get(), overheard.data() + at, std::min<std::size_t>(100, overheard.size() - at), MSG_NOSIGNAL) < 0) break;
      std::this_thread::sleep_for(milliseconds(2));
    }
    timeval patience{10, 0};
    ::setsockopt(line.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t got = 1;
    while (got > 0) got = ::recv(line.get(), answer.data(), answer.size(), 0);
    EXPECT_TRUE(got == 0 || errno == ECONNRESET) << "the connection was not ended";
  }
  EXPECT_EQ(figure("dubfarm_messages_received_total"), messages);
  EXPECT_EQ(farm.service().workers().size(), 1u);
  EXPECT_EQ(farm.service().workers().at(0).state, http::WorkerState::lost);
}

TEST(Network, WorkersThatComeAndGoLeaveNothingBehind) {
  NullFarm farm;
  farm.start();
  const std::string process = fmt::format("/proc/{}", farm.scheduler().pid());
  const auto resident_kib = [&] {
    std::ifstream status(process + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    return 0L;
  };
  const auto descriptors = [&] {
    const std::filesystem::directory_iterator list(process + "/fd");
    return std::distance(begin(list), end(list));
  };
  Proxy proxy(farm.endpoint);
  constexpr int kWorkers = 12;
  for (int i = 0; i < kWorkers; ++i) farm.join(fmt::format("w{}", i), {}, proxy.endpoint());
  const auto flap = [&](int sessions) {
    const int before = proxy.connections;
    ASSERT_TRUE(eventually([&] {
      if (proxy.connections < before + sessions) proxy.drop();
      std::this_thread::sleep_for(milliseconds(150));
      return proxy.connections >= before + sessions;
    }, seconds(60)));
  };
  const auto rested = [&] { return eventually([&] { return descriptors() < 40 + 2 * kWorkers; }, seconds(10)); };
  flap(24);  // whatever is made once is there
  const long before = resident_kib();
  flap(72);
  EXPECT_LT(resident_kib() - before, kMemoryFactor * 8 * 1024) << "KiB more after 72 connections";
  EXPECT_TRUE(rested()) << descriptors() << " descriptors are open";
  farm.workers.clear();
}

}  // namespace
}  // namespace dubfarm::testing
