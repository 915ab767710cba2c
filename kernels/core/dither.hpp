// Dither and rounding of one sample: the formulas of kernels/quantise.
#pragma once
#include <cstdint>

#include "common/units.hpp"
#include "kernels/core/hd.hpp"
#include "kernels/core/philox.hpp"

namespace dubfarm::kernels {

/// The Philox word of one absolute frame: four frames share a counter.
[[nodiscard]] DUBFARM_HD std::uint32_t dither_word(std::uint64_t key, Frames frame) {
  const auto counter = static_cast<std::uint64_t>(frame) / 4;
  const auto words = philox4x32({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0},
                                {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
  const auto at = static_cast<int>(frame % 4);
  return at == 0 ? words[0] : at == 1 ? words[1] : at == 2 ? words[2] : words[3];
}
[[nodiscard]] DUBFARM_HD std::int32_t half_of(std::uint32_t word, bool is_high) { return static_cast<std::int32_t>(is_high ? word >> 16 : word & 0xFFFFu); }

/// To the nearest whole number, ties to even; |v| below 2^51.
[[nodiscard]] DUBFARM_HD double round_half_even(double v) {
  constexpr double kRound = 0x1.8p52;
  return (v + kRound) - kRound;
}

}  // namespace dubfarm::kernels
