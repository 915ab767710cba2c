#include "scheduler/delivery/loudness.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <span>

namespace dubfarm::scheduler {
namespace {

constexpr std::size_t kStep = 5, kMomentary = 20, kShortTerm = 150, kRangeStep = 50;  // in sub-blocks: 100 ms, 400 ms, 3 s, 1 s
constexpr std::size_t kBridgedSteps = 4;  // 400 ms
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

/// One row of powers: the weighted sum over channels of sub-blocks [first, first + count).
std::vector<double> weighted_powers(const std::vector<std::vector<double>>& energy, const std::vector<double>& weights, Frames first, Frames count, Frames frames) {
  std::vector<double> powers(static_cast<std::size_t>(count), 0.0);
  for (std::size_t c = 0; c < energy.size(); ++c) {
    if (weights[c] == 0) continue;
    const auto row = std::span(energy[c]).subspan(static_cast<std::size_t>(first), powers.size());
    for (std::size_t b = 0; b < powers.size(); ++b) powers[b] += weights[c] * row[b];
  }
  for (double& power : powers) power /= static_cast<double>(frames);
  return powers;
}

/// Which steps of 100 ms are speech.
std::vector<bool> speech_steps(std::span<const double> speech) {
  std::vector<double> blocks = window_powers(speech, kMomentary, kStep);
  keep_above(blocks, power_from_lufs(kAbsoluteGateLufs));
  const std::vector<double> steps = window_powers(speech, kStep, kStep);
  std::vector<bool> open(steps.size(), false);
  if (blocks.empty()) return open;
  const double threshold = std::max(power_from_lufs(kAbsoluteGateLufs), mean(blocks) * std::pow(10.0, kRangeGateLu / 10.0));
  std::optional<std::size_t> last;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    if (!(steps[s] > threshold)) continue;
    if (last && s - *last <= kBridgedSteps) std::fill(open.begin() + static_cast<std::ptrdiff_t>(*last), open.begin() + static_cast<std::ptrdiff_t>(s), true);
    open[s] = true;
    last = s;
  }
  return open;
}

DialogueReading dialogue(std::span<const double> mix, std::span<const double> speech, const std::optional<double>& program_lufs) {
  const std::vector<bool> open = speech_steps(speech);
  const std::vector<double> mix_steps = window_powers(mix, kStep, kStep), steps = window_powers(speech, kStep, kStep);
  double mix_power = 0, speech_power = 0, count = 0;
  for (std::size_t s = 0; s < open.size(); ++s) {
    if (!open[s]) continue;
    mix_power += mix_steps[s];
    speech_power += steps[s];
    ++count;
  }
  DialogueReading reading;
  if (count == 0) return reading;
  reading.speech_share = count / static_cast<double>(open.size());
  reading.loudness_lufs = lufs(mix_power / count);
  reading.stem_lufs = lufs(speech_power / count);
  reading.stem_range_lu = range(speech);
  if (program_lufs && reading.loudness_lufs) reading.ratio_lu = *program_lufs - *reading.loudness_lufs;
  return reading;
}

/// -20 dBFS, a sine's level relative to a full-scale sine, is a mean square of 0.005.
std::optional<double> leqm(const LoudnessMaterial& material, Frames first, Frames count) {
  std::vector<double> gains;
  for (const double level_db : material.leqm_levels_db) gains.push_back(std::pow(10.0, level_db / 10.0) / 0.005);
  const std::vector<double> powers = weighted_powers(material.m_energy, gains, first, count, material.subblock_frames);
  const double power = powers.empty() ? 0 : mean(powers);
  return power > 0 ? std::optional(10.0 * std::log10(power)) : std::nullopt;
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

std::vector<double> leqm_levels_db(Layout layout) {
  constexpr double kScreen = 85, kSurround = 82, kLfe = 95;
  std::vector<double> levels(static_cast<std::size_t>(channel_count(layout)), kSurround);
  for (std::size_t c = 0; c < std::min<std::size_t>(3, levels.size()); ++c) levels[c] = kScreen;  // M, or L R and C
  if (const auto lfe = lfe_channel(layout)) levels[static_cast<std::size_t>(*lfe)] = kLfe;
  return levels;
}

void LoudnessMaterial::apply_gain(double gain_db) {
  const double gain = std::pow(10, gain_db / 20);
  const auto scale = [](std::vector<double>& values, double by) {
    for (double& value : values) value *= by;
  };
  for (auto* rows : {&energy, &speech_energy, &m_energy})
    for (std::vector<double>& row : *rows) scale(row, gain * gain);
  for (std::vector<double>& row : sums) scale(row, gain);
  scale(true_peak, gain);
  scale(sample_peak, gain);
}

LoudnessReading aggregate(const LoudnessMaterial& material) {
  return aggregate(material, 0, material.energy.empty() ? 0 : static_cast<Frames>(material.energy[0].size()));
}

LoudnessReading aggregate(const LoudnessMaterial& material, Frames first_subblock, Frames subblocks) {
  assert(material.subblock_frames > 0 && material.weights.size() == material.energy.size());
  const std::vector<double> powers = weighted_powers(material.energy, material.weights, first_subblock, subblocks, material.subblock_frames);

  LoudnessReading reading;
  reading.integrated_lufs = integrated(powers);
  reading.range_lu = range(powers);
  reading.max_momentary_lufs = loudest(powers, kMomentary);
  reading.max_short_term_lufs = loudest(powers, kShortTerm);
  for (const double peak : material.true_peak) reading.channel_true_peak_dbtp.push_back(decibels(peak));
  for (const double peak : material.sample_peak) reading.channel_sample_peak_dbfs.push_back(decibels(peak));
  if (!material.true_peak.empty()) reading.true_peak_dbtp = decibels(*std::max_element(material.true_peak.begin(), material.true_peak.end()));
  for (const std::vector<double>& sums : material.sums)
    reading.channel_dc_offset.push_back(material.frames > 0 ? std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(material.frames) : 0.0);
  reading.is_too_short = powers.size() < kMomentary;
  if (!material.speech_energy.empty()) {
    const std::vector<double>& weights = material.speech_weights.empty() ? material.weights : material.speech_weights;
    reading.dialogue = dialogue(powers, weighted_powers(material.speech_energy, weights, first_subblock, subblocks, material.subblock_frames), reading.integrated_lufs);
  }
  if (!material.m_energy.empty()) reading.leqm_db = leqm(material, first_subblock, subblocks);
  if (!material.sample_peak.empty()) reading.sample_peak_dbfs = decibels(*std::max_element(material.sample_peak.begin(), material.sample_peak.end()));
  return reading;
}

}  // namespace dubfarm::scheduler
