// The header of an output file, as bytes: WAV, RF64 or BW64 with bext and iXML chunks; AIFF or AIFF-C.
//
// Sizes never depend on what is written later, so samples land at once where they stay. WAV and its kin, little-endian:
//   RIFF, RF64 or BW64 | "JUNK" of 28 bytes, or "ds64" but in RIFF | "fmt " of 16, 18 or 40 | "fact" (float only) | "bext" of 602 |
//   "iXML" (where there is text) | "data" [pad]
// AIFF, big-endian: FORM AIFF (integers) or AIFC (float) | "FVER" (AIFC) | "COMM" | "NAME", "ANNO" (where there is text) | "SSND" [pad]
// Nothing comes from the clock or the machine: the same samples and metadata give the same bytes.
// Source: Microsoft RIFF MCI 1.0 and WAVEFORMATEXTENSIBLE; EBU Tech 3285 v2 (bext); EBU Tech 3306 (RF64); ITU-R BS.2088
// (BW64); iXML 1.61; Apple, Audio Interchange File Format 1.3 (1989) and AIFF-C (1991).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/media/output_format.hpp"
#include "common/result.hpp"

namespace dubfarm::media {

/// The mask for so many channels in dubfarm's orders. A mask fixes an order (by bit), so it is stated only where that order is ours.
/// 6: 0x3F, front L R C, LFE, *back* L R (KSAUDIO_SPEAKER_5POINT1): what DAWs write for Ls Rs. Microsoft's later 0x60F (side) says 110
/// degrees more exactly, but readers commonly treat it as another layout. 7.1 and 7.1.4: 0, for their SMPTE order has side
/// before rear, and a mask would have rear first. Every other count: 0.
[[nodiscard]] std::uint32_t channel_mask(int channels);

/// Everything before the samples, for every container but FLAC (for which it is WAV's: what is encoded in the end waits in that form).
/// @return `invalid_input` for a format that the container cannot hold.
[[nodiscard]] Result<std::vector<std::byte>> file_header(const OutputFormat& format);
/// The two kinds of it: WAV, RF64 and BW64; AIFF.
[[nodiscard]] Result<std::vector<std::byte>> wav_header(const OutputFormat& format);
[[nodiscard]] Result<std::vector<std::byte>> aiff_header(const OutputFormat& format);
/// Bytes of the whole file: header, samples, and the pad byte after an odd number of them. Of FLAC, what it is encoded from.
[[nodiscard]] std::uint64_t output_file_bytes(const OutputFormat& format);

}  // namespace dubfarm::media
