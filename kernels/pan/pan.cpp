#include "kernels/pan/pan.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/core/math.hpp"
#include "kernels/pan/pan_ops.hpp"

namespace dubfarm::kernels {
namespace {

const pan_ops::Ops& ops(Isa isa) {
  return isa == Isa::avx512 ? pan_ops::kAvx512Ops : isa == Isa::avx2 ? pan_ops::kAvx2Ops : pan_ops::kGenericOps;
}

pan_ops::Ring ring_of(Layout bus) {
  pan_ops::Ring ring;
  const auto speakers = speaker_ring(bus);
  ring.count = static_cast<int>(speakers.size());
  for (std::size_t m = 0; m < speakers.size(); ++m) {
    const double own = speakers[m].azimuth_deg, next = speakers[(m + 1) % speakers.size()].azimuth_deg;
    ring.azimuth_deg[m] = own;
    ring.inverse_sine[m] = 1 / sin_degrees(degrees_within_turn(next - own));
  }
  return ring;
}

/// Gains of `n` <= kBlock azimuths: gains[bus channel] may be null.
void evaluate_block(Layout bus, const double* azimuth, int n, double* const* gains, const pan_ops::Ops& op) {
  if (bus == Layout::mono) {
    std::fill_n(gains[0], n, 1.0);
  } else if (bus == Layout::stereo) {
    op.stereo(azimuth, n, gains[0], gains[1]);
  } else {
    static const pan_ops::Ring rings[] = {ring_of(Layout::surround_51), ring_of(Layout::surround_71)};
    const auto speakers = speaker_ring(bus);
    double* rows[pan_ops::kMaxRing] = {};
    for (std::size_t m = 0; m < speakers.size(); ++m) rows[m] = gains[speakers[m].channel];
    op.ring(rings[bus == Layout::surround_51 ? 0 : 1], azimuth, n, rows);
  }
}

double first_value(const mix::AutomationPiece& piece) { return piece.points.empty() ? piece.constant : piece.points.front().value; }

/// Does some azimuth of [low, high], in any turn, lie strictly inside the open arc (from, to)?
bool reaches(double low, double high, double from, double to) {
  const double turns = std::floor((low - from) / 360);  // brings `low` to [from, from + 360)
  low -= 360 * turns, high -= 360 * turns;
  return low < to || high > from + 360;
}

/// Does the azimuth of a piece ever lie strictly inside the open arc (from, to)?
bool reaches(const mix::AutomationPiece& piece, double from, double to) {
  if (piece.points.size() < 2) return reaches(first_value(piece), first_value(piece), from, to);
  for (std::size_t i = 0; i + 1 < piece.points.size(); ++i) {
    const auto [low, high] = std::minmax(piece.points[i].value, piece.points[i + 1].value);
    if (reaches(low, high, from, to)) return true;
  }
  return false;
}

/// Degrees at position first + i, for i in [0, n), n <= kBlock, inside one stretch between points. @return how many were written.
int evaluate_azimuth(const mix::AutomationPiece& piece, Frames first, Frames n, double* azimuth, const pan_ops::Ops& op) {
  const std::vector<mix::AutomationPoint>& points = piece.points;
  const auto next = std::upper_bound(points.begin(), points.end(), first, [](Frames t, const mix::AutomationPoint& p) { return t < p.at; });
  const int count = static_cast<int>(std::min<Frames>({pan_ops::kBlock, n, next == points.end() ? n : next->at - first}));
  if (next == points.begin() || next == points.end()) {
    std::fill_n(azimuth, count, points.empty() ? piece.constant : next == points.begin() ? next->value : (next - 1)->value);
  } else {
    const mix::AutomationPoint &from = *(next - 1), &to = *next;
    op.line(from.value, (to.value - from.value) / static_cast<double>(to.at - from.at), first - from.at, count, azimuth);
  }
  return count;
}

}  // namespace

void pan_gains(Layout bus, double azimuth_deg, double* gains) {
  const int channels = channel_count(bus);
  double* rows[kMaxChannels];
  for (int c = 0; c < channels; ++c) gains[c] = 0, rows[c] = &gains[c];
  evaluate_block(bus, &azimuth_deg, 1, rows, ops(Isa::generic));
}

PanCurve::PanCurve(Layout bus, const mix::Automation& azimuth_deg)
    : bus_(bus), constant_(static_cast<std::size_t>(channel_count(bus)), 0.0) {
  std::vector<mix::AutomationPiece> pieces = mix::pieces_of(azimuth_deg);
  const double place = first_value(pieces.front());
  const bool moves = std::any_of(pieces.begin(), pieces.end(), [&](const mix::AutomationPiece& piece) {
    return first_value(piece) != place || std::any_of(piece.points.begin(), piece.points.end(), [&](const auto& p) { return p.value != place; });
  });
  if (!moves || bus == Layout::mono) {
    pan_gains(bus, place, constant_.data());
    for (int c = 0; c < channel_count(bus); ++c)
      if (constant_[static_cast<std::size_t>(c)] != 0) channels_.push_back(c);
    return;
  }
  pieces_ = std::move(pieces);
  if (bus == Layout::stereo) {
    channels_ = {0, 1};
    return;
  }
  const auto ring = speaker_ring(bus);
  for (std::size_t m = 0; m < ring.size(); ++m) {
    const double before = ring[(m + ring.size() - 1) % ring.size()].azimuth_deg - (m == 0 ? 360 : 0);
    const double after = ring[(m + 1) % ring.size()].azimuth_deg + (m + 1 == ring.size() ? 360 : 0);
    const double margin = 1e-6;  // an azimuth just short of a neighbour's may round past it
    if (std::any_of(pieces_.begin(), pieces_.end(), [&](const auto& piece) { return reaches(piece, before - margin, after + margin); }))
      channels_.push_back(ring[m].channel);
  }
  std::sort(channels_.begin(), channels_.end());
}

void PanCurve::evaluate(Frames first, Frames n, double* const* gains, Isa isa) const {
  const pan_ops::Ops& op = ops(isa);
  if (is_constant()) {
    for (std::size_t j = 0; j < channels_.size(); ++j) std::fill_n(gains[j], n, constant_[static_cast<std::size_t>(channels_[j])]);
    return;
  }
  auto later = std::upper_bound(pieces_.begin() + 1, pieces_.end(), first, [](Frames t, const mix::AutomationPiece& p) { return t < p.from; });
  for (Frames done = 0; done < n;) {
    const Frames at = first + done;
    while (later != pieces_.end() && later->from <= at) ++later;
    const Frames until = later == pieces_.end() ? first + n : std::min(first + n, later->from);
    double azimuth[pan_ops::kBlock];
    const int count = evaluate_azimuth(*(later - 1), at, until - at, azimuth, op);
    double* rows[kMaxChannels] = {};
    for (std::size_t j = 0; j < channels_.size(); ++j) rows[channels_[j]] = gains[j] + done;
    evaluate_block(bus_, azimuth, count, rows, op);
    done += count;
  }
}

}  // namespace dubfarm::kernels
