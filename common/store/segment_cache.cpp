#include "common/store/segment_cache.hpp"

#include <iterator>

namespace dubfarm {

SegmentCache::Samples SegmentCache::find(const Name& name) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->samples;
}

SegmentCache::Samples SegmentCache::memory() {
  {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= limit_)
      for (auto oldest = entries_.rbegin(); oldest != entries_.rend(); ++oldest) {
        if (oldest->samples.use_count() > 1) continue;  // somebody reads it
        Samples samples = std::move(oldest->samples);
        by_name_.erase(oldest->name);
        entries_.erase(std::next(oldest).base());
        return samples;
      }
  }
  return std::make_shared_for_overwrite<float[]>(static_cast<std::size_t>(kFrames));
}

void SegmentCache::keep(const Name& name, Samples samples) {
  const std::lock_guard lock(mutex_);
  if (limit_ == 0 || by_name_.contains(name)) return;
  entries_.push_front({name, std::move(samples)});
  by_name_[name] = entries_.begin();
}

}  // namespace dubfarm
