#include "tests/farm/proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace dubfarm::testing {
namespace {

constexpr std::size_t kMostQueued = 1 << 20;

sockaddr_in local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void at_once(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

int port_of(const std::string& endpoint) { return std::atoi(endpoint.substr(endpoint.rfind(':') + 1).c_str()); }

Descriptor connect_to(int port) {
  Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = local(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return Descriptor();
  at_once(fd.get());
  return fd;
}

Proxy::Proxy(const std::string& target) : target_port_(port_of(target)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_in address = local(0);
  socklen_t size = sizeof address;
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(listener_.get(), 64) != 0 ||
      ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("the proxy cannot listen");
  endpoint_ = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  thread_ = std::thread([this] { serve(); });
}

Proxy::~Proxy() {
  is_closing_ = true;
  thread_.join();
}

std::string Proxy::recorded() const {
  const std::lock_guard lock(mutex_);
  return recorded_;
}

/// Moves what it can. @return false: the connection is over.
bool Proxy::pump(Stream& stream, Way way, bool is_readable) {
  const int from = stream.side[way].get(), to = stream.side[1 - way].get();
  auto& queue = stream.queue[way];
  const auto now = Clock::now();
  if (is_readable && !stream.is_over[way]) {
    std::string bytes(slice, '\0');
    const ssize_t got = ::recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) stream.is_over[way] = true;
    if (got > 0) {
      bytes.resize(static_cast<std::size_t>(got));
      if (flips_next[way].exchange(false)) bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
      if (way == to_scheduler && stream.is_first) {
        const std::lock_guard lock(mutex_);
        recorded_ += bytes;
      }
      const int late = delay_ms + (jitter_ms > 0 ? static_cast<int>(random_() % static_cast<unsigned>(jitter_ms)) : 0);
      const auto due = now + std::chrono::milliseconds(late);
      queue.push_back({queue.empty() ? due : std::max(due, queue.back().due), std::move(bytes)});  // a stream keeps its order
    }
  }
  while (!queue.empty() && queue.front().due <= now) {
    std::string& bytes = queue.front().bytes;
    const ssize_t put = ::send(to, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN;
    if (way == to_scheduler) stream.sent += put;
    bytes.erase(0, static_cast<std::size_t>(put));
    if (!bytes.empty()) break;
    queue.pop_front();
  }
  if (reset_after >= 0 && stream.sent >= reset_after) return false;
  return !(stream.is_over[way] && queue.empty());
}

void Proxy::serve() {
  while (!is_closing_) {
    std::vector<pollfd> items = {{listener_.get(), POLLIN, 0}};
    for (Stream& stream : streams_)
      for (const Way way : {to_scheduler, to_worker}) {
        std::size_t queued = 0;
        for (const Piece& piece : stream.queue[way]) queued += piece.bytes.size();
        items.push_back({is_stalled[way] || queued > kMostQueued || stream.is_over[way] ? -1 : stream.side[way].get(), POLLIN, 0});
      }
    ::poll(items.data(), items.size(), 2);
    if (drops_.exchange(false)) {
      streams_.clear();
      continue;
    }
    std::size_t item = 1;
    for (auto stream = streams_.begin(); stream != streams_.end();) {
      bool is_alive = true;
      for (const Way way : {to_scheduler, to_worker}) {
        const bool is_readable = items[item++].revents != 0;
        if (!is_stalled[way]) is_alive = pump(*stream, way, is_readable) && is_alive;
      }
      if (is_alive) {
        ++stream;
        continue;
      }
      const linger reset{1, 0};  // RST, not an orderly end
      for (Descriptor& side : stream->side) ::setsockopt(side.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      stream = streams_.erase(stream);
    }
    if (items[0].revents == 0) continue;
    Descriptor worker(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    Descriptor scheduler = connect_to(target_port_);
    if (!worker.is_open() || !scheduler.is_open()) continue;
    at_once(worker.get());
    Stream& stream = streams_.emplace_back();
    stream.is_first = connections++ == 0;
    stream.side[to_scheduler] = std::move(worker);
    stream.side[to_worker] = std::move(scheduler);
  }
}

}  // namespace dubfarm::testing
