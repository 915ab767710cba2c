// What a listener in quality control would stop at: dropouts, clicks at known places, sound where the layout has none, phase.
// Threads: every function here is pure and may run on any thread.
#pragma once
#include <cstdint>
#include <vector>

#include "common/units.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

/// Sums over one stretch of two channels. Lane n mod 16 takes frame n, in order; the lanes are added in order: same bits on every Isa. Sums
/// over a file are those of stretches on one grid (the groups of kernels/loudness), added in order.
struct PairSums {
  double left = 0, right = 0, product = 0;  // of x^2, y^2, x*y
  PairSums& operator+=(const PairSums& other);
};
[[nodiscard]] PairSums pair_sums(const float* left, const float* right, Frames count, Isa isa = best_isa());
/// product / sqrt(left * right), in [-1, 1]; 0 where one is silent.
[[nodiscard]] double correlation(const PairSums& sums);

/// Energy of a channel and of its slope x[n] - x[n-1]; x[-1] is read. Lanes as in PairSums.
struct SlopeSums {
  double energy = 0, slope = 0;
  SlopeSums& operator+=(const SlopeSums& other);
};
[[nodiscard]] SlopeSums slope_sums(const float* x, Frames count, Isa isa = best_isa());
/// The frequency (Hz) of a low sine with the same ratio of slope to energy: where a channel's sound lies. 0 for silence.
[[nodiscard]] double mean_frequency(const SlopeSums& sums, int sample_rate);

inline constexpr Frames kFlatBlock = 16;
/// flat[b] = whether no |x[n] - x[n-1]| within block b exceeds `step`. x[-1] is read; `flat` has blocks entries, 0 or 1.
void flat_blocks(const float* x, Frames blocks, float step, std::uint8_t* flat, Isa isa = best_isa());

/// A stretch of zeros, or of one repeated value, with sound close before and after it.
struct Dropout {
  Frames at = 0, length = 0;  // frames of the file
};
/// The stretches count whose samples differ by no more than `step` from one to the next, for 1 to 80 ms, that begin or end in a jump of
/// 0.004 (-48 dBFS) or more, do not lie at full scale (that is clipping), and have a peak of 0.01 (-40 dBFS) or more in the 5 ms before and
/// in the 5 ms after.
/// @param x        x[0] is frame `first` of the file; dropout_history() frames before it are read, zeros before the file.
/// @param step     what dither moves a silent sample by: two steps of the sample type, or 2^-22 for float.
/// @return those whose 5 ms after lie within the range's first `count` frames, or end there: ranges of a file share none and miss none. At
///   most kMostFound for each group of kernels/loudness, by time.
[[nodiscard]] std::vector<Dropout> find_dropouts(const float* x, Frames first, Frames count, int sample_rate, float step);
[[nodiscard]] constexpr Frames dropout_history(int sample_rate) { return sample_rate * 9 / 100 + 3 * kFlatBlock; }

/// A step of the waveform that its surroundings do not explain.
struct Click {
  Frames at = 0;
  double step = 0;      // its height; full scale is 1
  double over_db = 0;   // how far its third difference stands above that of the 5 ms around
};
/// Looks at each place of `places` (frames of the file, ascending): a click is a third difference within 2 frames of the place that stands 12 dB
/// or more above any within 5 ms (8 frames around the place excepted), of a step of 0.001 (-60 dBFS) or more.
/// @param x  as find_dropouts(): click_reach() frames before it are read. A place counts for the range in which its surroundings end; those
///   too near the file's ends have none and are passed over. At most kMostFound for each group.
[[nodiscard]] std::vector<Click> find_clicks(const float* x, Frames first, Frames count, int sample_rate, const std::vector<Frames>& places);
[[nodiscard]] constexpr Frames click_reach(int sample_rate) { return 2 * (sample_rate / 200) + 8; }

inline constexpr int kMostFound = 16;

}  // namespace dubfarm::kernels
