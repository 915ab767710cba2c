#include "tests/support/contract.hpp"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

namespace dubfarm::testing {
namespace {

std::map<std::string, std::set<std::string>>& table() {
  static std::map<std::string, std::set<std::string>> runs;
  return runs;
}

class TablePrinter : public ::testing::Environment {
 public:
  void TearDown() override {
    if (table().empty()) return;  // a program without kernel tests
    const char* backends[] = {"generic", "avx2", "avx512", "cuda-emulated", "cuda"};
    std::printf("\n%-28s", "operation x backend");
    for (const char* b : backends) std::printf(" %-14s", b);
    std::printf("\n");
    for (const auto& [operation, ran_on] : table()) {
      std::printf("%-28s", operation.c_str());
      for (const char* b : backends) std::printf(" %-14s", ran_on.contains(b) ? "ran" : "NOT RUN");
      std::printf("\n");
      // Of a whole run; one of chosen tests may leave rows open.
      if (::testing::GTEST_FLAG(filter) == "*" && !ran_on.contains("cuda-emulated")) ADD_FAILURE() << operation << " did not run on cuda-emulated";
    }
  }
};
const auto* const kPrinter = ::testing::AddGlobalTestEnvironment(new TablePrinter);

template <class Want>
double worst_db(std::span<const float> got, std::span<const Want> want) {
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
    if (!(error <= worst)) worst = error;
    if (std::isnan(worst)) return std::numeric_limits<double>::infinity();
  }
  return worst == 0 ? -std::numeric_limits<double>::infinity() : 20 * std::log10(worst);
}

}  // namespace

std::uint64_t test_seed() {
  static const std::uint64_t seed = [] {
    const char* text = std::getenv("DUBFARM_TEST_SEED");
    return text ? std::strtoull(text, nullptr, 10) : 20261121ULL;
  }();
  return seed;
}

void ran(const std::string& operation, const std::string& backend) { table()[operation].insert(backend); }

std::vector<float> noise(std::size_t count, std::uint64_t salt, float peak) {
  std::mt19937_64 random(test_seed() * 0x9E3779B97F4A7C15ULL + salt);
  std::uniform_real_distribution<float> uniform(-peak, peak);
  std::vector<float> out(count);
  for (float& v : out) v = uniform(random);
  return out;
}

double error_db(std::span<const float> got, std::span<const double> want) { return got.size() == want.size() ? worst_db(got, want) : 1e9; }
double error_db(std::span<const float> got, std::span<const float> want) { return got.size() == want.size() ? worst_db(got, want) : 1e9; }

}  // namespace dubfarm::testing
