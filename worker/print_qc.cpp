#include "worker/print_qc.hpp"

#include <algorithm>
#include <cassert>

#include "kernels/loudness/loudness.hpp"

namespace dubfarm::worker {

void QcMeasurement::sort() {
  std::sort(dropouts.begin(), dropouts.end());
  std::sort(clicks.begin(), clicks.end());
}

QcMeasurement empty_qc(Layout layout, Frames frames, int sample_rate) {
  const Frames group = kernels::group_frames(sample_rate);
  const auto groups = static_cast<std::size_t>((frames + group - 1) / group);
  QcMeasurement measurement;
  if (layout == Layout::stereo) measurement.pairs.resize(groups);
  if (lfe_channel(layout)) measurement.lfe.resize(groups);
  return measurement;
}

RangeQc::RangeQc(const QcSpec& spec, Layout layout, const float* const* channels, Frames first, Frames count, int sample_rate) {
  const Frames group = kernels::group_frames(sample_rate);
  assert(first % group == 0 && kernels::dropout_history(sample_rate) <= kernels::history_frames(sample_rate));
  first_group_ = static_cast<std::size_t>(first / group);
  for (Frames at = 0; at < count; at += group) {
    const Frames n = std::min(group, count - at);
    if (layout == Layout::stereo) pairs_.push_back(kernels::pair_sums(channels[0] + at, channels[1] + at, n));
    if (const auto lfe = lfe_channel(layout)) lfe_.push_back(kernels::slope_sums(channels[*lfe] + at, n));
  }
  for (int c = 0; c < channel_count(layout); ++c) {
    for (const kernels::Dropout& dropout : kernels::find_dropouts(channels[c], first, count, sample_rate, spec.step)) dropouts_.push_back({dropout, c});
    for (const bool is_seam : {true, false})
      for (const kernels::Click& click : kernels::find_clicks(channels[c], first, count, sample_rate, is_seam ? spec.seams : spec.edits))
        clicks_.push_back({click, c, is_seam});
  }
}

void RangeQc::merge_into(QcMeasurement& measurement) const {
  const auto at = static_cast<std::ptrdiff_t>(first_group_);
  std::copy(pairs_.begin(), pairs_.end(), measurement.pairs.begin() + at);
  std::copy(lfe_.begin(), lfe_.end(), measurement.lfe.begin() + at);
  measurement.dropouts.insert(measurement.dropouts.end(), dropouts_.begin(), dropouts_.end());
  measurement.clicks.insert(measurement.clicks.end(), clicks_.begin(), clicks_.end());
}

}  // namespace dubfarm::worker
