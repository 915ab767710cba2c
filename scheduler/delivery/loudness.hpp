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
  std::vector<std::vector<double>> speech_energy{};  // [channels][sub-blocks] of the dialogue stems' sum as delivered, K-weighted; empty: there is none
  std::vector<double> speech_weights{};              // [channels of speech_energy]; empty: `weights`
  std::vector<std::vector<double>> m_energy{};       // [channels][sub-blocks], M-weighted; empty: Leq(m) is not asked
  std::vector<double> leqm_levels_db{};              // [channels] of m_energy: replay levels, leqm_levels_db()
  std::vector<std::vector<double>> sums{};           // [channels][any stretches]: of the samples; empty: no DC offset
  Frames frames = 0;                                 // of the file; for the DC offset

  /// As if all of it had been measured behind this gain.
  void apply_gain(double gain_db);
};

/// Sound pressure level that a channel replays reference level (-20 dBFS) at, in dB: 85 for the screen channels, 82 for surrounds and heights, 95
/// for the LFE. Source: ISO 21727:2016, table 2; TASA Standard, 1.4 (surrounds of 7.1 as those of 5.1); heights as surrounds are ours.
[[nodiscard]] std::vector<double> leqm_levels_db(Layout layout);

/// Loudness of the mix where its dialogue speaks. A step of 100 ms is speech where the dialogue stems' own loudness in it lies above -70 LUFS
/// and no more than 20 LU below the mean of their 400 ms blocks above -70 LUFS (the gates of EBU Tech 3342, on the stems); so are the steps
/// between two of them that are less than 400 ms apart.
struct DialogueReading {
  double speech_share = 0;                // of the steps, 0 to 1
  std::optional<double> loudness_lufs;    // of the whole mix in those steps, without a relative gate (BS.1770-1)
  std::optional<double> stem_lufs;        // of the dialogue stems alone, in those steps
  std::optional<double> stem_range_lu;    // loudness range of the dialogue stems alone
  std::optional<double> ratio_lu;         // loudness-to-dialogue ratio: programme minus dialogue loudness (EBU R 128 s4)
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
  std::vector<double> channel_dc_offset;      // mean sample, full scale is 1; empty where not measured
  std::optional<DialogueReading> dialogue;    // absent where there is no dialogue stem, or none was measured
  std::optional<double> leqm_db;              // Leq(m), ISO 21727; the channels' powers added, the whole stretch, no gate
  bool is_too_short = false;                  // less than one gating block (400 ms) was measured: no loudness, which is not silence
};

/// @param material  sizes agree: one weight, row and (unless both are empty) peak per channel, rows of one length.
[[nodiscard]] LoudnessReading aggregate(const LoudnessMaterial& material);

/// The same over sub-blocks [first, first + count) only: the measured stretch of a mix. Peaks are those of the whole material.
[[nodiscard]] LoudnessReading aggregate(const LoudnessMaterial& material, Frames first_subblock, Frames subblocks);

}  // namespace dubfarm::scheduler
