// Peers that are no workers of ours: nothing of what they send reaches the farm, and the others do not notice them.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>
#include <zmq.hpp>

#include "common/descriptor.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/keys.hpp"
#include "common/wire/socket.hpp"
#include "tests/farm/farm_folder.hpp"

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
    zmq::message_t header, body;
    if (!socket.recv(header) || !socket.recv(body)) return {};
    return wire::decode(wire::bytes_of(header), wire::bytes_of(body)).envelope.value_or(wire::Envelope());
  }
  static wire::Envelope hello() {
    wire::Envelope envelope;
    envelope.mutable_hello()->set_protocol_low(1);
    envelope.mutable_hello()->set_protocol_high(1);
    envelope.mutable_hello()->set_boot(7);
    envelope.mutable_hello()->set_slots(1);
    return envelope;
  }
  static void send(zmq::socket_t& socket, const wire::Envelope& envelope) {
    const wire::Message message = wire::encode(envelope);
    send(socket, {message.header, message.body});
  }
  Reel reel_;
  FarmFolder farm_{reel_};
  wire::WorkerKey key_;
};

TEST_F(HostilePeers, OneThatDoesNotHoldTogetherIsToldSoAndThenHeardNoMore) {
  zmq::context_t context{1};
  zmq::socket_t socket = peer(context);
  send(socket, {"hello", "world"});
  EXPECT_EQ(answer(socket).nak().message(), "the header has 5 bytes; it has 24 in this protocol");
  send(socket, {"one frame"});
  EXPECT_EQ(answer(socket).nak().message(), "a message has two frames");
  send(socket, {"a", "b", "c", "d", "e"});
  EXPECT_EQ(answer(socket).nak().message(), "a message has two frames");
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

TEST_F(HostilePeers, ANewerProtocolIsRefusedWithBothRanges) {
  zmq::context_t context{1};
  zmq::socket_t socket = peer(context);
  wire::Envelope envelope = hello();
  envelope.mutable_hello()->set_protocol_low(5);
  envelope.mutable_hello()->set_protocol_high(6);
  send(socket, envelope);
  const wire::Envelope nak = answer(socket);
  EXPECT_EQ(nak.nak().code(), wire::kNakVersion);
  EXPECT_EQ(nak.nak().message(), "this scheduler speaks protocol 1 to 1, the worker 5 to 6: use builds of one release");
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

TEST_F(HostilePeers, GarbageAndSilenceOnManyConnectionsLeaveTheOthersAlone) {
  const int port = std::stoi(farm_.endpoint.substr(farm_.endpoint.rfind(':') + 1));
  std::vector<Descriptor> connections;
  for (int i = 0; i < 300; ++i) {
    Descriptor& connection = connections.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const std::string bytes = i % 3 == 0 ? std::string("GET / HTTP/1.1\r\n\r\n") : i % 3 == 1 ? std::string(64, '\xff') : std::string();  // a third says nothing
    if (!bytes.empty()) ::send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  zmq::context_t context{1};
  zmq::socket_t socket = peer(context);
  send(socket, hello());
  EXPECT_TRUE(answer(socket).has_welcome());
}

}  // namespace
}  // namespace dubfarm::testing
