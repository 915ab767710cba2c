#include "kernels/quantise/chained_dither.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/quantise/quantise.hpp"

namespace dubfarm::kernels {
namespace {

std::vector<std::int32_t> drawn(const ChainedDither& chain, Frames first, std::size_t count) {
  std::vector<std::int32_t> d(count);
  draw(chain, first, static_cast<Frames>(count), d.data());
  return d;
}

TEST(ChainedDither, OfOneKeyIsPlainDither) {
  const std::uint64_t key = dither_key("pm", 1);
  for (const Frames first : {0, 1, 3, 4, 12345}) {
    const auto d = drawn({{key, false}, {key, true}}, first, 101);
    for (std::size_t i = 0; i < d.size(); ++i) ASSERT_EQ(d[i], tpdf_dither(key, first + static_cast<Frames>(i)));
  }
}

TEST(ChainedDither, AddsUpToTheDitherOfTheSumAndEachIsDitherOfItsOwn) {
  constexpr std::size_t kCount = 1 << 18;
  const std::uint64_t pm = dither_key("pm", 0), a = dither_key("stems/A", 0), b = dither_key("stems/B", 0);
  const ChainedDither chain[] = {{{pm, false}, {a, true}}, {{a, true}, {b, true}}, {{b, true}, {pm, true}}};
  std::vector<std::vector<std::int32_t>> each;
  for (const ChainedDither& c : chain) each.push_back(drawn(c, 777, kCount));
  for (std::size_t i = 0; i < kCount; ++i) ASSERT_EQ(each[0][i] + each[1][i] + each[2][i], tpdf_dither(pm, 777 + static_cast<Frames>(i)));
  for (const auto& d : each) {
    double sum = 0, squares = 0, neighbours = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
      ASSERT_TRUE(d[i] >= -65535 && d[i] <= 65535);
      const double lsb = d[i] / 65536.0;
      sum += lsb, squares += lsb * lsb;
      if (i > 0) neighbours += lsb * d[i - 1] / 65536.0;
    }
    EXPECT_NEAR(sum / kCount, 0.0, 5 * std::sqrt(1.0 / 6 / kCount));
    EXPECT_NEAR(squares / kCount, 1.0 / 6, 5 * std::sqrt(7.0 / 180 / kCount)) << "triangular: the variance of +-1";
    EXPECT_NEAR(neighbours / kCount * 6, 0.0, 5 / std::sqrt(double{kCount})) << "white";
  }
}

}  // namespace
}  // namespace dubfarm::kernels
