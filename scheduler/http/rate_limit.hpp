// Token buckets by name: how often each client may ask. Memory is bounded whatever names come.
#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>

namespace dubfarm::http {

class RateLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// `burst` at once, then `per_second`. At most `names` are remembered; beyond that, those that are full again are forgotten, then all share one bucket.
  RateLimit(double per_second, double burst, std::size_t names = 4096) : per_second_(per_second), burst_(burst), names_(names) {}

  /// Takes one, if there is one. Threads: any.
  [[nodiscard]] bool take(const std::string& name, Time now);
  /// Whether there is one, without taking it.
  [[nodiscard]] bool has(const std::string& name, Time now);

 private:
  struct Bucket {
    double level = 0;
    Time filled;
  };
  Bucket& bucket(const std::string& name, Time now);

  double per_second_, burst_;
  std::size_t names_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

/// What clients are counted by: an IPv4 address, or the first 64 bits of an IPv6 address, of which one client has as many as it likes.
[[nodiscard]] std::string network_of(const std::string& address);

}  // namespace dubfarm::http
