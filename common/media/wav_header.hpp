// The header of an output file, as bytes: WAV or RF64 with a bext chunk.
//
// All little-endian; sizes never depend on what is written later, so samples land at once where they stay:
//   RIFF or RF64 | "JUNK" of 28 bytes, or "ds64" in RF64 | "fmt " of 16, 18 or 40 | "fact" (float only) | "bext" of 602 | "data" [pad]
// Nothing comes from the clock or the machine: the same samples and metadata give the same bytes.
// Source: Microsoft RIFF MCI 1.0 and WAVEFORMATEXTENSIBLE; EBU Tech 3285 v2 (bext); EBU Tech 3306 (RF64).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "common/mix/document.hpp"
#include "common/units.hpp"

namespace dubfarm::media {

using mix::SampleType;
[[nodiscard]] constexpr int bytes_per_sample(SampleType type) { return type == SampleType::int16 ? 2 : type == SampleType::int24 ? 3 : 4; }

/// The broadcast extension (EBU Tech 3285 version 2). Text is cut to its field, at a UTF-8 character's edge.
struct Bext {
  std::string description{};           // 256 bytes
  std::string originator{};            // 32
  std::string originator_reference{};  // 32
  std::string origination_date{};      // "YYYY-MM-DD", or empty so that the bytes can be reproduced
  std::string origination_time{};      // "HH:MM:SS", or empty
  std::uint64_t time_reference = 0;  // first sample, in samples since midnight
  // Loudness, rounded to 0.01; absent: 0x7FFF, "not measured".
  std::optional<double> loudness_value_lufs{};
  std::optional<double> loudness_range_lu{};
  std::optional<double> max_true_peak_dbtp{};
  std::optional<double> max_momentary_lufs{};
  std::optional<double> max_short_term_lufs{};
};

struct WavFormat {
  int sample_rate = 48000;
  int channels = 2;  // 1 to 1024
  SampleType type = SampleType::int24;
  Frames frames = 0;
  Bext bext{};
  /// WAVE_FORMAT_EXTENSIBLE's mask, written from 3 channels on (mono and stereo are plain WAVE_FORMAT_PCM or IEEE_FLOAT).
  /// Absent: channel_mask(). Give 0, "unassigned", for film order.
  std::optional<std::uint32_t> channel_mask{};
  /// A file whose RIFF size would reach this becomes RF64. Tests lower it.
  std::uint64_t riff_limit_bytes = 0xFFFFFFFF;
};

/// The mask for so many channels in dubfarm's orders. A mask fixes an order (by bit), so it is stated only where that order is ours.
/// 6: 0x3F, front L R C, LFE, *back* L R (KSAUDIO_SPEAKER_5POINT1): what DAWs write for Ls Rs. Microsoft's later 0x60F (side) says 110
/// degrees more exactly, but readers commonly treat it as another layout. 7.1 and 7.1.4: 0, for their SMPTE order has side
/// before rear, and a mask would have rear first. Every other count: 0.
[[nodiscard]] std::uint32_t channel_mask(int channels);

/// Everything before the samples. @return `invalid_input` for a format that WAV cannot hold.
[[nodiscard]] Result<std::vector<std::byte>> wav_header(const WavFormat& format);
/// Bytes of the whole file: header, samples, and the pad byte after an odd number of them.
[[nodiscard]] std::uint64_t wav_file_bytes(const WavFormat& format);

}  // namespace dubfarm::media
