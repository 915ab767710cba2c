#include "kernels/automation/automation_tables.hpp"

#include <algorithm>

namespace dubfarm::kernels {

std::vector<cuda::Line> lines_of(const mix::Automation& automation, Frames first, Frames end) {
  const std::vector<mix::AutomationPiece> pieces = mix::pieces_of(automation);
  std::vector<cuda::Line> lines;
  auto later = std::upper_bound(pieces.begin() + 1, pieces.end(), first, [](Frames t, const mix::AutomationPiece& p) { return t < p.from; });
  for (; first < end; ++later) {
    const mix::AutomationPiece& piece = *(later - 1);
    const Frames until = later == pieces.end() ? end : std::min(end, later->from);
    const std::vector<mix::AutomationPoint>& points = piece.points;
    auto next = std::upper_bound(points.begin(), points.end(), first, [](Frames t, const mix::AutomationPoint& p) { return t < p.at; });
    for (; first < until; ++next) {
      const Frames to = next == points.end() ? until : std::min(until, next->at);
      if (next == points.begin() || next == points.end()) {
        lines.push_back({to, first, points.empty() ? piece.constant : next == points.begin() ? next->value : (next - 1)->value, 0.0});
      } else {
        const mix::AutomationPoint& from = *(next - 1);
        lines.push_back({to, from.at, from.value, (next->value - from.value) / static_cast<double>(next->at - from.at)});
      }
      first = to;
      if (next == points.end()) break;
    }
  }
  return lines;
}

}  // namespace dubfarm::kernels
