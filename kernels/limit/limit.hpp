// A true-peak limiter: the one gain, common to all channels, that keeps a programme's interpolated peaks at or below a ceiling. It looks
// ahead, so it never clips; it is exactly 1 where nothing in reach exceeds the ceiling.
//
// How, in whole numbers of 2^-16 dB (so that bits depend on nothing but the signal):
//   excess    q[n]  how far the highest of all channels' four interpolated values and sample at frame n lies above the ceiling, rounded up
//   hold      h[n] = max of q[n] ... q[n + look-ahead + 11]: 11 more than the look-ahead, because a value at n hears samples n - 11 ... n
//   release   d[n] = max(h[n], d[n - 1] - slope)
//   smoothing r[n] = sum over j in 0 ... look-ahead of w[j] d[n - j] / 2^30, w a Hann window whose whole numbers add up to 2^30
//   gain      10^(-r[n] / 20)
// Every d that r[n - 11] ... r[n] average is at least q[n]; so every sample that a peak hears is turned down by what the peak needs, and
// equally where the peak stands alone. Where a second peak lies on the slope to a higher one, its samples are turned down by different
// amounts and the interpolated value may end above the ceiling after all; a second pass of the same finds and takes what is left.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "common/units.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

inline constexpr double kMaxReductionDb = 24.0;  // what a first pass takes off at most, a second 3 dB; a peak that needs more stays above
inline constexpr double kReleaseDb = 6.0;        // how far the gain recovers in one release time
inline constexpr int kReductionUnitsPerDb = 65536;

struct LimiterSettings {
  int sample_rate = 48000;
  double ceiling_dbtp = -1;
  Frames lookahead = 240;    // 1 or more
  Frames release = 4800;     // in which the gain recovers by kReleaseDb; 1 or more
  /// The most that a sample can change between the limiter and its file: half a quantisation step, and a whole one more with dither; full
  /// scale is 1. The limiter stays below the ceiling by what that can add to an interpolated value.
  double rounding = 0;
  bool operator==(const LimiterSettings&) const = default;
};

/// The gain curve of a programme, fed from its start or settle_frames() before the first frame that matters: from there on its bits are
/// those of a limiter fed from the start. Not shared between threads.
class LimiterCurve {
 public:
  LimiterCurve(const LimiterSettings& settings, int channels, Isa isa = best_isa());
  ~LimiterCurve();
  LimiterCurve(LimiterCurve&&) noexcept;
  LimiterCurve& operator=(LimiterCurve&&) noexcept;

  /// The frame whose gain comes out lies this many frames before the one that goes in.
  [[nodiscard]] Frames delay() const;
  /// What was fed this long ago has no part in the gain any more.
  [[nodiscard]] Frames settle_frames() const;
  /// Forgets everything: what comes next follows silence.
  void restart();

  /// Feeds frames [t, t + n) of every channel and gives the gains of frames [t - delay(), t - delay() + n).
  /// @param x     [channels][n], full scale is 1.0
  /// @param gain  [n], in (0, 1]; exactly 1 where nothing is limited
  /// @return whether any of these gains is below 1.
  /// Same bits on every Isa, and for any split into calls.
  bool advance(const double* const* x, Frames n, double* gain);

 private:
  class Pass;
  std::vector<std::unique_ptr<Pass>> passes_;
  std::vector<double> gains_, second_gains_;  // of the first round: those that wait for the second; of the second
  int channels_;
  Isa isa_;
  Frames limited_ = 0;  // frames from here on whose interpolation hears a sample that the first round changed
};

}  // namespace dubfarm::kernels
