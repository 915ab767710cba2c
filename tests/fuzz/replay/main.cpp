// The fuzz targets without a fuzzer: every seed of the corpus as it is and after changes that are always the same, so that each build and each
// sanitizer runs them. Searching on is `./dev fuzz`.
//   tests_fuzz CORPUS [TARGET [SEED]]   CORPUS: tests/fuzz/corpus. With a seed, each change is named before it is tried: the last one named is what a crash came from
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;

// Each target's LLVMFuzzerTestOneInput, under a name of its own.
#define DUBFARM_FUZZ_TARGET(name) extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
#include "fuzz_targets.inc"
#undef DUBFARM_FUZZ_TARGET

namespace {

constexpr int kChanges = 1000;  // of each seed

struct Target {
  const char* name;
  int (*run)(const std::uint8_t*, std::size_t);
};
constexpr Target kTargets[] = {
#define DUBFARM_FUZZ_TARGET(name) {#name, fuzz_##name},
#include "fuzz_targets.inc"
#undef DUBFARM_FUZZ_TARGET
};

/// `seed` after one to four small changes, a function of `number` alone.
std::string changed(std::string seed, int number) {
  std::mt19937 random(static_cast<std::uint32_t>(number));
  const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
  using namespace std::string_view_literals;
  constexpr std::string_view kWords[] = {"0"sv, "-1"sv, "4294967296"sv, "9223372036854775808"sv, "1e308"sv, "nan"sv, "\xff\xff\xff\xff"sv, "\0\0\0\0"sv, "{"sv, "]"sv, "\""sv, ":"sv, "\n"sv, "\xc3"sv};
  for (std::size_t change = 0, changes = 1 + below(4); change < changes; ++change) {
    const std::size_t at = below(seed.size() + 1), length = 1 + below(1 + seed.size() / 8);
    switch (below(6)) {
      case 0: seed.resize(at); break;
      case 1: if (at < seed.size()) seed[at] = static_cast<char>(seed[at] ^ (1 << below(8))); break;
      case 2: seed.erase(at, length); break;
      case 3: seed.insert(at, seed.substr(below(seed.size() + 1), length)); break;
      case 4: seed.insert(at, kWords[below(std::size(kWords))]); break;
      default: {
        const std::string_view word = kWords[below(std::size(kWords))];
        seed.replace(at, std::min(word.size(), seed.size() - at), word);
      }
    }
  }
  return seed;
}

std::vector<fs::path> seeds_of(const fs::path& folder) {
  std::vector<fs::path> seeds;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder)) seeds.push_back(entry.path());
  std::sort(seeds.begin(), seeds.end());
  return seeds;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    std::fprintf(stderr, "usage: tests_fuzz CORPUS [TARGET [SEED]]\n");
    return 2;
  }
  const std::string_view only_target = count > 2 ? words[2] : "", only_seed = count > 3 ? words[3] : "";
  std::size_t inputs = 0, targets = 0;
  for (const Target& target : kTargets) {
    if (!only_target.empty() && only_target != target.name) continue;
    const fs::path folder = fs::path(words[1]) / target.name;
    const std::vector<fs::path> seeds = seeds_of(folder);
    if (seeds.empty()) {
      std::fprintf(stderr, "error: %s: no seeds for this fuzz target; put one there\n", folder.c_str());
      return 1;
    }
    ++targets;
    for (const fs::path& path : seeds) {
      const std::string name = path.filename().string(), seed = bytes_of(path);
      if (!only_seed.empty() && only_seed != name) continue;
      std::fprintf(stderr, "%s %s\n", target.name, name.c_str());
      for (int change = 0; change <= kChanges; ++change, ++inputs) {
        if (!only_seed.empty()) std::fprintf(stderr, "change %d\n", change);
        const std::string input = change == 0 ? seed : changed(seed, change);
        target.run(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
      }
    }
  }
  if (inputs == 0) {
    std::fprintf(stderr, "error: no target \"%s\" with a seed \"%s\"; tests_fuzz %s names all\n", std::string(only_target).c_str(), std::string(only_seed).c_str(), words[1]);
    return 1;
  }
  std::printf("%zu inputs for %zu fuzz targets\n", inputs, targets);
  return 0;
}
