// What a source file holds, found without decoding it; and whether the file is whole.
// Threads: every function here may run on any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "common/media/sample_format.hpp"
#include "common/result.hpp"
#include "common/units.hpp"

namespace dubfarm::media {

/// Interleaved raw samples that can be read at an offset: frame n begins at data_offset + n * channels * bytes_per_sample(format).
struct PcmLayout {
  SampleFormat format = SampleFormat::s24le;
  std::int64_t data_offset = 0;  // bytes from the start of the file
  bool operator==(const PcmLayout&) const = default;
};

struct SourceInfo {
  std::string path;
  int sample_rate = 0;           // Hz, the file's own
  int channels = 0;              // 1 to 1024
  Frames frames = 0;             // at the file's own rate, 1 or more
  std::optional<PcmLayout> pcm;  // absent: compressed or unusual; read it through libsndfile
  bool operator==(const SourceInfo&) const = default;
};

/// Looks into a sound file: WAV, RF64, BW64, W64, AIFF, AIFF-C, and whatever else libsndfile opens (FLAC, Ogg Vorbis, Opus, CAF ...).
/// The chunk-based formats are also walked by our own bounded reader, so that a file that was cut short or lies about its length is
/// refused: libsndfile reads such a file as a shorter one. What the walker alone understands (BW64: libsndfile 1.2 does not know it) is
/// read by it alone; where both do, they must agree before the samples are read raw.
/// @return `not_found`, `io_error` with the system's reason, or `invalid_input` that names the file, what its header says, what was
///   found and what to do. A source without samples is an error.
/// Source: Microsoft Multimedia Programming Interface 1.0 (RIFF); EBU Tech 3306 (RF64); ITU-R BS.2088 (BW64); Apple AIFF 1.3 and
///   AIFF-C; Sony Wave64.
[[nodiscard]] Result<SourceInfo> probe(const std::string& path);

}  // namespace dubfarm::media
