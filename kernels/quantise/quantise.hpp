// The last step of a deliverable: dither, round, clamp, count what clipped, interleave and pack to little-endian bytes.
// Threads: every function here is pure and may run on any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/mix/document.hpp"
#include "common/units.hpp"
#include "kernels/device/isa.hpp"
#include "kernels/quantise/chained_dither.hpp"

namespace dubfarm::kernels {

using mix::SampleType;
[[nodiscard]] constexpr int bytes_per_sample(SampleType type) { return type == SampleType::int16 ? 2 : type == SampleType::int24 ? 3 : 4; }

/// The Philox key of one channel's dither, so that dither is a function of deliverable, channel and sample position alone.
/// @param channel  index in the deliverable's layout, whatever the file's order or split.
[[nodiscard]] std::uint64_t dither_key(std::string_view deliverable, int channel);

/// Dither of one absolute frame in units of 2^-16 LSB: u1 - u2, two uniform 16-bit numbers; triangular, within +-65535, mean 0.
/// Four frames share a Philox4x32-10 counter (frame / 4); frame % 4 names the word, its low half is u1, its high half u2.
[[nodiscard]] std::int32_t tpdf_dither(std::uint64_t key, Frames frame);

/// Integer formats: clamp(round_half_even(x * 2^(bits-1) + dither), -2^(bits-1), 2^(bits-1) - 1), computed in double.
/// float32: x rounded to nearest; never clamped or dithered. Source: mix format, Output.
struct QuantiseArgs {
  const double* const* channels;       // [layout channels][count]; full scale is 1.0
  std::span<const int> order;          // file channel i holds layout channel order[i]; one entry for a file of one channel
  Frames first_frame = 0;              // absolute frame of channels[c][0]: places the dither
  Frames count = 0;
  SampleType type = SampleType::int24;
  const std::uint64_t* dither_keys = nullptr;  // [layout channels], see dither_key(); null: no dither
  std::byte* out = nullptr;                    // [count][order.size()], packed, little-endian
  float* const* delivered = nullptr;           // [layout channels][count], or null: what was written, as value / 2^(bits-1)
  const ChainedDither* chained_dither = nullptr;  // [layout channels], in place of dither_keys
};

struct QuantiseStats {
  std::int64_t clipped = 0;       // samples that the clamp changed
  std::int64_t not_a_number = 0;  // written as 0; a caller that gets any has a fault upstream
};

/// Only the channels named in `order` are read and, in `delivered`, written. Same bits on every Isa, for any split into ranges.
QuantiseStats quantise(const QuantiseArgs& args, Isa isa = best_isa());

}  // namespace dubfarm::kernels
