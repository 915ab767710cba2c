#include "kernels/quantise/quantise.hpp"

#include <cmath>
#include <numeric>

#include "kernels/core/philox.hpp"
#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using namespace dubfarm::testing;

TEST(Philox, GivesTheVectorsPublishedWithRandom123) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<std::int32_t> dither_of(std::uint64_t key, Frames first, std::size_t count) {
  std::vector<std::int32_t> d(count);
  for (std::size_t i = 0; i < count; ++i) d[i] = tpdf_dither(key, first + static_cast<Frames>(i));
  return d;
}

TEST(Dither, IsTriangularOverTwoLsb) {
  constexpr std::size_t kCount = 1 << 20;
  const auto d = dither_of(dither_key("printmaster-51", 0), 12345, kCount);
  double sum = 0, squares = 0;
  std::array<double, 16> bins{};  // of 1/8 LSB
  for (const std::int32_t v : d) {
    ASSERT_TRUE(v >= -65535 && v <= 65535);
    const double lsb = v / 65536.0;
    sum += lsb, squares += lsb * lsb;
    ++bins[static_cast<std::size_t>((v + 65536) / 8192)];
  }
  EXPECT_NEAR(sum / kCount, 0.0, 5 * std::sqrt(1.0 / 6 / kCount));         // variance of a triangle of +-1: 1/6
  EXPECT_NEAR(squares / kCount, 1.0 / 6, 5 * std::sqrt(7.0 / 180 / kCount));  // variance of its square: 1/15 - 1/36
  double chi_squared = 0;
  for (std::size_t b = 0; b < bins.size(); ++b) {
    const double expected = kCount * (static_cast<double>(std::min(b, 15 - b)) + 0.5) / 64.0;
    chi_squared += (bins[b] - expected) * (bins[b] - expected) / expected;
  }
  EXPECT_LT(chi_squared, 45.0);  // 15 degrees of freedom: p = 1e-4
}

TEST(Dither, OfTwoChannelsDeliverablesOrMomentsIsUncorrelated) {
  constexpr std::size_t kCount = 1 << 17;
  const auto of = [](const char* name, int channel, Frames first) { return dither_of(dither_key(name, channel), first, kCount); };
  const auto base = of("stereo", 0, 0);
  for (const auto& other : {of("stereo", 1, 0), of("stereo-2", 0, 0), of("stereo", 0, 1), of("stereo", 0, 4)}) {
    double product = 0;
    for (std::size_t i = 0; i < kCount; ++i) product += base[i] / 65536.0 * other[i] / 65536.0;
    EXPECT_LT(std::abs(product / kCount * 6), 5 / std::sqrt(double{kCount}));
  }
}

TEST(Dither, MakesTheErrorIndependentOfTheSignal) {
  // The point of TPDF: mean error 0 and error power 1/4 LSB^2 (1/12 + 1/6) wherever between two steps the signal lies.
  constexpr Frames kCount = 1 << 16;
  for (const double offset : {0.0, 0.1, 0.25, 0.5, 0.9}) {
    const std::vector<double> x(kCount, (100 + offset) / 32768);
    std::vector<float> got(kCount);
    std::vector<std::byte> bytes(2 * kCount);
    const double* channels[] = {x.data()};
    float* delivered[] = {got.data()};
    const int order[] = {0};
    const std::uint64_t keys[] = {dither_key("mono", 0)};
    (void)quantise({channels, order, 0, kCount, SampleType::int16, keys, bytes.data(), delivered});
    double sum = 0, squares = 0;
    for (const float v : got) {
      const double error = double{v} * 32768 - (100 + offset);
      sum += error, squares += error * error;
    }
    EXPECT_NEAR(sum / kCount, 0, 0.01) << offset;
    EXPECT_NEAR(squares / kCount, 0.25, 0.01) << offset;
  }
}

/// The sentence of the mix format, in double.
std::int64_t quantised(double x, int bits, double dither_lsb) {
  const double scale = std::ldexp(1.0, bits - 1), v = x * scale + dither_lsb;
  const double floor = std::floor(v), rest = v - floor;
  const double rounded = rest > 0.5 || (rest == 0.5 && std::fmod(floor, 2.0) != 0) ? floor + 1 : floor;
  return static_cast<std::int64_t>(std::min(std::max(rounded, -scale), scale - 1));
}

