// Who may connect: the ZAP handler (RFC 27 of the ZeroMQ project). It must stand before the server's socket is bound, and the socket must ask for
// it: only with ZMQ_ZAP_ENFORCE_DOMAIN, a domain and this handler does libzmq 4.3.4 refuse whom nobody vouched for.
#pragma once
#include <atomic>
#include <thread>
#include <zmq.hpp>

#include "common/wire/keys.hpp"

namespace dubfarm::link {

inline constexpr const char* kZapDomain = "dubfarm";

/// Answers on a thread of its own, for all sockets of the context, until it is destroyed. Lets in those keys that the list allows; the User-Id of
/// their messages is the key, in Z85.
class ZapHandler {
 public:
  /// `allowed` outlives it.
  ZapHandler(zmq::context_t& context, wire::AllowList& allowed);
  ~ZapHandler();
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  void serve();
  zmq::socket_t socket_;
  wire::AllowList& allowed_;
  std::atomic<bool> is_over_{false};
  std::atomic<std::uint64_t> refused_{0};
  std::thread thread_;
};

}  // namespace dubfarm::link
