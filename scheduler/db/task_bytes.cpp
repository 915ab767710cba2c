#include "scheduler/db/task_bytes.hpp"

#include <bit>
#include <cstdint>

namespace dubfarm::db {
namespace {

void put(std::string& bytes, std::uint64_t value) {  // 7 bits a byte, the least first, the top bit set on all but the last
  while (value >= 128) {
    bytes.push_back(static_cast<char>(value | 128));
    value >>= 7;
  }
  bytes.push_back(static_cast<char>(value));
}

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool is_at_end() const { return at_ == bytes_.size(); }
  [[nodiscard]] bool is_good() const { return is_good_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  std::uint32_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      if (is_at_end()) break;
      const auto byte = static_cast<std::uint64_t>(bytes_[at_++]);
      value |= (byte & 127) << shift;
      if (byte < 128) {
        if (value <= 0xFFFF'FFFFu) return static_cast<std::uint32_t>(value);
        break;
      }
    }
    is_good_ = false;
    return 0;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool is_good_ = true;
};

Error damaged() { return fail(Errc::corrupt, "the tasks of a job are damaged"); }

}  // namespace

std::string encode_tasks(const farm::TaskList& tasks, std::size_t first, std::size_t count) {
  std::string bytes;
  for (std::size_t i = first; i < first + count; ++i) {
    const auto task = static_cast<farm::TaskIndex>(i);
    const auto needs = tasks.needs_of(task);
    put(bytes, static_cast<std::uint64_t>(tasks.kind[i]));
    put(bytes, tasks.subject[i]);
    put(bytes, std::bit_cast<std::uint32_t>(tasks.cost[i]));
    put(bytes, needs.size());
    // Runs of consecutive tasks, as distance from the end of the last run (modulo 2^32) and length.
    std::uint32_t end = 0;
    for (std::size_t at = 0; at < needs.size();) {
      std::size_t length = 1;
      while (at + length < needs.size() && needs[at + length] == needs[at] + length) ++length;
      put(bytes, needs[at] - end);
      put(bytes, length);
      end = needs[at] + static_cast<std::uint32_t>(length);
      at += length;
    }
  }
  return bytes;
}

Result<void> decode_tasks(std::span<const std::byte> bytes, farm::TaskList& tasks) {
  Reader reader(bytes);
  std::vector<farm::TaskIndex> needs;
  while (!reader.is_at_end()) {
    const std::uint32_t kind = reader.number(), subject = reader.number(), cost = reader.number(), count = reader.number();
    // A task needs no more than there are before it, so that a few bytes cannot ask for much memory.
    if (!reader.is_good() || kind >= farm::kTaskKinds || count > tasks.size()) return damaged();
    needs.clear();
    std::uint32_t end = 0;
    while (needs.size() < count) {
      const std::uint32_t first = end + reader.number(), length = reader.number();
      if (!reader.is_good() || length == 0 || length > count - needs.size() || first >= tasks.size() || length > tasks.size() - first) return damaged();
      for (std::uint32_t i = 0; i < length; ++i) needs.push_back(first + i);
      end = first + length;
    }
    tasks.add(static_cast<farm::TaskKind>(kind), subject, std::bit_cast<float>(cost), needs);
  }
  return {};
}

std::string encode_indices(std::span<const farm::TaskIndex> indices) {
  std::string bytes;
  farm::TaskIndex last = 0;
  for (const farm::TaskIndex index : indices) {
    put(bytes, index - last);
    last = index;
  }
  return bytes;
}

Result<std::vector<farm::TaskIndex>> decode_indices(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  std::vector<farm::TaskIndex> indices;
  std::uint64_t last = 0;
  while (!reader.is_at_end()) {
    last += reader.number();
    if (!reader.is_good() || last > 0xFFFF'FFFFu) return damaged();
    indices.push_back(static_cast<farm::TaskIndex>(last));
  }
  return indices;
}

}  // namespace dubfarm::db
