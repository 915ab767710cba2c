// Bytes on their way to a device and back, through page-locked slots.
#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "common/result.hpp"
#include "kernels/device/device.hpp"
#include "worker/stage_times.hpp"

namespace dubfarm::worker::gpu {

/// Slots that one Staging holds at most: one that goes up, one that is filled, one for tables. A device has as many for each thread that has one.
inline constexpr int kStagingSlots = 3;

/// The copies of one stream. While one slot goes up the next is filled. Threads: one.
class Staging {
 public:
  /// Both outlive this. times may be null.
  Staging(kernels::Device& device, const kernels::Stream& stream, StageTimes* times) : device_(device), stream_(stream), times_(times) {}

  /// Fills `to`, `from` bytes into the whole; as many calls as slots are needed, in order.
  using Fill = std::function<Result<void>(std::size_t from, std::span<std::byte> to)>;
  /// Puts `bytes` bytes on the device, piece by piece as `fill` gives them; pieces are multiples of `grain` bytes but for the last.
  [[nodiscard]] Result<void> upload(void* device, std::size_t bytes, std::size_t grain, const Fill& fill);
  /// The same of memory that need not be page-locked. Small tables, many of them, share a slot: none waits for what the stream has still to do.
  [[nodiscard]] Result<void> upload(void* device, std::span<const std::byte> from);
  template <class T>
  [[nodiscard]] Result<void> upload(void* device, const std::vector<T>& values) { return upload(device, std::as_bytes(std::span(values))); }
  /// Waits for the stream, then brings `bytes` bytes down.
  [[nodiscard]] Result<void> download(void* host, const void* device, std::size_t bytes);
  /// Waits until every slot is free again.
  [[nodiscard]] Result<void> finish();

 private:
  struct Flying {
    kernels::PinnedSlot slot;
    kernels::Event landed;
  };
  [[nodiscard]] Result<void> land_oldest();
  [[nodiscard]] Result<void> land_tables();
  kernels::Device& device_;
  const kernels::Stream& stream_;
  StageTimes* times_;
  std::deque<Flying> flying_;
  std::optional<kernels::PinnedSlot> tables_;  // filled from the front, up to tables_used_
  std::size_t tables_used_ = 0;
};

}  // namespace dubfarm::worker::gpu
