// Units that cross every room. A *frame* is one sample on every channel; a *sample* is one number.
#pragma once
#include <cmath>
#include <cstdint>

namespace dubfarm {

/// A count of frames, or a position in frames. Signed: a position may lie before a window's start.
using Frames = std::int64_t;

inline constexpr double kSilenceDb = -144.0;  // this level and below is exact silence (mix format, Levels and automation)

/// Amplitude of a level: 10^(db/20); exactly 0 at and below -144 dB.
[[nodiscard]] inline double linear_from_db(double db) { return db <= kSilenceDb ? 0.0 : std::pow(10.0, db / 20.0); }

}  // namespace dubfarm
