// Convolution and FFT on one core. Counter "ns/sample": nanoseconds for each output channel's sample; "GFLOP/s": 5 N log2 N a transform.
// Built with DUBFARM_BENCH_FFTW and linked to fftw3f, it times FFTW's plans (complex, in place, ESTIMATE) beside ours.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "kernels/convolve/convolve.hpp"
#include "kernels/fft/fft.hpp"
#ifdef DUBFARM_BENCH_FFTW
#include <fftw3.h>
#endif

namespace {

using namespace dubfarm;
using namespace dubfarm::kernels;

constexpr double kRate = 48000.0;

std::vector<float> noise(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, 0.1f);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

/// `paths[i * outputs + c]` says whether input i is heard in output c.
void convolve_case(benchmark::State& state, int inputs, int outputs, const std::vector<int>& paths, double ir_s, double chunk_s, Isa isa,
                   Precision precision = Precision::float32) {
  const FlushDenormals flush;
  const auto taps = static_cast<Frames>(ir_s * kRate), count = static_cast<Frames>(chunk_s * kRate), lead = taps - 1;
  std::vector<std::vector<float>> irs, in, out;
  std::vector<const float*> ir_channels, in_channels;
  std::vector<float*> out_channels;
  for (std::size_t path = 0; path < paths.size(); ++path) {
    irs.push_back(noise(static_cast<std::size_t>(taps), static_cast<unsigned>(path)));
    for (std::size_t k = 0; k < irs.back().size(); ++k) irs.back()[k] *= std::exp(-6.9f * static_cast<float>(k) / static_cast<float>(taps));
    ir_channels.push_back(paths[path] ? irs.back().data() : nullptr);
  }
  for (int i = 0; i < inputs; ++i) in.push_back(noise(static_cast<std::size_t>(lead + count), 100u + static_cast<unsigned>(i)));
  out.assign(static_cast<std::size_t>(outputs), std::vector<float>(static_cast<std::size_t>(count)));
  for (const auto& channel : in) in_channels.push_back(channel.data());
  for (auto& channel : out) out_channels.push_back(channel.data());
  const std::size_t size = convolution_fft_size(taps, count, precision);
  const IrSpectra spectra = IrSpectra::prepare(ir_channels, inputs, outputs, taps, size, precision, isa);
  ConvolveScratch scratch;
  for (auto _ : state) {
    if (precision == Precision::float32) benchmark::DoNotOptimize(convolved_mean_square(spectra, in_channels, lead, count));  // as a render does
    convolve(spectra, in_channels, lead, count, out_channels, scratch, isa);
  }
  state.counters["ns/sample"] = benchmark::Counter(static_cast<double>(count) * outputs * 1e-9,
                                                   benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["fft_size"] = static_cast<double>(size);
}

void fft_case(benchmark::State& state, Isa isa, bool inverse) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const auto size = static_cast<std::ptrdiff_t>(n);
  const auto plan = fft::Plan::of(n);
  std::vector<float> re = noise(n, 1), im = noise(n, 2);
  AlignedMemory memory;
  float* const x = memory.reserve<float>(2 * n);
  std::fill_n(x, 2 * n, 0.0f);
  for (auto _ : state) {
    if (inverse) plan->inverse(x, {re.data(), 0, size}, {im.data(), 0, size}, isa);
    else plan->forward({re.data(), 0, size}, {im.data(), 0, size}, x, isa);
  }
  state.counters["GFLOP/s"] = benchmark::Counter(5e-9 * static_cast<double>(n) * std::log2(static_cast<double>(n)),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

#ifdef DUBFARM_BENCH_FFTW
void fftw_case(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  auto* const x = fftwf_alloc_complex(n);
  fftwf_plan plan = fftwf_plan_dft_1d(static_cast<int>(n), x, x, FFTW_FORWARD, FFTW_ESTIMATE);
  for (std::size_t i = 0; i < n; ++i) x[i][0] = x[i][1] = 0.0f;
  for (auto _ : state) fftwf_execute(plan);
  fftwf_destroy_plan(plan);
  fftwf_free(x);
  state.counters["GFLOP/s"] = benchmark::Counter(5e-9 * static_cast<double>(n) * std::log2(static_cast<double>(n)),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
#endif

const bool kRegistered = [] {
  for (const Isa isa : available_isas()) {
    if (isa == Isa::generic) continue;  // the library's fused multiply-add, one at a time: for bits, not for speed
    const auto add = [&](const std::string& name, int inputs, int outputs, std::vector<int> paths, double ir_s, double chunk_s) {
      benchmark::RegisterBenchmark(("convolve/" + name + "/" + std::string(name_of(isa))).c_str(),
                                   [=](benchmark::State& state) { convolve_case(state, inputs, outputs, paths, ir_s, chunk_s, isa); })
          ->Unit(benchmark::kMillisecond);
    };
    add("mono_to_stereo/ir_3s/chunk_30s", 1, 2, {1, 1}, 3.0, 30.0);
    add("mono_to_stereo/ir_3s/chunk_60s", 1, 2, {1, 1}, 3.0, 60.0);
    add("mono_to_5.1/ir_4s/chunk_30s", 1, 6, {1, 1, 1, 1, 1, 1}, 4.0, 30.0);
    add("stereo_diagonal/ir_3s/chunk_30s", 2, 2, {1, 0, 0, 1}, 3.0, 30.0);
    add("stereo_diagonal/ir_3s/chunk_60s", 2, 2, {1, 0, 0, 1}, 3.0, 60.0);
    add("true_stereo/ir_3s/chunk_30s", 2, 2, {1, 1, 1, 1}, 3.0, 30.0);
    benchmark::RegisterBenchmark(("convolve_in_double/mono_to_stereo/ir_3s/chunk_30s/" + std::string(name_of(isa))).c_str(), [=](benchmark::State& state) {
      convolve_case(state, 1, 2, {1, 1}, 3.0, 30.0, isa, Precision::float64);
    })->Unit(benchmark::kMillisecond);
    for (const bool inverse : {false, true}) {
      const std::string name = std::string(inverse ? "fft/inverse/" : "fft/forward/") + std::string(name_of(isa));
      auto* const fft = benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { fft_case(state, isa, inverse); });
      for (const std::int64_t n : {1 << 15, 1 << 18, 1 << 19, 7 << 17, 1 << 20}) fft->Arg(n);
    }
  }
#ifdef DUBFARM_BENCH_FFTW
  auto* const fftw = benchmark::RegisterBenchmark("fft/fftw3f_estimate", fftw_case);
  for (const std::int64_t n : {1 << 15, 1 << 18, 1 << 19, 7 << 17, 1 << 20}) fftw->Arg(n);
#endif
  return true;
}();

}  // namespace
