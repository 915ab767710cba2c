// What the store remembers of a finished print: its files, and all that a report says of it that was measured. docs/formats/store.md.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/program/program.hpp"
#include "scheduler/delivery/check.hpp"
#include "scheduler/delivery/loudness.hpp"
#include "scheduler/delivery/normalise.hpp"
#include "scheduler/delivery/series.hpp"

namespace dubfarm::scheduler {

/// Where a delivered file was seen, and what the file system said of it then. A file of which all four are as they were is taken to be unaltered.
struct DeliveredPlace {
  std::string path;  // absolute, as the machine that wrote it knows it
  std::uint64_t inode = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;  // since 1970-01-01 UTC
};
struct RecordedFile {
  std::string sha256;  // 64 lower-case hex digits
  std::uint64_t bytes = 0;
  std::vector<DeliveredPlace> places;  // the latest first
};
inline constexpr std::size_t kRecordedPlaces = 4;  // of each file

struct PrintRecord {
  std::vector<RecordedFile> files;  // in the print's order
  LoudnessReading loudness;
  Series series;
  std::vector<PeakMark> peaks;
  std::vector<Check> qc;
  std::int64_t clipped_samples = 0;
  double limiter_reduction_db = 0;  // the most that its limiter took off
  struct Gain {
    program::Key key;  // of the sum that was measured, and of what it was to reach
    GainAnswer answer;
  };
  std::optional<Gain> gain;  // of its master, where that was measured
};

/// Compact JSON; every number comes back with the same bits.
[[nodiscard]] std::string print_record_json(const PrintRecord& record);
/// Nothing where the text is no print record, or not a whole one.
[[nodiscard]] std::optional<PrintRecord> parse_print_record(std::string_view text);

}  // namespace dubfarm::scheduler
