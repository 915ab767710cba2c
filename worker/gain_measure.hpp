// Measuring a programme before it is printed, so that its normalisation gain can be found: stems summed and metered, no file written.
#pragma once
#include <mutex>
#include <optional>
#include <vector>

#include "worker/print.hpp"

namespace dubfarm::worker {

/// Rounds of measurements of one sum. The first hears it as it is. Later ones hear it with a gain and the limiter; of those only the
/// stretches are read again in which the limiter may work, the rest is the first round's, multiplied.
/// Threads: measure_range() may run on many at once, on ranges that do not overlap; begin_round() and measurement() only between rounds.
class GainMeasure {
 public:
  /// Of `spec` the files, the sample type and the levelling's gain are not used: samples are measured before they are quantised.
  explicit GainMeasure(PrintSpec spec);

  /// The next round's gain.
  void begin_round(double gain_linear);
  /// Measures frames [first, first + count): see Print::print_range.
  Result<std::optional<LostBlobs>> measure_range(const Store& store, Frames first, Frames count, PrintScratch& scratch);
  /// The round's measurement, all ranges in.
  [[nodiscard]] const PrintMeasurement& measurement() const { return now_; }
  [[nodiscard]] const PrintSpec& spec() const { return spec_; }

 private:
  /// Sums and meters groups [first, end) of 2 s, the limiter at work in all but the first round.
  Result<void> measure_groups(const Store& store, Frames first, Frames end, PrintScratch& scratch, LostBlobs& lost);
  void merge(const RangeMeters& meters, const LimiterFigures& limiter, Frames first_group);
  void scale_group(Frames group);
  [[nodiscard]] bool may_be_limited(Frames group) const;

  PrintSpec spec_;
  Levelling plain_;            // of the first round
  bool is_first_ = true;
  double gain_linear_ = 1;
  Frames group_, reach_groups_ = 0;  // frames in a group; how many groups before or after one its limiter hears
  std::vector<float> group_peaks_;   // of the first round, over all channels
  PrintMeasurement first_, now_;     // now_ takes room once the round has begun: a film in forty languages does not hold forty at once
  std::mutex mutex_;  // guards first_ and now_ while a round runs
};

}  // namespace dubfarm::worker
