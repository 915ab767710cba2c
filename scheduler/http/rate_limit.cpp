#include "scheduler/http/rate_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace dubfarm::http {

RateLimit::Bucket& RateLimit::bucket(const std::string& name, Time now) {
  const auto level_at = [&](const Bucket& b) { return std::min(burst_, b.level + per_second_ * std::chrono::duration<double>(now - b.filled).count()); };
  auto found = buckets_.find(name);
  if (found == buckets_.end()) {
    if (buckets_.size() >= names_) std::erase_if(buckets_, [&](const auto& entry) { return !entry.first.empty() && level_at(entry.second) >= burst_; });
    found = buckets_.try_emplace(buckets_.size() < names_ ? name : std::string(), Bucket{burst_, now}).first;
  }
  found->second = {level_at(found->second), now};
  return found->second;
}

bool RateLimit::take(const std::string& name, Time now) {
  const std::lock_guard lock(mutex_);
  Bucket& b = bucket(name, now);
  if (b.level < 1) return false;
  b.level -= 1;
  return true;
}

bool RateLimit::has(const std::string& name, Time now) {
  const std::lock_guard lock(mutex_);
  return bucket(name, now).level >= 1;
}

std::string network_of(const std::string& address) {
  in6_addr v6{};
  if (::inet_pton(AF_INET6, address.c_str(), &v6) != 1) return address;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    char text[INET_ADDRSTRLEN] = "";
    return ::inet_ntop(AF_INET, &v6.s6_addr[12], text, sizeof text);
  }
  std::fill(std::begin(v6.s6_addr) + 8, std::end(v6.s6_addr), std::uint8_t{0});
  char text[INET6_ADDRSTRLEN] = "";
  return ::inet_ntop(AF_INET6, &v6, text, sizeof text);
}

}  // namespace dubfarm::http
