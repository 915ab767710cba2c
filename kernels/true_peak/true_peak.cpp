#include "kernels/true_peak/true_peak.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/true_peak/interpolate_body.hpp"

namespace dubfarm::kernels {
namespace {

float larger_magnitude(float a, float b) { return std::isnan(a) || std::isnan(b) ? std::numeric_limits<float>::quiet_NaN() : std::max(a, b); }

}  // namespace

Peaks larger(Peaks a, Peaks b) { return {larger_magnitude(a.true_peak, b.true_peak), larger_magnitude(a.sample_peak, b.sample_peak)}; }

namespace interpolate {

Peaks run_generic(const float* x, Frames count) {
  Peaks found;
  for (Frames t = 0; t < count; ++t) {
    for (const auto& phase : kTruePeakFilter) {
      float u = phase[kTruePeakHistory] * x[t - kTruePeakHistory];
      for (std::size_t k = kTruePeakHistory; k-- > 0;) u = std::fma(phase[k], x[t - static_cast<Frames>(k)], u);
      found.true_peak = larger_magnitude(found.true_peak, std::abs(u));
    }
    found.sample_peak = larger_magnitude(found.sample_peak, std::abs(x[t]));
  }
  return found;
}

}  // namespace interpolate

Peaks peaks(const float* x, Frames count, Isa isa) {
  Peaks found;
  switch (isa) {
    case Isa::avx512: found = interpolate::run_avx512(x, count); break;
    case Isa::avx2: found = interpolate::run_avx2(x, count); break;
    case Isa::generic: found = interpolate::run_generic(x, count); break;
  }
  const float sample = found.sample_peak, both = larger_magnitude(found.true_peak, sample);
  if (!std::isfinite(both)) return {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::quiet_NaN()};
  return {both, sample};
}

Peaks tail_peaks(const float* end) {
  float ring[2 * kTruePeakHistory] = {};
  std::copy(end - kTruePeakHistory, end, ring);
  return peaks(ring + kTruePeakHistory, kTruePeakHistory, Isa::generic);
}

}  // namespace dubfarm::kernels
