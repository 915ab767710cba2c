// The contract suite's tools: one seed, guarded outputs, a comparison that NaN fails, and the table of what ran on which backend.
//
//   CONTRACT: every test calls ran("eq static", "avx512") for each backend that it compared with the reference; after the last test the
//   program prints the operation x backend table, so that whatever was not run is seen.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace dubfarm::testing {

/// DUBFARM_TEST_SEED, or a fixed default; printed by every failing comparison.
std::uint64_t test_seed();

/// Notes that `operation` ran on `backend` and was compared with its reference.
void ran(const std::string& operation, const std::string& backend);

/// Signals that find mistakes: white noise at -12 dBFS with a seed of its own.
std::vector<float> noise(std::size_t count, std::uint64_t salt, float peak = 0.25f);

/// `count` values filled with NaN between two guard zones: a value not written and a stray write both show.
template <class T>
class Guarded {
 public:
  explicit Guarded(std::size_t count) : count_(count), values_(count + 2 * kGuard) {
    for (T& v : values_) v = poison();
  }
  [[nodiscard]] T* data() { return values_.data() + kGuard; }
  [[nodiscard]] const T* data() const { return values_.data() + kGuard; }
  [[nodiscard]] std::span<T> span() { return {data(), count_}; }
  [[nodiscard]] std::span<const T> span() const { return {data(), count_}; }
  [[nodiscard]] bool guards_intact() const {
    for (std::size_t i = 0; i < kGuard; ++i)
      if (std::memcmp(&values_[i], &kPoison, sizeof(T)) != 0 || std::memcmp(&values_[kGuard + count_ + i], &kPoison, sizeof(T)) != 0) return false;
    return true;
  }

 private:
  static constexpr std::size_t kGuard = 64;
  static T poison() {
    if constexpr (std::numeric_limits<T>::has_quiet_NaN) return std::numeric_limits<T>::quiet_NaN();
    else return static_cast<T>(0x5A5A5A5A5A5A5A5AULL);
  }
  inline static const T kPoison = poison();
  std::size_t count_;
  std::vector<T> values_;
};

/// Largest |got - want| in dB relative to full scale; +infinity if any value is NaN.
double error_db(std::span<const float> got, std::span<const double> want);
double error_db(std::span<const float> got, std::span<const float> want);

#define EXPECT_WITHIN_DB(got, want, budget_db)                                                        \
  EXPECT_TRUE(::dubfarm::testing::error_db(got, want) <= (budget_db))                                 \
      << "error " << ::dubfarm::testing::error_db(got, want) << " dBFS, budget " << (budget_db)       \
      << " dBFS; seed " << ::dubfarm::testing::test_seed()
#define EXPECT_SAME_BITS(a, b)                                                                        \
  EXPECT_TRUE((a).size() == (b).size() && std::memcmp((a).data(), (b).data(), (a).size_bytes()) == 0) \
      << "bits differ; error " << ::dubfarm::testing::error_db(a, b) << " dBFS; seed " << ::dubfarm::testing::test_seed()

}  // namespace dubfarm::testing
