#include "scheduler/http/event_hub.hpp"

namespace dubfarm::http {

void EventHub::changed(const Subject& subject) {
  const std::lock_guard lock(mutex_);
  const auto [at, is_new] = number_of_.try_emplace(subject, 0);
  if (!is_new) by_number_.erase(at->second);
  at->second = ++last_;
  by_number_.emplace(last_, subject);
  woken_.notify_all();
}

EventHub::Changes EventHub::since(std::uint64_t seen, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  woken_.wait_for(lock, patience, [&] { return closed_ || last_ > seen; });
  Changes changes{last_, {}};
  if (closed_) return changes;
  for (auto at = by_number_.upper_bound(seen); at != by_number_.end(); ++at) changes.subjects.push_back(at->second);
  return changes;
}

std::uint64_t EventHub::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void EventHub::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  woken_.notify_all();
}

bool EventHub::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

}  // namespace dubfarm::http
