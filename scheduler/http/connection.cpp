#include "scheduler/http/connection.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

namespace dubfarm::http {
namespace {

constexpr std::chrono::milliseconds kStopIsSeenWithin{200};

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void address_of(const sockaddr_storage& from, std::string& ip, int& port) {
  char text[INET6_ADDRSTRLEN] = "";
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    port = ntohs(v4.sin_port);
  } else if (from.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    port = ntohs(v6.sin6_port);
  }
  ip = text;
}

}  // namespace

Connection::Connection(int fd, SSL* ssl, const ConnectionLimits& limits, const std::atomic<bool>& stopping)
    : fd_(fd), ssl_(ssl), limits_(limits), stopping_(stopping) {}

Connection::Wait Connection::wait_for(short events, Clock::time_point deadline) const {
  for (;;) {
    if (stopping_) return Wait::stopped;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return Wait::timed_out;
    pollfd entry{fd_, events, 0};
    const int found = ::poll(&entry, 1, static_cast<int>(std::min(left, kStopIsSeenWithin).count()));
    if (found > 0) return Wait::ready;
    if (found < 0 && errno != EINTR) return Wait::timed_out;
  }
}

bool Connection::shake_hands() {
  if (ssl_ == nullptr) return true;
  const Clock::time_point deadline = Clock::now() + limits_.handshake;
  for (;;) {
    ERR_clear_error();
    const int done = SSL_accept(ssl_);
    if (done == 1) return true;
    const int why = SSL_get_error(ssl_, done);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return false;
    if (wait_for(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline) != Wait::ready) return false;
  }
}

ssize_t Connection::receive(char* into, std::size_t size, Clock::time_point deadline) {
  timed_out_ = false;
  for (;;) {
    short events = POLLIN;
    if (ssl_ != nullptr) {
      ERR_clear_error();
      const int got = SSL_read(ssl_, into, static_cast<int>(std::min<std::size_t>(size, 1 << 20)));
      if (got > 0) return got;
      const int why = SSL_get_error(ssl_, got);
      if (why == SSL_ERROR_ZERO_RETURN) return 0;
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return -1;
      if (why == SSL_ERROR_WANT_WRITE) events = POLLOUT;
    } else {
      const ssize_t got = ::recv(fd_, into, size, MSG_DONTWAIT);
      if (got >= 0) return got;
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    }
    const Wait waited = wait_for(events, deadline);
    if (waited == Wait::ready) continue;
    timed_out_ = waited == Wait::timed_out;
    return -1;
  }
}

Connection::Header Connection::read_header() {
  header_.clear();
  header_at_ = 0;
  body_left_ = 0;
  const Clock::time_point idle_until = Clock::now() + limits_.idle;
  std::optional<Clock::time_point> deadline;
  if (!buffered_.empty()) deadline = Clock::now() + limits_.header;
  std::size_t searched = 0;
  for (;;) {
    const std::size_t end = buffered_.find("\r\n\r\n", searched);
    if (end != std::string::npos) {
      header_ = buffered_.substr(0, end + 4);
      buffered_.erase(0, end + 4);
      return understand_header();
    }
    searched = buffered_.size() < 3 ? 0 : buffered_.size() - 3;
    if (buffered_.size() > limits_.header_bytes) return Header::too_large;
    char piece[4096];
    const ssize_t got = receive(piece, sizeof piece, deadline ? *deadline : idle_until);
    if (got <= 0) return got < 0 && timed_out_ && deadline ? Header::slow : Header::closed;
    if (!deadline) deadline = Clock::now() + limits_.header;
    buffered_.append(piece, static_cast<std::size_t>(got));
  }
}

