// What an output file is: its container, its samples, what it says about itself.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "common/mix/document.hpp"
#include "common/units.hpp"

namespace dubfarm::media {

using mix::FileFormat, mix::SampleType;
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

struct OutputFormat {
  FileFormat container = FileFormat::wav;
  int sample_rate = 48000;
  int channels = 2;  // 1 to 1024
  SampleType type = SampleType::int24;
  Frames frames = 0;
  Bext bext{};         // FLAC and AIFF have no such chunk: they carry the description and the time reference as text
  std::string ixml{};  // the iXML chunk's text (common/media/ixml.hpp); empty: none. WAV, RF64 and BW64 only
  /// WAVE_FORMAT_EXTENSIBLE's mask, written from 3 channels on (mono and stereo are plain WAVE_FORMAT_PCM or IEEE_FLOAT).
  /// Absent: channel_mask(). Give 0, "unassigned", for film order.
  std::optional<std::uint32_t> channel_mask{};
  /// A WAV file whose RIFF size would reach this becomes RF64. Tests lower it.
  std::uint64_t riff_limit_bytes = 0xFFFFFFFF;
};

}  // namespace dubfarm::media
