// What one chunk works with on its device: a stream, copies to and fro, and memory that lives as long as the work at hand.
#pragma once
#include <algorithm>
#include <atomic>
#include <optional>
#include <vector>

#include "kernels/device/operations.hpp"
#include "worker/gpu/residents.hpp"
#include "worker/gpu/staging.hpp"
#include "worker/sources.hpp"
#include "worker/stage_times.hpp"

namespace dubfarm::worker::gpu {

/// Threads: one. What it refers to outlives it.
struct Workbench {
  kernels::Device& device;
  const kernels::cuda::Operations& operations;
  Residents& residents;
  const Sources& sources;
  SourceScratch& scratch;
  StageTimes* times;  // may be null
  const kernels::Stream& stream;
  const std::atomic<bool>& cancel;
  Staging staging{device, stream, times};
  std::vector<kernels::DeviceMemory> memory{};  // of the work at hand
  std::vector<Residents::Held> held{};          // likewise

  [[nodiscard]] Result<void> check_cancelled() const {
    if (cancel.load(std::memory_order_relaxed)) return fail(Errc::cancelled, "stopped");
    return {};
  }
  /// Memory of the work at hand.
  [[nodiscard]] Result<void*> take(std::size_t bytes) {
    TRY_ASSIGN(kernels::DeviceMemory block, residents.allocate(std::max<std::size_t>(bytes, 1)));
    memory.push_back(std::move(block));
    return memory.back().get();
  }
  /// A table in it.
  template <class T>
  [[nodiscard]] Result<T*> put(const std::vector<T>& values) {
    TRY_ASSIGN(void* const at, take(values.size() * sizeof(T)));
    if (!values.empty()) TRY(staging.upload(at, values));
    return static_cast<T*>(at);
  }
  /// Waits for the stream.
  [[nodiscard]] Result<void> settle() {
    TRY(staging.finish());
    return stream.synchronize();
  }
  /// The work at hand is over, and the stream has passed it.
  void clear() {
    memory.clear();
    held.clear();
  }
};

/// Points of a stream, where somebody wants to know how long its stages take.
template <std::size_t kPoints>
class Marks {
 public:
  [[nodiscard]] Result<void> mark(const Workbench& bench, std::size_t point) {
    if (bench.times == nullptr) return {};
    if (!events_[point]) { TRY_ASSIGN(events_[point], bench.device.create_event()); }
    return events_[point]->record(bench.stream);
  }
  /// Adds the time between two points that the stream has passed.
  [[nodiscard]] Result<void> count(const Workbench& bench, std::size_t from, std::size_t to, Stage stage, std::int64_t bytes) const {
    if (bench.times == nullptr) return {};
    TRY_ASSIGN(const double ms, kernels::Event::elapsed_ms(*events_[from], *events_[to]));
    bench.times->add(stage, ms / 1e3, bytes);
    return {};
  }

 private:
  std::optional<kernels::Event> events_[kPoints];
};

}  // namespace dubfarm::worker::gpu
