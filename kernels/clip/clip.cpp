#include "kernels/clip/clip.hpp"

#include <algorithm>
#include <initializer_list>

#include "kernels/clip/clip_ops.hpp"

namespace dubfarm::kernels {
namespace {

const clip_ops::Ops& ops(Isa isa) {
  return isa == Isa::avx512 ? clip_ops::kAvx512Ops : isa == Isa::avx2 ? clip_ops::kAvx2Ops : clip_ops::kGenericOps;
}

/// Frames of the clip before `end` are faded in, those from `start` on are faded out.
Frames fade_in_end(const FadeShape& f) { return f.length - f.phase; }
Frames fade_out_start(const FadeShape& f) { return f.phase - f.length + 1; }

struct Stretch {
  Frames count;
  bool faded;
};

/// The longest stretch from `at` on, no longer than `n`, that is wholly inside or wholly outside of fades.
Stretch stretch_at(const ClipShape& shape, Frames at, Frames n) {
  Stretch stretch{n, false};
  Frames faded_until = at;  // the furthest end of a fade that runs at `at`
  for (const FadeShape* f : {&shape.fade_in, &shape.join_in})
    if (f->length > 0) faded_until = std::max(faded_until, fade_in_end(*f));
  for (const FadeShape* f : {&shape.fade_out, &shape.join_out}) {
    if (f->length == 0) continue;
    if (fade_out_start(*f) <= at) faded_until = at + n;
    else stretch.count = std::min(stretch.count, fade_out_start(*f) - at);
  }
  if (faded_until > at) stretch = {std::min(n, faded_until - at), true};
  return stretch;
}

enum class Onto { sound, silence };

void place(const ClipShape& shape, Frames at, Frames n, const float* source, float* out, Onto onto, const clip_ops::Ops& op) {
  constexpr Frames kBlock = 512;
  double envelope[kBlock];
  while (n > 0) {
    Stretch stretch = stretch_at(shape, at, n);
    if (stretch.faded) {
      stretch.count = std::min(stretch.count, kBlock);
      const int count = static_cast<int>(stretch.count);
      std::fill_n(envelope, count, shape.gain);
      for (const FadeShape* f : {&shape.fade_in, &shape.fade_out, &shape.join_in, &shape.join_out}) {
        if (f->length == 0) continue;
        const bool in = f == &shape.fade_in || f == &shape.join_in;
        op.fade(static_cast<int>(f->curve), in ? f->phase + at : f->phase - at, in ? 1 : -1, f->length, count, envelope);
      }
      (onto == Onto::silence ? op.write_faded : op.add_faded)(source, envelope, count, out);
    } else {
      (onto == Onto::silence ? op.write : op.add)(source, shape.gain, stretch.count, out);
    }
    at += stretch.count, n -= stretch.count, source += stretch.count, out += stretch.count;
  }
}

}  // namespace

void add_clip(const ClipShape& shape, Frames first, Frames n, const float* source, float* out, Isa isa) {
  place(shape, first, n, source, out, Onto::sound, ops(isa));
}

void write_clip(const ClipShape& shape, Frames first, Frames n, const float* source, float* out, Isa isa) {
  place(shape, first, n, source, out, Onto::silence, ops(isa));
}

}  // namespace dubfarm::kernels