struct Case {
  std::vector<std::vector<double>> x;
  std::vector<const double*> channels;
  std::vector<std::uint64_t> keys;
  std::vector<int> order;

  Case(int channel_count, Frames count) : x(static_cast<std::size_t>(channel_count)), order(static_cast<std::size_t>(channel_count)) {
    for (std::size_t c = 0; c < x.size(); ++c) {
      for (const float v : noise(static_cast<std::size_t>(count), c, 1.2f)) x[c].push_back(double{v} * (1 + 1e-9));  // some of it clips
      const double edges[] = {0.0, -0.0, 1.0, -1.0, 1 - 0x1p-23, 0x1p-24, 3 * 0x1p-24, -0x1p-24, 1 - 0x1p-24, -1 - 0x1p-24, 1e-310, 7.0, -7.0};
      for (std::size_t i = 0; i < std::min(x[c].size(), std::size(edges)); ++i) x[c][i] = edges[i];
      channels.push_back(x[c].data());
      keys.push_back(dither_key("contract", static_cast<int>(c)));
    }
    std::iota(order.rbegin(), order.rend(), 0);  // the last channel first
  }
};

TEST(QuantiseContract, EveryIsaWritesTheBytesOfTheDefinition) {
  for (const Isa isa : available_isas()) {
    for (const int channels : {1, 2, 3, 5, 6, 8, 9, 12, 17})
      for (const Frames count : {Frames{1}, Frames{7}, Frames{31}, Frames{256}, Frames{611}})
        for (const SampleType type : {SampleType::int16, SampleType::int24, SampleType::int32})
          for (const bool dithered : {false, true}) {
            const Case k(channels, count);
            const Frames first = 4294967296 * 4 - 300;  // the counter's first word overflows inside
            const int bytes = bytes_per_sample(type), bits = 8 * bytes;
            Guarded<unsigned char> out(static_cast<std::size_t>(count * channels * bytes));
            std::vector<Guarded<float>> delivered(k.x.size(), Guarded<float>(static_cast<std::size_t>(count)));
            std::vector<float*> delivered_to;
            for (auto& d : delivered) delivered_to.push_back(d.data());
            const QuantiseStats stats = quantise({k.channels.data(), k.order, first, count, type, dithered ? k.keys.data() : nullptr,
                                                  reinterpret_cast<std::byte*>(out.data()), delivered_to.data()}, isa);

            const std::string where = fmt::format("{} channels {} count {} bits {} dither {}", name_of(isa), channels, count, bits, dithered);
            std::int64_t clipped = 0;
            for (Frames f = 0; f < count; ++f)
              for (std::size_t i = 0; i < k.order.size(); ++i) {
                const auto c = static_cast<std::size_t>(k.order[i]);
                const double x = k.x[c][static_cast<std::size_t>(f)], lsb = dithered ? tpdf_dither(k.keys[c], first + f) / 65536.0 : 0;
                const std::int64_t want = quantised(x, bits, lsb);
                clipped += want != quantised(x / 64, bits + 6, lsb);  // the same without a clamp in reach
                std::int64_t got = 0;
                const unsigned char* at = out.data() + (static_cast<std::size_t>(f) * k.order.size() + i) * static_cast<std::size_t>(bytes);
                for (int b = 0; b < bytes; ++b) got |= std::int64_t{at[b]} << (8 * b);
                got = got << (64 - bits) >> (64 - bits);
                ASSERT_EQ(got, want) << where << " frame " << f << " channel " << c << " x " << x;
                ASSERT_EQ(delivered[c].data()[f], static_cast<float>(static_cast<double>(want) / std::ldexp(1.0, bits - 1))) << where;
              }
            ASSERT_EQ(stats.clipped, clipped) << where;
            ASSERT_EQ(stats.not_a_number, 0) << where;
            ASSERT_TRUE(out.guards_intact()) << where;
            for (const auto& d : delivered) ASSERT_TRUE(d.guards_intact()) << where;
          }
    ran("quantise", std::string(name_of(isa)));
  }
}

