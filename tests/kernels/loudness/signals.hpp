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

inline scheduler::LoudnessReading measure(const Audio& audio, std::vector<double> weights = {}) {
  if (weights.empty()) weights.assign(audio.channels.size(), 1.0);
  return scheduler::aggregate(materialise(audio, std::move(weights)));
}

}  // namespace dubfarm::testing
