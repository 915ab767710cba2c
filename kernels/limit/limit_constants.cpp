#include "kernels/limit/limit_constants.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

#include "kernels/core/math.hpp"
#include "kernels/true_peak/true_peak.hpp"

namespace dubfarm::kernels {
namespace {

constexpr double kPassReductionDb[] = {kMaxReductionDb, 3.0};
constexpr double kMeterRounding = 4e-6;  // of two float32 interpolations: 2 * 12 taps * 2^-24 * the filter's gain

/// The most by which an interpolated value can exceed the largest sample it hears: the largest sum of a phase's magnitudes, 2.02.
double filter_gain() {
  double most = 0;
  for (const auto& phase : kTruePeakFilter) {
    double sum = 0;
    for (const float tap : phase) sum += std::abs(static_cast<double>(tap));
    most = std::max(most, sum);
  }
  return most;
}

/// Whole numbers that add up to 2^30, in the shape of a Hann window without its zeros; what rounding leaves goes to the middle.
std::vector<double> hann_weights(Frames taps) {
  std::vector<double> weights(static_cast<std::size_t>(taps));
  double left = 0x1p30;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    const double angle = 180.0 * static_cast<double>(j + 1) / static_cast<double>(taps + 1);
    const double sine = sin_degrees(angle);
    weights[j] = std::floor(0x1p31 / static_cast<double>(taps + 1) * sine * sine);
    left -= weights[j];
  }
  weights[weights.size() / 2] += left;
  return weights;
}

std::int32_t slope_of(const LimiterSettings& settings) {
  return std::max(1, static_cast<std::int32_t>(std::nearbyint(kReleaseDb * kReductionUnitsPerDb / static_cast<double>(settings.release))));
}

}  // namespace

LimiterConstants limiter_constants(const LimiterSettings& settings) {
  const double gain = filter_gain(), ceiling = gain_from_db(settings.ceiling_dbtp) - kMeterRounding - gain * settings.rounding;
  assert(ceiling > 0 && settings.lookahead >= 1 && settings.release >= 1);
  const float threshold = static_cast<float>(ceiling);
  LimiterConstants constants;
  constants.threshold = std::bit_cast<std::int32_t>(threshold);
  constants.level = kUnitsPerOctave * portable_log2(static_cast<double>(threshold)) + 1e-6;  // so that the threshold itself is not rounded up to a unit
  constants.quiet = std::bit_cast<std::int32_t>(static_cast<float>(ceiling / gain * 0.999));
  constants.slope = slope_of(settings);
  for (int pass = 0; pass < 2; ++pass) constants.most[pass] = static_cast<std::int32_t>(kPassReductionDb[pass] * kReductionUnitsPerDb);
  constants.weights = hann_weights(settings.lookahead + 1);
  return constants;
}

}  // namespace dubfarm::kernels
