// Clips onto lanes on the device, decoded on the way: what reading a track is on the CPU.
#pragma once
#include <cstddef>
#include <cstdint>

#include "common/media/sample_format.hpp"
#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// A kernels::FadeShape; curve in the order of mix::FadeCurve.
struct ClipFade {
  Frames length = 0, phase = 0;
  int curve = 0;
};
/// One channel of a clip, with the samples that are at hand of it.
struct Clip {
  const std::byte* samples = nullptr;  // of clip frame `first`; any alignment
  std::int64_t stride = 0;             // bytes from one of the channel's samples to the next
  media::SampleFormat format{};
  Frames first = 0;
  double gain = 1;                     // linear
  ClipFade fade_in, fade_out, join_in, join_out;
  std::int64_t* first_bad = nullptr;   // lowered to the first clip frame that is NaN or infinite; set to kNoneBad (decode_cuda.hpp) before. May be null
};
/// A clip as a piece hears it: clip frame `from` falls on the piece's first frame.
struct ClipRef {
  int clip = 0;
  Frames from = 0;
};
/// A stretch of a lane in which the same clips sound. Those without a clip are silent. Cut long ones: a piece takes one row of blocks.
struct ClipPiece {
  float* out = nullptr;
  Frames count = 0;
  int first_ref = 0, refs = 0;  // in session order
};
inline constexpr Frames kClipPieceFrames = 16384;  // a good length to cut them to

/// out[i] = the sum, from zero and in order, of the pieces' clips, each float(sample * gain and fades). The bits of kernels::add_clip() into
/// zeros on a thread that holds FlushDenormals. Tables are the device's.
struct ClipsArgs {
  const Clip* clips = nullptr;
  const ClipRef* refs = nullptr;
  const ClipPiece* pieces = nullptr;
  int piece_count = 0;
  Frames longest = 0;  // of the pieces
};
void clips(const ClipsArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
