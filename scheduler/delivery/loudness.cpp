#include "scheduler/delivery/loudness.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <span>

namespace dubfarm::scheduler {
namespace {

constexpr std::size_t kStep = 5, kMomentary = 20, kShortTerm = 150, kRangeStep = 50;  // in sub-blocks: 100 ms, 400 ms, 3 s, 1 s
constexpr double kAbsoluteGateLufs = -70.0, kIntegratedGateLu = -10.0, kRangeGateLu = -20.0;

double lufs_from_power(double power) { return -0.691 + 10.0 * std::log10(power); }
double power_from_lufs(double lufs) { return std::pow(10.0, (lufs + 0.691) / 10.0); }
double mean(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()); }

std::optional<double> lufs(double power) { return power > 0 ? std::optional(lufs_from_power(power)) : std::nullopt; }
std::optional<double> decibels(double peak) { return peak > 0 ? std::optional(20.0 * std::log10(peak)) : std::nullopt; }

/// Mean power in each window of `length` sub-blocks, one window every `step`.
std::vector<double> window_powers(std::span<const double> subblock_powers, std::size_t length, std::size_t step) {
  std::vector<double> powers;
  for (std::size_t first = 0; first + length <= subblock_powers.size(); first += step) powers.push_back(mean(subblock_powers.subspan(first, length)));
  return powers;
}

void keep_above(std::vector<double>& powers, double threshold) {
  std::erase_if(powers, [threshold](double power) { return !(power > threshold); });
}

/// What passes the absolute gate, then the gate `relative_lu` from the mean of that.
std::vector<double> gated(std::vector<double> powers, double relative_lu) {
  keep_above(powers, power_from_lufs(kAbsoluteGateLufs));
  if (!powers.empty()) keep_above(powers, mean(powers) * std::pow(10.0, relative_lu / 10.0));
  return powers;
}

std::optional<double> integrated(std::span<const double> subblock_powers) {
  const std::vector<double> powers = gated(window_powers(subblock_powers, kMomentary, kStep), kIntegratedGateLu);
  return powers.empty() ? std::nullopt : lufs(mean(powers));
}

std::optional<double> range(std::span<const double> subblock_powers) {
  std::vector<double> powers = gated(window_powers(subblock_powers, kShortTerm, kRangeStep), kRangeGateLu);
  if (powers.empty()) return std::nullopt;
  std::sort(powers.begin(), powers.end());
  const auto percentile = [&powers](double p) { return powers[static_cast<std::size_t>(static_cast<double>(powers.size() - 1) * p + 0.5)]; };
  return 10.0 * std::log10(percentile(0.95) / percentile(0.10));
}

std::optional<double> loudest(std::span<const double> subblock_powers, std::size_t length) {
  const std::vector<double> powers = window_powers(subblock_powers, length, 1);
  return powers.empty() ? std::nullopt : lufs(*std::max_element(powers.begin(), powers.end()));
}

}  // namespace

std::vector<double> loudness_weights(Layout layout) {
  std::vector<double> weights(static_cast<std::size_t>(channel_count(layout)), 1.0);
  for (const RingSpeaker& speaker : speaker_ring(layout))
    if (std::abs(speaker.azimuth_deg) >= 60 && std::abs(speaker.azimuth_deg) <= 120) weights[static_cast<std::size_t>(speaker.channel)] = 1.41;
  if (const auto lfe = lfe_channel(layout)) weights[static_cast<std::size_t>(*lfe)] = 0.0;
  return weights;
}

LoudnessReading aggregate(const LoudnessMaterial& material) {
  return aggregate(material, 0, material.energy.empty() ? 0 : static_cast<Frames>(material.energy[0].size()));
}

LoudnessReading aggregate(const LoudnessMaterial& material, Frames first_subblock, Frames subblocks) {
  assert(material.subblock_frames > 0 && material.weights.size() == material.energy.size());
  std::vector<double> powers(static_cast<std::size_t>(subblocks), 0.0);
  for (std::size_t c = 0; c < material.energy.size(); ++c) {
    if (material.weights[c] == 0) continue;
    const auto energy = std::span(material.energy[c]).subspan(static_cast<std::size_t>(first_subblock), powers.size());
    for (std::size_t b = 0; b < powers.size(); ++b) powers[b] += material.weights[c] * energy[b];
  }
  for (double& power : powers) power /= static_cast<double>(material.subblock_frames);

  LoudnessReading reading;
  reading.integrated_lufs = integrated(powers);
  reading.range_lu = range(powers);
  reading.max_momentary_lufs = loudest(powers, kMomentary);
  reading.max_short_term_lufs = loudest(powers, kShortTerm);
  for (const double peak : material.true_peak) reading.channel_true_peak_dbtp.push_back(decibels(peak));
  for (const double peak : material.sample_peak) reading.channel_sample_peak_dbfs.push_back(decibels(peak));
  if (!material.true_peak.empty()) reading.true_peak_dbtp = decibels(*std::max_element(material.true_peak.begin(), material.true_peak.end()));
  if (!material.sample_peak.empty()) reading.sample_peak_dbfs = decibels(*std::max_element(material.sample_peak.begin(), material.sample_peak.end()));
  return reading;
}

}  // namespace dubfarm::scheduler
