// Verified segments of blobs in memory, for whoever reads the same ones next: the outputs of a job have most of their stems in common.
#pragma once
#include <compare>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "common/program/program.hpp"
#include "common/units.hpp"

namespace dubfarm {

/// Threads: safe from many. What a caller holds stays valid, whatever is dropped meanwhile.
class SegmentCache {
 public:
  /// Frames of one channel that are checked, read and kept as one: 256 KiB of float32.
  static constexpr Frames kFrames = 65536;
  struct Name {
    program::Key key;
    int channel = 0;
    Frames index = 0;
    auto operator<=>(const Name&) const = default;
  };
  using Samples = std::shared_ptr<const float[]>;  // kFrames of them, or fewer in the last segment of a blob

  /// @param limit_bytes  what is kept, in whole segments; those that were not used for longest are dropped first.
  explicit SegmentCache(std::size_t limit_bytes) : limit_(limit_bytes / (kFrames * sizeof(float))) {}

  /// Null where it is not there.
  [[nodiscard]] Samples find(const Name& name);
  /// Keeps a segment that was verified. Where another thread was first, its copy stays.
  void keep(const Name& name, Samples samples);

 private:
  struct Entry {
    Name name;
    Samples samples;
  };
  const std::size_t limit_;
  std::mutex mutex_;  // guards what follows
  std::list<Entry> entries_;  // the last used first
  std::map<Name, std::list<Entry>::iterator> by_name_;
};

}  // namespace dubfarm
