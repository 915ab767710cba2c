#include "kernels/eq/varying_band.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace dubfarm::kernels::eq {
namespace {

Ramp hold(const SvfCoeffs& c) { return {{c.g, c.k, c.m0, c.m1, c.m2}, {}}; }

Ramp between(const SvfCoeffs& a, const SvfCoeffs& b, Frames frames) {
  const double n = static_cast<double>(frames);
  return {{a.g, a.k, a.m0, a.m1, a.m2},
          {(b.g - a.g) / n, (b.k - a.k) / n, (b.m0 - a.m0) / n, (b.m1 - a.m1) / n, (b.m2 - a.m2) / n}};
}

}  // namespace

VaryingBand::VaryingBand(mix::FilterType type, mix::Automation freq_hz, mix::Automation q, mix::Automation gain_db, double sample_rate)
    : type_(type), freq_hz_(std::move(freq_hz)), q_(std::move(q)), gain_db_(std::move(gain_db)), sample_rate_(sample_rate) {
  for (const mix::Automation* a : {&freq_hz_, &q_, &gain_db_})
    for (const mix::AutomationPoint& p : a->points) points_.push_back(p.at);
  std::sort(points_.begin(), points_.end());
  points_.erase(std::unique(points_.begin(), points_.end()), points_.end());
}

SvfCoeffs VaryingBand::design(Frames at) const {
  return design_svf(type_, logarithmic_value(freq_hz_, at), logarithmic_value(q_, at), linear_value(gain_db_, at), sample_rate_);
}

VaryingBand::Stretch VaryingBand::stretch_at(Frames at) const {
  constexpr Frames kEver = std::numeric_limits<Frames>::max() / 4;  // far beyond any position, and safe to subtract from
  const auto next = std::upper_bound(points_.begin(), points_.end(), at);
  if (next == points_.begin()) return {-kEver, points_.front(), hold(design(points_.front()))};
  const Frames point = *(next - 1);
  if (next == points_.end()) return {point, kEver, hold(design(point))};
  const Frames from = at - (at - point) % kControlFrames;
  const Frames to = std::min(from + kControlFrames, *next);
  return {from, to, between(design(from), design(to), to - from)};
}

void VaryingBand::steps(Frames first, int n, const LaneOps& ops, StepBlock& out) {
  for (int done = 0; done < n;) {
    const Frames at = first + done;
    if (at < current_.from || at >= current_.to) current_ = stretch_at(at);
    const int count = static_cast<int>(std::min<Frames>(n - done, current_.to - at));
    const bool held = current_.to - current_.from > kControlFrames;
    ops.ramp_steps(current_.ramp, held ? 0 : at - current_.from, done, count, out);
    done += count;
  }
}

bool passes_audio(mix::FilterType type, const mix::Automation& gain_db) {
  const bool has_gain = type == mix::FilterType::peak || type == mix::FilterType::lowshelf || type == mix::FilterType::highshelf;
  if (!has_gain) return false;
  if (gain_db.is_constant()) return gain_db.constant == 0;
  return std::all_of(gain_db.points.begin(), gain_db.points.end(), [](const mix::AutomationPoint& p) { return p.value == 0; });
}

}  // namespace dubfarm::kernels::eq
