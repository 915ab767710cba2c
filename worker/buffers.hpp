// Sample memory of one rendering thread: planar, 64-byte aligned, recycled from chunk to chunk so that pages are touched once.
#pragma once
#include <string.h>
#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include "common/units.hpp"

namespace dubfarm::worker {

/// Aligned, uninitialised memory that only grows; on huge pages where it is large and the system gives them: touched page by page, a long
/// chunk's buffers cost more than summing into them.
template <class T>
class Growing {
 public:
  /// Room for `count` values; what they hold is undefined.
  T* reserve(std::size_t count) {
    if (count > capacity_) {
      values_.reset();  // first, so that both never live at once
      std::size_t bytes = count * sizeof(T);
      const std::align_val_t align{bytes >= kHugePage ? kHugePage : kLine};
      if (bytes >= kHugePage) bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;  // to the end: a part of a huge page is 512 faults
      values_ = {static_cast<T*>(::operator new(bytes, align)), Free{align}};
      if (bytes >= kHugePage) (void)::madvise(values_.get(), bytes, MADV_HUGEPAGE);  // a hint: refused, it only costs time
      capacity_ = count;
    }
    return values_.get();
  }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  /// Overwrites it with zeros.
  void clear() {
    if (values_) ::explicit_bzero(values_.get(), capacity_ * sizeof(T));
  }

 private:
  static constexpr std::size_t kLine = 64, kHugePage = std::size_t{2} << 20;
  struct Free {
    std::align_val_t align{kLine};
    void operator()(T* p) const noexcept { ::operator delete(p, align); }
  };
  std::unique_ptr<T, Free> values_;
  std::size_t capacity_ = 0;
};

/// [channels][frames] of float; each channel starts on a 64-byte boundary. Borrowed from a BufferPool, given back on destruction.
class BufferPool;
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(memory_, other.memory_);
    std::swap(base_, other.base_);
    std::swap(channels_, other.channels_);
    std::swap(frames_, other.frames_);
    std::swap(stride_, other.stride_);
    return *this;
  }
  ~Buffer();
  [[nodiscard]] float* channel(int c) { return base_ + static_cast<std::size_t>(c) * stride_; }
  [[nodiscard]] const float* channel(int c) const { return base_ + static_cast<std::size_t>(c) * stride_; }
  [[nodiscard]] int channels() const { return channels_; }
  [[nodiscard]] Frames frames() const { return frames_; }
  /// Pointers to every channel, `offset` frames in.
  [[nodiscard]] std::vector<float*> pointers(Frames offset = 0) {
    std::vector<float*> p;
    for (int c = 0; c < channels_; ++c) p.push_back(channel(c) + offset);
    return p;
  }

 private:
  friend class BufferPool;
  BufferPool* pool_ = nullptr;
  std::unique_ptr<Growing<float>> memory_;
  float* base_ = nullptr;
  int channels_ = 0;
  Frames frames_ = 0;
  std::size_t stride_ = 0;
};

/// Not shared between threads; outlives its buffers.
class BufferPool {
 public:
  /// Contents are undefined.
  Buffer take(int channels, Frames frames) {
    Buffer b;
    b.pool_ = this;
    b.channels_ = channels;
    b.frames_ = frames;
    // A page and a line more than a multiple of 16 frames, so that channels do not collide in the cache's sets.
    b.stride_ = ((static_cast<std::size_t>(frames) + 15) / 16 + 5) * 16;
    const std::size_t size = b.stride_ * static_cast<std::size_t>(channels);
    // The smallest spare block that is large enough, else the largest, which then grows.
    std::size_t best = spare_.size();
    for (std::size_t i = 0; i < spare_.size(); ++i) {
      const auto capacity = [&](std::size_t k) { return spare_[k]->capacity(); };
      if (best == spare_.size() || (capacity(i) >= size ? capacity(best) < size || capacity(i) < capacity(best) : capacity(best) < capacity(i))) best = i;
    }
    if (best < spare_.size()) {
      b.memory_ = std::move(spare_[best]);
      spare_.erase(spare_.begin() + static_cast<std::ptrdiff_t>(best));
    } else {
      b.memory_ = std::make_unique<Growing<float>>();
    }
    b.base_ = b.memory_->reserve(size);
    return b;
  }
  /// Overwrites with zeros what is not in use.
  void clear() {
    for (const auto& memory : spare_) memory->clear();
  }

 private:
  friend class Buffer;
  std::vector<std::unique_ptr<Growing<float>>> spare_;
};

inline Buffer::~Buffer() {
  if (memory_) pool_->spare_.push_back(std::move(memory_));
}

}  // namespace dubfarm::worker
