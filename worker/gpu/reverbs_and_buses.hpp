// What follows a chunk's tracks, on the device: reverbs, then buses into buses, to the stem.
#pragma once
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "common/program/program.hpp"
#include "worker/gpu/device_irs.hpp"
#include "worker/gpu/fft_plans.hpp"
#include "worker/gpu/track_sums.hpp"
#include "worker/gpu/workbench.hpp"

namespace dubfarm::worker::gpu {

/// One program on one stream. Bytes: those of the CPU but for what a reverb's transforms round otherwise, which stays below -120 dBFS.
class ReverbsAndBuses {
 public:
  /// All outlive this; `tracks` has run.
  ReverbsAndBuses(Workbench& bench, DeviceIrs& irs, FftPlans& plans, const program::Program& program, const SumLayout& layout, const TrackSums& tracks);

  /// Bytes of device memory that a program's reverbs take at most, spectra of impulse responses among them, but for what is rounded up.
  [[nodiscard]] static std::uint64_t bytes_of(const program::Program& program, const kernels::cuda::FftOperations& fft, bool in_double);

  /// Puts everything on the stream. What it uses is given back by Workbench::clear() and by this object's end, once the stream has passed.
  [[nodiscard]] Result<void> run();
  /// After run() and the stream: frame 0 of a channel of the stem.
  [[nodiscard]] const float* stem(int channel) const;
  [[nodiscard]] Result<void> count_times() const;

 private:
  /// Samples from a node's first needed frame to the chunk's end.
  struct Node {
    Frames from = 0;
    std::vector<int> channels;  // of the node's layout, that there are rows of, ascending; the others are silent
    std::vector<float*> rows;
    double gain = 1;  // of whoever sums it next
  };
  /// One reverb, before it is convolved.
  struct Plan {
    std::shared_ptr<const IrPaths> paths;
    Frames lead = 0, dead = 0, count = 0;  // as kernels::convolve() takes them; `dead`: frames that nothing can have come back in yet
    Frames size = 0;                       // of the transform
    bool in_double = false;
  };
  [[nodiscard]] Frames frames_of(const Node& node) const { return program_.length - node.from; }
  Result<void> decide_precision();
  Result<void> convolve_all();
  Result<void> convolve(std::size_t index, void* signal, std::byte* spectra, void* product);
  Result<void> finish_bus(std::size_t index);
  Result<void> equalise(const std::vector<program::Band>& bands, Node& node);
  /// Applies a level that moves, and returns 1; returns one that stands still.
  Result<double> apply_level(const mix::Automation& db, Node& node);
  Result<void> apply_gain(Node& node, double gain, const double* curve);

  Workbench& bench_;
  DeviceIrs& irs_;
  FftPlans& plans_;
  const program::Program& program_;
  std::vector<Node> buses_, sends_, reverbs_;
  std::vector<Plan> plan_;  // of each reverb
  std::map<std::pair<Frames, bool>, FftPlans::Lent> lent_;
  Marks<3> marks_;  // before the reverbs, after them, after the buses
};

}  // namespace dubfarm::worker::gpu
