#include "kernels/automation/automation.hpp"

#include <algorithm>

#include "kernels/automation/automation_ops.hpp"
#include "kernels/core/math.hpp"

namespace dubfarm::kernels {
namespace {

const automation_ops::Ops& ops(Isa isa) {
  return isa == Isa::avx512 ? automation_ops::kAvx512Ops : isa == Isa::avx2 ? automation_ops::kAvx2Ops : automation_ops::kGenericOps;
}

}  // namespace

GainCurve::GainCurve(const mix::Automation& db, double add_db) : add_db_(add_db) {
  const double first = db.is_constant() ? db.constant : db.points.front().value;
  const bool moves = std::any_of(db.points.begin(), db.points.end(), [&](const mix::AutomationPoint& p) { return p.value != first; });
  if (moves) points_ = db.points;
  else constant_linear_ = gain_from_db(first + add_db);
}

void GainCurve::evaluate(Frames first, Frames n, double* gain_linear, Isa isa) const {
  const automation_ops::Ops& op = ops(isa);
  if (is_constant()) return op.fill(constant_linear_, n, gain_linear);
  auto next = std::upper_bound(points_.begin(), points_.end(), first, [](Frames t, const mix::AutomationPoint& p) { return t < p.at; });
  for (const Frames end = first + n; first < end; ++next) {  // one stretch between points after the other
    const Frames count = next == points_.end() ? end - first : std::min(end, next->at) - first;
    if (next == points_.begin()) {
      op.fill(gain_from_db(next->value + add_db_), count, gain_linear);
    } else if (next == points_.end()) {
      return op.fill(gain_from_db((next - 1)->value + add_db_), count, gain_linear);
    } else {
      const mix::AutomationPoint &from = *(next - 1), &to = *next;
      op.ramp(from.value, (to.value - from.value) / static_cast<double>(to.at - from.at), first - from.at, add_db_, count, gain_linear);
    }
    first += count, gain_linear += count;
  }
}

}  // namespace dubfarm::kernels