/// Checks what the library would not, and gives it the header without what it is not to act on: it would ask a range's provider for bytes
/// beyond the end, and compress with the slowest setting of Brotli.
Connection::Header Connection::understand_header() {
  if (header_.size() > limits_.header_bytes) return Header::too_large;
  std::string kept;
  std::optional<std::uint64_t> length;
  std::size_t lines = 0;
  bool is_submission = false;
  for (std::size_t at = 0; at < header_.size();) {
    const std::size_t end = header_.find("\r\n", at);
    const std::string_view line(header_.data() + at, end - at);
    at = end + 2;
    if (line.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos) return Header::malformed;
    if (lines++ == 0) {
      is_submission = line.starts_with("POST /api/v1/jobs HTTP/") || line.starts_with("POST /api/v1/jobs?");
      kept.append(line).append("\r\n");
      continue;
    }
    if (lines > limits_.header_lines + 1) return Header::too_large;
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos || line.find_first_of(" \t") < colon) return Header::malformed;  // folded lines too
    const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    if (same_word(name, "transfer-encoding")) return Header::length_required;
    if (same_word(name, "content-encoding") && !same_word(value, "identity")) return Header::encoding_refused;
    if (same_word(name, "content-length")) {
      std::uint64_t number = 0;
      const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error == std::errc::result_out_of_range) return Header::body_too_large;
      if (error != std::errc{} || stop != value.data() + value.size() || length) return Header::malformed;
      length = number;
    }
    if (same_word(name, "accept-encoding") || same_word(name, "x-range")) continue;
    if (same_word(name, "range")) kept.append("X-Range: ").append(value).append("\r\n");
    else kept.append(line).append("\r\n");
  }
  body_left_ = length.value_or(0);
  if (body_left_ > (is_submission ? limits_.submit_bytes : limits_.body_bytes)) return Header::body_too_large;
  body_deadline_ = Clock::now() + limits_.body + std::chrono::seconds(body_left_ >> 16);
  header_ = kept + "\r\n";
  return Header::complete;
}

bool Connection::is_readable() const { return header_at_ < header_.size() || body_left_ > 0; }

bool Connection::is_writable() const {
  if (stopping_) return false;
  pollfd entry{fd_, POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) == 0;
}

ssize_t Connection::read(char* into, size_t size) {
  if (header_at_ < header_.size()) {
    const std::size_t count = std::min(size, header_.size() - header_at_);
    std::memcpy(into, header_.data() + header_at_, count);
    header_at_ += count;
    return static_cast<ssize_t>(count);
  }
  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size, body_left_));
  if (wanted == 0) return 0;
  ssize_t got = 0;
  if (!buffered_.empty()) {
    got = static_cast<ssize_t>(std::min(wanted, buffered_.size()));
    std::memcpy(into, buffered_.data(), static_cast<std::size_t>(got));
    buffered_.erase(0, static_cast<std::size_t>(got));
  } else {
    got = receive(into, wanted, body_deadline_);
  }
  if (got > 0) body_left_ -= static_cast<std::uint64_t>(got);
  return got;
}

ssize_t Connection::write(const char* bytes, size_t size) {
  std::size_t written = 0;
  while (written < size) {
    ssize_t put = -1;
    short events = POLLOUT;
    const std::size_t piece = std::min<std::size_t>(size - written, 1 << 20);
    if (ssl_ != nullptr) {
      ERR_clear_error();
      put = SSL_write(ssl_, bytes + written, static_cast<int>(piece));
      if (put <= 0) {
        const int why = SSL_get_error(ssl_, static_cast<int>(put));
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return -1;
        if (why == SSL_ERROR_WANT_READ) events = POLLIN;
        put = -1;
      }
    } else {
      put = ::send(fd_, bytes + written, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    }
    if (put > 0) {
      written += static_cast<std::size_t>(put);
      continue;
    }
    if (wait_for(events, Clock::now() + limits_.write_stall) != Wait::ready) return -1;
  }
  return static_cast<ssize_t>(written);
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&from), &length) == 0) address_of(from, ip, port);
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage at{};
  socklen_t length = sizeof at;
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &length) == 0) address_of(at, ip, port);
}

}  // namespace dubfarm::http
