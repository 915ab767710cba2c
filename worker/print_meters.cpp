#include "worker/print_meters.hpp"

#include <algorithm>

#include "kernels/level/level.hpp"
#include "kernels/loudness/loudness.hpp"
#include "kernels/loudness/m_weighting.hpp"

namespace dubfarm::worker {

PrintMeasurement empty_measurement(int channels, Frames frames, int sample_rate, ExtraMeters extra) {
  const auto rows = static_cast<std::size_t>(channels);
  const std::vector<double> subblocks(static_cast<std::size_t>(kernels::subblock_count(frames, sample_rate)));
  const Frames group = kernels::group_frames(sample_rate);
  PrintMeasurement measurement;
  measurement.energy.assign(rows, subblocks);
  if (extra.speech) measurement.speech_energy.assign(rows, subblocks);
  if (extra.leqm) measurement.m_energy.assign(rows, subblocks);
  measurement.peaks.resize(rows);
  const Frames subblock = kernels::subblock_frames(sample_rate);
  measurement.subblock_peaks.resize(static_cast<std::size_t>((frames + subblock - 1) / subblock));
  measurement.sums.assign(rows, std::vector<double>(static_cast<std::size_t>((frames + group - 1) / group)));
  return measurement;
}

RangeMeters::RangeMeters(const float* const* channels, const float* const* speech, int channel_count, Frames count, int sample_rate, bool is_last, bool leqm)
    : sample_rate_(sample_rate) {
  const Frames group = kernels::group_frames(sample_rate), subblocks = kernels::subblock_count(count, sample_rate);
  const auto size = static_cast<std::size_t>(channel_count * subblocks);
  values_.energy.resize(size);
  kernels::subblock_energies(channels, channel_count, count, sample_rate, values_.energy.data(), subblocks);
  if (speech != nullptr) {
    values_.speech_energy.resize(size);
    const Frames history = kernels::history_frames(sample_rate);
    for (int c = 0; c < channel_count; ++c) {  // dialogue leaves most channels of a wide layout silent
      const bool sounds = std::any_of(speech[c] - history, speech[c] + count, [](float v) { return v != 0; });
      if (sounds) kernels::subblock_energies(speech + c, 1, count, sample_rate, values_.speech_energy.data() + c * subblocks, subblocks);
    }
  }
  if (leqm) {
    values_.m_energy.resize(size);
    kernels::m_weighted_energies(channels, channel_count, count, sample_rate, values_.m_energy.data(), subblocks);
  }
  const Frames subblock = kernels::subblock_frames(sample_rate);
  values_.subblock_peaks.resize(static_cast<std::size_t>((count + subblock - 1) / subblock));
  for (int c = 0; c < channel_count; ++c) {
    kernels::Peaks peaks;
    for (Frames at = 0; at < count; at += group) {  // a group is still in the cache for its sum
      const Frames end = std::min(count, at + group);
      for (Frames first = at; first < end; first += subblock) {
        const kernels::Peaks here = kernels::peaks(channels[c] + first, std::min(subblock, end - first));
        kernels::Peaks& loudest = values_.subblock_peaks[static_cast<std::size_t>(first / subblock)];
        loudest = kernels::larger(loudest, here);
        peaks = kernels::larger(peaks, here);
      }
      values_.sums.push_back(kernels::level(channels[c] + at, end - at).sum);
    }
    if (is_last) peaks = kernels::larger(peaks, kernels::tail_peaks(channels[c] + count));
    values_.peaks.push_back(peaks);
  }
}

void RangeMeters::merge_into(PrintMeasurement& measurement, Frames first) const {
  const std::size_t channels = values_.peaks.size();
  const auto put = [&](const std::vector<double>& rows, std::vector<std::vector<double>>& into, Frames at) {
    if (rows.empty() || into.empty()) return;
    const std::size_t columns = rows.size() / channels;
    for (std::size_t c = 0; c < channels; ++c) std::copy_n(rows.data() + c * columns, columns, into[c].data() + at);
  };
  const Frames subblock = first / kernels::subblock_frames(sample_rate_), group = first / kernels::group_frames(sample_rate_);
  put(values_.energy, measurement.energy, subblock);
  put(values_.speech_energy, measurement.speech_energy, subblock);
  put(values_.m_energy, measurement.m_energy, subblock);
  put(values_.sums, measurement.sums, group);
  std::copy(values_.subblock_peaks.begin(), values_.subblock_peaks.end(), measurement.subblock_peaks.begin() + subblock);
  for (std::size_t c = 0; c < channels; ++c) measurement.peaks[c] = kernels::larger(measurement.peaks[c], values_.peaks[c]);
}

std::vector<float> RangeMeters::group_peaks() const {
  constexpr auto kGroup = static_cast<std::size_t>(kernels::kSubblocksPerGroup);
  std::vector<float> peaks;
  for (std::size_t at = 0; at < values_.subblock_peaks.size(); at += kGroup) {
    kernels::Peaks group;
    for (std::size_t b = at; b < std::min(at + kGroup, values_.subblock_peaks.size()); ++b) group = kernels::larger(group, values_.subblock_peaks[b]);
    peaks.push_back(group.true_peak);
  }
  return peaks;
}

}  // namespace dubfarm::worker
