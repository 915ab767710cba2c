#include "kernels/convolve/convolve.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "kernels/fft/fft.hpp"
#include "tests/support/contract.hpp"
#include "tests/kernels/fft/double_fft.hpp"

namespace dubfarm::kernels {
namespace {

using testing::Guarded;
using testing::noise;
using testing::ran;
using Channels = std::vector<std::vector<float>>;

std::vector<const float*> pointers(const Channels& channels) {
  std::vector<const float*> result;
  for (const auto& channel : channels) result.push_back(channel.empty() ? nullptr : channel.data());
  return result;
}

/// Noise that dies away by 60 dB, scaled so that white noise at -20 dBFS rms comes out at about that level.
std::vector<float> reverb(Frames frames, std::uint64_t salt) {
  std::vector<float> ir = noise(static_cast<std::size_t>(frames), salt, 1.0f);
  double energy = 0.0;
  for (std::size_t k = 0; k < ir.size(); ++k) {
    ir[k] *= static_cast<float>(std::pow(10.0, -3.0 * static_cast<double>(k) / static_cast<double>(frames)));
    energy += static_cast<double>(ir[k]) * static_cast<double>(ir[k]);
  }
  for (float& tap : ir) tap = static_cast<float>(static_cast<double>(tap) / std::sqrt(energy));
  return ir;
}

struct Case {
  int inputs, outputs;
  Frames taps, lead, count;
  Channels irs, in;  // [inputs * outputs], [inputs]; an empty one: no path, a silent input
  static Case make(int inputs, int outputs, Frames taps, Frames lead, Frames count) {
    Case c{inputs, outputs, taps, lead, count, {}, {}};
    for (int path = 0; path < inputs * outputs; ++path) c.irs.push_back(reverb(taps, 10 + static_cast<std::uint64_t>(path)));
    for (int i = 0; i < inputs; ++i) c.in.push_back(noise(static_cast<std::size_t>(lead + count), 500 + static_cast<std::uint64_t>(i), 0.17f));
    return c;
  }
  [[nodiscard]] IrSpectra spectra(std::size_t fft_size, Isa isa, Precision precision = Precision::float32) const {
    return IrSpectra::prepare(pointers(irs), inputs, outputs, taps, fft_size, precision, isa);
  }
  [[nodiscard]] IrSpectra spectra(Isa isa) const { return spectra(convolution_fft_size(taps, count), isa); }
  /// The definition, in double.
  [[nodiscard]] std::vector<double> reference(int output) const {
    std::vector<double> want(static_cast<std::size_t>(count));
    for (int i = 0; i < inputs; ++i) {
      const std::vector<float>&ir = irs[static_cast<std::size_t>(i * outputs + output)], &signal = in[static_cast<std::size_t>(i)];
      if (ir.empty() || signal.empty()) continue;
      for (Frames n = 0; n < count; ++n)
        for (Frames k = 0; k < taps && k <= lead + n; ++k)
          want[static_cast<std::size_t>(n)] +=
              static_cast<double>(ir[static_cast<std::size_t>(k)]) * static_cast<double>(signal[static_cast<std::size_t>(lead + n - k)]);
    }
    return want;
  }
};

struct Outputs {
  std::vector<Guarded<float>> channels;
  std::vector<float*> data;
  Outputs(int outputs, Frames count) {
    for (int c = 0; c < outputs; ++c) channels.emplace_back(static_cast<std::size_t>(count));
    for (auto& channel : channels) data.push_back(channel.data());
  }
  std::span<float> operator[](int c) { return channels[static_cast<std::size_t>(c)].span(); }
};

Outputs run(const Case& c, const IrSpectra& ir, Isa isa) {
  Outputs out(c.outputs, c.count);
  ConvolveScratch scratch;
  convolve(ir, pointers(c.in), c.lead, c.count, out.data, scratch, isa);
  for (const auto& channel : out.channels) EXPECT_TRUE(channel.guards_intact());
  return out;
}
Outputs run(const Case& c, Isa isa) { return run(c, c.spectra(isa), isa); }

void expect_the_definition(const Case& c, std::size_t fft_size) {
  std::vector<std::vector<double>> want;
  for (int output = 0; output < c.outputs; ++output) want.push_back(c.reference(output));
  std::vector<Outputs> first;
  for (const Isa isa : available_isas()) {
    SCOPED_TRACE(fmt::format("{} taps, lead {}, count {}, N {}, {}", c.taps, c.lead, c.count, fft_size, name_of(isa)));
    Outputs out = run(c, c.spectra(fft_size, isa), isa);
    for (int output = 0; output < c.outputs; ++output)
      EXPECT_WITHIN_DB(out[output], std::span<const double>(want[static_cast<std::size_t>(output)]), -134.0);
    ran("convolve", std::string(name_of(isa)));
    if (first.empty()) first.push_back(std::move(out));
    else
      for (int output = 0; output < c.outputs; ++output) EXPECT_SAME_BITS(out[output], first[0][output]);
  }
}

TEST(Convolve, IsTheDefinitionForEveryLengthLeadAndCount) {
  for (const Frames taps : {1, 2, 15, 16, 17, 1000, 4095, 4096, 4097})
    for (const Frames lead : {Frames{0}, taps / 2, taps - 1, taps + 333})
      for (const Frames count : {1, 777, 3001}) {
        if (taps > 4000 && lead == taps / 2) continue;
        expect_the_definition(Case::make(1, 1, taps, lead, count), convolution_fft_size(taps, count));
      }
}

TEST(Convolve, IsTheDefinitionAtTheEdgesOfBlocksAndPairs) {
  const Frames size = 2048;
  for (const Frames taps : {Frames{100}, size / 2 + 1, size - 1}) {  // the last: two outputs a block
    const Frames hop = size - taps + 1;
    for (const Frames blocks : {1, 2, 3, 4})
      for (const Frames edge : {-1, 0, 1}) {
        const Frames count = blocks * hop + edge;
        expect_the_definition(Case::make(1, 1, taps, taps - 1, count), static_cast<std::size_t>(size));
      }
  }
}

TEST(Convolve, SumsAllInputsIntoEachOutput) {
  expect_the_definition(Case::make(2, 2, 900, 899, 3001), 3072);
  expect_the_definition(Case::make(1, 6, 900, 500, 3001), 2304);
  expect_the_definition(Case::make(3, 5, 300, 299, 1000), 2048);
}

TEST(Convolve, LeavesOutMissingPathsSilentInputsAndUnwantedOutputs) {
  Case c = Case::make(2, 3, 500, 499, 2001);
  c.irs[1].clear();                                         // input 0 -> output 1: null
  std::fill(c.irs[3].begin(), c.irs[3].end(), 0.0f);        // input 1 -> output 0: all zero
  const IrSpectra ir = c.spectra(2560, best_isa());
  EXPECT_FALSE(ir.has_path(0, 1) || ir.has_path(1, 0));
  EXPECT_TRUE(ir.has_path(0, 0) && ir.has_path(0, 2) && ir.has_path(1, 1) && ir.has_path(1, 2));
  EXPECT_EQ(ir.size_bytes(), 4u * 8u * 2560u);
  EXPECT_EQ(c.spectra(2560, best_isa(), Precision::float64).size_bytes(), 4u * 16u * 2560u);
  expect_the_definition(c, 2560);
  c.in[0].clear();  // now nothing reaches output 0
  expect_the_definition(c, 2560);
  Outputs out = run(c, best_isa());
  EXPECT_TRUE(std::all_of(out[0].begin(), out[0].end(), [](float value) { return value == 0.0f; }));

  Outputs all = run(c, ir, best_isa()), some(3, c.count);
  float* const wanted[] = {nullptr, nullptr, some.data[2]};
  ConvolveScratch scratch;
  convolve(ir, pointers(c.in), c.lead, c.count, wanted, scratch);
  EXPECT_SAME_BITS(some[2], all[2]);
  EXPECT_TRUE(std::isnan(some[0][0]) && std::isnan(some[1][0]));
}

TEST(Convolve, DelaysByTheTapOfAUnitImpulse) {
  for (const Frames taps : {1, 100, 48'000})
    for (const Frames at : {Frames{0}, taps / 2, taps - 1}) {
      Case c = Case::make(1, 1, taps, taps - 1, 50'001);
      std::fill(c.irs[0].begin(), c.irs[0].end(), 0.0f);
      c.irs[0][static_cast<std::size_t>(at)] = 1.0f;
      Outputs out = run(c, best_isa());
      EXPECT_WITHIN_DB(out[0], std::span<const float>(c.in[0].data() + c.lead - at, 50'001), -137.0);
    }
}

TEST(Convolve, KeepsAFourSecondReverbBelowMinus136DbOfError) {
  Case c = Case::make(1, 1, 192'000, 191'999, 300'001);
  const std::size_t n = 1u << 19;
  std::vector<std::complex<double>> both(n);  // the real part the signal, the imaginary part the response
  for (std::size_t j = 0; j < c.in[0].size(); ++j) both[j].real(static_cast<double>(c.in[0][j]));
  for (std::size_t k = 0; k < c.irs[0].size(); ++k) both[k].imag(static_cast<double>(c.irs[0][k]));
  const auto spectrum = testing::double_fft(both, -1.0);
  for (std::size_t f = 0; f < n; ++f) {
    const auto mirror = std::conj(spectrum[(n - f) % n]);
    both[f] = 0.25 * (spectrum[f] + mirror) * (spectrum[f] - mirror) * std::complex<double>(0.0, -1.0);
  }
  const auto product = testing::double_fft(both, 1.0);
  std::vector<double> want(static_cast<std::size_t>(c.count));
  double power = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) {  // outputs begin where the cyclic result is already whole
    want[i] = product[i + static_cast<std::size_t>(c.lead)].real() / static_cast<double>(n);
    power += want[i] * want[i] / static_cast<double>(want.size());
  }
  EXPECT_NEAR(10.0 * std::log10(power), -20.0, 1.0);
  std::vector<float> first;
  for (const Isa isa : available_isas()) {
    Outputs out = run(c, isa);
    EXPECT_WITHIN_DB(out[0], std::span<const double>(want), -136.0);
    if (first.empty()) first.assign(out[0].begin(), out[0].end());
    EXPECT_SAME_BITS(std::span<const float>(out[0]), std::span<const float>(first));
    ran("convolve", std::string(name_of(isa)));
  }
}

TEST(Convolve, GivesExactZerosForSilence) {
  Case c = Case::make(2, 2, 3000, 2999, 20'001);
  for (auto& channel : c.in) std::fill(channel.begin(), channel.end(), 0.0f);
  for (const Isa isa : available_isas()) {
    Outputs out = run(c, isa);
    for (int output = 0; output < 2; ++output)
      for (const float value : out[output]) ASSERT_EQ(value, 0.0f);
  }
}

TEST(Convolve, GivesExactZerosInBlocksThatNoSoundReaches) {
  Case c = Case::make(1, 1, 100, 99, 20'001);
  std::fill(c.in[0].begin(), c.in[0].end(), 0.0f);
  c.in[0].back() = 0.5f;
  Outputs out = run(c, c.spectra(2048, best_isa()), best_isa());  // block pairs of 3898 outputs
  for (std::size_t i = 0; i < 4 * 3898; ++i) ASSERT_EQ(out[0][i], 0.0f) << i;
  EXPECT_NEAR(out[0].back(), 0.5f * c.irs[0][0], 1e-6f);
}

TEST(Convolve, WritesNoDenormalsWhileTheyAreFlushed) {
  const FlushDenormals flush;
  Case c = Case::make(1, 1, 2000, 1999, 9001);
  for (std::size_t i = 0; i < c.in[0].size(); ++i) c.in[0][i] *= std::pow(10.0f, -40.0f * static_cast<float>(i) / 11'000.0f);
  std::vector<float> first;
  for (const Isa isa : available_isas()) {
    Outputs out = run(c, isa);
    for (const float value : out[0]) ASSERT_NE(std::fpclassify(value), FP_SUBNORMAL);
    if (first.empty()) first.assign(out[0].begin(), out[0].end());
    EXPECT_SAME_BITS(std::span<const float>(out[0]), std::span<const float>(first));
  }
}

TEST(Convolve, DoesNotRememberEarlierCalls) {
  const Case large = Case::make(2, 3, 5000, 4999, 9001), small = Case::make(2, 3, 700, 100, 4001);
  const IrSpectra large_ir = large.spectra(best_isa()), small_ir = small.spectra(best_isa());
  Outputs want = run(small, small_ir, best_isa()), first(3, large.count), got(3, small.count);
  ConvolveScratch scratch;
  convolve(large_ir, pointers(large.in), large.lead, large.count, first.data, scratch);
  convolve(small_ir, pointers(small.in), small.lead, small.count, got.data, scratch);
  for (int c = 0; c < 3; ++c) EXPECT_SAME_BITS(got[c], want[c]);
}

TEST(Convolve, SharesSpectraBetweenThreads) {
  const Case c = Case::make(2, 2, 3000, 2999, 9001);
  const IrSpectra ir = c.spectra(best_isa());
  Outputs want = run(c, ir, best_isa()), a(2, c.count), b(2, c.count);
  const auto work = [&](Outputs& out) {
    ConvolveScratch scratch;
    convolve(ir, pointers(c.in), c.lead, c.count, out.data, scratch);
  };
  std::thread other(work, std::ref(b));
  work(a);
  other.join();
  for (int output = 0; output < 2; ++output) {
    EXPECT_SAME_BITS(a[output], want[output]);
    EXPECT_SAME_BITS(b[output], want[output]);
  }
}

TEST(Convolve, AgreesWithItselfInOtherChunks) {
  const Case whole = Case::make(1, 2, 6000, 5999, 40'000);
  const IrSpectra ir = whole.spectra(best_isa());
  Outputs want = run(whole, ir, best_isa()), got(2, whole.count);
  ConvolveScratch scratch;
  for (Frames start = 0; start < whole.count;) {
    const Frames count = std::min<Frames>(whole.count - start, 7919);
    const float* const in[] = {whole.in[0].data() + start};
    float* const out[] = {got.data[0] + start, got.data[1] + start};
    convolve(ir, in, whole.lead, count, out, scratch);
    start += count;
  }
  for (int c = 0; c < 2; ++c) EXPECT_WITHIN_DB(got[c], std::span<const float>(want[c]), -134.0);
}

/// What float32 cannot: peaks of ten times full scale, exact but for the rounding to float32 (half a unit in the last place of 8 to 16).
TEST(Convolve, FarAboveFullScaleIsInDoubleTheExactResultRounded) {
  for (const auto& [taps, size] : {std::pair<Frames, std::size_t>{900, 3072}, {4000, 15u << 10}}) {
    Case c = Case::make(2, 3, taps, taps - 1, 20'001);
    for (auto& channel : c.in)
      for (float& value : channel) value *= 20.0f;
    c.irs[4].clear();  // input 1 -> output 1
    std::vector<Outputs> first;
    for (const Isa isa : available_isas()) {
      SCOPED_TRACE(name_of(isa));
      Outputs out = run(c, c.spectra(size, isa, Precision::float64), isa);
      Outputs in_single = run(c, c.spectra(size, isa), isa);
      for (int output = 0; output < c.outputs; ++output) {
        const std::vector<double> want = c.reference(output);
        std::size_t different = 0;
        for (std::size_t i = 0; i < want.size(); ++i) different += out[output][i] != static_cast<float>(want[i]);
        EXPECT_LE(different, 1u);  // one may lie in the very middle between two floats
        EXPECT_WITHIN_DB(out[output], std::span<const double>(want), -126.0);
        EXPECT_GT(testing::error_db(in_single[output], want), -117.0);
        if (!first.empty()) { EXPECT_SAME_BITS(out[output], first[0][output]); }
      }
      if (first.empty()) first.push_back(std::move(out));
      ran("convolve in double", std::string(name_of(isa)));
    }
  }
}

TEST(Convolve, DoubleKeepsSilenceAndLeavesOutWhatIsNotWanted) {
  Case c = Case::make(2, 2, 500, 499, 9001);
  c.in[1].clear();
  std::fill(c.irs[1].begin(), c.irs[1].end(), 0.0f);  // nothing reaches output 1
  for (const Isa isa : available_isas()) {
    const IrSpectra ir = c.spectra(2560, isa, Precision::float64);
    Outputs out = run(c, ir, isa), some(2, c.count);
    for (const float value : out[1]) ASSERT_EQ(value, 0.0f);
    float* const wanted[] = {some.data[0], nullptr};
    ConvolveScratch scratch;
    convolve(ir, pointers(c.in), c.lead, c.count, wanted, scratch, isa);
    EXPECT_SAME_BITS(some[0], out[0]);
    EXPECT_TRUE(std::isnan(some[1][0]));
  }
}

TEST(Convolve, OneScratchServesBothPrecisions) {
  const Case c = Case::make(1, 2, 3000, 2999, 9001);
  const IrSpectra single = c.spectra(4096, best_isa()), twofold = c.spectra(5120, best_isa(), Precision::float64);
  Outputs want_single = run(c, single, best_isa()), want_double = run(c, twofold, best_isa()), got(2, c.count);
  ConvolveScratch scratch;
  for (int turn = 0; turn < 2; ++turn) {
    convolve(twofold, pointers(c.in), c.lead, c.count, got.data, scratch);
    for (int output = 0; output < 2; ++output) EXPECT_SAME_BITS(got[output], want_double[output]);
    convolve(single, pointers(c.in), c.lead, c.count, got.data, scratch);
    for (int output = 0; output < 2; ++output) EXPECT_SAME_BITS(got[output], want_single[output]);
  }
}

TEST(ConvolvedMeanSquare, IsThatOfTheLoudestPairOfBlocks) {
  const Frames taps = 500, size = 2048, hop = size - taps + 1;
  for (const Frames lead : {Frames{0}, taps - 1}) {
    Case c = Case::make(2, 2, taps, lead, 9 * hop + 17);
    for (Frames i = 0; i < lead + c.count; ++i)  // the third pair of blocks is the loudest
      for (auto& channel : c.in) channel[static_cast<std::size_t>(i)] *= i / (2 * hop) == 2 ? 3.0f : 0.5f;
    c.irs[3].clear();
    double greatest = 0.0;
    for (Frames pair = 0; pair < c.count; pair += 2 * hop)
      for (int output = 0; output < 2; ++output) {
        double mean = 0.0;
        for (int i = 0; i < 2; ++i) {
          double in = 0.0, ir = 0.0;
          for (const Frames block : {pair, pair + hop})
            for (Frames at = std::max<Frames>(0, lead + block - taps + 1); at < std::min(lead + c.count, lead + block + hop); ++at)
              in += std::pow(static_cast<double>(c.in[static_cast<std::size_t>(i)][static_cast<std::size_t>(at)]), 2);
          for (const float tap : c.irs[static_cast<std::size_t>(2 * i + output)]) ir += std::pow(static_cast<double>(tap), 2);
          mean += in / static_cast<double>(2 * size) * ir;
        }
        greatest = std::max(greatest, mean);
      }
    const IrSpectra ir = c.spectra(static_cast<std::size_t>(size), best_isa());
    EXPECT_NEAR(convolved_mean_square(ir, pointers(c.in), lead, c.count), greatest, 1e-5 * greatest);
    Outputs out = run(c, ir, best_isa());
    double loudest = 0.0;
    for (int output = 0; output < 2; ++output) {
      double power = 0.0;
      for (std::size_t i = static_cast<std::size_t>(4 * hop); i < static_cast<std::size_t>(6 * hop); ++i)
        power += std::pow(static_cast<double>(out[output][i]), 2);
      loudest = std::max(loudest, power / static_cast<double>(2 * hop));
    }
    EXPECT_NEAR(loudest, greatest, 0.25 * greatest);  // this noise, this response: within 1 dB
    c.in[0].clear(), c.in[1].clear();
    EXPECT_EQ(convolved_mean_square(ir, pointers(c.in), lead, c.count), 0.0);
  }
}

TEST(ConvolvedMeanSquare, IsNoNumberWhereTheInputIsNone) {
  Case c = Case::make(1, 1, 100, 99, 20'001);
  c.in[0][7000] = std::numeric_limits<float>::quiet_NaN();
  const double mean_square = convolved_mean_square(c.spectra(2048, best_isa()), pointers(c.in), c.lead, c.count);
  EXPECT_FALSE(mean_square <= kFloat32MeanSquare);
}

TEST(ConvolutionFftSize, IsASizeThatHoldsTheResponse) {
  for (const Precision precision : {Precision::float32, Precision::float64})
    for (const Frames taps : {1, 2, 2047, 2048, 2049, 48'000, 144'000, 480'000, 10'000'000})
      for (const Frames count : {1, 2, 4800, 1'440'000, 100'000'000}) {
        const std::size_t n = convolution_fft_size(taps, count, precision);
        EXPECT_TRUE(fft::is_size(n)) << n;
        EXPECT_GT(static_cast<Frames>(n), taps);
      }
}

TEST(ConvolutionFftSize, IsSharedByChunksOfManyLengths) {
  std::set<std::size_t> sizes;
  for (Frames count = 144'000; count <= 1'152'000; count += 4800) sizes.insert(convolution_fft_size(192'000, count));  // 3 s to 24 s
  EXPECT_LE(sizes.size(), 4u);
}

// The size decides the bits of a render: a change of the cost model is a change of every reverb's last bits, and must be meant.
TEST(ConvolutionFftSize, StaysWhatItWas) {
  EXPECT_EQ(convolution_fft_size(144'000, 288'000), 12u << 15);
  EXPECT_EQ(convolution_fft_size(144'000, 1'440'000), 8u << 16);
  EXPECT_EQ(convolution_fft_size(144'000, 2'880'000), 8u << 16);
  EXPECT_EQ(convolution_fft_size(192'000, 1'440'000), 8u << 17);
  EXPECT_EQ(convolution_fft_size(480'000, 1'440'000), 12u << 17);
  EXPECT_EQ(convolution_fft_size(500, 1'440'000), 24'576u);
  EXPECT_EQ(convolution_fft_size(48'000, 1), 49'152u);
}

}  // namespace
}  // namespace dubfarm::kernels
