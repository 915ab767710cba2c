#include "kernels/mix/mix.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using testing::Guarded;
using testing::noise;

constexpr Frames kSizes[] = {1, 15, 16, 17, 255, 256, 257, 511, 512, 513, 4097};

class Mix : public ::testing::TestWithParam<Isa> {
 protected:
  std::string isa_name() const { return std::string(name_of(GetParam())); }
};
INSTANTIATE_TEST_SUITE_P(Isas, Mix, ::testing::ValuesIn(available_isas().begin(), available_isas().end()),
                         [](const auto& isa) { return std::string(name_of(isa.param)); });

std::vector<double> doubles(Frames n, std::uint64_t salt) {
  const std::vector<float> x = noise(static_cast<std::size_t>(n), salt);
  std::vector<double> y(x.begin(), x.end());
  for (double& v : y) v *= 1.0 + 1e-10;
  return y;
}

void fill(Guarded<double>& to, const std::vector<double>& from) { std::copy(from.begin(), from.end(), to.data()); }
bool same_bits(const Guarded<double>& got, const std::vector<double>& want) {
  return got.guards_intact() && std::memcmp(got.data(), want.data(), want.size() * sizeof(double)) == 0;
}

/// acc = fma(coef, x, acc), lanes in order, zero coefficients skipped.
struct Session {
  Session(int lanes, int outs, Frames n, bool sparse) : coef(static_cast<std::size_t>(lanes * outs)) {
    for (int l = 0; l < lanes; ++l) x.push_back(noise(static_cast<std::size_t>(n), static_cast<std::uint64_t>(l))), pointers.push_back(x.back().data());
    for (std::size_t j = 0; j < coef.size(); ++j) coef[j] = sparse && j % 5 != 0 && j % 7 != 1 ? (j % 2 == 0 ? 0.0 : -0.0) : std::sin(static_cast<double>(j) + 1);
    for (int o = 0; o < outs; ++o) {
      want.push_back(doubles(n, 1000u + static_cast<std::uint64_t>(o)));
      for (int l = 0; l < lanes; ++l) {
        const double k = coef[static_cast<std::size_t>(o * lanes + l)];
        for (std::size_t i = 0; k != 0 && i < static_cast<std::size_t>(n); ++i)
          want.back()[i] = std::fma(k, static_cast<double>(x[static_cast<std::size_t>(l)][i]), want.back()[i]);
      }
    }
  }
  std::vector<std::vector<float>> x;
  std::vector<const float*> pointers;
  std::vector<double> coef;
  std::vector<std::vector<double>> want;
};

TEST_P(Mix, AddsEveryLaneToEveryOutputInOrderToTheLastBit) {
  for (const bool sparse : {false, true})
    for (const int lanes : {1, 2, 7, 8, 9, 16, 19, 64, 65, 300})  // of 300 sparse ones more than 64 are connected
      for (const int outs : {1, 4, 6, 12})
        for (const Frames n : kSizes) {
          if (n > 600 && lanes != 9) continue;
          const Session session(lanes, outs, n, sparse);
          std::vector<Guarded<double>> acc(static_cast<std::size_t>(outs), Guarded<double>(static_cast<std::size_t>(n)));
          std::vector<double*> rows;
          for (int o = 0; o < outs; ++o) {
            fill(acc[static_cast<std::size_t>(o)], doubles(n, 1000u + static_cast<std::uint64_t>(o)));
            rows.push_back(acc[static_cast<std::size_t>(o)].data());
          }
          mix_add(session.pointers.data(), lanes, session.coef.data(), outs, n, rows.data(), GetParam());
          for (int o = 0; o < outs; ++o)
            ASSERT_TRUE(same_bits(acc[static_cast<std::size_t>(o)], session.want[static_cast<std::size_t>(o)]))
                << lanes << " lanes, output " << o << " of " << outs << ", " << n << " frames, sparse " << sparse;
        }
  testing::ran("mix add", isa_name());
}

TEST_P(Mix, StoresWhatAddingToZeroWouldGive) {
  for (const bool sparse : {false, true})
    for (const int lanes : {1, 3, 8, 11, 16, 65, 300})
      for (const int outs : {1, 2, 3, 4, 7})
        for (const Frames n : kSizes) {
          if (n > 600 && lanes > 16) continue;
          const Session session(lanes, outs, n, sparse);
          std::vector<Guarded<float>> out(static_cast<std::size_t>(outs), Guarded<float>(static_cast<std::size_t>(n)));
          std::vector<float*> rows;
          for (Guarded<float>& row : out) rows.push_back(row.data());
          mix_store(session.pointers.data(), lanes, session.coef.data(), outs, n, rows.data(), GetParam());
          std::vector<Guarded<double>> wide(static_cast<std::size_t>(outs), Guarded<double>(static_cast<std::size_t>(n)));
          std::vector<double*> wide_rows;
          for (Guarded<double>& row : wide) wide_rows.push_back(row.data());
          mix_store(session.pointers.data(), lanes, session.coef.data(), outs, n, wide_rows.data(), GetParam());
          for (int o = 0; o < outs; ++o) {
            std::vector<double> acc(static_cast<std::size_t>(n), 0.0);
            double* sum = acc.data();
            mix_add(session.pointers.data(), lanes, session.coef.data() + o * lanes, 1, n, &sum, GetParam());
            std::vector<float> want(static_cast<std::size_t>(n));
            store(sum, n, want.data(), GetParam());
            ASSERT_TRUE(same_bits(wide[static_cast<std::size_t>(o)], acc));
            const Guarded<float>& got = out[static_cast<std::size_t>(o)];
            ASSERT_TRUE(got.guards_intact() && std::memcmp(got.data(), want.data(), want.size() * sizeof(float)) == 0)
                << lanes << " lanes, output " << o << " of " << outs << ", " << n << " frames, sparse " << sparse;
          }
        }
  testing::ran("mix store", isa_name());
}

