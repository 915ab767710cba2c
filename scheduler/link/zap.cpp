#include "scheduler/link/zap.hpp"

#include "common/wire/socket.hpp"

namespace dubfarm::link {

ZapHandler::ZapHandler(zmq::context_t& context, wire::AllowList& allowed) : socket_(context, zmq::socket_type::rep), allowed_(allowed) {
  socket_.set(zmq::sockopt::linger, 0);
  socket_.bind("inproc://zeromq.zap.01");
  thread_ = std::thread([this] { serve(); });
}

ZapHandler::~ZapHandler() {
  is_over_ = true;
  thread_.join();
}

void ZapHandler::serve() {
  constexpr std::size_t kFrames = 7;  // version, request, domain, address, identity, mechanism, the client's key
  while (!is_over_) {
    zmq_pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
    if (::zmq_poll(&item, 1, 200) <= 0) continue;
    const std::optional<wire::Received> request = wire::receive(socket_, kFrames);
    if (!request) continue;
    const auto text = [&](std::size_t i) { return i < request->frames.size() ? request->frames[i].to_string() : std::string(); };
    std::string key;
    if (!request->too_many && request->frames.size() == kFrames && text(0) == "1.0" && text(2) == kZapDomain && text(5) == "CURVE" && request->frames[6].size() == 32) {
      char z85[41];
      if (zmq_z85_encode(z85, static_cast<const std::uint8_t*>(request->frames[6].data()), 32) != nullptr && allowed_.name_of(z85)) key = z85;
    }
    if (key.empty()) ++refused_;
    const std::string reply[] = {"1.0", text(1), key.empty() ? "400" : "200", key.empty() ? "this key is not allowed" : "", key, ""};
    for (std::size_t i = 0; i < std::size(reply); ++i)
      socket_.send(zmq::buffer(reply[i]), i + 1 < std::size(reply) ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }
}

}  // namespace dubfarm::link
