#include "worker/gain_measure.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/core/math.hpp"
#include "kernels/loudness/loudness.hpp"
#include "kernels/mix/mix.hpp"
#include "worker/gpu/device_range.hpp"
#include "worker/gpu/device_renderer.hpp"

namespace dubfarm::worker {
namespace {

constexpr Frames kBlock = 8192;

}  // namespace

GainMeasure::GainMeasure(PrintSpec spec) : spec_(std::move(spec)), group_(kernels::group_frames(spec_.sample_rate)) {
  spec_.levelling.gain_linear = &gain_linear_;
  if (spec_.levelling.limiter) {
    const kernels::LimiterCurve curve(*spec_.levelling.limiter, 1);
    reach_groups_ = (std::max(curve.settle_frames(), curve.delay()) + group_ - 1) / group_;
  }
  group_peaks_.assign(static_cast<std::size_t>((spec_.length + group_ - 1) / group_), 0.0f);
}

void GainMeasure::begin_round(double gain_linear) {
  if (is_first_) first_ = std::move(now_);
  is_first_ = false;
  gain_linear_ = gain_linear;
  now_ = {};
}

bool GainMeasure::may_be_limited(Frames group) const {
  const float threshold = static_cast<float>(0.98 * kernels::gain_from_db(spec_.levelling.limiter->ceiling_dbtp) / gain_linear_);
  const Frames last = std::min(group + reach_groups_ + 1, static_cast<Frames>(group_peaks_.size()));
  return std::any_of(group_peaks_.begin() + std::max<Frames>(0, group - reach_groups_), group_peaks_.begin() + last, [&](float p) { return !(p < threshold); });
}

Result<std::optional<LostBlobs>> GainMeasure::measure_range(const Store& store, Frames first, Frames count, PrintScratch& scratch) {
  const Frames begin = first / group_, end = (first + count + group_ - 1) / group_;
  LostBlobs lost;
  {
    const std::lock_guard lock(mutex_);
    if (now_.energy.empty()) now_ = empty_measurement(channel_count(spec_.layout), spec_.length, spec_.sample_rate, spec_.extra_meters);
  }
  if (is_first_) {
    TRY(measure_groups(store, begin, end, scratch, lost));
  } else {
    for (Frames at = begin; at < end && lost.keys.empty();) {
      Frames to = at;
      while (to < end && may_be_limited(to)) ++to;
      if (to > at) TRY(measure_groups(store, at, to, scratch, lost));
      for (; to < end && !may_be_limited(to); ++to) scale_group(to);
      at = to;
    }
  }
  if (!lost.keys.empty()) return std::optional<LostBlobs>(std::move(lost));
  return std::optional<LostBlobs>();
}

Result<void> GainMeasure::measure_groups(const Store& store, Frames first_group, Frames end_group, PrintScratch& scratch, LostBlobs& lost) {
  const Frames first = first_group * group_, count = std::min(end_group * group_, spec_.length) - first;
  if (scratch.device != nullptr) {
    Result<gpu::PrintedRange> range = scratch.device->measure(store, spec_, is_first_ ? plain_ : spec_.levelling, first, count, scratch);
    if (range.ok()) {
      if (range->lost.keys.empty()) merge(*range->meters, range->limiter, first_group);
      lost = std::move(range->lost);
      return {};
    }
    if (range.error().code != Errc::no_space) return range.error();
    scratch.device->leave_range_to_cpu(range.error());
  }
  const StageTimer timer(scratch.times, Stage::print);
  const int channels = channel_count(spec_.layout);
  const Frames history = std::max<Frames>(kernels::history_frames(spec_.sample_rate), kernels::kTruePeakHistory);
  const Frames reach_back = std::max<Frames>(0, first - history);
  const bool is_last = first + count == spec_.length;
  LevelledSum inputs(store, scratch.segments, spec_.stems, channels, is_first_ ? plain_ : spec_.levelling, reach_back, first + count);
  TRY(inputs.open());
  const bool measures_speech = spec_.extra_meters.speech && inputs.has_speech();
  Buffer heard = scratch.pool.take(channels, history + count), speech;
  if (measures_speech) speech = scratch.pool.take(channels, history + count);
  for (int c = 0; c < channels; ++c) {
    std::fill_n(heard.channel(c), std::max<Frames>(0, history - first), 0.0f);
    if (measures_speech) std::fill_n(speech.channel(c), std::max<Frames>(0, history - first), 0.0f);
  }
  double* const sums = scratch.sum.reserve(static_cast<std::size_t>(channels * kBlock));
  std::vector<double*> sum;
  for (int c = 0; c < channels; ++c) sum.push_back(sums + c * kBlock);
  for (Frames at = reach_back; at < first + count && inputs.lost().keys.empty();) {
    const Frames n = std::min(kBlock, (at < first ? first : first + count) - at), place = history + at - first;
    TRY(inputs.next(n, sum.data(), at >= first));
    for (int c = 0; c < channels; ++c) kernels::store(sum[static_cast<std::size_t>(c)], n, heard.channel(c) + place);
    if (measures_speech) {
      TRY(inputs.speech(n, sum.data()));
      for (int c = 0; c < channels; ++c) kernels::store(sum[static_cast<std::size_t>(c)], n, speech.channel(c) + place);
    }
    at += n;
  }
  if (!inputs.lost().keys.empty()) {
    lost = std::move(inputs.lost());
    return {};
  }
  const std::vector<float*> range = heard.pointers(history), spoken = measures_speech ? speech.pointers(history) : std::vector<float*>();
  const RangeMeters meters(range.data(), measures_speech ? spoken.data() : nullptr, channels, count, spec_.sample_rate, is_last, false);
  merge(meters, inputs.figures(), first_group);
  return {};
}

void GainMeasure::merge(const RangeMeters& meters, const LimiterFigures& limiter, Frames first_group) {
  const std::lock_guard lock(mutex_);
  if (is_first_) {
    const std::vector<float> peaks = meters.group_peaks();
    std::copy(peaks.begin(), peaks.end(), group_peaks_.begin() + first_group);
  }
  meters.merge_into(now_, first_group * group_);
  now_.limiter = merged(now_.limiter, limiter);
}

/// Where the limiter is idle a gain multiplies the first round's energies; peaks are not asked of later rounds.
void GainMeasure::scale_group(Frames group) {
  const double power = gain_linear_ * gain_linear_;
  const std::lock_guard lock(mutex_);
  const auto scale = [&](const std::vector<std::vector<double>>& from, std::vector<std::vector<double>>& to) {
    for (std::size_t c = 0; c < from.size(); ++c) {
      const auto begin = static_cast<std::size_t>(group * kernels::kSubblocksPerGroup);
      const std::size_t end = std::min(from[c].size(), begin + kernels::kSubblocksPerGroup);
      for (std::size_t b = begin; b < end; ++b) to[c][b] = from[c][b] * power;
    }
  };
  scale(first_.energy, now_.energy);
  scale(first_.speech_energy, now_.speech_energy);
}

}  // namespace dubfarm::worker
