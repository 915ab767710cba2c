// The tracks of a chunk, summed on a device: sources up, clips and fades, EQ, faders, pans and sends into the sums of buses and reverbs, and
// the sums down. What follows (reverbs, buses) is the CPU's, so that a chunk's bytes are those of the CPU backend.
#pragma once
#include <atomic>
#include <mutex>
#include <span>
#include <string>

#include "common/program/program.hpp"
#include "common/result.hpp"
#include "kernels/device/device.hpp"
#include "kernels/device/operations.hpp"
#include "worker/sources.hpp"
#include "worker/stage_times.hpp"
#include "worker/track_routes.hpp"

namespace dubfarm::worker::gpu {

/// Where one accumulator of a SumLayout goes: frames [from, length) of the program, from <= 0.
struct SumTarget {
  Frames from = 0;
  float* to = nullptr;
};

/// One device with the sources that it renders. Threads: safe from many; each call has a stream of its own, so that one chunk's copies
/// overlap another one's kernels.
class DeviceTracks {
 public:
  /// device and sources outlive this; times may be null.
  DeviceTracks(kernels::Device& device, const Sources& sources, StageTimes* times);

  /// Sums every track of a program. Where the device's memory does not allow all tracks at once they are summed in groups: the same bits.
  /// @return Errc::no_space where not even one track fits, or others hold the memory: nothing is broken, the CPU can do it;
  ///   Errc::backend_not_built where the device failed; Errc::invalid_input where a source is broken or changed; Errc::cancelled.
  [[nodiscard]] Result<void> sum(const program::Program& program, const SumLayout& layout, std::span<const SumTarget> targets, SourceScratch& scratch,
                                 const std::atomic<bool>& cancel);

  /// How many programs were summed in more than one group of tracks.
  [[nodiscard]] std::size_t in_groups() const { return in_groups_.load(); }
  [[nodiscard]] StageTimes* times() const { return times_; }
  /// Notes that the CPU took over, and why; how often that was, and why the first time.
  void leave_to_cpu(const Error& why);
  struct LeftToCpu { std::size_t times = 0; std::string why; };
  [[nodiscard]] LeftToCpu left_to_cpu() const;

 private:
  class Pass;
  kernels::Device& device_;
  const Sources& sources_;
  StageTimes* times_;
  const kernels::cuda::Operations& operations_;
  std::atomic<std::size_t> in_groups_{0};
  mutable std::mutex mutex_;
  LeftToCpu left_to_cpu_;  // guarded by mutex_
};

}  // namespace dubfarm::worker::gpu