TEST_P(Mix, GivesTheSameBitsWhenLanesComeInSeveralCalls) {
  const Session session(19, 1, 500, false);
  std::vector<double> acc = doubles(500, 1000);
  double* row = acc.data();
  mix_add(session.pointers.data(), 5, session.coef.data(), 1, 500, &row, GetParam());
  mix_add(session.pointers.data() + 5, 14, session.coef.data() + 5, 1, 500, &row, GetParam());
  EXPECT_EQ(acc, session.want[0]);
}

TEST_P(Mix, DoesNotReadALaneWithoutACoefficient) {
  const std::vector<float> poison(64, std::numeric_limits<float>::quiet_NaN());
  const float* lanes[] = {nullptr, poison.data()};
  const double coef[] = {0.0, -0.0};
  std::vector<double> acc(64, 0.5);
  double* row = acc.data();
  mix_add(lanes, 2, coef, 1, 64, &row, GetParam());
  mix_add_scaled(poison.data(), 0.0, 64, row, GetParam());
  mix_add_curve(poison.data(), nullptr, 0.0, 64, row, GetParam());
  EXPECT_EQ(acc, std::vector<double>(64, 0.5));
}

TEST_P(Mix, KeepsASumOf500TracksWithin135Decibels) {
  constexpr Frames kCount = 1000;
  const std::vector<double> coef(500, 0.123456789);
  std::vector<std::vector<float>> x;
  std::vector<const float*> lanes;
  std::vector<long double> want(kCount, 0.0L);
  for (std::uint64_t l = 0; l < 500; ++l) {
    x.push_back(noise(kCount, l));
    lanes.push_back(x.back().data());
    for (std::size_t i = 0; i < kCount; ++i) want[i] += 0.123456789L * static_cast<long double>(x.back()[i]);
  }
  std::vector<double> acc(kCount, 0.0);
  double* row = acc.data();
  mix_add(lanes.data(), 500, coef.data(), 1, kCount, &row, GetParam());
  std::vector<float> out(kCount);
  store(acc.data(), kCount, out.data(), GetParam());
  EXPECT_WITHIN_DB(out, std::vector<double>(want.begin(), want.end()), -135.0);
}

TEST_P(Mix, ScalesByConstantsAndCurvesToTheLastBit) {
  for (const Frames n : kSizes) {
    const auto count = static_cast<std::size_t>(n);
    const std::vector<float> x = noise(count, 1);
    const std::vector<double> start = doubles(n, 2), curve = doubles(n, 3), wide = doubles(n, 4);
    Guarded<double> scaled(count), from_double(count), curved(count), product(count);
    fill(scaled, start), fill(from_double, start), fill(curved, start), fill(product, start);
    mix_add_scaled(x.data(), 0.7, n, scaled.data(), GetParam());
    mix_add_scaled(wide.data(), 0.7, n, from_double.data(), GetParam());
    mix_add_curve(x.data(), curve.data(), 0.7, n, curved.data(), GetParam());
    multiply(product.data(), curve.data(), n, GetParam());
    Guarded<float> stored(count), constant(count), ridden(count);
    store(start.data(), n, stored.data(), GetParam());
    std::copy(x.begin(), x.end(), constant.data());
    std::copy(x.begin(), x.end(), ridden.data());
    apply_gain(constant.data(), 0.7, n, GetParam());
    apply_gain(ridden.data(), curve.data(), n, GetParam());
    for (std::size_t i = 0; i < count; ++i) {
      const double v = static_cast<double>(x[i]);
      ASSERT_EQ(scaled.data()[i], std::fma(0.7, v, start[i])) << i << " of " << n;
      ASSERT_EQ(from_double.data()[i], std::fma(0.7, wide[i], start[i])) << i << " of " << n;
      ASSERT_EQ(curved.data()[i], std::fma(0.7 * curve[i], v, start[i])) << i << " of " << n;
      ASSERT_EQ(product.data()[i], start[i] * curve[i]) << i << " of " << n;
      ASSERT_EQ(stored.data()[i], static_cast<float>(start[i])) << i << " of " << n;
      ASSERT_EQ(constant.data()[i], static_cast<float>(v * 0.7)) << i << " of " << n;
      ASSERT_EQ(ridden.data()[i], static_cast<float>(v * curve[i])) << i << " of " << n;
    }
    EXPECT_TRUE(scaled.guards_intact() && from_double.guards_intact() && curved.guards_intact() && product.guards_intact());
    EXPECT_TRUE(stored.guards_intact() && constant.guards_intact() && ridden.guards_intact());
  }
  testing::ran("mix scale, store", isa_name());
}

}  // namespace
}  // namespace dubfarm::kernels
