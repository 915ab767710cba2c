// A programme's samples as they go to the quantiser: stems summed, with normalisation gain and limiter.
#pragma once
#include <optional>
#include <vector>

#include "common/layout.hpp"
#include "common/result.hpp"
#include "kernels/limit/limit.hpp"
#include "worker/range_inputs.hpp"

namespace dubfarm::worker {

/// What a master gives to its print and to those that follow it.
struct Levelling {
  const double* gain_linear = nullptr;             // the normalisation gain, known before any range is printed; null: none
  std::optional<kernels::LimiterSettings> limiter;
  Layout key_layout = Layout::stereo;              // of `key`
  std::vector<PrintStem> key;                      // the sum that the limiter listens to; empty: that of the print itself
};

/// What a limiter did.
struct LimiterFigures {
  double max_reduction_db = 0;
  Frames limited_frames = 0;  // with a gain below 1
  bool operator==(const LimiterFigures&) const = default;
};
/// Of these gains, in (0, 1].
[[nodiscard]] LimiterFigures limiter_figures(const double* gain, Frames count);
[[nodiscard]] LimiterFigures merged(const LimiterFigures& a, const LimiterFigures& b);

/// One range, read once from its start. Lives on one thread; stems and levelling outlive it. The limiter is fed from where its state is
/// settled before the range to where it looks ahead behind it, so the samples do not depend on how a programme is cut into ranges.
class LevelledSum {
 public:
  /// @param segments  as PrintScratch has it
  /// @param stems  what is summed, to `channels` channels, for frames [first, end).
  LevelledSum(const Store& store, SegmentCache* segments, const std::vector<PrintStem>& stems, int channels, const Levelling& levelling, Frames first, Frames end);

  /// Opens blobs and brings the limiter to the first frame.
  Result<void> open();
  /// The next `count` frames, [channels][count]. @param is_delivered  whether they count in figures().
  Result<void> next(Frames count, double* const* out, bool is_delivered);
  /// The speech stems' part of the frames that next() gave last, `count` of them.
  Result<void> speech(Frames count, double* const* out);
  /// Whether any speech stem sounds in the range, or close to it.
  [[nodiscard]] bool has_speech() const;
  /// Blobs that were missing or corrupt: as soon as there are any, samples mean nothing.
  [[nodiscard]] LostBlobs& lost();
  [[nodiscard]] const LimiterFigures& figures() const { return figures_; }

 private:
  [[nodiscard]] bool is_own_key() const { return levelling_.key.empty(); }
  Result<bool> feed(Frames count);
  void move_on(Frames count);

  const Store& store_;
  SegmentCache* segments_;
  const std::vector<PrintStem>& stems_;
  int channels_;
  const Levelling& levelling_;
  Frames at_, end_;
  double gain_;
  RangeInputs inputs_, key_inputs_;
  std::optional<kernels::LimiterCurve> curve_;
  int key_channels_ = 0;
  Frames fed_ = 0;                         // the next frame that the limiter is fed
  std::vector<std::vector<double>> line_;  // [key channels]: sums from frame fed_ - delay on, as fed
  std::vector<double> gains_;
  bool is_limited_ = false;                // the frames given last
  LimiterFigures figures_;
};

}  // namespace dubfarm::worker
