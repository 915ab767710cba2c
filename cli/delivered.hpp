// Outputs that are there already: what the store remembers of finished prints, held against the files.
#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/program/program.hpp"
#include "common/result.hpp"
#include "common/store/store.hpp"
#include "scheduler/delivery/print_record.hpp"

namespace dubfarm::cli {

/// How a print that was made before is used again.
enum class ReuseOutputs {
  by_stamp,  // a file that the file system says is unaltered is taken to be; another of its size is hashed
  by_hash,   // every file is hashed
  never,     // everything is printed
};

/// The record of the print `key`, where its files stand at `paths`, or could be copied there from where they were delivered before; nothing where they
/// must be printed. Files are copied by way of a partial name, and hashed. A file that is there and altered, or deleted, is no copy's source.
/// Errors: no_space and io_error of the output folder; cancelled.
[[nodiscard]] Result<std::optional<scheduler::PrintRecord>> find_delivered(const Store& store, const program::Key& key, const std::vector<std::string>& paths,
                                                                           ReuseOutputs reuse, const std::atomic<bool>& stop);

/// The same for a dry run, by what the file system says of the files: none is read or written.
[[nodiscard]] std::optional<scheduler::PrintRecord> expect_delivered(const Store& store, const program::Key& key, const std::vector<std::string>& paths,
                                                                     ReuseOutputs reuse);

/// Remembers a finished print whose files stand at `paths`; fills in where they are. Errors: no_space, io_error.
Result<void> remember_delivered(const Store& store, const program::Key& key, const std::vector<std::string>& paths, scheduler::PrintRecord record);

/// The largest difference of stems from their printmaster, by stem_null_key(): measured before, or nothing.
[[nodiscard]] std::optional<double> find_stem_null(const Store& store, const program::Key& key);
Result<void> remember_stem_null(const Store& store, const program::Key& key, double difference);

/// Whether a record in prints/ has had its time (for collect_print_records): unused for a week, and a file of it stands in none of its places any more, or
/// it holds no files; or unused for a year. A week, because a disk that is not mounted today may be tomorrow.
[[nodiscard]] bool is_stale_print_record(std::string_view text, double idle_seconds);
inline constexpr int kLostRecordDays = 7, kIdleRecordDays = 365;

}  // namespace dubfarm::cli
