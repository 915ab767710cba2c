// Test signals for meters, and a whole measurement of them with the kernels and the aggregation.
#pragma once
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <vector>

#include "kernels/loudness/loudness.hpp"
#include "kernels/true_peak/true_peak.hpp"
#include "scheduler/delivery/loudness.hpp"
#include "worker/print_meters.hpp"

namespace dubfarm::testing {

/// Planar audio. Everything before it is silence.
struct Audio {
  int sample_rate = 48000;
  std::vector<std::vector<float>> channels;
};

/// A stretch of a 1 kHz sine: peak level of each channel in dBFS, or one level for all.
struct Tone {
  double seconds;
  std::vector<double> dbfs;
};
inline constexpr double kOff = -1000;  // no signal

/// 1 kHz unless told otherwise; each tone starts at phase 0.
inline Audio tones(int channels, const std::vector<Tone>& stretches, double hertz = 1000, int sample_rate = 48000) {
  Audio audio{sample_rate, std::vector<std::vector<float>>(static_cast<std::size_t>(channels))};
  for (const Tone& tone : stretches)
    for (std::size_t c = 0; c < audio.channels.size(); ++c) {
      const double dbfs = tone.dbfs[tone.dbfs.size() == 1 ? 0 : c], amplitude = dbfs == kOff ? 0 : std::pow(10, dbfs / 20);
      const auto frames = static_cast<int>(std::lround(tone.seconds * sample_rate));
      for (int i = 0; i < frames; ++i)
        audio.channels[c].push_back(static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * hertz * i / sample_rate)));
    }
  return audio;
}

inline scheduler::LoudnessMaterial materialise(const Audio& audio, std::vector<double> weights, kernels::Isa isa = kernels::best_isa()) {
  const int rate = audio.sample_rate;
  const auto frames = static_cast<Frames>(audio.channels[0].size()), history = kernels::history_frames(rate);
  const Frames subblocks = kernels::subblock_count(frames, rate);
  scheduler::LoudnessMaterial material;
  material.subblock_frames = kernels::subblock_frames(rate);
  material.weights = std::move(weights);
  std::vector<std::vector<float>> padded;
  std::vector<const float*> from;
  for (const std::vector<float>& channel : audio.channels) {
    padded.emplace_back(static_cast<std::size_t>(history), 0.0f);
    padded.back().insert(padded.back().end(), channel.begin(), channel.end());
    from.push_back(padded.back().data() + history);
    const kernels::Peaks found = larger(kernels::peaks(from.back(), frames, isa), kernels::tail_peaks(from.back() + frames));
    material.true_peak.push_back(double{found.true_peak});
    material.sample_peak.push_back(double{found.sample_peak});
  }
  std::vector<double> energy(audio.channels.size() * static_cast<std::size_t>(subblocks));
  kernels::subblock_energies(from.data(), static_cast<int>(from.size()), frames, rate, energy.data(), subblocks, isa);
  for (std::size_t c = 0; c < from.size(); ++c)
    material.energy.emplace_back(energy.begin() + static_cast<Frames>(c) * subblocks, energy.begin() + static_cast<Frames>(c + 1) * subblocks);
  return material;
}

/// The same as materialise(), the way a farm measures: in ranges of about `seconds`, the last first, each on its own, put together. Ranges begin
/// on the grid of kernels::group_frames() (2 s), so ranges of 7 s are in turn 6 and 8 s long.
inline scheduler::LoudnessMaterial materialise_in_ranges(const Audio& audio, std::vector<double> weights, double seconds) {
  const int rate = audio.sample_rate, channels = static_cast<int>(audio.channels.size());
  const auto frames = static_cast<Frames>(audio.channels[0].size()), history = kernels::history_frames(rate), group = kernels::group_frames(rate);
  std::vector<Frames> edges{0};
  for (int i = 1; edges.back() < frames; ++i) edges.push_back(std::min(frames, static_cast<Frames>(i * seconds * rate) / group * group));
  worker::PrintMeasurement measured = worker::empty_measurement(channels, frames, rate, {});
  for (std::size_t i = edges.size() - 1; i-- > 0;) {
    const Frames first = edges[i], count = edges[i + 1] - first;
    std::vector<std::vector<float>> range;
    std::vector<const float*> from;
    for (const std::vector<float>& channel : audio.channels) {  // a range knows no more than its own frames and the history before them
      range.emplace_back(static_cast<std::size_t>(history + count), 0.0f);
      const Frames known = std::min(history, first);
      std::copy_n(channel.begin() + (first - known), known + count, range.back().begin() + (history - known));
    }
    for (const auto& channel : range) from.push_back(channel.data() + history);
    worker::RangeMeters(from.data(), nullptr, channels, count, rate, first + count == frames, false).merge_into(measured, first);
  }
  scheduler::LoudnessMaterial material;
  material.subblock_frames = kernels::subblock_frames(rate);
  material.weights = std::move(weights);
  material.energy = std::move(measured.energy);
  for (const kernels::Peaks& found : measured.peaks) {
    material.true_peak.push_back(double{found.true_peak});
    material.sample_peak.push_back(double{found.sample_peak});
  }
  return material;
}

inline scheduler::LoudnessReading measure(const Audio& audio, std::vector<double> weights = {}) {
  if (weights.empty()) weights.assign(audio.channels.size(), 1.0);
  return scheduler::aggregate(materialise(audio, std::move(weights)));
}

}  // namespace dubfarm::testing
