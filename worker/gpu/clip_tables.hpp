// What some tracks of a chunk play, as a device takes it: the stretches of sources to bring up, and the tables of clips and pieces.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/media/probe.hpp"
#include "common/program/program.hpp"
#include "common/result.hpp"
#include "kernels/clip/clip_cuda.hpp"
#include "worker/sources.hpp"

namespace dubfarm::worker::gpu {

/// Frames of a source that come up together: of raw PCM as they lie in the file, all channels interleaved; of anything else as float32,
/// one of `channels` after the other.
struct SourceStretch {
  std::uint32_t source = 0;                // index into Program::sources
  std::optional<media::PcmLayout> raw;
  int file_channels = 0;                   // of raw PCM
  std::vector<int> channels;               // 0-based source channels, of anything else
  Frames first = 0, count = 0;             // at the program's rate
  std::size_t bytes = 0;
};

/// A stretch on the device: perhaps as part of a longer one, which begins at `samples` with frame `first`.
struct PlacedStretch {
  const std::byte* samples = nullptr;
  Frames first = 0, count = 0;
};

/// One clip's channel, and where its samples are.
struct ClipChannel {
  const program::Clip* clip = nullptr;
  int channel = 0;             // 0-based, of the source
  std::size_t stretch = 0;     // that its samples lie in
  Frames at = 0;               // source frame of the first of them
  std::size_t row = 0;         // of a stretch that is not raw: which of its channels
  kernels::cuda::Clip entry;   // all but its pointers
};

/// For tracks [first_track, last_track): lanes are their channels, in order, each over frames [first, length) of the program.
struct ClipTables {
  Frames first = 0, frames = 0;  // of each lane
  int lanes = 0;
  std::vector<SourceStretch> stretches;
  std::size_t source_bytes = 0;  // of all stretches
  std::vector<ClipChannel> clips;
  std::vector<kernels::cuda::ClipRef> refs;
  std::vector<kernels::cuda::ClipPiece> pieces;  // all but `out`
  std::vector<Frames> piece_offsets;             // of `out`, in floats from where the lanes' memory begins
  Frames longest_piece = 0;

  /// The entries of the device's tables, once memory is there: stretches, lanes and a first_bad word a clip, all on the device.
  [[nodiscard]] std::vector<kernels::cuda::Clip> placed_clips(std::span<const PlacedStretch> placed, std::int64_t* first_bad) const;
  [[nodiscard]] std::vector<kernels::cuda::ClipPiece> placed_pieces(float* lanes_memory) const;
};

/// @param first  where the lanes begin: at or before every frame that is asked for.
[[nodiscard]] Result<ClipTables> clip_tables(const program::Program& program, std::size_t first_track, std::size_t last_track, Frames first,
                                             const Sources& sources);

}  // namespace dubfarm::worker::gpu
