// K-weighted energies: the part of a loudness measurement that touches samples. Gating and ranges are in scheduler/delivery/loudness.hpp.
//
// The grid. Time is cut, from frame 0 of the file, into *sub-blocks* of 20 ms (five make the 100 ms step of BS.1770's 400 ms blocks; EBU
// Tech 3341 case 13 needs a momentary window that moves by no more than 20 ms) and into *groups* of 100 sub-blocks (2 s). The filter
// starts from silence 0.1 s before each group. What is left of the infinite past after 0.1 s is below 1e-9 dB, and in return every group
// is a value of its own: any split of a file on group boundaries gives the same bits, and groups are SIMD lanes.
// Threads: every function here is pure and may run on any thread.
#pragma once
#include "common/units.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

/// y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2].
struct KWeightBiquad { double b0, b1, b2, a1, a2; };

/// The two stages of K-weighting: a high shelf (the head) and the RLB high-pass.
struct KWeighting { KWeightBiquad shelf, high_pass; };

/// K-weighting at any rate above 4 kHz. At 48 kHz these are the published coefficients; elsewhere the same analogue prototypes,
/// bilinear transform with the corner prewarped.
/// Source: ITU-R BS.1770-5, annex 1, tables 1 and 2; prototypes recovered from them (shelf 1681.97 Hz, +4.0 dB; high-pass 38.14 Hz).
[[nodiscard]] KWeighting design_k_weighting(int sample_rate);

inline constexpr int kSubblocksPerGroup = 100;

/// Frames in a sub-block: sample_rate / 50, rounded up where that is not whole.
[[nodiscard]] constexpr Frames subblock_frames(int sample_rate) { return (sample_rate + 49) / 50; }
/// Frames in a group: the grid on which ranges start.
[[nodiscard]] constexpr Frames group_frames(int sample_rate) { return kSubblocksPerGroup * subblock_frames(sample_rate); }
/// Frames that must be readable before a range: 0.1 s, zeros before the file's first frame.
[[nodiscard]] constexpr Frames history_frames(int sample_rate) { return 5 * subblock_frames(sample_rate); }
/// Whole sub-blocks in `frames` frames. What follows the last whole one at the end of a file is not measured.
[[nodiscard]] constexpr Frames subblock_count(Frames frames, int sample_rate) { return frames / subblock_frames(sample_rate); }

/// energy[c * stride + b] = sum of the squares of channel c, K-weighted, over sub-block b of the range.
/// @param channels  planar: channels[c] points at the range's first frame, which lies on a multiple of group_frames() in the file;
///                  history_frames() frames before it are readable too, and hold what precedes it in the file (zeros before frame 0).
/// @param count     frames in the range. Every range of a file but the last should be a multiple of group_frames() long.
/// @param energy    [channel_count][stride]; subblock_count(count) values of each row are written.
/// A sample that is no finite number spoils the energies from its sub-block to the end of its group, and the next group if that reads it
/// as history.
/// Same bits on every Isa.
void subblock_energies(const float* const* channels, int channel_count, Frames count, int sample_rate, double* energy, Frames stride,
                       Isa isa = best_isa());

}  // namespace dubfarm::kernels
