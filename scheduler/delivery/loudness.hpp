// Loudness of a programme from its sub-block energies: pure arithmetic on a few numbers a second.
// Sources: ITU-R BS.1770-5 annex 1 (integrated loudness, gates, channel weights); EBU Tech 3341 (momentary, short-term); EBU Tech 3342 (range).
#pragma once
#include <optional>
#include <vector>

#include "common/layout.hpp"
#include "common/units.hpp"

namespace dubfarm::scheduler {

/// Weight of each channel's power: 0 for the LFE, 1.41 for ear-height loudspeakers at 60 to 120 degrees to a side (Ls and Rs of 5.1, Lss and
/// Rss of 7.1), 1 for all others. Source: BS.1770-5 annex 3, table 4; 1.41 as printed, not 10^0.15.
[[nodiscard]] std::vector<double> loudness_weights(Layout layout);

/// What the kernels measured of one file. Sub-blocks are 20 ms: kernels::subblock_frames().
struct LoudnessMaterial {
  Frames subblock_frames = 0;
  std::vector<double> weights;              // [channels]
  std::vector<std::vector<double>> energy;  // [channels][sub-blocks]: sums of squares, K-weighted; full scale is 1.0
  std::vector<double> true_peak;            // [channels], linear
  std::vector<double> sample_peak;          // [channels], linear
};

/// A value is absent where there is none: silence, or a file shorter than the window.
struct LoudnessReading {
  std::optional<double> integrated_lufs;      // 400 ms blocks every 100 ms; gates at -70 LUFS and 10 LU below the mean of the rest
  std::optional<double> range_lu;             // 3 s windows every 1 s, as libebur128 takes them; gates at -70 LUFS and -20 LU; 10th to 95th percentile
  std::optional<double> max_momentary_lufs;   // 400 ms window, moved by 20 ms
  std::optional<double> max_short_term_lufs;  // 3 s window, moved by 20 ms
  std::optional<double> true_peak_dbtp;       // the highest of the channels, LFE included
  std::optional<double> sample_peak_dbfs;
  std::vector<std::optional<double>> channel_true_peak_dbtp;
  std::vector<std::optional<double>> channel_sample_peak_dbfs;
};

/// @param material  sizes agree: one weight, row and (unless both are empty) peak per channel, rows of one length.
[[nodiscard]] LoudnessReading aggregate(const LoudnessMaterial& material);

/// The same over sub-blocks [first, first + count) only: the measured stretch of a mix. Peaks are those of the whole material.
[[nodiscard]] LoudnessReading aggregate(const LoudnessMaterial& material, Frames first_subblock, Frames subblocks);

}  // namespace dubfarm::scheduler
