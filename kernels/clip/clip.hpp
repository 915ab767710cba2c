// Clips onto a track: gain and fades (mix format, Signal path 1).
#pragma once
#include "common/mix/document.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

/// A fade as seen from a clip that may have been cut to a window: nothing but `phase` changes when frames are cut from the clip's front.
struct FadeShape {
  Frames length = 0;  // of the whole fade; 0: none
  Frames phase = 0;   // fade-in: index in the fade of the clip's frame 0. Fade-out: frames from the clip's frame 0 to the fade's end
  mix::FadeCurve curve = mix::FadeCurve::linear;
};

/// gain at frame i = gain * in(fade_in) * out(fade_out) * in(join_in) * out(join_out), with
///   in(f)  = c((f.phase + i) / f.length) while f.phase + i < f.length, else 1
///   out(f) = c((f.phase - i) / f.length) while f.phase - i < f.length, else 1
/// and c(x): linear x; equal_power sin(x pi/2); cosine (1 - cos(pi x)) / 2; 0 for x <= 0.
struct ClipShape {
  double gain = 1;               // linear
  FadeShape fade_in, fade_out;   // the clip's own
  FadeShape join_in, join_out;   // those of a recut, where its edge meets the clip (mix format, Recut)
};

/// out[i] += source[i] * gain at clip frame first + i, for i in [0, n): the product in double, one rounding, then one float addition.
/// Bits do not depend on where calls begin and end. `source` and `out` do not overlap.
void add_clip(const ClipShape& shape, Frames first, Frames n, const float* source, float* out, Isa isa = best_isa());

/// The same where `out` is known to be silent: it writes the very bits that add_clip would leave in zeros, without reading `out`. Where the
/// gain is 1 and no fade runs this is a copy.
void write_clip(const ClipShape& shape, Frames first, Frames n, const float* source, float* out, Isa isa = best_isa());

}  // namespace dubfarm::kernels
