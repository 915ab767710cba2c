#include "kernels/qc/qc.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/loudness/loudness.hpp"
#include "kernels/qc/qc_body.hpp"

namespace dubfarm::kernels {

namespace qc {

const Ops kGeneric = kOps;

namespace {

const Ops& ops(Isa isa) { return isa == Isa::avx512 ? kAvx512 : isa == Isa::avx2 ? kAvx2 : kGeneric; }

constexpr float kJump = 0.004f, kSoundAround = 0.01f, kFullScale = 0.99f;
constexpr float kLeastStep = 0.001f, kAbove = 4.0f;  // 12 dB
constexpr Frames kClickGuard = 8;

Frames around(int sample_rate) { return sample_rate / 200; }

float peak(const float* from, const float* to) {
  float most = 0;
  for (; from != to; ++from) most = std::max(most, std::abs(*from));
  return most;
}

/// Keeps what a group finds within bounds. Finds come by time.
class Quota {
 public:
  explicit Quota(int sample_rate) : group_(group_frames(sample_rate)) {}
  bool takes(Frames at) {
    if (at / group_ != current_) current_ = at / group_, count_ = 0;
    return count_++ < kMostFound;
  }

 private:
  Frames group_, current_ = -1;
  int count_ = 0;
};

float third_difference(const float* x) { return std::abs(x[0] - 3 * x[-1] + 3 * x[-2] - x[-3]); }

}  // namespace
}  // namespace qc

PairSums& PairSums::operator+=(const PairSums& other) {
  left += other.left;
  right += other.right;
  product += other.product;
  return *this;
}
PairSums pair_sums(const float* left, const float* right, Frames count, Isa isa) { return qc::ops(isa).pair_sums(left, right, count); }
double correlation(const PairSums& sums) {
  const double scale = std::sqrt(sums.left) * std::sqrt(sums.right);
  return scale > 0 ? std::clamp(sums.product / scale, -1.0, 1.0) : 0;
}

SlopeSums& SlopeSums::operator+=(const SlopeSums& other) {
  energy += other.energy;
  slope += other.slope;
  return *this;
}
SlopeSums slope_sums(const float* x, Frames count, Isa isa) { return qc::ops(isa).slope_sums(x, count); }
double mean_frequency(const SlopeSums& sums, int sample_rate) {
  if (!(sums.energy > 0)) return 0;
  // A sine of angular frequency w has a slope of 2 sin(w/2) times its amplitude.
  return sample_rate * std::asin(std::min(1.0, std::sqrt(sums.slope / sums.energy) / 2)) / std::numbers::pi;
}

void flat_blocks(const float* x, Frames blocks, float step, std::uint8_t* flat, Isa isa) { qc::ops(isa).flat_blocks(x, blocks, step, flat); }

std::vector<Dropout> find_dropouts(const float* x, Frames first, Frames count, int sample_rate, float step) {
  const Frames window = qc::around(sample_rate), shortest = sample_rate / 1000, longest = sample_rate * 8 / 100;
  const Frames from = -dropout_history(sample_rate) + 1;  // x[from - 1] is read
  const Frames blocks = (count - from) / kFlatBlock;
  std::vector<std::uint8_t> flat(static_cast<std::size_t>(std::max<Frames>(0, blocks)));
  flat_blocks(x + from, blocks, step, flat.data());
  std::vector<Dropout> found;
  qc::Quota quota(sample_rate);
  const auto moves = [&](Frames n) { return !(std::abs(x[n] - x[n - 1]) <= step); };
  for (Frames b = 0; b < blocks; ++b) {
    if (flat[static_cast<std::size_t>(b)] == 0) continue;
    Frames begin = from + b * kFlatBlock;  // the first frame that equals the one before it
    while (b + 1 < blocks && flat[static_cast<std::size_t>(b + 1)] != 0) ++b;
    Frames end = from + (b + 1) * kFlatBlock;
    while (begin > from && !moves(begin - 1)) --begin;
    while (end < count && !moves(end)) ++end;
    --begin;  // the stretch's first sample
    const Frames length = end - begin;
    const bool is_ours = end + window > 0 && end + window <= count;
    if (!is_ours || length < shortest || length > longest || begin - window < from - 1) continue;
    const bool jumps = std::abs(x[begin] - x[begin - 1]) >= qc::kJump || std::abs(x[end] - x[end - 1]) >= qc::kJump;
    if (!jumps || std::abs(x[begin]) >= qc::kFullScale) continue;
    if (qc::peak(x + begin - window, x + begin) < qc::kSoundAround || qc::peak(x + end, x + end + window) < qc::kSoundAround) continue;
    if (quota.takes(first + end + window - 1)) found.push_back({first + begin, length});
  }
  return found;
}

std::vector<Click> find_clicks(const float* x, Frames first, Frames count, int sample_rate, const std::vector<Frames>& places) {
  const Frames window = qc::around(sample_rate);
  std::vector<Click> found;
  qc::Quota quota(sample_rate);
  // The surroundings of a place end at place + window: that lies in (first, first + count].
  auto place = std::upper_bound(places.begin(), places.end(), first - window);
  for (; place != places.end() && *place + window <= first + count; ++place) {
    if (*place - window - 3 < 0) continue;
    const float* at = x + (*place - first);
    float here = 0, near = 0, step = 0;
    for (Frames n = -2; n <= 2; ++n) {
      here = std::max(here, qc::third_difference(at + n));
      step = std::max(step, std::abs(at[n] - at[n - 1]));
    }
    for (Frames n = -window; n < window; ++n)
      if (n < -qc::kClickGuard || n >= qc::kClickGuard) near = std::max(near, qc::third_difference(at + n));
    if (step < qc::kLeastStep || here < qc::kAbove * near || !quota.takes(*place + window - 1)) continue;
    found.push_back({*place, static_cast<double>(step), 20 * std::log10(static_cast<double>(here) / std::max(1e-9, static_cast<double>(near)))});
  }
  return found;
}

}  // namespace dubfarm::kernels
