#include "common/store/segment_cache.hpp"

namespace dubfarm {

SegmentCache::Samples SegmentCache::find(const Name& name) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->samples;
}

void SegmentCache::keep(const Name& name, Samples samples) {
  const std::lock_guard lock(mutex_);
  if (limit_ == 0 || by_name_.contains(name)) return;
  entries_.push_front({name, std::move(samples)});
  by_name_[name] = entries_.begin();
  if (entries_.size() <= limit_) return;
  by_name_.erase(entries_.back().name);
  entries_.pop_back();
}

}  // namespace dubfarm
