#include "scheduler/delivery/series.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dubfarm::scheduler {
namespace {

constexpr std::size_t kMomentary = 2, kShortTerm = 15;    // in tens of sub-blocks
constexpr float kLeastMark = 0.001f;                      // -60 dBTP

std::optional<double> lufs(double power) { return power > 0 ? std::optional(-0.691 + 10 * std::log10(power)) : std::nullopt; }

/// Power of each sub-block, weighted over channels.
std::vector<double> powers_of(const LoudnessMaterial& material) {
  std::vector<double> powers(material.energy.empty() ? 0 : material.energy[0].size());
  for (std::size_t c = 0; c < material.energy.size(); ++c)
    for (std::size_t b = 0; b < powers.size(); ++b) powers[b] += material.weights[c] * material.energy[c][b];
  for (double& power : powers) power /= static_cast<double>(material.subblock_frames);
  return powers;
}

/// The loudest window of `tens` times ten sub-blocks that ends in each stretch of `step` sub-blocks.
/// @param ten  ten[b]: sum of the powers of sub-blocks b to b + 9.
std::vector<std::optional<double>> loudest_windows(std::span<const double> ten, std::size_t tens, std::size_t step, std::size_t points) {
  std::vector<std::optional<double>> out(points);
  for (std::size_t last = 10 * (tens - 1); last < ten.size(); ++last) {
    double sum = 0;
    for (std::size_t i = 0; i < tens; ++i) sum += ten[last - 10 * i];
    std::optional<double>& point = out[(last + 9) / step];
    if (const auto value = lufs(sum / static_cast<double>(10 * tens)); value && (!point || *value > *point)) point = value;
  }
  return out;
}

}  // namespace

Series series_of(const LoudnessMaterial& material, std::span<const float> sample_peaks) {
  const std::size_t subblocks = std::max<std::size_t>(1, sample_peaks.size());
  const std::size_t step = (subblocks + kSeriesPoints - 1) / kSeriesPoints, points = (subblocks + step - 1) / step;
  const std::vector<double> powers = powers_of(material);
  std::vector<double> ten;
  for (std::size_t b = 0; b + 10 <= powers.size(); ++b)
    ten.push_back(std::accumulate(powers.begin() + static_cast<std::ptrdiff_t>(b), powers.begin() + static_cast<std::ptrdiff_t>(b) + 10, 0.0));
  Series series;
  series.step = static_cast<Frames>(step) * material.subblock_frames;
  series.momentary_lufs = loudest_windows(ten, kMomentary, step, points);
  series.short_term_lufs = loudest_windows(ten, kShortTerm, step, points);
  series.peak_dbfs.resize(points);
  for (std::size_t p = 0; p < points; ++p) {
    float peak = 0;
    for (std::size_t b = p * step; b < std::min(sample_peaks.size(), (p + 1) * step); ++b) peak = std::max(peak, sample_peaks[b]);
    if (peak > 0) series.peak_dbfs[p] = 20 * std::log10(static_cast<double>(peak));
  }
  return series;
}

std::vector<PeakMark> peak_marks(std::span<const float> true_peaks, Frames subblock_frames, int sample_rate) {
  std::vector<std::size_t> order(true_peaks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto higher = [&](std::size_t a, std::size_t b) { return true_peaks[a] != true_peaks[b] ? true_peaks[a] > true_peaks[b] : a < b; };
  const auto apart = static_cast<std::size_t>(sample_rate / subblock_frames);
  // Each mark rules out less than 2 * apart others, so this many candidates are enough.
  const std::size_t candidates = std::min(order.size(), kPeakMarks * 2 * apart);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(candidates), order.end(), higher);
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < candidates && chosen.size() < kPeakMarks; ++i) {
    const std::size_t at = order[i];
    if (true_peaks[at] < kLeastMark) break;
    if (std::all_of(chosen.begin(), chosen.end(), [&](std::size_t other) { return (at > other ? at - other : other - at) >= apart; })) chosen.push_back(at);
  }
  std::sort(chosen.begin(), chosen.end());
  std::vector<PeakMark> marks;
  for (const std::size_t at : chosen)
    marks.push_back({static_cast<Frames>(at) * subblock_frames, 20 * std::log10(static_cast<double>(true_peaks[at]))});
  return marks;
}

}  // namespace dubfarm::scheduler
