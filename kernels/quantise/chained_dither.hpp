// Dither for files that are heard as one sum. Triangular dither is the difference of two uniform numbers; here each file of a set takes
// as its first number the second one of the file before. Every file has proper dither, white and independent of the sound, and the dithers
// of the whole set add up to the first number of the first file minus the last one's second: the dither of the file that holds the sum.
// Threads: every function here is pure and may run on any thread.
#pragma once
#include <cstdint>

#include "common/units.hpp"

namespace dubfarm::kernels {

/// A uniform 16-bit number for each frame: one half of the Philox word that tpdf_dither() draws for the key.
struct UniformDither {
  std::uint64_t key = 0;
  bool is_high_half = false;
};
/// plus - minus. That of {key, low} and {key, high} is tpdf_dither(key, frame).
struct ChainedDither {
  UniformDither plus, minus;
};

/// dither[i] of frame first + i, in units of 2^-16 LSB.
void draw(const ChainedDither& chain, Frames first, Frames count, std::int32_t* dither);

}  // namespace dubfarm::kernels
