#include "kernels/eq/varying_band.hpp"

#include <algorithm>
#include <limits>

namespace dubfarm::kernels::eq {
namespace {

constexpr Frames kEver = std::numeric_limits<Frames>::max() / 4;  // far beyond any position, and safe to subtract from

Ramp hold(const SvfCoeffs& c) { return {{c.g, c.k, c.m0, c.m1, c.m2}, {}}; }

Ramp between(const SvfCoeffs& a, const SvfCoeffs& b, Frames frames) {
  const double n = static_cast<double>(frames);
  return {{a.g, a.k, a.m0, a.m1, a.m2},
          {(b.g - a.g) / n, (b.k - a.k) / n, (b.m0 - a.m0) / n, (b.m1 - a.m1) / n, (b.m2 - a.m2) / n}};
}

}  // namespace

VaryingBand::VaryingBand(mix::FilterType type, const mix::Automation& freq_hz, const mix::Automation& q, const mix::Automation& gain_db,
                         double sample_rate)
    : type_(type), sample_rate_(sample_rate) {
  const mix::Automation* const parameters[] = {&freq_hz, &q, &gain_db};
  std::vector<Frames> edges{-kEver};
  for (const mix::Automation* a : parameters)
    for (const mix::AutomationPiece& piece : a->later) edges.push_back(piece.from);
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  for (const Frames edge : edges) {
    Piece& piece = pieces_.emplace_back();
    piece.from = edge;
    mix::Automation* const own[] = {&piece.freq_hz, &piece.q, &piece.gain_db};
    for (std::size_t i = 0; i < 3; ++i) {
      *own[i] = {parameters[i]->constant, parameters[i]->points};
      for (const mix::AutomationPiece& later : parameters[i]->later)
        if (later.from <= edge) *own[i] = {later.constant, later.points};
      for (const mix::AutomationPoint& p : own[i]->points) piece.points.push_back(p.at);
    }
    std::sort(piece.points.begin(), piece.points.end());
    piece.points.erase(std::unique(piece.points.begin(), piece.points.end()), piece.points.end());
  }
}

SvfCoeffs VaryingBand::design(const Piece& piece, Frames at) const {
  return design_svf(type_, logarithmic_value(piece.freq_hz, at), logarithmic_value(piece.q, at), linear_value(piece.gain_db, at), sample_rate_);
}

VaryingBand::Stretch VaryingBand::stretch_at(Frames at) const {
  const auto later = std::upper_bound(pieces_.begin(), pieces_.end(), at, [](Frames t, const Piece& p) { return t < p.from; });
  const Piece& piece = *(later - 1);
  const Frames begin = piece.from, end = later == pieces_.end() ? kEver : later->from;
  const auto next = std::upper_bound(piece.points.begin(), piece.points.end(), at);
  if (next == piece.points.begin()) {  // before the first point, or no points at all
    const Frames until = next == piece.points.end() ? end : std::min(end, *next);
    return {begin, until, begin, hold(design(piece, next == piece.points.end() ? at : *next)), true};
  }
  const Frames point = *(next - 1);
  if (next == piece.points.end()) return {std::max(begin, point), end, point, hold(design(piece, point)), true};
  const Frames from = at - (at - point) % kControlFrames;
  const Frames to = std::min(from + kControlFrames, *next);
  return {std::max(begin, from), std::min(end, to), from, between(design(piece, from), design(piece, to), to - from), false};
}

void VaryingBand::steps(Frames first, int n, const LaneOps& ops, StepBlock& out) {
  for (int done = 0; done < n;) {
    const Frames at = first + done;
    if (at < current_.begin || at >= current_.end) current_ = stretch_at(at);
    const int count = static_cast<int>(std::min<Frames>(n - done, current_.end - at));
    ops.ramp_steps(current_.ramp, current_.is_held ? 0 : at - current_.from, done, count, out);
    done += count;
  }
}

bool passes_audio(mix::FilterType type, const mix::Automation& gain_db) {
  const bool has_gain = type == mix::FilterType::peak || type == mix::FilterType::lowshelf || type == mix::FilterType::highshelf;
  if (!has_gain) return false;
  const std::vector<mix::AutomationPiece> pieces = mix::pieces_of(gain_db);
  return std::all_of(pieces.begin(), pieces.end(), [](const mix::AutomationPiece& piece) {
    if (piece.points.empty()) return piece.constant == 0;
    return std::all_of(piece.points.begin(), piece.points.end(), [](const mix::AutomationPoint& p) { return p.value == 0; });
  });
}

}  // namespace dubfarm::kernels::eq
