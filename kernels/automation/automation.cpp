#include "kernels/automation/automation.hpp"

#include <algorithm>

#include "kernels/automation/automation_ops.hpp"
#include "kernels/core/math.hpp"

namespace dubfarm::kernels {
namespace {

const automation_ops::Ops& ops(Isa isa) {
  return isa == Isa::avx512 ? automation_ops::kAvx512Ops : isa == Isa::avx2 ? automation_ops::kAvx2Ops : automation_ops::kGenericOps;
}

/// The gains of one piece, from the last point at or before `first` on.
void evaluate_piece(const mix::AutomationPiece& piece, double add_db, Frames first, Frames n, double* gain_linear, const automation_ops::Ops& op) {
  const std::vector<mix::AutomationPoint>& points = piece.points;
  if (points.empty()) return op.fill(gain_from_db(piece.constant + add_db), n, gain_linear);
  auto next = std::upper_bound(points.begin(), points.end(), first, [](Frames t, const mix::AutomationPoint& p) { return t < p.at; });
  for (const Frames end = first + n; first < end; ++next) {  // one stretch between points after the other
    const Frames count = next == points.end() ? end - first : std::min(end, next->at) - first;
    if (next == points.begin()) {
      op.fill(gain_from_db(next->value + add_db), count, gain_linear);
    } else if (next == points.end()) {
      return op.fill(gain_from_db((next - 1)->value + add_db), count, gain_linear);
    } else {
      const mix::AutomationPoint &from = *(next - 1), &to = *next;
      op.ramp(from.value, (to.value - from.value) / static_cast<double>(to.at - from.at), first - from.at, add_db, count, gain_linear);
    }
    first += count, gain_linear += count;
  }
}

}  // namespace

GainCurve::GainCurve(const mix::Automation& db, double add_db) : add_db_(add_db) {
  std::vector<mix::AutomationPiece> pieces = mix::pieces_of(db);
  const double first = pieces.front().points.empty() ? pieces.front().constant : pieces.front().points.front().value;
  const bool moves = std::any_of(pieces.begin(), pieces.end(), [&](const mix::AutomationPiece& piece) {
    return piece.points.empty() ? piece.constant != first
                                : std::any_of(piece.points.begin(), piece.points.end(), [&](const auto& p) { return p.value != first; });
  });
  if (moves) pieces_ = std::move(pieces);
  else constant_linear_ = gain_from_db(first + add_db);
}

void GainCurve::evaluate(Frames first, Frames n, double* gain_linear, Isa isa) const {
  const automation_ops::Ops& op = ops(isa);
  if (is_constant()) return op.fill(constant_linear_, n, gain_linear);
  auto later = std::upper_bound(pieces_.begin() + 1, pieces_.end(), first, [](Frames t, const mix::AutomationPiece& p) { return t < p.from; });
  for (const Frames end = first + n; first < end; ++later) {
    const Frames count = later == pieces_.end() ? end - first : std::min(end, later->from) - first;
    evaluate_piece(*(later - 1), add_db_, first, count, gain_linear, op);
    first += count, gain_linear += count;
  }
}

}  // namespace dubfarm::kernels
