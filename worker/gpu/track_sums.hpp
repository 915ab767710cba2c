// The tracks of a chunk on a device: sources up, clips and fades, EQ, faders, pans and sends into the sums of buses and reverbs.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "common/program/program.hpp"
#include "kernels/automation/automation_cuda.hpp"
#include "kernels/device/device.hpp"
#include "worker/gpu/clip_tables.hpp"
#include "worker/gpu/workbench.hpp"
#include "worker/track_routes.hpp"

namespace dubfarm::worker::gpu {

/// One program on one stream. Bytes: those of the CPU.
class TrackSums {
 public:
  /// All outlive this.
  TrackSums(Workbench& bench, const program::Program& program, const SumLayout& layout);

  /// Bytes of device memory that a pass in groups of `group` tracks takes at most, but for what is rounded up.
  [[nodiscard]] std::uint64_t bytes_of(std::size_t group) const;
  /// Sums all tracks, so many at a time: the same bits for every `group`. The stream has passed when this returns.
  /// Errors: Errc::no_space; Errc::backend_not_built; Errc::invalid_input where a source is broken or changed; Errc::cancelled.
  [[nodiscard]] Result<void> run(std::size_t group);

  /// After run(): an accumulator of the SumLayout over frames [first(), length) of the program.
  [[nodiscard]] float* sum(int index) const { return outputs_.as<float>() + static_cast<Frames>(index) * frames_; }
  [[nodiscard]] Frames first() const { return first_; }
  [[nodiscard]] Frames frames() const { return frames_; }

 private:
  /// The gains of a track that move, on the device: [slots][frames]; and the products that its routes ask for.
  struct Curves {
    double* slots = nullptr;
    std::vector<std::pair<std::vector<int>, double*>> products;
  };
  Result<void> run_group(std::size_t first_track, std::size_t last_track);
  Result<void> place_clips();
  Result<PlacedStretch> bring_up(const SourceStretch& stretch);
  Result<void> upload(const SourceStretch& stretch, Frames first, Frames count, std::byte* to);
  Result<void> check_samples();
  Result<void> count_times() const;
  Result<void> equalise(std::size_t first_track, std::size_t last_track);
  Result<Curves> evaluate(const program::Track& track, const TrackRoutes& routes);
  Result<void> sum_lanes(std::size_t first_track, std::size_t last_track, bool is_first, bool is_last);
  [[nodiscard]] float* lane_of(int lane) const { return lanes_ + static_cast<Frames>(lane) * frames_; }

  Workbench& bench_;
  const program::Program& program_;
  const SumLayout& layout_;
  Frames first_ = 0, frames_ = 0;
  kernels::DeviceMemory accumulators_, outputs_;
  ClipTables tables_;
  float* lanes_ = nullptr;
  std::vector<std::int64_t> bad_;   // of each clip, as they come back
  std::int64_t* bad_words_ = nullptr;
  std::vector<float> converted_;
  Marks<4> marks_;  // before the clips, after them, after the EQ, after the sums
};

}  // namespace dubfarm::worker::gpu
