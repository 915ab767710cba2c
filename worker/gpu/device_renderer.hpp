// Chunks, rendered on a device: sources up, tracks, reverbs and buses there, the finished stem down.
#pragma once
#include <atomic>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "common/program/program.hpp"
#include "common/result.hpp"
#include "kernels/device/device.hpp"
#include "kernels/device/operations.hpp"
#include "worker/gpu/device_irs.hpp"
#include "worker/gpu/fft_plans.hpp"
#include "worker/gpu/residents.hpp"
#include "worker/sources.hpp"
#include "worker/stage_times.hpp"

namespace dubfarm {
class Store;
}
namespace dubfarm::worker {
struct PrintScratch;
struct PrintSpec;
struct Levelling;
}  // namespace dubfarm::worker

namespace dubfarm::worker::gpu {

struct PrintedRange;

/// One device with the sources of one job. Threads: safe from many; each call has a stream of its own, so that one chunk's copies overlap
/// another one's kernels.
class DeviceRenderer {
 public:
  /// device and sources outlive this; times may be null.
  DeviceRenderer(kernels::Device& device, const Sources& sources, StageTimes* times);

  /// Renders a program: stem[c] gets frames [0, length) of channel c. Where the device's memory does not allow all tracks at once they are
  /// summed in groups: the same bits. Bytes: the CPU's, but for what a reverb's transforms round otherwise, below -120 dBFS.
  /// @return Errc::no_space where not even one track or not the reverbs fit, or others hold the memory: nothing is broken, the CPU can do
  ///   it; Errc::backend_not_built where the device failed; Errc::invalid_input where a source is broken or changed; Errc::cancelled.
  [[nodiscard]] Result<void> render(const program::Program& program, std::span<float* const> stem, SourceScratch& scratch, const std::atomic<bool>& cancel);

  /// A range of a print, up to what goes into its files: Print::print_range(). Bytes and figures: the CPU's.
  /// Errors: Errc::no_space where there is too little memory for it: nothing is broken, the CPU can do it; Errc::backend_not_built where the device failed.
  [[nodiscard]] Result<PrintedRange> print(const Store& store, const PrintSpec& spec, Frames first, Frames count, PrintScratch& scratch);
  /// A range that is measured before its gain is known: GainMeasure. Errors as above.
  [[nodiscard]] Result<PrintedRange> measure(const Store& store, const PrintSpec& spec, const Levelling& levelling, Frames first, Frames count, PrintScratch& scratch);

  /// How many programs were summed in more than one group of tracks.
  [[nodiscard]] std::size_t in_groups() const { return in_groups_.load(); }
  [[nodiscard]] StageTimes* times() const { return times_; }
  [[nodiscard]] const Residents& residents() const { return residents_; }
  /// Notes that the CPU took a program over, and why; how often that was, and why the first time.
  void leave_to_cpu(const program::Program& program, const Error& why);
  /// The same of a range of a print.
  void leave_range_to_cpu(const Error& why);
  struct LeftToCpu {
    std::size_t times = 0, with_reverbs = 0;  // programs; with_reverbs: whose transforms are then the CPU's
    std::size_t ranges = 0;                   // of prints
    std::string why;
    [[nodiscard]] std::size_t all() const { return times + ranges; }
    /// For people. @param whose  behind "the chunks": "" or " of job 7".
    [[nodiscard]] std::string text(std::string_view whose = {}) const;
  };
  [[nodiscard]] LeftToCpu left_to_cpu() const;

 private:
  /// Works out a range with memory set aside for it.
  template <class Work>
  Result<PrintedRange> work_out(const Store& store, const PrintSpec& spec, const Levelling& levelling, Frames first, Frames count, PrintScratch& scratch, const Work& work);

  kernels::Device& device_;
  const Sources& sources_;
  StageTimes* times_;
  const kernels::cuda::Operations& operations_;
  Residents residents_;
  FftPlans plans_;
  DeviceIrs irs_;
  std::atomic<std::size_t> in_groups_{0};
  mutable std::mutex mutex_;
  LeftToCpu left_to_cpu_;  // guarded by mutex_
};

}  // namespace dubfarm::worker::gpu
