// What is measured of a print, range by range.
#pragma once
#include <cstdint>
#include <vector>

#include "common/units.hpp"
#include "kernels/true_peak/true_peak.hpp"
#include "worker/levelled_sum.hpp"

namespace dubfarm::worker {

/// What was measured of one programme, every range in; the material of scheduler/delivery.
struct PrintMeasurement {
  std::vector<std::vector<double>> energy;         // [channels][sub-blocks of 20 ms], K-weighted
  std::vector<std::vector<double>> speech_energy;  // the same of the speech stems' sum, with gain and limiter, before dither; empty unless asked
  std::vector<std::vector<double>> m_energy;       // the same as `energy`, M-weighted; empty unless asked
  std::vector<kernels::Peaks> peaks;               // [channels]
  std::vector<kernels::Peaks> subblock_peaks;      // [sub-blocks, the last may be short]: the largest of all channels
  std::vector<std::vector<double>> sums;           // [channels][groups of 2 s]: of the samples
  std::int64_t clipped_samples = 0;
  LimiterFigures limiter;
};

/// What is measured beyond what every output is.
struct ExtraMeters {
  bool speech = false, leqm = false;
};

/// A measurement of `frames` frames in which nothing is measured yet.
[[nodiscard]] PrintMeasurement empty_measurement(int channels, Frames frames, int sample_rate, ExtraMeters extra);

/// One range's part of a measurement.
class RangeMeters {
 public:
  /// Measures a range that begins on kernels::group_frames().
  /// @param channels  planar, [channel_count]; kernels::history_frames() are readable before each.
  /// @param speech    the speech stems' sum in the same shape, or null where none of them sounds.
  /// @param is_last   the range ends the file: the ring of the true-peak filter is measured too.
  RangeMeters(const float* const* channels, const float* const* speech, int channel_count, Frames count, int sample_rate, bool is_last, bool leqm);
  /// Puts it where it belongs. Ranges of one measurement share no value but the peaks, which are maxima. Not for two threads at once.
  void merge_into(PrintMeasurement& measurement, Frames first) const;

 private:
  int sample_rate_;
  Frames subblocks_, groups_;
  std::vector<double> energy_, speech_energy_, m_energy_, sums_;  // [channels][...]
  std::vector<kernels::Peaks> peaks_, subblock_peaks_;
};

}  // namespace dubfarm::worker
