#include "kernels/true_peak/true_peak.hpp"

#include <algorithm>
#include <numbers>

#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using namespace dubfarm::testing;

TEST(TruePeakFilter, IsTheSymmetricalFilterOfTheStandard) {
  for (std::size_t p = 0; p < 4; ++p) {
    double at_dc = 0;
    for (std::size_t k = 0; k < 12; ++k) {
      EXPECT_EQ(kTruePeakFilter[p][k], kTruePeakFilter[3 - p][11 - k]);
      EXPECT_EQ(kTruePeakFilter[p][k] * 8192, std::round(kTruePeakFilter[p][k] * 8192));  // 13 fractional bits, as printed
      at_dc += double{kTruePeakFilter[p][k]};
    }
    EXPECT_NEAR(20 * std::log10(at_dc), 0.0, 0.25);
  }
}

std::vector<float> with_history(const std::vector<float>& x) {
  std::vector<float> padded(kTruePeakHistory, 0.0f);
  padded.insert(padded.end(), x.begin(), x.end());
  return padded;
}

/// Fourfold zero stuffing and a plain convolution in double with the 48-tap prototype.
double naive_true_peak(const std::vector<float>& x) {
  std::vector<double> stuffed(4 * (x.size() + kTruePeakHistory), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) stuffed[4 * i] = double{x[i]};
  double peak = 0;
  for (const float v : x) peak = std::max(peak, std::abs(double{v}));
  for (std::size_t m = 0; m < stuffed.size(); ++m) {
    double sum = 0;
    for (std::size_t j = 0; j < std::min<std::size_t>(48, m + 1); ++j) sum += double{kTruePeakFilter[j % 4][j / 4]} * stuffed[m - j];
    peak = std::max(peak, std::abs(sum));
  }
  return peak;
}

TEST(TruePeakContract, EveryIsaFindsThePeakOfTheDefinition) {
  for (const std::size_t count : {1u, 2u, 11u, 15u, 16u, 17u, 31u, 33u, 1000u})
    for (std::uint64_t salt = 0; salt < 20; ++salt) {
      std::vector<float> x = noise(count, salt, 0.7f);
      if (salt > 10) {  // one impulse: the peak may be in the first frame, the last, or the ring after it
        std::fill(x.begin(), x.end(), 0.0f);
        x[salt % count] = -0.9f;
      }
      const std::vector<float> padded = with_history(x);
      const double want = naive_true_peak(x);
      Peaks first;
      for (const Isa isa : available_isas()) {
        const Peaks got = larger(peaks(padded.data() + kTruePeakHistory, static_cast<Frames>(count), isa), tail_peaks(padded.data() + padded.size()));
        ASSERT_NEAR(double{got.true_peak}, want, 1e-6) << name_of(isa) << " count " << count;
        ASSERT_EQ(got.sample_peak, std::abs(*std::max_element(x.begin(), x.end(), [](float a, float b) { return std::abs(a) < std::abs(b); })));
        if (isa == Isa::generic) first = got;
        ASSERT_EQ(got.true_peak, first.true_peak) << name_of(isa) << " count " << count;
        ran("true peak", std::string(name_of(isa)));
      }
    }
}

TEST(TruePeakContract, AnySplitGivesTheSameBits) {
  const std::vector<float> x = with_history(noise(777, 3));
  for (const Isa isa : available_isas()) {
    const Peaks whole = peaks(x.data() + kTruePeakHistory, 777, isa);
    Peaks split;
    for (Frames at = 0, length = 1; at < 777; at += length, length = std::min(777 - at, 2 * length + 1))
      split = larger(split, peaks(x.data() + kTruePeakHistory + at, length, isa));
    EXPECT_EQ(whole.true_peak, split.true_peak);
    EXPECT_EQ(whole.sample_peak, split.sample_peak);
  }
}

TEST(TruePeak, OfATonePassesWhatItsSamplesShow) {
  std::vector<float> x;  // fs/4 at 45 degrees: every sample lies at 0.707 of the crest
  for (int i = 0; i < 400; ++i) x.push_back(static_cast<float>(std::sin(std::numbers::pi * (0.5 * i + 0.25)) * std::min(1.0, i / 100.0)));
  const std::vector<float> padded = with_history(x);
  const Peaks got = peaks(padded.data() + kTruePeakHistory, 400);
  EXPECT_NEAR(double{got.sample_peak}, std::sqrt(0.5), 1e-4);
  EXPECT_NEAR(20 * std::log10(double{got.true_peak}), 0.0, 0.25);
}

TEST(TruePeak, IsNotANumberIfASampleIsNotFinite) {
  for (const Isa isa : available_isas())
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()})
      for (const std::size_t at : {0u, 11u, 50u, 110u}) {
        std::vector<float> x = with_history(noise(100, 1));
        x[at] = bad;
        const Peaks got = peaks(x.data() + kTruePeakHistory, 100, isa);
        EXPECT_TRUE(std::isnan(got.true_peak)) << name_of(isa) << " " << at << " " << bad;
        EXPECT_TRUE(std::isnan(got.sample_peak)) << name_of(isa) << " " << at << " " << bad;
      }
}

}  // namespace
}  // namespace dubfarm::kernels
