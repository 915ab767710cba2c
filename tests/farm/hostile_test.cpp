// Peers that are no workers of ours: nothing of what they send reaches the farm, and the others do not notice them.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <fstream>
#include <thread>
#include <zmq.hpp>

#include "common/descriptor.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/keys.hpp"
#include "common/wire/socket.hpp"
#include "tests/farm/farm_folder.hpp"
#include "tests/farm/null_farm.hpp"
#include "tests/farm/proxy.hpp"

namespace dubfarm::testing {
namespace {

using std::chrono::milliseconds;

class HostilePeers : public ::testing::Test {
 protected:
  HostilePeers() {
    reel_.write();
    farm_.start_scheduler();
    key_ = wire::read_worker_key(farm_.key_of("peer")).value();
  }
  zmq::socket_t peer(zmq::context_t& context) {
    zmq::socket_t socket(context, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvtimeo, 3000);
    socket.set(zmq::sockopt::curve_serverkey, key_.scheduler);
    socket.set(zmq::sockopt::curve_publickey, key_.pair.public_key);
    socket.set(zmq::sockopt::curve_secretkey, key_.pair.secret_key);
    socket.connect(farm_.endpoint);
    return socket;
  }
  static void send(zmq::socket_t& socket, std::vector<std::string> frames) {
    for (std::size_t i = 0; i < frames.size(); ++i) socket.send(zmq::buffer(frames[i]), i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }
  static wire::Envelope answer(zmq::socket_t& socket) {
    zmq::message_t frame;
    if (!socket.recv(frame)) return {};
    EXPECT_FALSE(frame.more()) << "a worker that loses its connection between two frames ends";
    return wire::decode(wire::bytes_of(frame)).envelope.value_or(wire::Envelope());
  }
  static wire::Envelope hello() {
    wire::Envelope envelope;
    envelope.mutable_hello()->set_protocol_low(wire::kProtocolLow);
    envelope.mutable_hello()->set_protocol_high(wire::kProtocolHigh);
    envelope.mutable_hello()->set_boot(7);
    envelope.mutable_hello()->set_slots(1);
    return envelope;
  }
  static void send(zmq::socket_t& socket, const wire::Envelope& envelope) {
    send(socket, {wire::encode(envelope)});
  }
  Reel reel_;
  FarmFolder farm_{reel_};
  wire::WorkerKey key_;
};

TEST_F(HostilePeers, OneThatDoesNotHoldTogetherIsToldSoAndThenHeardNoMore) {
  zmq::context_t context{1};
  zmq::socket_t socket = peer(context);
  send(socket, {"hello"});
  EXPECT_EQ(answer(socket).nak().message(), "the message has 5 bytes; its header alone has 24 in this protocol");
  send(socket, {"two", "frames"});
  EXPECT_EQ(answer(socket).nak().message(), "a message has one frame");
  send(socket, {"a", "b", "c", "d", "e"});
  EXPECT_EQ(answer(socket).nak().message(), "a message has one frame");
  send(socket, hello());
  EXPECT_EQ(answer(socket).body_case(), wire::Envelope::BODY_NOT_SET);
  EXPECT_TRUE(farm_.service().workers().empty());
  zmq::socket_t again = peer(context);
  send(again, hello());
  EXPECT_TRUE(answer(again).has_welcome());
}

TEST_F(HostilePeers, ASessionThatIsNotItsOwnIsOfNoUse) {
  zmq::context_t context{1};
  zmq::socket_t first = peer(context), second = peer(context);
  send(first, hello());
  const wire::Envelope welcome = answer(first);
  ASSERT_TRUE(welcome.has_welcome());
  wire::Envelope stolen;
  stolen.set_session(welcome.welcome().session());
  stolen.set_epoch(welcome.welcome().epoch());
  stolen.mutable_bye()->set_reason("not mine");
  send(second, stolen);
  EXPECT_EQ(answer(second).nak().code(), wire::kNakSession);
  stolen.set_epoch(welcome.welcome().epoch() + 1);  // its own session, of another scheduler
  send(first, stolen);
  EXPECT_EQ(answer(first).nak().code(), wire::kNakSession);
  ASSERT_EQ(farm_.service().workers().size(), 1u);
  EXPECT_NE(farm_.service().workers().front().state, http::WorkerState::lost);
}

TEST_F(HostilePeers, AnotherProtocolIsRefusedWithBothRanges) {
  zmq::context_t context{1};
  for (const std::uint32_t other : {wire::kProtocolLow - 1, wire::kProtocolHigh + 1}) {
    zmq::socket_t socket = peer(context);
    wire::Envelope envelope = hello();
    envelope.mutable_hello()->set_protocol_low(other);
    envelope.mutable_hello()->set_protocol_high(other);
    send(socket, envelope);
    const wire::Envelope nak = answer(socket);
    EXPECT_EQ(nak.nak().code(), wire::kNakVersion);
    EXPECT_EQ(nak.nak().message(), fmt::format("this scheduler speaks protocol 2 to 2, the worker {} to {}: use builds of one release", other, other));
  }
  zmq::socket_t socket = peer(context);  // one release on, and it still knows this one's
  wire::Envelope envelope = hello();
  envelope.mutable_hello()->set_protocol_high(wire::kProtocolHigh + 1);
  send(socket, envelope);
  const wire::Envelope welcome = answer(socket);
  ASSERT_TRUE(welcome.has_welcome());
  EXPECT_EQ(welcome.welcome().protocol(), wire::kProtocolHigh);
}

TEST_F(HostilePeers, AFrameBeyondTheLimitEndsItsConnection) {
  zmq::context_t context{1};
  zmq::socket_t first = peer(context), second = peer(context);
  send(first, hello());
  ASSERT_TRUE(answer(first).has_welcome());
  wire::Monitor monitor(context, first, "test.monitor");
  send(first, {std::string(wire::kMaxFrameBytes + 1, 'x')});
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool is_ended = false;
  while (!is_ended && std::chrono::steady_clock::now() < until) {
    const auto event = monitor.next();
    is_ended = event && event->what == ZMQ_EVENT_DISCONNECTED;
    if (!event) std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_TRUE(is_ended);
  send(second, hello());
  EXPECT_TRUE(answer(second).has_welcome());
}

TEST_F(HostilePeers, WithoutCurveNothingIsHeard) {
  zmq::context_t context{1};
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::rcvtimeo, 1500);
  socket.connect(farm_.endpoint);
  send(socket, hello());
  EXPECT_EQ(answer(socket).body_case(), wire::Envelope::BODY_NOT_SET);
  EXPECT_TRUE(farm_.service().workers().empty());
}

TEST(ThousandConnections, OfGarbageSilenceAndSlowHandshakesLeaveTheOthersAlone) {
  NullFarm farm;
  const farm::JobId job = farm.add_job(20);
  farm.start();
  const std::string status = fmt::format("/proc/{}/status", farm.scheduler().pid());
  const auto resident_kib = [&] {
    std::ifstream in(status);
    for (std::string line; std::getline(in, line);)
      if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    return 0L;
  };
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  ASSERT_GT(files.rlim_max, 2000u);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  const long before = resident_kib();
  std::vector<Descriptor> connections;
  const std::string greeting = std::string("\xff\0\0\0\0\0\0\0\1\x7f\3\1CURVE", 17) + std::string(47, '\0');
  for (int i = 0; i < 1000; ++i) {
    connections.push_back(connect_to(port_of(farm.endpoint)));
    ASSERT_TRUE(connections.back().is_open());
    const std::string bytes = i % 4 == 0 ? std::string("GET / HTTP/1.1\r\n\r\n") : i % 4 == 1 ? std::string(64, '\xff') : i % 4 == 2 ? greeting : std::string();
    if (!bytes.empty()) ::send(connections.back().get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  NullWorker& worker = farm.join("a");  // while they all wait
  ASSERT_TRUE(farm.wait_done()) << farm.log();
  EXPECT_EQ(worker.runs().size(), 22u);
  EXPECT_LT(resident_kib() - before, kMemoryFactor * 64 * 1024);
  for (const Descriptor& connection : connections) {  // and then each of them is ended
    timeval patience{10, 0};
    ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char bytes[512];
    ssize_t got = 1;
    while (got > 0) got = ::recv(connection.get(), bytes, sizeof bytes, 0);
    ASSERT_TRUE(got == 0 || errno == ECONNRESET) << "a connection that never shook hands is open after 10 s";
  }
  farm.kill();
  EXPECT_TRUE(NullFarm::is_done(farm.stored(), job));
}

}  // namespace
}  // namespace dubfarm::testing
