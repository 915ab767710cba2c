// The limiter, one thread, 5.1: million samples a second on each instruction set, for a programme that it leaves alone, one whose peaks
// must be looked at closely, and one that it is always at work on.
#include <benchmark/benchmark.h>

#include <random>

#include "kernels/limit/limit.hpp"

namespace dubfarm::kernels {
namespace {

void limiter(benchmark::State& state, Isa isa, double peak) {
  bool is_offered = false;
  for (const Isa available : available_isas()) is_offered |= available == isa;
  if (!is_offered) {
    state.SkipWithError("this processor does not offer it");
    return;
  }
  constexpr Frames kCount = 48000;
  constexpr int kChannels = 6;
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform(-peak, peak);
  std::vector<std::vector<double>> audio(kChannels, std::vector<double>(kCount));
  std::vector<const double*> from;
  for (auto& channel : audio) {
    for (double& v : channel) v = uniform(random);
    from.push_back(channel.data());
  }
  std::vector<double> gain(kCount);
  LimiterCurve curve({48000, -2.0, 240, 4800, 0}, kChannels, isa);
  for (auto _ : state) benchmark::DoNotOptimize(curve.advance(from.data(), kCount, gain.data()));
  state.SetItemsProcessed(state.iterations() * kChannels * kCount);
}

BENCHMARK_CAPTURE(limiter, quiet_generic, Isa::generic, 0.1);
BENCHMARK_CAPTURE(limiter, quiet_avx2, Isa::avx2, 0.1);
BENCHMARK_CAPTURE(limiter, quiet_avx512, Isa::avx512, 0.1);
BENCHMARK_CAPTURE(limiter, near_generic, Isa::generic, 0.41);
BENCHMARK_CAPTURE(limiter, near_avx2, Isa::avx2, 0.41);
BENCHMARK_CAPTURE(limiter, near_avx512, Isa::avx512, 0.41);
BENCHMARK_CAPTURE(limiter, busy_generic, Isa::generic, 1.5);
BENCHMARK_CAPTURE(limiter, busy_avx2, Isa::avx2, 1.5);
BENCHMARK_CAPTURE(limiter, busy_avx512, Isa::avx512, 1.5);

}  // namespace
}  // namespace dubfarm::kernels
