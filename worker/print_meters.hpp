// What is measured of a print, range by range.
#pragma once
#include <cstdint>
#include <utility>
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
  bool operator==(const PrintMeasurement&) const = default;
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
  /// What was measured; sub-blocks and groups counted from the range's first frame.
  struct Values {
    std::vector<double> energy, speech_energy, m_energy;  // [channels][whole sub-blocks]; the last two empty where not asked
    std::vector<double> sums;                             // [channels][groups]
    std::vector<kernels::Peaks> peaks;                    // [channels]
    std::vector<kernels::Peaks> subblock_peaks;           // [sub-blocks, the last may be short]
  };
  /// Measures a range that begins on kernels::group_frames().
  /// @param channels  planar, [channel_count]; kernels::history_frames() are readable before each.
  /// @param speech    the speech stems' sum in the same shape, or null where none of them sounds.
  /// @param is_last   the range ends the file: the ring of the true-peak filter is measured too.
  RangeMeters(const float* const* channels, const float* const* speech, int channel_count, Frames count, int sample_rate, bool is_last, bool leqm);
  /// Of a range that was measured elsewhere: on a device.
  RangeMeters(Values values, int sample_rate) : sample_rate_(sample_rate), values_(std::move(values)) {}
  /// Puts it where it belongs. Ranges of one measurement share no value but the peaks, which are maxima. Not for two threads at once.
  void merge_into(PrintMeasurement& measurement, Frames first) const;
  /// The highest true peak of each group, over all channels, linear; what the filter rings after the last frame is not in it.
  [[nodiscard]] std::vector<float> group_peaks() const;

 private:
  int sample_rate_;
  Values values_;
};

}  // namespace dubfarm::worker
