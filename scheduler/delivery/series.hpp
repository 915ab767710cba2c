// How an output goes over time, for the report's curves: a bounded number of points, whatever the length.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "common/units.hpp"
#include "scheduler/delivery/loudness.hpp"

namespace dubfarm::scheduler {

/// One point for each stretch of `step` frames, the last may be shorter: the highest value in it, so that no peak is lost. A value is
/// absent where there is none: silence, or too early for a whole window. Windows count where they end.
struct Series {
  Frames step = 0;
  std::vector<std::optional<double>> momentary_lufs;   // 400 ms
  std::vector<std::optional<double>> short_term_lufs;  // 3 s
  std::vector<std::optional<double>> peak_dbfs;        // sample peak, any channel
};

/// A place where the true peak is high.
struct PeakMark {
  Frames at = 0;  // start of the 20 ms in which it lies
  double dbtp = 0;
};

inline constexpr std::size_t kSeriesPoints = 360, kPeakMarks = 8;

/// @param sample_peaks  linear, one for each sub-block, the last of which may be short; any number of points up to kSeriesPoints results.
[[nodiscard]] Series series_of(const LoudnessMaterial& material, std::span<const float> sample_peaks);
/// The highest true peaks that lie a second or more apart, by time; at most kPeakMarks, none below -60 dBTP.
[[nodiscard]] std::vector<PeakMark> peak_marks(std::span<const float> true_peaks, Frames subblock_frames, int sample_rate);

}  // namespace dubfarm::scheduler
