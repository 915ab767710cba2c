// Eight rows of eight 32-bit values turned into eight columns; for AVX2 and better. Private to kernels/quantise.
#pragma once
#include <immintrin.h>

#include "kernels/quantise/tile.hpp"

namespace dubfarm::kernels::quantise_tile {
namespace {

inline void transpose_8x8(__m256i (&v)[8]) {
  __m256i a[8], b[8];
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm256_unpacklo_epi32(v[2 * i], v[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_epi32(v[2 * i], v[2 * i + 1]);
  }
  for (int half = 0; half < 8; half += 4)
    for (int i = 0; i < 2; ++i) {
      b[half + 2 * i] = _mm256_unpacklo_epi64(a[half + i], a[half + i + 2]);
      b[half + 2 * i + 1] = _mm256_unpackhi_epi64(a[half + i], a[half + i + 2]);
    }
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x20);
    v[i + 4] = _mm256_permute2x128_si256(b[i], b[i + 4], 0x31);
  }
}

inline void store(std::int32_t* to, __m256i v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v); }
inline __m256i load(const std::int32_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }

inline void interleave_pairs(const std::int32_t* left, const std::int32_t* right, Frames count, std::int32_t* mixed) {
  for (Frames f = 0; f < count; f += 8) {
    const __m256i l = load(left + f), r = load(right + f), low = _mm256_unpacklo_epi32(l, r), high = _mm256_unpackhi_epi32(l, r);
    store(mixed + 2 * f, _mm256_permute2x128_si256(low, high, 0x20));
    store(mixed + 2 * f + 8, _mm256_permute2x128_si256(low, high, 0x31));
  }
}

/// Eight frames by eight channels at a time. The last, incomplete eight of channels go first: the lanes that they have too many fall on
/// channels that are written after them.
inline void interleave_by_8(const std::int32_t* const* rows, int channels, Frames count, std::int32_t* mixed) {
  if (channels == 2) return interleave_pairs(rows[0], rows[1], count, mixed);
  for (Frames f = 0; f < count; f += 8)
    for (int first = (channels - 1) / 8 * 8; first >= 0; first -= 8) {
      __m256i v[8];
      for (int c = 0; c < 8; ++c) v[c] = first + c < channels ? load(rows[first + c] + f) : _mm256_setzero_si256();
      transpose_8x8(v);
      for (int i = 0; i < 8; ++i) store(mixed + (f + i) * channels + first, v[i]);
    }
}

}  // namespace
}  // namespace dubfarm::kernels::quantise_tile
