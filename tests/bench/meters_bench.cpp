// Meters and quantiser, one thread: samples a second on each instruction set.
#include <benchmark/benchmark.h>

#include <numeric>
#include <random>

#include "kernels/loudness/loudness.hpp"
#include "kernels/quantise/quantise.hpp"
#include "kernels/true_peak/true_peak.hpp"

namespace dubfarm::kernels {
namespace {

template <class T>
std::vector<T> noise(Frames count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<T> uniform(T(-0.5), T(0.5));
  std::vector<T> x(static_cast<std::size_t>(count));
  for (T& v : x) v = uniform(random);
  return x;
}

bool offered(benchmark::State& state, Isa isa) {
  for (const Isa available : available_isas())
    if (available == isa) return true;
  state.SkipWithError("this processor does not offer it");
  return false;
}

void k_weighting(benchmark::State& state, Isa isa) {
  if (!offered(state, isa)) return;
  constexpr int kRate = 48000, kChannels = 6;
  const Frames count = 3 * group_frames(kRate), history = history_frames(kRate), subblocks = subblock_count(count, kRate);
  std::vector<std::vector<float>> audio;
  std::vector<const float*> from;
  for (unsigned c = 0; c < kChannels; ++c) audio.push_back(noise<float>(history + count, c));
  for (const auto& channel : audio) from.push_back(channel.data() + history);
  std::vector<double> energy(static_cast<std::size_t>(kChannels * subblocks));
  for (auto _ : state) subblock_energies(from.data(), kChannels, count, kRate, energy.data(), subblocks, isa);
  state.SetItemsProcessed(state.iterations() * kChannels * count);
}

void true_peak(benchmark::State& state, Isa isa) {
  if (!offered(state, isa)) return;
  constexpr Frames kCount = 48000;
  const std::vector<float> x = noise<float>(kTruePeakHistory + kCount, 1);
  for (auto _ : state) benchmark::DoNotOptimize(peaks(x.data() + kTruePeakHistory, kCount, isa));
  state.SetItemsProcessed(state.iterations() * kCount);
}

/// 5.1 to interleaved int24, with the delivered floats for the meters.
void quantise_int24(benchmark::State& state, Isa isa, bool dithered) {
  if (!offered(state, isa)) return;
  constexpr Frames kCount = 4096;
  constexpr int kChannels = 6;
  std::vector<std::vector<double>> audio;
  std::vector<std::vector<float>> delivered(kChannels, std::vector<float>(kCount));
  std::vector<const double*> from;
  std::vector<float*> to;
  std::vector<std::uint64_t> keys;
  for (int c = 0; c < kChannels; ++c) audio.push_back(noise<double>(kCount, static_cast<unsigned>(c))), keys.push_back(dither_key("bench", c));
  for (int c = 0; c < kChannels; ++c) from.push_back(audio[static_cast<std::size_t>(c)].data()), to.push_back(delivered[static_cast<std::size_t>(c)].data());
  std::vector<int> order(kChannels);
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::byte> out(kCount * kChannels * 3);
  for (auto _ : state)
    benchmark::DoNotOptimize(quantise({from.data(), order, 0, kCount, SampleType::int24, dithered ? keys.data() : nullptr, out.data(), to.data()}, isa));
  state.SetItemsProcessed(state.iterations() * kChannels * kCount);
}

BENCHMARK_CAPTURE(k_weighting, generic, Isa::generic);
BENCHMARK_CAPTURE(k_weighting, avx2, Isa::avx2);
BENCHMARK_CAPTURE(k_weighting, avx512, Isa::avx512);
BENCHMARK_CAPTURE(true_peak, generic, Isa::generic);
BENCHMARK_CAPTURE(true_peak, avx2, Isa::avx2);
BENCHMARK_CAPTURE(true_peak, avx512, Isa::avx512);
BENCHMARK_CAPTURE(quantise_int24, generic, Isa::generic, false);
BENCHMARK_CAPTURE(quantise_int24, avx2, Isa::avx2, false);
BENCHMARK_CAPTURE(quantise_int24, avx512, Isa::avx512, false);
BENCHMARK_CAPTURE(quantise_int24, tpdf_generic, Isa::generic, true);
BENCHMARK_CAPTURE(quantise_int24, tpdf_avx2, Isa::avx2, true);
BENCHMARK_CAPTURE(quantise_int24, tpdf_avx512, Isa::avx512, true);

}  // namespace
}  // namespace dubfarm::kernels
