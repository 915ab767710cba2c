// A TCP proxy between a worker and its scheduler, which does to their streams what networks do. It cannot lose, double or reorder single messages: CURVE would
// notice; that is the simulation's part (tests/sim).
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "common/descriptor.hpp"

namespace dubfarm::testing {

class Proxy {
 public:
  enum Way : std::size_t { to_scheduler, to_worker };
  /// @param target  "tcp://127.0.0.1:7460"
  explicit Proxy(const std::string& target);
  ~Proxy();
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

  std::atomic<bool> is_stalled[2] = {false, false};  // nothing gets through that way, and nobody is told
  std::atomic<int> delay_ms{0}, jitter_ms{0};        // of every piece, either way
  std::atomic<std::size_t> slice{16384};             // bytes a piece
  std::atomic<std::int64_t> reset_after{-1};         // connections are reset after so many bytes to the scheduler; -1: never
  std::atomic<bool> flips_next[2] = {false, false};  // one bit of the next piece that way
  std::atomic<int> connections{0};                   // so far
  /// Ends every connection.
  void drop() { drops_ = true; }
  /// What the first connection said to the scheduler, as it was sent.
  [[nodiscard]] std::string recorded() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Piece {
    Clock::time_point due;
    std::string bytes;
  };
  struct Stream {
    Descriptor side[2];         // [to_scheduler] reads from the worker, [to_worker] from the scheduler
    std::deque<Piece> queue[2];
    bool is_over[2] = {false, false};  // nothing more comes from there
    std::int64_t sent = 0;      // to the scheduler
    bool is_first = false;
  };
  void serve();
  bool pump(Stream& stream, Way way, bool is_readable);
  std::string endpoint_;
  int target_port_ = 0;
  Descriptor listener_;
  std::atomic<bool> drops_{false}, is_closing_{false};
  mutable std::mutex mutex_;
  std::string recorded_;
  std::minstd_rand random_{1};
  std::list<Stream> streams_;
  std::thread thread_;
};

/// A connection to a port of this machine.
[[nodiscard]] Descriptor connect_to(int port);
[[nodiscard]] int port_of(const std::string& endpoint);

}  // namespace dubfarm::testing
