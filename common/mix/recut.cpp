#include "common/mix/recut.hpp"

#include <algorithm>

namespace dubfarm::mix {

std::vector<AutomationPiece> pieces_of(const Automation& automation) {
  std::vector<AutomationPiece> pieces{{0, automation.constant, automation.points}};
  pieces.insert(pieces.end(), automation.later.begin(), automation.later.end());
  return pieces;
}

Frames length_of(const Document& document, const Version& version) {
  if (!version.recut) return document.length;
  if (version.recut->length) return *version.recut->length;
  return version.recut->events.empty() ? 0 : version.recut->events.back().at + version.recut->events.back().length;
}

TimeMap::TimeMap(const Document& document, const Version& version) : length_(length_of(document, version)), is_recut_(version.recut.has_value()) {
  if (!is_recut_) {
    stretches_ = {{0, length_, 0}};
    return;
  }
  reach_ = version.recut->fade / 2;
  const std::vector<RecutEvent>& events = version.recut->events;
  const auto add = [&](Frames begin, Frames end, std::optional<Frames> shift) {
    end = std::min(end, length_);
    if (begin >= end) return;
    if (!stretches_.empty() && stretches_.back().shift == shift) stretches_.back().end = end;
    else stretches_.push_back({begin, end, shift});
  };
  Frames reached = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const RecutEvent& e = events[i];
    add(reached, e.at, std::nullopt);
    add(e.at, e.at + e.length, e.old_at - e.at);
    reached = e.at + e.length;
    const auto joins = [&](const RecutEvent& a, const RecutEvent& b) { return a.at + a.length == b.at && a.old_at + a.length == b.old_at; };
    by_old_.push_back({e, e.at == 0 || (i > 0 && joins(events[i - 1], e)), reached >= length_ || (i + 1 < events.size() && joins(e, events[i + 1]))});
  }
  add(reached, length_, std::nullopt);
  std::stable_sort(by_old_.begin(), by_old_.end(), [](const Edge& a, const Edge& b) { return a.event.old_at < b.event.old_at; });
  for (const Edge& edge : by_old_)
    furthest_old_.push_back(std::max(furthest_old_.empty() ? edge.event.old_at : furthest_old_.back(), edge.event.old_at + edge.event.length));
}

std::span<const TimeStretch> TimeMap::stretches(Frames from, Frames until) const {
  const auto first = std::partition_point(stretches_.begin(), stretches_.end(), [&](const TimeStretch& s) { return s.end <= from; });
  const auto last = std::partition_point(first, stretches_.end(), [&](const TimeStretch& s) { return s.begin < until; });
  return {first, last};
}

std::vector<TimeStretch> TimeMap::holes() const {
  std::vector<TimeStretch> holes;
  std::copy_if(stretches_.begin(), stretches_.end(), std::back_inserter(holes), [](const TimeStretch& s) { return !s.shift; });
  return holes;
}

std::vector<ClipPiece> TimeMap::pieces(Frames at, Frames length) const {
  if (!is_recut_) return {{at, 0, length, 0, 0}};
  const Frames clip_end = at + length;
  std::vector<ClipPiece> pieces;
  const auto first = std::partition_point(furthest_old_.begin(), furthest_old_.end(), [&](Frames end) { return end <= at; });
  for (auto edge = by_old_.begin() + (first - furthest_old_.begin()); edge != by_old_.end() && edge->event.old_at < clip_end; ++edge) {
    const RecutEvent& e = edge->event;
    const Frames begin = std::max(at, e.old_at), end = std::min(clip_end, e.old_at + e.length);
    if (begin >= end) continue;
    const Frames before = edge->joins_before ? 0 : std::min({reach_, std::max<Frames>(0, e.old_at - at), end - begin});
    const Frames behind = edge->joins_after ? 0 : std::min({reach_, std::max<Frames>(0, clip_end - (e.old_at + e.length)), end - begin});
    pieces.push_back({begin - before - e.old_at + e.at, begin - before - at, end - begin + before + behind, 2 * before, 2 * behind});
  }
  std::sort(pieces.begin(), pieces.end(), [](const ClipPiece& a, const ClipPiece& b) { return std::pair(a.at, a.skipped) < std::pair(b.at, b.skipped); });
  std::size_t last = 0;  // pieces that go on where another ends are one
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    ClipPiece& before = pieces[last];
    const bool goes_on = before.at + before.length == pieces[i].at && before.skipped + before.length == pieces[i].skipped && before.join_out == 0 &&
                         pieces[i].join_in == 0;
    if (goes_on) before.length += pieces[i].length, before.join_out = pieces[i].join_out;
    else pieces[++last] = pieces[i];
  }
  if (!pieces.empty()) pieces.resize(last + 1);
  return pieces;
}

}  // namespace dubfarm::mix
