// A device as the renderer sees it: memory from one pool with a limit, streams, page-locked staging slots, events. On an NVIDIA GPU through
// the CUDA module; in the tests through a module that runs the same kernels in host memory.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "common/result.hpp"
#include "kernels/device/module.hpp"

namespace dubfarm::kernels {

class Device;

/// Device memory, given back to the device's pool on destruction: only after the stream that uses it has passed (Stream::synchronize).
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(DeviceMemory&& other) noexcept { *this = std::move(other); }
  DeviceMemory& operator=(DeviceMemory&& other) noexcept;
  ~DeviceMemory();
  [[nodiscard]] void* get() const { return memory_; }
  template <class T>
  [[nodiscard]] T* as() const { return static_cast<T*>(memory_); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  explicit operator bool() const { return memory_ != nullptr; }

 private:
  friend class Device;
  Device* device_ = nullptr;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;  // of the block, which may be larger than what was asked for
};

/// Page-locked host memory of one size, borrowed from the device's slots.
class PinnedSlot {
 public:
  PinnedSlot() = default;
  PinnedSlot(PinnedSlot&& other) noexcept { *this = std::move(other); }
  PinnedSlot& operator=(PinnedSlot&& other) noexcept;
  ~PinnedSlot();
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  friend class Device;
  Device* device_ = nullptr;
  std::span<std::byte> bytes_;
};

/// What is put on it runs in order; nothing here but synchronize() waits. One thread at a time.
class Stream {
 public:
  Stream() = default;
  Stream(Stream&& other) noexcept { *this = std::move(other); }
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();
  /// Host memory must stay as it is, and alive, until the stream has passed.
  [[nodiscard]] Result<void> copy_up(void* device, const void* host, std::size_t bytes) const;
  [[nodiscard]] Result<void> copy_down(void* host, const void* device, std::size_t bytes) const;
  /// Both on the device; they do not overlap.
  [[nodiscard]] Result<void> copy_within(void* to, const void* from, std::size_t bytes) const;
  [[nodiscard]] Result<void> fill(void* device, int byte, std::size_t bytes) const;
  /// Waits for everything on it. Errors: Errc::backend_not_built where something on it failed.
  [[nodiscard]] Result<void> synchronize() const;
  /// As the module's kernels take it.
  [[nodiscard]] void* get() const { return stream_; }

 private:
  friend class Device;
  friend class Event;
  Device* device_ = nullptr;
  void* stream_ = nullptr;
};

/// A point on a stream.
class Event {
 public:
  Event() = default;
  Event(Event&& other) noexcept { *this = std::move(other); }
  Event& operator=(Event&& other) noexcept;
  ~Event();
  [[nodiscard]] Result<void> record(const Stream& stream) const;
  /// The stream goes on after this point of the other one.
  [[nodiscard]] Result<void> hold(const Stream& stream) const;
  /// This thread waits for it. Errors: Errc::backend_not_built.
  [[nodiscard]] Result<void> wait() const;
  /// Milliseconds from one recorded and passed event to another.
  [[nodiscard]] static Result<double> elapsed_ms(const Event& from, const Event& to);

 private:
  friend class Device;
  Device* device_ = nullptr;
  void* event_ = nullptr;
};

/// One device and what this process holds of it. Threads: safe from many. Outlives everything that it gave out.
class Device {
 public:
  struct Options {
    int device = 0;
    std::uint64_t memory_limit = 0;                        // bytes of device memory, in use and at hand together
    std::size_t slot_bytes = std::size_t{8} << 20;         // of one pinned slot
    int slots = 4;                                         // at most so many
  };
  /// Errors: Errc::backend_not_built where there is no such device.
  [[nodiscard]] static Result<std::unique_ptr<Device>> open(const DeviceModule& module, const Options& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  /// At least `bytes` of the device's memory, with undefined contents (of this project at most: see forget()).
  /// Errors: Errc::no_space where the limit or the device itself does not allow it, even after all memory at hand was released.
  [[nodiscard]] Result<DeviceMemory> allocate(std::size_t bytes);
  /// Waits until a slot is free.
  [[nodiscard]] Result<PinnedSlot> take_slot();
  [[nodiscard]] Result<Stream> create_stream();
  [[nodiscard]] Result<Event> create_event();

  /// Overwrites all memory that is not in use, on the device and in the slots, with zeros, and gives it back: between one project and the next.
  /// Memory in use stays as it is.
  void forget();

  /// Waits until `bytes` of the limit are set aside for the caller, who gives them back with give_back(): several renders side by side
  /// then do not run out of memory half-way. A wish above the whole limit is granted when nobody else has any set aside.
  void set_aside(std::uint64_t bytes);
  void give_back(std::uint64_t bytes);

  struct MemoryUse {
    std::uint64_t limit = 0, in_use = 0, at_hand = 0, most = 0;  // bytes; most: ever in use and at hand together
  };
  [[nodiscard]] MemoryUse memory_use() const;
  [[nodiscard]] const DubfarmModule& table() const { return module_; }
  [[nodiscard]] DubfarmContext* context() const { return context_; }
  /// The Result of a status of the module's: Errc::no_space (memory), backend_not_built (lost) or internal, with the module's words.
  [[nodiscard]] Result<void> check(int status) const;

 private:
  friend class DeviceMemory;
  friend class PinnedSlot;
  Device(const DubfarmModule& module, DubfarmContext* context, const Options& options) : module_(module), context_(context), options_(options) {}
  void take_back(void* memory, std::size_t bytes);
  void take_back_slot(std::span<std::byte> slot);
  void release_spare();  // cleared; under mutex_

  const DubfarmModule& module_;
  DubfarmContext* context_;
  Options options_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;  // a slot, or memory that was set aside
  std::multimap<std::size_t, void*> spare_;
  MemoryUse use_;
  std::uint64_t set_aside_ = 0;
  std::vector<std::span<std::byte>> spare_slots_;
  int slots_ = 0;
};

/// A named range on the profiler's timeline while it lives.
class ProfilerRange {
 public:
  ProfilerRange(const Device& device, const char* name) : table_(device.table()) { table_.range_push(name); }
  ~ProfilerRange() { table_.range_pop(); }
  ProfilerRange(const ProfilerRange&) = delete;
  ProfilerRange& operator=(const ProfilerRange&) = delete;

 private:
  const DubfarmModule& table_;
};

}  // namespace dubfarm::kernels
