#include "kernels/loudness/loudness.hpp"

#include <cassert>
#include <cmath>
#include <numbers>
#include <vector>

#include "kernels/loudness/k_weight_body.hpp"

namespace dubfarm::kernels {
namespace k_weight {
namespace {

struct Scalar {
  static constexpr int kWidth = 1, kTile = 1;
  double v;
  static Scalar zero() { return {0.0}; }
  static Scalar all(double x) { return {x}; }
  static Scalar mul(Scalar a, Scalar b) { return {a.v * b.v}; }
  static Scalar add(Scalar a, Scalar b) { return {a.v + b.v}; }
  static Scalar fma(Scalar a, Scalar b, Scalar c) { return {std::fma(a.v, b.v, c.v)}; }
  static Scalar fnma(Scalar a, Scalar b, Scalar c) { return {std::fma(-a.v, b.v, c.v)}; }
  static Scalar load_frame(const float* const* lanes, Frames t) { return {static_cast<double>(lanes[0][t])}; }
  static void load_tile(const float* const* lanes, Frames t, Scalar* x) { x[0] = load_frame(lanes, t); }
  static void store(double* to, Scalar a) { *to = a.v; }
};

}  // namespace

void run_generic(const Lanes<KWeighting>& lanes) { run_all<Scalar, 1>(lanes); }
void run_generic(const Lanes<MWeighting>& lanes) { run_all<Scalar, 1>(lanes); }

}  // namespace k_weight

KWeighting design_k_weighting(int sample_rate) {
  assert(sample_rate > 4000);
  KWeighting k{};
  {
    const double f0 = 1681.974450955533, gain_db = 3.999843853973347, q = 0.7071752369554196;
    const double w = std::tan(std::numbers::pi * f0 / sample_rate);
    const double high = std::pow(10.0, gain_db / 20.0), band = std::pow(high, 0.4996667741545416);
    const double a0 = 1.0 + w / q + w * w;
    k.shelf = {(high + band * w / q + w * w) / a0, 2.0 * (w * w - high) / a0, (high - band * w / q + w * w) / a0, 2.0 * (w * w - 1.0) / a0,
               (1.0 - w / q + w * w) / a0};
  }
  {
    const double f0 = 38.13547087602444, q = 0.5003270373238773;
    const double w = std::tan(std::numbers::pi * f0 / sample_rate);
    const double a0 = 1.0 + w / q + w * w;
    k.high_pass = {1.0, -2.0, 1.0, 2.0 * (w * w - 1.0) / a0, (1.0 - w / q + w * w) / a0};
  }
  return k;
}

namespace {

template <class Filter>
void weighted_energies(const Filter& filter, const float* const* channels, int channel_count, Frames count, int sample_rate, double* energy, Frames stride,
                       Isa isa) {
  const Frames group = group_frames(sample_rate), subblock = subblock_frames(sample_rate);
  const Frames full_groups = count / group, last_subblocks = subblock_count(count % group, sample_rate);
  assert(stride >= subblock_count(count, sample_rate));
  const auto run = [&](Frames first_group, Frames groups, Frames subblocks) {
    std::vector<const float*> starts;
    std::vector<double*> energies;
    for (int c = 0; c < channel_count; ++c)
      for (Frames g = first_group; g < first_group + groups; ++g) {
        starts.push_back(channels[c] + g * group);
        energies.push_back(energy + c * stride + g * kSubblocksPerGroup);
      }
    const k_weight::Lanes<Filter> lanes{&filter, starts.data(), energies.data(), static_cast<int>(starts.size()), history_frames(sample_rate), subblock,
                                subblocks};
    switch (isa) {
      case Isa::avx512: return k_weight::run_avx512(lanes);
      case Isa::avx2: return k_weight::run_avx2(lanes);
      case Isa::generic: return k_weight::run_generic(lanes);
    }
  };
  if (full_groups > 0) run(0, full_groups, kSubblocksPerGroup);
  if (last_subblocks > 0) run(full_groups, 1, last_subblocks);
}

}  // namespace

void subblock_energies(const float* const* channels, int channel_count, Frames count, int sample_rate, double* energy, Frames stride, Isa isa) {
  weighted_energies(design_k_weighting(sample_rate), channels, channel_count, count, sample_rate, energy, stride, isa);
}

void m_weighted_energies(const float* const* channels, int channel_count, Frames count, int sample_rate, double* energy, Frames stride, Isa isa) {
  weighted_energies(design_m_weighting(sample_rate), channels, channel_count, count, sample_rate, energy, stride, isa);
}

}  // namespace dubfarm::kernels
