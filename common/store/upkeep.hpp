// Looking after a blob store: what is in it, whether it is sound, and how it is kept below a limit.
//
// Eviction goes in two phases. What was used longest ago moves to the trash, where a reader still finds it; what has lain there for the grace
// time is deleted. What a running job has pinned (Store::pin) is neither moved nor deleted. So no job loses what it counts on: one that
// starts pins its keys before it looks for them, and finds in the trash what went there a moment before.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/lease.hpp"
#include "common/store/store.hpp"

namespace dubfarm {

struct StoreStatus {
  std::uint64_t blobs = 0, blob_bytes = 0;
  std::uint64_t trash_blobs = 0, trash_bytes = 0;
  std::uint64_t unfinished_files = 0, unfinished_bytes = 0;  // in tmp/: being written, or left over
  std::optional<std::uint64_t> limit_bytes;
  double oldest_use_seconds = 0;  // since the blob that was used longest ago was last used
  std::vector<LeaseHolder> jobs;  // at work now
};
[[nodiscard]] Result<StoreStatus> store_status(const Store& store);

/// The size that the store is kept below, as set by set_store_limit(); nothing: no limit.
[[nodiscard]] std::optional<std::uint64_t> store_limit(const Store& store);
Result<void> set_store_limit(const Store& store, std::optional<std::uint64_t> bytes);
/// "200G", "1.5T", "700M" or a plain number of bytes; K, M, G and T are powers of 1024. Errors: Errc::invalid_input.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

inline constexpr int kEvictionGraceSeconds = 600;

struct Collected {
  std::uint64_t moved_blobs = 0, moved_bytes = 0;      // to the trash
  std::uint64_t deleted_files = 0, deleted_bytes = 0;  // from the trash, and what crashed processes left
  std::uint64_t pinned_bytes = 0;                      // that running jobs need
  std::uint64_t blob_bytes = 0;                        // that are left, the trash apart
};
/// Deletes what has been in the trash for `grace_seconds`, and what crashed processes left behind; then, where blobs take more than the limit,
/// moves those used longest ago to the trash until they take nine tenths of it.
Result<Collected> collect(const Store& store, std::optional<std::uint64_t> limit_bytes, int grace_seconds = kEvictionGraceSeconds);

/// Moves to the trash every record of a print (docs/formats/store.md) that `is_stale`, told its text and how long nobody used it, gives up. There a
/// render still finds it; collect() deletes it after the grace time. @return how many.
Result<std::uint64_t> collect_print_records(const Store& store, const std::function<bool(std::string_view text, double idle_seconds)>& is_stale);
/// The text of a print's record, taken back from the trash if it went there; nothing where there is none. Dates its use, to an hour.
[[nodiscard]] std::optional<std::string> read_print_record(const Store& store, const std::string& name);

struct Verified {
  std::uint64_t blobs = 0, bytes = 0;
  std::vector<std::string> damaged;  // messages; these blobs are gone from the store now
};
/// Reads every blob. One that does not match its checksums is deleted.
Result<Verified> verify_store(const Store& store);

/// Deletes `percent` of the blobs, chosen by `seed`: for tests of what a render does then. @return how many.
Result<std::uint64_t> lose_blobs(const Store& store, double percent, std::uint64_t seed);

}  // namespace dubfarm
