// True peak: the highest magnitude of a signal between its samples, estimated by fourfold interpolation.
// Threads: every function here is pure and may run on any thread.
#pragma once
#include <array>

#include "common/units.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

inline constexpr int kTruePeakPhases = 4;
inline constexpr int kTruePeakTaps = 12;
inline constexpr int kTruePeakHistory = kTruePeakTaps - 1;  // frames read before a range

/// The interpolator: u[4 n + p] = sum over k in 0..11 of kTruePeakFilter[p][k] * x[n - k]. Phase 3 is phase 0 reversed, 2 is 1 reversed.
/// Source: ITU-R BS.1770-5, annex 2, order 48, four phases.
inline constexpr std::array<std::array<float, kTruePeakTaps>, kTruePeakPhases> kTruePeakFilter{{
    {0.0017089843750f, 0.0109863281250f, -0.0196533203125f, 0.0332031250000f, -0.0594482421875f, 0.1373291015625f, 0.9721679687500f,
     -0.1022949218750f, 0.0476074218750f, -0.0266113281250f, 0.0148925781250f, -0.0083007812500f},
    {-0.0291748046875f, 0.0292968750000f, -0.0517578125000f, 0.0891113281250f, -0.1665039062500f, 0.4650878906250f, 0.7797851562500f,
     -0.2003173828125f, 0.1015625000000f, -0.0582275390625f, 0.0330810546875f, -0.0189208984375f},
    {-0.0189208984375f, 0.0330810546875f, -0.0582275390625f, 0.1015625000000f, -0.2003173828125f, 0.7797851562500f, 0.4650878906250f,
     -0.1665039062500f, 0.0891113281250f, -0.0517578125000f, 0.0292968750000f, -0.0291748046875f},
    {-0.0083007812500f, 0.0148925781250f, -0.0266113281250f, 0.0476074218750f, -0.1022949218750f, 0.9721679687500f, 0.1373291015625f,
     -0.0594482421875f, 0.0332031250000f, -0.0196533203125f, 0.0109863281250f, 0.0017089843750f},
}};

/// Linear peaks of one channel over a range; a file's is the larger() of its ranges'. Not a number if any sample read was not finite.
struct Peaks {
  float true_peak = 0;    // over all interpolated values and the samples themselves, so never below sample_peak
  float sample_peak = 0;  // over the samples of the range
  bool operator==(const Peaks&) const = default;
};
[[nodiscard]] Peaks larger(Peaks a, Peaks b);

/// Peaks of x[0, count). x[-11] ... x[-1] are read too: the channel's samples before the range, zeros before the file.
/// The filter's ratio is 4 at every rate: 48 kHz needs it to reach the standard's 192 kHz, higher rates get more than they need.
/// Float32, one fma per tap from the oldest sample to the newest: the same bits on every Isa, for any split into ranges.
[[nodiscard]] Peaks peaks(const float* x, Frames count, Isa isa = best_isa());

/// Peaks of the filter's ring after the last frame of a file: 11 zeros that follow end[-11] ... end[-1].
[[nodiscard]] Peaks tail_peaks(const float* end);

}  // namespace dubfarm::kernels