TEST(QuantiseContract, AnySplitOfAFileGivesTheSameBytes) {
  constexpr Frames kCount = 1500;
  const Case k(6, kCount);
  for (const Isa isa : available_isas()) {
    std::vector<std::byte> whole(kCount * 18), split(kCount * 18);
    (void)quantise({k.channels.data(), k.order, 1001, kCount, SampleType::int24, k.keys.data(), whole.data()}, isa);
    for (Frames at = 0, length = 1; at < kCount; at += length, length = std::min(kCount - at, length * 2 + 1)) {
      std::vector<const double*> from;
      for (const double* x : k.channels) from.push_back(x + at);
      (void)quantise({from.data(), k.order, 1001 + at, length, SampleType::int24, k.keys.data(), split.data() + 18 * at}, isa);
    }
    EXPECT_EQ(whole, split) << name_of(isa);
  }
}

TEST(QuantiseContract, AFileOfOneChannelHoldsWhatTheInterleavedFileHasThere) {
  constexpr Frames kCount = 300;
  const Case k(6, kCount);
  std::vector<std::byte> all(kCount * 18), one(kCount * 3);
  const int film[] = {0, 2, 1, 4, 5, 3}, centre[] = {2};
  (void)quantise({k.channels.data(), film, 0, kCount, SampleType::int24, k.keys.data(), all.data()});
  (void)quantise({k.channels.data(), centre, 0, kCount, SampleType::int24, k.keys.data(), one.data()});
  for (std::size_t f = 0; f < kCount; ++f) ASSERT_EQ(std::memcmp(&all[f * 18 + 3], &one[f * 3], 3), 0) << f;
}

TEST(Quantise, RoundsTiesToEven) {
  const double x[] = {0.5 / 32768, 1.5 / 32768, 2.5 / 32768, -0.5 / 32768, -1.5 / 32768, -2.5 / 32768};
  const float want[] = {0, 2, 2, 0, -2, -2};
  const double* channels[] = {x};
  const int order[] = {0};
  for (const Isa isa : available_isas()) {
    std::byte bytes[12];
    float got[6];
    float* delivered[] = {got};
    (void)quantise({channels, order, 0, 6, SampleType::int16, nullptr, bytes, delivered}, isa);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(got[i] * 32768, want[i]) << name_of(isa) << " " << x[i] * 32768;
  }
}

TEST(Quantise, WritesNotANumberAsZeroAndCountsIt) {
  std::vector<double> x(37, 0.25);
  x[3] = x[36] = std::numeric_limits<double>::quiet_NaN();
  x[5] = std::numeric_limits<double>::infinity();
  const double* channels[] = {x.data()};
  const int order[] = {0};
  for (const Isa isa : available_isas())
    for (const SampleType type : {SampleType::int24, SampleType::float32}) {
      std::vector<std::byte> bytes(37 * 4);
      std::vector<float> got(37);
      float* delivered[] = {got.data()};
      const QuantiseStats stats = quantise({channels, order, 0, 37, type, nullptr, bytes.data(), delivered}, isa);
      EXPECT_EQ(stats.not_a_number, 2);
      EXPECT_EQ(stats.clipped, type == SampleType::int24 ? 1 : 0);
      EXPECT_EQ(got[3], 0.0f);
      EXPECT_EQ(got[36], 0.0f);
      EXPECT_EQ(got[4], 0.25f);
    }
}

TEST(Quantise, KeepsFloatsAboveFullScale) {
  const double x[] = {1.5, -3.0, 0.1};
  const double* channels[] = {x};
  const int order[] = {0};
  float got[3];
  (void)quantise({channels, order, 0, 3, SampleType::float32, nullptr, reinterpret_cast<std::byte*>(got)});
  EXPECT_EQ(got[0], 1.5f);
  EXPECT_EQ(got[1], -3.0f);
  EXPECT_EQ(got[2], 0.1f);
}

}  // namespace
}  // namespace dubfarm::kernels
