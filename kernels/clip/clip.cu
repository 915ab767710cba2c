// A block takes kTile frames of one piece; all its threads hear the same clips.
#include "kernels/clip/clip_cuda.hpp"
#include "kernels/core/fade.hpp"
#include "kernels/core/pcm_any.hpp"
#include "kernels/device/cuda_launch.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr Frames kTile = 4 * kThreads;

DUBFARM_DEVICE double faded(double gain, const ClipFade& fade, Frames at) {
  return fade.length == 0 ? gain : gain * fade_gain(fade.curve, at, fade.length);
}

DUBFARM_KERNEL(kThreads) place_clips(const Clip* all, const ClipRef* refs, const ClipPiece* pieces) {
  const ClipPiece piece = pieces[block_y()];
  const Frames first = block_x() * kTile, end = first + kTile < piece.count ? first + kTile : piece.count;
  for (Frames i = first + thread_index(); i < end; i += kThreads) {
    float sum = 0;
    for (int r = 0; r < piece.refs; ++r) {
      const ClipRef ref = refs[piece.first_ref + r];
      const Clip& clip = all[ref.clip];
      const Frames at = ref.from + i;  // frame of the clip
      const float sample = pcm::sample_at(clip.format, clip.samples + (at - clip.first) * clip.stride);
      if (clip.first_bad != nullptr && !pcm::is_finite(sample)) atomic_min(clip.first_bad, at);
      double gain = clip.gain;
      gain = faded(gain, clip.fade_in, clip.fade_in.phase + at);
      gain = faded(gain, clip.fade_out, clip.fade_out.phase - at);
      gain = faded(gain, clip.join_in, clip.join_in.phase + at);
      gain = faded(gain, clip.join_out, clip.join_out.phase - at);
      sum = flush(sum + narrow(widen(sample) * gain));
    }
    piece.out[i] = sum;
  }
}

}  // namespace

void clips(const ClipsArgs& args, StreamHandle stream) {
  constexpr int kMostPieces = 65535;  // of one grid
  for (int first = 0; first < args.piece_count; first += kMostPieces) {
    const int count = args.piece_count - first < kMostPieces ? args.piece_count - first : kMostPieces;
    DUBFARM_LAUNCH(place_clips, blocks_for(args.longest, kTile), count, kThreads, stream, args.clips, args.refs, args.pieces + first);
  }
}

}  // namespace dubfarm::kernels::cuda
