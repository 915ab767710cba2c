// A set of numbers below a fixed one, a bit each, with a summary of 64 to 1 over it, and one over that: inserting, erasing and finding the next
// member take a few steps however large it is.
#pragma once
#include <bit>
#include <cassert>
#include <cstdint>
#include <optional>
#include <vector>

namespace dubfarm::farm {

class IndexSet {
 public:
  IndexSet() : IndexSet(0) {}
  explicit IndexSet(std::uint32_t limit) {
    std::size_t words = limit;
    do {
      words = (words + 63) / 64;
      levels_.emplace_back(words, 0);
    } while (words > 1);
  }

  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] bool contains(std::uint32_t i) const { return (levels_[0][i / 64] >> (i % 64)) & 1; }

  void insert(std::uint32_t i) {
    assert(!contains(i));
    ++size_;
    for (auto& level : levels_) {
      std::uint64_t& word = level[i / 64];
      const bool was_empty = word == 0;
      word |= std::uint64_t{1} << (i % 64);
      if (!was_empty) return;
      i /= 64;
    }
  }

  void erase(std::uint32_t i) {
    assert(contains(i));
    --size_;
    for (auto& level : levels_) {
      std::uint64_t& word = level[i / 64];
      word &= ~(std::uint64_t{1} << (i % 64));
      if (word != 0) return;
      i /= 64;
    }
  }

  /// The least member that is not below `from`.
  [[nodiscard]] std::optional<std::uint32_t> next(std::uint32_t from = 0) const {
    std::size_t level = 0;
    std::uint64_t i = from;
    for (;;) {  // up, until a word has something at or after i
      if (level == levels_.size() || i / 64 >= levels_[level].size()) return std::nullopt;
      const std::uint64_t rest = levels_[level][i / 64] >> (i % 64);
      if (rest != 0) {
        i += static_cast<std::uint64_t>(std::countr_zero(rest));
        break;
      }
      i = i / 64 + 1;
      ++level;
    }
    while (level-- > 0) i = i * 64 + static_cast<std::uint64_t>(std::countr_zero(levels_[level][i]));
    return static_cast<std::uint32_t>(i);
  }

 private:
  std::vector<std::vector<std::uint64_t>> levels_;
  std::uint32_t size_ = 0;
};

}  // namespace dubfarm::farm
