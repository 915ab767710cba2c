// The three steps of quantise() on a short tile, per instruction set. Private to kernels/quantise.
#pragma once
#include "kernels/quantise/quantise.hpp"

namespace dubfarm::kernels::quantise_tile {

inline constexpr Frames kTileFrames = 256;
/// Every step may read and write up to this many values past the end of its scratch rows (never of the caller's memory).
inline constexpr Frames kSlack = 64;

struct Range {
  double scale;    // 2^(bits-1)
  double low;      // -2^(bits-1)
  double high;     // 2^(bits-1) - 1
  float inverse;   // 2^-(bits-1)
};

struct Steps {
  /// dither[i] of frame first + i, i in [0, count); first is a multiple of 4.
  void (*draw)(std::uint64_t key, Frames first, Frames count, std::int32_t* dither);
  /// values[i] = clamp(round(x[i] * scale + dither[i] * 2^-16)); dither null: none. delivered may be null.
  void (*round)(const double* x, const std::int32_t* dither, Frames count, const Range& range, std::int32_t* values, float* delivered,
                QuantiseStats& stats);
  /// mixed[f * channels + c] = rows[c][f].
  void (*interleave)(const std::int32_t* const* rows, int channels, Frames count, std::int32_t* mixed);
  /// Low `bytes` bytes of each value, little-endian, back to back. Writes no byte past the last value's.
  void (*pack)(const std::int32_t* values, std::int64_t count, int bytes, std::byte* out);
};

const Steps& generic_steps();
const Steps& avx2_steps();
const Steps& avx512_steps();

/// One value: what every round() computes, and what they use for the frames that fill no vector.
std::int32_t round_one(double x, std::int32_t dither, const Range& range, QuantiseStats& stats);

}  // namespace dubfarm::kernels::quantise_tile
