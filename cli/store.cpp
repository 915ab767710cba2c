#include "cli/store.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/delivered.hpp"
#include "cli/exit_code.hpp"
#include "cli/render.hpp"
#include "common/store/upkeep.hpp"

namespace dubfarm::cli {
namespace {

int report(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  return exit_code(error.code);
}

std::string size_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= std::uint64_t{1} << 30) return fmt::format("{:.1f} GiB", value / (1 << 30));
  if (bytes >= 1 << 20) return fmt::format("{:.1f} MiB", value / (1 << 20));
  return fmt::format("{} bytes", bytes);
}

std::string age_text(double seconds) {
  if (seconds >= 2 * 86400) return fmt::format("{:.0f} days", seconds / 86400);
  if (seconds >= 7200) return fmt::format("{:.0f} hours", seconds / 3600);
  return fmt::format("{:.0f} minutes", seconds / 60);
}

Result<Store> opened(const StoreOptions& options, Store::Access access) {
  const std::string folder = options.store.empty() ? default_store_folder() : options.store;
  TRY(Store::open(folder, Store::Access::read_only));  // a store that is not there is not made either
  return Store::open(folder, access);
}

}  // namespace

int run_store_status(const StoreOptions& options) {
  const Result<Store> store = opened(options, Store::Access::read_only);
  if (!store.ok()) return report(store.error());
  const Result<StoreStatus> status = store_status(*store);
  if (!status.ok()) return report(status.error());
  if (options.json) {
    nlohmann::ordered_json jobs = nlohmann::ordered_json::array();
    for (const LeaseHolder& job : status->jobs) jobs.push_back({{"host", job.host}, {"pid", job.pid}, {"silent_seconds", job.silent_seconds}});
    const nlohmann::ordered_json result = {
        {"store", store->folder()},
        {"blobs", {{"count", status->blobs}, {"bytes", status->blob_bytes}}},
        {"trash", {{"count", status->trash_blobs}, {"bytes", status->trash_bytes}}},
        {"unfinished", {{"count", status->unfinished_files}, {"bytes", status->unfinished_bytes}}},
        {"limit_bytes", status->limit_bytes ? nlohmann::ordered_json(*status->limit_bytes) : nlohmann::ordered_json(nullptr)},
        {"oldest_use_seconds", status->oldest_use_seconds},
        {"jobs", jobs}};
    fmt::print("{}\n", result.dump(2));
    return kDone;
  }
  fmt::print("store      {}\n", store->folder());
  fmt::print("blobs      {} ({})", status->blobs, size_text(status->blob_bytes));
  if (status->blobs > 0) fmt::print(", the one used longest ago {} ago", age_text(status->oldest_use_seconds));
  fmt::print("\nlimit      {}\n", status->limit_bytes ? size_text(*status->limit_bytes) : "none");
  if (status->trash_blobs > 0) fmt::print("trash      {} ({}), deleted soon\n", status->trash_blobs, size_text(status->trash_bytes));
  if (status->unfinished_files > 0) fmt::print("unfinished {} ({}), being written or left by a crash\n", status->unfinished_files, size_text(status->unfinished_bytes));
  for (const LeaseHolder& job : status->jobs) fmt::print("in use     by process {} on {}\n", job.pid, job.host);
  return kDone;
}

int run_store_verify(const StoreOptions& options) {
  const Result<Store> store = opened(options, Store::Access::read_write);
  if (!store.ok()) return report(store.error());
  const Result<Verified> verified = verify_store(*store);
  if (!verified.ok()) return report(verified.error());
  if (options.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"blobs", verified->blobs}, {"bytes", verified->bytes}, {"damaged", verified->damaged}}.dump(2));
  } else {
    for (const std::string& message : verified->damaged) fmt::print("{}\n", message);
    fmt::print("{} blobs ({}) read: {}\n", verified->blobs, size_text(verified->bytes),
               verified->damaged.empty() ? "all sound" : fmt::format("{} damaged and removed; the next render makes them again", verified->damaged.size()));
  }
  return verified->damaged.empty() ? kDone : kCheckFailed;
}

int run_store_gc(const StoreOptions& options) {
  const Result<Store> store = opened(options, Store::Access::read_write);
  if (!store.ok()) return report(store.error());
  if (!options.limit.empty()) {
    std::optional<std::uint64_t> limit;
    if (options.limit != "none") {
      const Result<std::uint64_t> size = parse_size(options.limit);
      if (!size.ok()) return report(fail(Errc::invalid_input, "--limit: {}", size.error().message));
      limit = *size;
    }
    if (const Result<void> set = set_store_limit(*store, limit); !set.ok()) return report(set.error());
  }
  const std::optional<std::uint64_t> limit = store_limit(*store);
  const Result<Collected> done = collect(*store, limit);
  if (!done.ok()) return report(done.error());
  const Result<std::uint64_t> records = collect_print_records(*store, is_stale_print_record);
  if (!records.ok()) return report(records.error());
  if (options.json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"moved_to_trash", {{"count", done->moved_blobs}, {"bytes", done->moved_bytes}}},
                                              {"deleted", {{"count", done->deleted_files}, {"bytes", done->deleted_bytes}}},
                                              {"print_records_moved_to_trash", *records},
                                              {"pinned_bytes", done->pinned_bytes},
                                              {"blob_bytes", done->blob_bytes}}.dump(2));
    return kDone;
  }
  fmt::print("{} blobs ({}) moved to the trash, {} files ({}) deleted; {} left\n", done->moved_blobs, size_text(done->moved_bytes), done->deleted_files,
             size_text(done->deleted_bytes), size_text(done->blob_bytes));
  if (*records > 0) fmt::print("{} records of prints moved to the trash: their files are gone, or nobody asked for them\n", *records);
  if (!limit) fmt::print("the store has no limit; --limit 200G sets one\n");
  else if (done->blob_bytes > *limit) fmt::print("that is above the limit of {}: running jobs need {}\n", size_text(*limit), size_text(done->pinned_bytes));
  return kDone;
}

int run_store_lose(const StoreOptions& options) {
  const Result<Store> store = opened(options, Store::Access::read_write);
  if (!store.ok()) return report(store.error());
  const Result<std::uint64_t> lost = lose_blobs(*store, options.percent, options.seed);
  if (!lost.ok()) return report(lost.error());
  fmt::print("{} blobs deleted\n", *lost);
  return kDone;
}

}  // namespace dubfarm::cli
