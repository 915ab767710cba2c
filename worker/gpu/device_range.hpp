// A range of a print on a device: stems summed, gain and limiter, quantised, measured as delivered. What comes down is what goes into the
// files, and figures.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/store/store.hpp"
#include "worker/gpu/workbench.hpp"
#include "worker/levelled_sum.hpp"
#include "worker/print.hpp"
#include "worker/print_meters.hpp"

namespace dubfarm::worker::gpu {

/// What a range comes to. The bytes and figures of the CPU.
struct PrintedRange {
  LostBlobs lost;  // missing or corrupt: as soon as there are any the rest means nothing
  std::optional<RangeMeters> meters;
  LimiterFigures limiter;
  std::vector<std::span<const std::byte>> files;  // of a print: packed samples, parallel to its files; in the PrintScratch until its next use
  Buffer delivered;                               // of a print that looks for faults: planar, with the meters' history before
  std::int64_t clipped = 0;
};

/// One range on one stream. Threads: one; what it refers to outlives it.
class DeviceRange {
 public:
  /// Frames [first, first + count) of the programme; first lies on kernels::group_frames().
  DeviceRange(Workbench& bench, const Store& store, PrintScratch& scratch, const PrintSpec& spec, const Levelling& levelling, Frames first, Frames count);

  /// Bytes of device memory to set aside for it: all that it takes at once, rounded up.
  [[nodiscard]] std::uint64_t bytes() const;
  /// As Print::print_range() works it out. The stream has passed when this returns without an error.
  /// Errors: Errc::no_space; Errc::backend_not_built; what the store says of a blob that cannot be read, but is neither missing nor corrupt.
  [[nodiscard]] Result<PrintedRange> print();
  /// As GainMeasure measures it: what would go to the quantiser, rounded to float32. Errors as above.
  [[nodiscard]] Result<PrintedRange> measure();

 private:
  /// Rows of doubles on the device: [channels][frames], of the timeline from `from`.
  struct Rows {
    double* base = nullptr;
    int channels = 0;
    Frames from = 0, frames = 0;
    [[nodiscard]] double* at(int channel, Frames frame) const { return base + channel * frames + (frame - from); }
  };
  /// What the meters write, one after the other.
  struct Figures {
    std::byte* memory = nullptr;
    std::size_t energy = 0, speech = 0, m_energy = 0, sums = 0, full_scale = 0, counts = 0, peaks = 0, bytes = 0;
  };
  [[nodiscard]] bool is_own_key() const { return levelling_.key.empty(); }
  [[nodiscard]] int key_channels() const { return is_own_key() ? channels_ : channel_count(levelling_.key_layout); }
  [[nodiscard]] Frames stride() const { return history_ + count_; }
  [[nodiscard]] std::size_t subblocks() const;
  Result<bool> sum_up(PrintedRange& range);
  Result<void> open();
  Result<Rows> levelled();
  Result<Rows> speech();
  Result<Rows> sum(RangeInputs& inputs, int channels, Frames from, Frames end, bool only_speech = false);
  Result<void> bring_up(RangeInputs& inputs, const RangeInputs::Lane& lane, void* to);
  Result<void> find_gains(const Rows& key);
  Result<void> apply_gains(const Rows& rows);
  Result<float*> take_floats();
  Result<void> store(const Rows& rows, float* to);
  Result<void> quantise(Frames from, Frames end, std::span<const int> order, std::byte* out, std::int64_t* counts);
  Result<void> begin_figures();
  Result<void> measure_floats();
  Result<void> weigh(const float* heard, std::size_t to, bool is_m);
  Result<void> bring_figures_down(PrintedRange& range);

  Workbench& bench_;
  const Store& store_;
  PrintScratch& scratch_;
  const PrintSpec& spec_;
  const Levelling& levelling_;
  const int channels_;
  const Frames first_, count_, history_;
  const bool is_last_;
  const double gain_;
  Frames reach_back_, key_from_, end_, key_end_;  // of what is read; see LevelledSum
  RangeInputs inputs_, key_inputs_;
  double* gains_ = nullptr;  // the limiter's, from key_from_
  bool measures_speech_ = false, measures_leqm_;
  Rows rows_;                                  // the programme's samples from reach_back_ to end_, as they go to the quantiser
  float *heard_ = nullptr, *spoken_ = nullptr; // what is measured, see take_floats(): as delivered; the speech stems' part
  Figures figures_;
};

}  // namespace dubfarm::worker::gpu
