// The limiter's gain curve on the device, over a whole stretch at once: in whole numbers, so that any order gives the same bits.
#pragma once
#include <cstdint>

#include "common/units.hpp"
#include "kernels/core/peak_taps.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// What a LimiterCurve's settings come to (limit_constants.hpp).
struct LimiterNumbers {
  std::int32_t threshold = 0;          // the ceiling, as the bits of a float
  double units_per_octave = 0, level = 0;
  std::int32_t slope = 0;              // 2^-16 dB a frame
  std::int32_t most[2] = {};           // reduction of either pass
  Frames lookahead = 0;
  const double* weights = nullptr;     // [lookahead + 1], device memory
};

/// The gains of frames [0, n) of a programme that is silent before and behind: what LimiterCurve gives for those frames, fed from silence.
/// To have those of a stretch of a longer programme, begin LimiterCurve::settle_frames() before it and end delay() behind it.
/// All pointers are the device's.
struct LimitArgs {
  const double* const* x = nullptr;   // [channels] of [n], full scale 1.0
  int channels = 0;
  Frames n = 0;
  LimiterNumbers numbers;
  void* workspace = nullptr;          // limiter_workspace_bytes(), 8-byte aligned
  double* gain = nullptr;             // [n]
};
void limit(const LimitArgs& args, StreamHandle stream);

/// Frames of look-ahead of one pass: its hold is one longer.
[[nodiscard]] constexpr Frames limiter_reach(Frames lookahead) { return lookahead + 11; }
[[nodiscard]] constexpr Frames limiter_workspace_bytes(Frames n, Frames lookahead, int channels) {
  const Frames stretch = n + limiter_reach(lookahead);
  return 8 * ((stretch + 2047) / 2048) + 8 * stretch + 4 * channels * (stretch + 11);
}

}  // namespace dubfarm::kernels::cuda
