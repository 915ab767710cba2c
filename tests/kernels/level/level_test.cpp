#include "kernels/level/level.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using namespace dubfarm::testing;

TEST(LevelContract, EveryIsaFindsTheSumAndTheCountOfTheDefinition) {
  for (const std::size_t count : {0U, 1U, 15U, 16U, 17U, 31U, 32U, 1000U, 96000U}) {
    std::vector<float> x = noise(count, count, 1.2f);
    for (float& v : x) v = std::min(1.0f, std::max(-1.0f, v));
    long double sum = 0;
    std::int64_t full_scale = 0;
    for (const float v : x) sum += static_cast<long double>(v), full_scale += v == 1.0f || v == -1.0f;
    ASSERT_TRUE(count < 1000 || full_scale > 0);
    Level first;
    for (const Isa isa : available_isas()) {
      const Level got = level(x.data(), static_cast<Frames>(count), -1.0f, 1.0f, isa);
      EXPECT_NEAR(got.sum, static_cast<double>(sum), 1e-9) << name_of(isa) << " " << count;
      EXPECT_EQ(got.full_scale, full_scale) << name_of(isa) << " " << count;
      if (isa == Isa::generic) first = got;
      EXPECT_EQ(got.sum, first.sum) << name_of(isa) << ", to the last bit";
      ran("level", std::string(name_of(isa)));
    }
  }
}

TEST(Level, TakesTheEndsOfTheSampleTypeForFullScale) {
  constexpr float kTop = 32767.0f / 32768.0f;
  const std::vector<float> x = {kTop, 32766.0f / 32768.0f, -1.0f, -kTop};
  EXPECT_EQ(level(x.data(), 4, -1.0f, kTop).full_scale, 2);
}

TEST(Level, OfANotANumberIsNotANumber) {
  std::vector<float> x = noise(100, 1);
  x[70] = std::numeric_limits<float>::quiet_NaN();
  for (const Isa isa : available_isas()) EXPECT_TRUE(std::isnan(level(x.data(), 100, -1, 1, isa).sum));
}

}  // namespace
}  // namespace dubfarm::kernels
