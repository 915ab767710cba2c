// Sources at another rate, brought to the mix's rate in pieces that can be computed in any order: each is a pure function of the source.
//
// The converter is soxr at its "very high" quality (28-bit, linear phase, no latency). A piece is converted on its own: it starts from
// `margin` input frames before its first and runs to `margin` after its last, and its ends are dropped. Pieces begin where an output
// and an input sample coincide, so every piece uses the same filter phases: pieces differ from one long run by less than -140 dBFS, ratios
// too odd for soxr's rational path (44101 Hz) included, for its high-precision clock is on. The margin also keeps soxr 0.1.3's faulty
// first outputs (up to -30 dBFS wrong where it has no history) out of the result.
// Threads: every function here is pure (but for the callback) and may run on any thread.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "common/result.hpp"
#include "common/units.hpp"

namespace dubfarm::media {

/// Planar samples, [channels][frames].
using Planar = std::vector<std::vector<float>>;
/// Fills out[c][0 .. count) with source frames first .. first + count, which lie inside the source; one pointer per channel.
using ReadFrames = std::function<Result<void>(Frames first, Frames count, std::span<float* const> out)>;

/// Frames of a source of `frames` at rate `from` after conversion to rate `to`: frames * to / from, a half rounded up. 0 stays 0.
[[nodiscard]] Frames converted_length(Frames frames, int from, int to);
/// Output frames per piece: the multiple of to / gcd(from, to) nearest 2^16, at least one such.
[[nodiscard]] Frames piece_length(int from, int to);
/// Pieces of the converted source; the last may be shorter.
[[nodiscard]] Frames piece_count(Frames frames, int from, int to);

/// Converts output frames [piece * piece_length, +piece_length) of a source; before its start and past its end the source is silence.
/// The same bits whenever repeated. Zero latency: source frame 0 falls on output frame 0.
/// @param frames  the source's length at rate `from`; 1 or more.
/// @param piece   inside [0, piece_count(frames, from, to)).
/// @return planar samples [channels][frames of that piece]; the callback's error; `invalid_input` for a rate outside [1, 1536000].
[[nodiscard]] Result<Planar> convert_piece(const ReadFrames& read, int from, int to, int channels, Frames frames, Frames piece);

/// Converts a whole impulse response, scaled by from / to: convolution sums over samples, so an IR resampled as a signal would
/// be louder by to / from; with the scale its frequency response keeps its level.
/// @param source  [channels][frames], every channel of the same length; from == to returns it unchanged.
[[nodiscard]] Result<Planar> convert_impulse_response(Planar source, int from, int to);

}  // namespace dubfarm::media
