// One sample of raw PCM as float32: the formula of kernels/decode.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/media/sample_format.hpp"
#include "kernels/core/hd.hpp"

namespace dubfarm::kernels::pcm {

using media::SampleFormat;

/// The sample's bytes as an unsigned number, at the low end. Any alignment.
template <int kSize, bool kBigEndian>
[[nodiscard]] DUBFARM_HD std::uint64_t load(const std::byte* at) {
  std::uint64_t raw = 0;
  if constexpr (kBigEndian) {
    for (int i = 0; i < kSize; ++i) raw = raw << 8 | static_cast<std::uint64_t>(at[i]);
  } else if constexpr (kSize == 3) {
    raw = static_cast<std::uint64_t>(at[2]) << 16 | static_cast<std::uint64_t>(at[1]) << 8 | static_cast<std::uint64_t>(at[0]);
  } else {
    memcpy(&raw, at, kSize);
  }
  return raw;
}

template <SampleFormat kFormat>
[[nodiscard]] DUBFARM_HD float sample_at(const std::byte* at) {
  constexpr int size = media::bytes_per_sample(kFormat);
  const std::uint64_t raw = load<size, media::is_big_endian(kFormat)>(at);
  if constexpr (media::is_float(kFormat)) {
    if constexpr (size == 4) return std::bit_cast<float>(static_cast<std::uint32_t>(raw));
    else return static_cast<float>(std::bit_cast<double>(raw));
  } else {
    std::uint32_t top = static_cast<std::uint32_t>(raw) << (32 - 8 * size);  // full scale is 2^31 whatever the size
    if constexpr (kFormat == SampleFormat::u8) top ^= 0x80000000U;
    return static_cast<float>(static_cast<std::int32_t>(top)) * 0x1p-31F;
  }
}

/// NaN and the infinities are not.
[[nodiscard]] DUBFARM_HD bool is_finite(float value) { return (std::bit_cast<std::uint32_t>(value) & 0x7F800000U) != 0x7F800000U; }

}  // namespace dubfarm::kernels::pcm
