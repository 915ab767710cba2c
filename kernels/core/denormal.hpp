// What the CPU's rendering threads do with denormal numbers, in plain arithmetic. They hold a FlushDenormals: a denormal operand reads as
// a zero, a denormal result becomes one, signs kept. A GPU has no such mode for double, so its kernels spell it out where a denormal can
// arise; elsewhere nothing is spelled out and nothing is lost. (One value in 2^52 differs: a result that only rounding to the shorter,
// denormal mantissa carries up to the smallest normal number. The processor flushes it, flush() does not.)
#pragma once
#include <bit>
#include <cstdint>

#include "kernels/core/hd.hpp"

namespace dubfarm::kernels {

[[nodiscard]] DUBFARM_HD double flush(double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  return (bits & 0x7FF0000000000000u) == 0 ? std::bit_cast<double>(bits & 0x8000000000000000u) : x;
}
[[nodiscard]] DUBFARM_HD float flush(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  return (bits & 0x7F800000u) == 0 ? std::bit_cast<float>(bits & 0x80000000u) : x;
}

/// A sample on its way into double arithmetic.
[[nodiscard]] DUBFARM_HD double widen(float sample) { return static_cast<double>(flush(sample)); }

/// Rounded to the nearest float32, ties to even; below the smallest normal one a zero of the same sign. Exactly the processor's rule, which
/// asks whether the value rounds to less than 2^-126 with all 24 bits at hand.
[[nodiscard]] DUBFARM_HD float narrow(double x) {
  const double magnitude = x < 0 ? -x : x;
  if (magnitude < 0x1p-126 - 0x1p-151) return std::bit_cast<float>(static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(x) >> 32) & 0x80000000u);
  return static_cast<float>(x);
}

}  // namespace dubfarm::kernels
