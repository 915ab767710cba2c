// FLAC is encoded in one go, from samples that lie ready: ranges cannot be written in place as in the other containers.
#pragma once
#include <cstdint>
#include <string>

#include "common/descriptor.hpp"
#include "common/media/output_format.hpp"
#include "common/result.hpp"

namespace dubfarm::media {

inline constexpr int kFlacMaxChannels = 8;

/// Encodes `format.frames` frames of interleaved little-endian PCM that begin at `offset` of `pcm` into `flac`, an empty file open for
/// reading and writing, then decodes it and compares every sample. 16 and 24 bits, up to 8 channels.
/// @param pcm_path, flac_path  for messages. Errors: no_space, io_error; corrupt (what was decoded is not what went in).
[[nodiscard]] Result<void> encode_flac(const Descriptor& pcm, std::int64_t offset, const std::string& pcm_path, const OutputFormat& format,
                                       const Descriptor& flac, const std::string& flac_path);

}  // namespace dubfarm::media
