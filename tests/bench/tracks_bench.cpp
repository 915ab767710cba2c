// Per-track kernels: EQ, automation, pan, clips, sums. items_per_second is track-samples a second on one core.
#include <benchmark/benchmark.h>

#include <vector>

#include "common/filter/svf_design.hpp"
#include "kernels/automation/automation.hpp"
#include "kernels/clip/clip.hpp"
#include "kernels/device/isa.hpp"
#include "kernels/eq/eq.hpp"
#include "kernels/mix/mix.hpp"
#include "kernels/pan/pan.hpp"

namespace dubfarm::kernels {
namespace {

constexpr Frames kFrames = 4096;  // a block that stays in the L2 cache, as in the renderer

/// Planar float lanes of a low noise.
struct Lanes {
  explicit Lanes(int count) : samples(static_cast<std::size_t>(count * kFrames)), pointers(static_cast<std::size_t>(count)) {
    std::uint32_t state = 1;
    for (float& v : samples) v = static_cast<float>(static_cast<std::int32_t>(state = state * 1664525u + 1013904223u)) * 0x1p-34f;
    for (int l = 0; l < count; ++l) pointers[static_cast<std::size_t>(l)] = &samples[static_cast<std::size_t>(l * kFrames)];
  }
  std::vector<float> samples;
  std::vector<float*> pointers;
};

bool offered(benchmark::State& state, Isa isa) {
  for (const Isa available : available_isas())
    if (available == isa) return true;
  state.SkipWithError("this processor does not run it");
  return false;
}

void eq_static(benchmark::State& state) {
  const Isa isa = static_cast<Isa>(state.range(0));
  const int lanes = static_cast<int>(state.range(1)), bands = static_cast<int>(state.range(2));
  if (!offered(state, isa)) return;
  const FlushDenormals flush;
  Lanes x(lanes);
  EqBank bank(lanes, bands);
  for (int lane = 0; lane < lanes; ++lane)
    for (int band = 0; band < bands; ++band)
      bank.set(lane, band, step_from(design_svf(mix::FilterType::allpass, 80.0 * (band + 1), 0.9, 0, 48000)));
  for (auto _ : state) bank.process(x.pointers.data(), kFrames, isa);
  state.SetItemsProcessed(state.iterations() * lanes * kFrames);
}
BENCHMARK(eq_static)->ArgNames({"isa", "lanes", "bands"})->ArgsProduct({{2, 1, 0}, {16, 8, 4, 1}, {4}})
    ->Args({2, 16, 1})->Args({2, 16, 2})->Args({2, 16, 3})->Args({2, 16, 5})->Args({2, 16, 6})->Args({2, 16, 8})
    ->Args({1, 16, 1})->Args({1, 16, 2})->Args({1, 16, 6})->Args({1, 16, 8});

void eq_varying(benchmark::State& state) {
  const Isa isa = static_cast<Isa>(state.range(0));
  const int channels = static_cast<int>(state.range(1));
  if (!offered(state, isa)) return;
  const FlushDenormals flush;
  Lanes x(channels);
  EqChain chain(channels, 48000);
  chain.add(mix::FilterType::allpass, {0, {{0, 100}, {480000000, 8000}}}, {1, {}}, {0, {}});
  Frames at = 0;
  for (auto _ : state) chain.process(x.pointers.data(), at, kFrames, isa), at += kFrames;
  state.SetItemsProcessed(state.iterations() * channels * kFrames);
}
BENCHMARK(eq_varying)->ArgNames({"isa", "channels"})->ArgsProduct({{2, 1, 0}, {1, 6}});

/// 16 tracks into `outs`, each into `into` of them; tracks are paired with the outputs round the ring.
void mix_tracks(benchmark::State& state) {
  const Isa isa = static_cast<Isa>(state.range(0));
  constexpr int kLanes = 16;
  const int outs = static_cast<int>(state.range(1)), into = static_cast<int>(state.range(2));
  if (!offered(state, isa)) return;
  Lanes x(kLanes);
  std::vector<double> coef(static_cast<std::size_t>(kLanes * outs), 0.0), sums(static_cast<std::size_t>(outs * kFrames), 0.0);
  std::vector<double*> acc;
  for (int o = 0; o < outs; ++o) acc.push_back(&sums[static_cast<std::size_t>(o * kFrames)]);
  for (int l = 0; l < kLanes; ++l)
    for (int k = 0; k < into; ++k) coef[static_cast<std::size_t>((l + k) % outs * kLanes + l)] = 0.1 * (k + 1);
  for (auto _ : state) mix_add(x.pointers.data(), kLanes, coef.data(), outs, kFrames, acc.data(), isa);
  state.SetItemsProcessed(state.iterations() * kLanes * kFrames);
}
BENCHMARK(mix_tracks)->ArgNames({"isa", "outs", "into"})->ArgsProduct({{2, 1}, {6}, {2, 3}})
    ->Args({2, 4, 4})->Args({1, 4, 4})->Args({2, 2, 2})->Args({0, 6, 2});

void gain_curve(benchmark::State& state) {
  const Isa isa = static_cast<Isa>(state.range(0));
  if (!offered(state, isa)) return;
  const GainCurve curve({0, {{-5, -20}, {1 << 30, 5}}});
  std::vector<double> gain(kFrames);
  for (auto _ : state) curve.evaluate(77, kFrames, gain.data(), isa), benchmark::DoNotOptimize(gain.data());
  state.SetItemsProcessed(state.iterations() * kFrames);
}
BENCHMARK(gain_curve)->ArgName("isa")->Arg(2)->Arg(1)->Arg(0);

void pan_curve(benchmark::State& state) {
  const Isa isa = static_cast<Isa>(state.range(0));
  const Layout bus = static_cast<Layout>(state.range(1));
  if (!offered(state, isa)) return;
  const PanCurve curve(bus, {0, {{-5, -200}, {10000, 500}}});
  std::vector<double> gains(static_cast<std::size_t>(kMaxChannels * kFrames));
  std::vector<double*> rows;
  for (std::size_t j = 0; j < curve.channels().size(); ++j) rows.push_back(&gains[j * static_cast<std::size_t>(kFrames)]);
  for (auto _ : state) curve.evaluate(77, kFrames, rows.data(), isa), benchmark::DoNotOptimize(gains.data());
  state.SetItemsProcessed(state.iterations() * kFrames);
}
BENCHMARK(pan_curve)->ArgNames({"isa", "layout"})->ArgsProduct({{2, 1, 0}, {1, 2, 3}});

void clip(benchmark::State& state) {
  const Isa isa = static_cast<Isa>(state.range(0));
  const auto curve = static_cast<mix::FadeCurve>(state.range(1) % 4);
  if (!offered(state, isa)) return;
  Lanes x(1);
  std::vector<float> out(kFrames, 0.0f);
  const ClipShape shape{0.7, {state.range(1) < 4 ? kFrames : 0, 0, curve}, {}, {}, {}};
  for (auto _ : state) add_clip(shape, 0, kFrames, x.samples.data(), out.data(), isa), benchmark::DoNotOptimize(out.data());
  state.SetItemsProcessed(state.iterations() * kFrames);
}
BENCHMARK(clip)->ArgNames({"isa", "fade"})->ArgsProduct({{2, 1, 0}, {0, 1, 2, 4}});  // linear, equal power, cosine, none

void float_store(benchmark::State& state) {
  const Isa isa = static_cast<Isa>(state.range(0));
  if (!offered(state, isa)) return;
  std::vector<double> acc(kFrames, 0.3);
  std::vector<float> out(kFrames);
  for (auto _ : state) store(acc.data(), kFrames, out.data(), isa), benchmark::DoNotOptimize(out.data());
  state.SetItemsProcessed(state.iterations() * kFrames);
}
BENCHMARK(float_store)->ArgName("isa")->Arg(2)->Arg(1)->Arg(0);

}  // namespace
}  // namespace dubfarm::kernels
