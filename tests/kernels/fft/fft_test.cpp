#include "kernels/fft/fft.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <numbers>
#include <string>

#include "kernels/convolve/convolve.hpp"
#include "tests/support/contract.hpp"
#include "tests/kernels/fft/double_fft.hpp"

namespace dubfarm::kernels::fft {
namespace {

using testing::double_fft;
using testing::Guarded;
using testing::noise;
using testing::ran;
using Signal = std::vector<std::complex<double>>;

constexpr std::size_t kEveryRadix[] = {2048, 2304, 2560, 2816, 3072, 3328, 3584, 3840};

Source all_of(const std::vector<float>& values) { return {values.data(), 0, static_cast<std::ptrdiff_t>(values.size())}; }
Sink all_of(Guarded<float>& values) { return {values.data(), 0, static_cast<std::ptrdiff_t>(values.span().size())}; }

/// The spectrum in memory, put into the order of frequencies.
template <class Real>
Signal in_order(const BasicPlan<Real>& plan, const Real* x) {
  Signal spectrum(plan.size(), {1e9, 1e9});  // a frequency that no element has stays wrong
  for (std::size_t i = 0; i < plan.size(); ++i)
    spectrum[plan.frequency(i)] = {static_cast<double>(x[i / 16 * 32 + i % 16]), static_cast<double>(x[i / 16 * 32 + 16 + i % 16])};
  return spectrum;
}

/// rms of the difference relative to the rms of `want`, in dB.
double relative_error_db(const Signal& got, const Signal& want) {
  double error = 0.0, power = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) error += std::norm(got[i] - want[i]), power += std::norm(want[i]);
  return 10.0 * std::log10(error / power);
}

TEST(FftSizes, HaveFourSignificantBits) {
  EXPECT_TRUE(is_size(2048) && is_size(2304) && is_size(15u << 21) && is_size(7u << 17));
  EXPECT_FALSE(is_size(0) || is_size(1024) || is_size(2049) || is_size(17u << 12) || is_size(16u << 21));
  EXPECT_EQ(size_at_least(1), 2048u);
  EXPECT_EQ(size_at_least(2048), 2048u);
  EXPECT_EQ(size_at_least(2049), 2304u);
  EXPECT_EQ(size_at_least(3841), 4096u);
  EXPECT_EQ(size_at_least(864'000), 917'504u);
  for (std::size_t n = 1; n < 100'000; n += 997) EXPECT_TRUE(is_size(size_at_least(n)) && size_at_least(n) >= n);
}

template <class Real>
void expect_the_definition_for_every_first_radix(double budget_db) {
  for (const std::size_t n : kEveryRadix) {
    const auto plan = BasicPlan<Real>::of(n);
    const std::vector<float> re = noise(n, n), im = noise(n, n + 1);
    Signal roots(n), want(n);
    for (std::size_t j = 0; j < n; ++j) roots[j] = std::polar(1.0, 2.0 * std::numbers::pi * static_cast<double>(j) / static_cast<double>(n));
    for (std::size_t f = 0; f < n; ++f)
      for (std::size_t j = 0; j < n; ++j)
        want[f] += std::complex<double>(static_cast<double>(re[j]), static_cast<double>(im[j])) * roots[f * j % n];
    for (const Isa isa : available_isas()) {
      AlignedMemory memory;
      Real* const x = memory.reserve<Real>(2 * n);
      plan->forward(all_of(re), all_of(im), x, isa);
      EXPECT_LE(relative_error_db(in_order(*plan, x), want), budget_db) << n << " on " << name_of(isa);
      ran(sizeof(Real) == 4 ? "fft" : "fft in double", std::string(name_of(isa)));
    }
  }
}

TEST(Fft, IsTheDefinitionForEveryFirstRadix) {
  expect_the_definition_for_every_first_radix<float>(-136.0);
  expect_the_definition_for_every_first_radix<double>(-290.0);
}

TEST(Fft, MatchesTheDoubleFftAtEveryDepthOfStages) {
  for (std::size_t n = 4096; n <= (1u << 18); n *= 2) {
    const auto plan = Plan::of(n);
    const std::vector<float> re = noise(n, n), im = noise(n, n + 1);
    Signal signal(n);
    for (std::size_t j = 0; j < n; ++j) signal[j] = {static_cast<double>(re[j]), static_cast<double>(im[j])};
    const Signal want = double_fft(signal, 1.0);
    AlignedMemory memory;
    float* const x = memory.reserve<float>(2 * n);
    plan->forward(all_of(re), all_of(im), x, best_isa());
    EXPECT_LE(relative_error_db(in_order(*plan, x), want), -134.0) << n;
    const auto in_double = DoublePlan::of(n);
    double* const y = memory.reserve<double>(2 * n);
    in_double->forward(all_of(re), all_of(im), y, best_isa());
    EXPECT_LE(relative_error_db(in_order(*in_double, y), want), -290.0) << n;
  }
}

TEST(Fft, TurnsAnImpulseIntoItsExponentialAtLargeSizes) {
  for (const std::size_t n : {std::size_t{9} << 16, std::size_t{13} << 16, std::size_t{11} << 17}) {
    const auto plan = Plan::of(n);
    const std::size_t at = n / 3 + 1;
    const float one = 1.0f;
    AlignedMemory memory;
    float* const x = memory.reserve<float>(2 * n);
    const auto begin = static_cast<std::ptrdiff_t>(at);
    plan->forward({&one, begin, begin + 1}, {}, x, best_isa());
    Signal want(n);
    for (std::size_t f = 0; f < n; ++f)
      want[f] = std::polar(1.0, 2.0 * std::numbers::pi * static_cast<double>(f * at % n) / static_cast<double>(n));
    EXPECT_LE(relative_error_db(in_order(*plan, x), want), -134.0) << n;
  }
}

template <class Real>
void expect_inverse_to_undo_forward_with_the_same_bits(double budget_db) {
  std::vector<std::size_t> sizes(std::begin(kEveryRadix), std::end(kEveryRadix));
  for (const std::size_t n : {9u << 9, 10u << 10, 11u << 11, 13u << 12, 15u << 13, 1u << 17, 3u << 17}) sizes.push_back(n);
  for (const std::size_t n : sizes) {
    const auto plan = BasicPlan<Real>::of(n);
    const std::vector<float> re = noise(n, n), im = noise(n, n + 1);
    std::vector<Real> first_spectrum;
    std::vector<float> first_result;
    for (const Isa isa : available_isas()) {
      AlignedMemory memory;
      Real* const x = memory.reserve<Real>(2 * n);
      plan->forward(all_of(re), all_of(im), x, isa);
      const std::vector<Real> spectrum(x, x + 2 * n);
      Guarded<float> re_again(n), im_again(n);
      plan->inverse(x, all_of(re_again), all_of(im_again), isa);
      EXPECT_TRUE(re_again.guards_intact() && im_again.guards_intact()) << n;
      if (first_spectrum.empty()) first_spectrum = spectrum, first_result.assign(re_again.data(), re_again.data() + n);
      EXPECT_EQ(std::memcmp(spectrum.data(), first_spectrum.data(), 2 * n * sizeof(Real)), 0) << n << " on " << name_of(isa);
      EXPECT_SAME_BITS(std::span<const float>(re_again.span()), std::span<const float>(first_result));
      for (float& value : re_again.span()) value /= static_cast<float>(n);
      for (float& value : im_again.span()) value /= static_cast<float>(n);
      EXPECT_WITHIN_DB(re_again.span(), std::span<const float>(re), budget_db);
      EXPECT_WITHIN_DB(im_again.span(), std::span<const float>(im), budget_db);
      ran(sizeof(Real) == 4 ? "fft" : "fft in double", std::string(name_of(isa)));
    }
  }
}

TEST(Fft, InverseUndoesForwardWithTheSameBitsOnEveryInstructionSet) {
  expect_inverse_to_undo_forward_with_the_same_bits<float>(-130.0);
  expect_inverse_to_undo_forward_with_the_same_bits<double>(-155.0);  // n times the signal, and the signal, are rounded to float32
}

TEST(Fft, ReadsZerosOutsideItsSourceAndWritesOnlyInsideItsSink) {
  const std::size_t n = 2560;
  const auto plan = Plan::of(n);
  const std::vector<float> short_re = noise(700, 1);
  for (const std::ptrdiff_t begin : {-300, -1, 0, 1, 255, 1900, 2559}) {
    std::vector<float> padded(n, 0.0f);
    for (std::ptrdiff_t at = std::max<std::ptrdiff_t>(begin, 0); at < std::min<std::ptrdiff_t>(begin + 700, 2560); ++at)
      padded[static_cast<std::size_t>(at)] = short_re[static_cast<std::size_t>(at - begin)];
    AlignedMemory memory, padded_memory;
    float* const x = memory.reserve<float>(2 * n);
    float* const y = padded_memory.reserve<float>(2 * n);
    plan->forward({short_re.data(), begin, begin + 700}, {}, x, best_isa());
    plan->forward(all_of(padded), {}, y, best_isa());
    EXPECT_SAME_BITS(std::span<const float>(x, 2 * n), std::span<const float>(y, 2 * n));
    Guarded<float> whole(n), part(300);
    for (std::size_t unit = 0; unit < plan->radix(); ++unit) plan->inverse_unit(x, unit, best_isa());
    plan->join(x, all_of(whole), {}, best_isa());
    plan->join(x, {part.data(), 1001, 1301}, {}, best_isa());
    EXPECT_TRUE(part.guards_intact());
    EXPECT_SAME_BITS(std::span<const float>(part.span()), std::span<const float>(whole.data() + 1001, 300));
  }
}

}  // namespace
}  // namespace dubfarm::kernels::fft
