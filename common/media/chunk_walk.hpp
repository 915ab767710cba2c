// Walks the chunks of WAV, RF64, BW64, W64 and AIFF files to the samples, and holds the header's claims against the file's size.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "common/descriptor.hpp"
#include "common/media/sample_format.hpp"
#include "common/result.hpp"
#include "common/units.hpp"

namespace dubfarm::media {

struct WalkedFile {
  int sample_rate = 0;
  int channels = 0;
  std::int64_t data_offset = 0;
  std::int64_t data_bytes = 0;
  Frames frames = 0;                   // of raw PCM; 0 where `format` is absent
  std::optional<SampleFormat> format;  // absent: the samples are coded (ADPCM, mu-law ...)
};

/// @return nothing where the file is of none of these kinds; `invalid_input` where it is and is broken, cut short or was never closed.
/// Reads chunk headers only, at most 65,536 of them.
[[nodiscard]] Result<std::optional<WalkedFile>> walk_chunks(const Descriptor& file, std::int64_t file_bytes, const std::string& path);

}  // namespace dubfarm::media
