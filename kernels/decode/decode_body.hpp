// How the vector bodies of decode see a sample: four to a 128-bit lane, brought by one byte shuffle to the top of a 32-bit word.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "common/media/sample_format.hpp"
#include "common/units.hpp"

namespace dubfarm::kernels::decode_detail {

using media::SampleFormat;

struct Plan {
  bool packed;                          // sixteen frames lie within 64 bytes: load them whole; else gather words
  bool flip_sign;                       // u8: offset binary to two's complement
  std::array<std::int8_t, 16> shuffle;  // for one lane; -1 gives a zero byte
};

/// For samples of `size` bytes, `stride` bytes apart.
inline Plan plan_for(SampleFormat format, int size, std::int64_t stride, bool big_endian) {
  Plan plan{stride <= 4, format == SampleFormat::u8, {}};
  const int step = plan.packed ? static_cast<int>(stride) : 4;  // gathered words are 4 bytes apart
  for (int sample = 0; sample < 4; ++sample)
    for (int t = 0; t < 4; ++t) {  // t: 0 for the most significant byte
      const int from = sample * step + (big_endian ? t : size - 1 - t);
      plan.shuffle[static_cast<std::size_t>(sample * 4 + 3 - t)] = static_cast<std::int8_t>(t < size ? from : -1);
    }
  return plan;
}

/// `samples` points at the channel's first sample, `end` past the last byte that may be read. Each decodes as many whole vectors as it
/// may, and stops before a vector with a value that is not finite. @return frames done.
struct Run {
  const std::byte* samples;
  const std::byte* end;
  std::int64_t stride;
  int size;
  bool floating;
  Frames count;
  float* out;
};
Frames decode_avx2(const Run& run, const Plan& plan);
Frames decode_avx512(const Run& run, const Plan& plan);

}  // namespace dubfarm::kernels::decode_detail
