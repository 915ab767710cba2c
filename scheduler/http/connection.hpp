// One client's connection, as cpp-httplib reads and writes it, with what that library leaves open: a deadline for the whole header and body
// instead of each read, a limit on both before anything is parsed, and TLS whose handshake has a deadline too.
#pragma once
#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace dubfarm::http {

struct ConnectionLimits {
  std::chrono::milliseconds handshake{10'000};
  std::chrono::milliseconds header{10'000};       // from its first byte to its last
  std::chrono::milliseconds idle{30'000};         // between requests
  std::chrono::milliseconds write_stall{30'000};  // nothing could be written
  std::chrono::milliseconds body{30'000};         // and a second more for every 64 KiB
  std::size_t header_bytes = 32 << 10;
  std::size_t header_lines = 100;
  std::size_t submit_bytes = std::size_t{64} << 20;  // body of POST /api/v1/jobs
  std::size_t body_bytes = std::size_t{64} << 10;    // of every other request
};

class Connection : public httplib::Stream {
 public:
  enum class Header {
    complete,
    closed,     // by the client, or by a stop, or idle too long: nothing to answer
    slow,       // 408
    malformed,  // 400
    too_large,  // 431
    body_too_large,     // 413
    length_required,    // 411: a body in chunks, whose size nothing limits
    encoding_refused,   // 415: a compressed body
  };

  /// @param ssl  null: no TLS. Owned by the caller, as is `fd`; both outlive the connection.
  Connection(int fd, SSL* ssl, const ConnectionLimits& limits, const std::atomic<bool>& stopping);

  /// @return whether the handshake ended well in time. Without TLS: true.
  bool shake_hands();
  /// Waits for the next request and reads its header.
  Header read_header();
  /// Nothing of the last request is left unread, so that another may follow.
  [[nodiscard]] bool is_request_consumed() const { return header_at_ == header_.size() && body_left_ == 0; }

  [[nodiscard]] bool is_readable() const override;
  /// Whether the client is still there.
  [[nodiscard]] bool is_writable() const override;
  ssize_t read(char* into, size_t size) override;
  ssize_t write(const char* bytes, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  [[nodiscard]] socket_t socket() const override { return fd_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Wait { ready, timed_out, stopped };
  [[nodiscard]] Wait wait_for(short events, Clock::time_point deadline) const;
  /// Some bytes; 0 at the end; -1 on an error or past the deadline, then `timed_out_` says which.
  ssize_t receive(char* into, std::size_t size, Clock::time_point deadline);
  Header understand_header();

  int fd_;
  SSL* ssl_;
  ConnectionLimits limits_;
  const std::atomic<bool>& stopping_;
  std::string buffered_;       // received, beyond what the requests before used
  std::string header_;         // of this request, as the library gets it
  std::size_t header_at_ = 0;
  std::uint64_t body_left_ = 0;
  Clock::time_point body_deadline_;
  bool timed_out_ = false;
};

}  // namespace dubfarm::http
