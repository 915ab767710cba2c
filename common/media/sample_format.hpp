// How one sample of raw PCM is stored.
#pragma once
#include <cstdint>
#include <string_view>

namespace dubfarm::media {

/// u8 is offset binary (128 is silence, as WAV stores 8 bits); the other integers are two's complement, full scale 2^(bits - 1).
enum class SampleFormat : std::uint8_t { u8, s8, s16le, s24le, s32le, f32le, f64le, s16be, s24be, s32be, f32be, f64be };
inline constexpr SampleFormat kSampleFormats[] = {
    SampleFormat::u8,    SampleFormat::s8,    SampleFormat::s16le, SampleFormat::s24le, SampleFormat::s32le, SampleFormat::f32le,
    SampleFormat::f64le, SampleFormat::s16be, SampleFormat::s24be, SampleFormat::s32be, SampleFormat::f32be, SampleFormat::f64be};

/// Bytes that one sample takes, 1 to 8.
[[nodiscard]] constexpr int bytes_per_sample(SampleFormat format) {
  switch (format) {
    case SampleFormat::u8: case SampleFormat::s8: return 1;
    case SampleFormat::s16le: case SampleFormat::s16be: return 2;
    case SampleFormat::s24le: case SampleFormat::s24be: return 3;
    case SampleFormat::s32le: case SampleFormat::s32be: case SampleFormat::f32le: case SampleFormat::f32be: return 4;
    case SampleFormat::f64le: case SampleFormat::f64be: return 8;
  }
  return 0;
}
[[nodiscard]] constexpr bool is_float(SampleFormat format) {
  return format == SampleFormat::f32le || format == SampleFormat::f32be || format == SampleFormat::f64le || format == SampleFormat::f64be;
}
[[nodiscard]] constexpr bool is_big_endian(SampleFormat format) { return format >= SampleFormat::s16be; }
[[nodiscard]] constexpr std::string_view name_of(SampleFormat format) {
  constexpr std::string_view names[] = {"u8",    "s8",    "s16le", "s24le", "s32le", "f32le",
                                        "f64le", "s16be", "s24be", "s32be", "f32be", "f64be"};
  return names[static_cast<int>(format)];
}

}  // namespace dubfarm::media
