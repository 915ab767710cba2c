#include "common/wire/socket.hpp"

#include <cstring>

namespace dubfarm::wire {

void set_limits(zmq::socket_t& socket) {
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMaxFrameBytes));
  socket.set(zmq::sockopt::handshake_ivl, 5000);
  socket.set(zmq::sockopt::linger, 1000);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, 30);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, 10);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, 3);
}

std::optional<Received> receive(zmq::socket_t& socket, std::size_t limit) {
  Received received;
  bool more = true;
  while (more) {
    zmq::message_t frame;
    if (!socket.recv(frame, zmq::recv_flags::dontwait)) return std::nullopt;  // a message is there whole or not at all
    more = frame.more();
    if (received.frames.size() < limit) received.frames.push_back(std::move(frame));
    else received.too_many = true;
  }
  return received;
}

Monitor::Monitor(zmq::context_t& context, zmq::socket_t& socket, const std::string& name)
    : watched_(socket.handle()), pair_(context, zmq::socket_type::pair) {
  const std::string endpoint = "inproc://" + name;
  constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
  if (zmq_socket_monitor(socket.handle(), endpoint.c_str(), kEvents) != 0) throw zmq::error_t();
  pair_.set(zmq::sockopt::linger, 0);
  pair_.connect(endpoint);
}

Monitor::~Monitor() { zmq_socket_monitor(watched_, nullptr, 0); }

std::optional<Monitor::Event> Monitor::next() {
  const std::optional<Received> received = receive(pair_, 2);
  if (!received || received->frames.size() != 2 || received->frames[0].size() < 6) return std::nullopt;
  std::uint16_t what = 0;
  std::int32_t value = 0;
  std::memcpy(&what, received->frames[0].data(), sizeof what);
  std::memcpy(&value, static_cast<const char*>(received->frames[0].data()) + sizeof what, sizeof value);
  return Event{what, value, received->frames[1].to_string()};
}

}  // namespace dubfarm::wire
