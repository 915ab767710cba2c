// What both ends of the farm's connection have in common: sockets with limits, and messages read whole and sent whole.
#pragma once
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "common/result.hpp"
#include "common/wire/frame.hpp"

namespace dubfarm::wire {

/// Limits that hold for every socket of the farm: frames, handshakes, how long a close lingers.
void set_limits(zmq::socket_t& socket);

/// Frames of one message, at most `limit`; more are read and thrown away, and `too_many` says so.
struct Received {
  std::vector<zmq::message_t> frames;
  bool too_many = false;
};
/// Nothing where none waits. Never blocks.
[[nodiscard]] std::optional<Received> receive(zmq::socket_t& socket, std::size_t limit);

[[nodiscard]] inline std::span<const std::byte> bytes_of(const zmq::message_t& frame) {
  return {static_cast<const std::byte*>(frame.data()), frame.size()};
}

/// A socket's monitor: connections that are accepted or end, handshakes that succeed, and keys that are refused. Handshakes that fail otherwise are not
/// among its events: libzmq 4.3.4 says that also of a message that cannot be decrypted, by a call that overwrites the error it is about to act on. It then
/// keeps the connection, deaf, and at its next heartbeat ends the process (stream_engine_base.cpp, "!_io_error"): one flipped bit would do.
class Monitor {
 public:
  /// Begins to watch `socket`. @param name  of an inproc endpoint that is nobody else's.
  Monitor(zmq::context_t& context, zmq::socket_t& socket, const std::string& name);
  /// Ends the watch; `socket` must still be open.
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  struct Event {
    int what = 0;   // ZMQ_EVENT_...
    int value = 0;
    std::string address;
  };
  [[nodiscard]] std::optional<Event> next();
  [[nodiscard]] zmq::socket_t& socket() { return pair_; }

 private:
  void* watched_;
  zmq::socket_t pair_;
};

}  // namespace dubfarm::wire
