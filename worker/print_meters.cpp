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
    : sample_rate_(sample_rate), subblocks_(kernels::subblock_count(count, sample_rate)) {
  const Frames group = kernels::group_frames(sample_rate);
  groups_ = (count + group - 1) / group;
  const auto size = static_cast<std::size_t>(channel_count * std::max<Frames>(subblocks_, 1));
  energy_.resize(size);
  kernels::subblock_energies(channels, channel_count, count, sample_rate, energy_.data(), subblocks_);
  if (speech != nullptr) {
    speech_energy_.resize(size);
    const Frames history = kernels::history_frames(sample_rate);
    for (int c = 0; c < channel_count; ++c) {  // dialogue leaves most channels of a wide layout silent
      const bool sounds = std::any_of(speech[c] - history, speech[c] + count, [](float v) { return v != 0; });
      if (sounds) kernels::subblock_energies(speech + c, 1, count, sample_rate, speech_energy_.data() + c * subblocks_, subblocks_);
    }
  }
  if (leqm) {
    m_energy_.resize(size);
    kernels::m_weighted_energies(channels, channel_count, count, sample_rate, m_energy_.data(), subblocks_);
  }
  const Frames subblock = kernels::subblock_frames(sample_rate);
  subblock_peaks_.resize(static_cast<std::size_t>((count + subblock - 1) / subblock));
  for (int c = 0; c < channel_count; ++c) {
    kernels::Peaks peaks;
    for (Frames at = 0; at < count; at += group) {  // a group is still in the cache for its sum
      const Frames end = std::min(count, at + group);
      for (Frames first = at; first < end; first += subblock) {
        const kernels::Peaks here = kernels::peaks(channels[c] + first, std::min(subblock, end - first));
        kernels::Peaks& loudest = subblock_peaks_[static_cast<std::size_t>(first / subblock)];
        loudest = kernels::larger(loudest, here);
        peaks = kernels::larger(peaks, here);
      }
      sums_.push_back(kernels::level(channels[c] + at, end - at).sum);
    }
    if (is_last) peaks = kernels::larger(peaks, kernels::tail_peaks(channels[c] + count));
    peaks_.push_back(peaks);
  }
}

void RangeMeters::merge_into(PrintMeasurement& measurement, Frames first) const {
  const auto put = [](const std::vector<double>& rows, Frames columns, std::vector<std::vector<double>>& into, Frames at) {
    if (rows.empty() || into.empty()) return;
    for (std::size_t c = 0; c < into.size(); ++c) std::copy_n(rows.data() + static_cast<Frames>(c) * columns, columns, into[c].data() + at);
  };
  const Frames subblock = first / kernels::subblock_frames(sample_rate_), group = first / kernels::group_frames(sample_rate_);
  put(energy_, subblocks_, measurement.energy, subblock);
  put(speech_energy_, subblocks_, measurement.speech_energy, subblock);
  put(m_energy_, subblocks_, measurement.m_energy, subblock);
  put(sums_, groups_, measurement.sums, group);
  std::copy(subblock_peaks_.begin(), subblock_peaks_.end(), measurement.subblock_peaks.begin() + subblock);
  for (std::size_t c = 0; c < peaks_.size(); ++c) measurement.peaks[c] = kernels::larger(measurement.peaks[c], peaks_[c]);
}

}  // namespace dubfarm::worker
