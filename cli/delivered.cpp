#include "cli/delivered.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "common/io.hpp"
#include "common/media/output_copy.hpp"
#include "common/sha256.hpp"
#include "common/store/upkeep.hpp"

namespace dubfarm::cli {
namespace {

using scheduler::DeliveredPlace;
using scheduler::PrintRecord;
using scheduler::RecordedFile;

struct Seen {
  DeliveredPlace place;
  std::uint64_t bytes = 0;
};

/// What the file system says of a regular file; nothing where there is none.
std::optional<Seen> look_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const auto ns = [](const timespec& t) { return t.tv_sec * std::int64_t{1'000'000'000} + t.tv_nsec; };
  std::error_code failed;
  const std::filesystem::path whole = std::filesystem::absolute(path, failed);
  return Seen{{failed ? path : whole.lexically_normal().string(), status.st_ino, ns(status.st_mtim), ns(status.st_ctim)}, static_cast<std::uint64_t>(status.st_size)};
}

bool is_unaltered(const RecordedFile& file, const Seen& seen) {
  return seen.bytes == file.bytes && std::any_of(file.places.begin(), file.places.end(), [&](const DeliveredPlace& place) {
           return place.inode == seen.place.inode && place.mtime_ns == seen.place.mtime_ns && place.ctime_ns == seen.place.ctime_ns;
         });
}

/// Another file with the recorded size in a place where these bytes were.
std::optional<std::string> copy_source(const RecordedFile& file, const std::string& path) {
  for (const DeliveredPlace& place : file.places) {
    const std::optional<Seen> seen = place.path == path ? std::nullopt : look_at(place.path);
    if (seen && seen->bytes == file.bytes) return place.path;
  }
  return std::nullopt;
}

void put_first(RecordedFile& file, DeliveredPlace place) {
  std::erase_if(file.places, [&](const DeliveredPlace& other) { return other.path == place.path; });
  file.places.insert(file.places.begin(), std::move(place));
  if (file.places.size() > scheduler::kRecordedPlaces) file.places.resize(scheduler::kRecordedPlaces);
}

std::string record_path(const Store& store, const program::Key& key) { return store.folder() + "/prints/" + key.hex(); }

std::optional<std::string> read_record(const Store& store, const program::Key& key) {
  return read_print_record(store, key.hex());
}

Result<void> write_record(const Store& store, const program::Key& key, std::string_view text) {
  TRY(make_folders(store.folder() + "/prints"));
  return write_file_atomically(record_path(store, key), text);
}

std::optional<PrintRecord> recall(const Store& store, const program::Key& key, std::size_t files) {
  const std::optional<std::string> text = read_record(store, key);
  std::optional<PrintRecord> record = text ? scheduler::parse_print_record(*text) : std::nullopt;
  if (record && record->files.size() != files) record.reset();
  return record;
}

/// What is to be done for one file of a print to be used again.
struct Step {
  enum class Kind { none, hash, copy } kind = Kind::none;
  std::string from;
};
std::optional<Step> step_for(const RecordedFile& file, const std::string& path, ReuseOutputs reuse) {
  const std::optional<Seen> seen = look_at(path);
  if (seen && is_unaltered(file, *seen)) return Step{reuse == ReuseOutputs::by_hash ? Step::Kind::hash : Step::Kind::none, ""};
  if (seen && seen->bytes == file.bytes) return Step{Step::Kind::hash, ""};
  if (auto from = copy_source(file, seen ? seen->place.path : std::filesystem::absolute(path).lexically_normal().string())) return Step{Step::Kind::copy, std::move(*from)};
  return std::nullopt;
}

}  // namespace

Result<std::optional<PrintRecord>> find_delivered(const Store& store, const program::Key& key, const std::vector<std::string>& paths, ReuseOutputs reuse,
                                                  const std::atomic<bool>& stop) {
  if (reuse == ReuseOutputs::never) return std::optional<PrintRecord>();
  std::optional<PrintRecord> record = recall(store, key, paths.size());
  if (!record) return std::optional<PrintRecord>();
  std::vector<Step> steps;
  for (std::size_t f = 0; f < paths.size(); ++f) {
    std::optional<Step> step = step_for(record->files[f], paths[f], reuse);
    if (!step) return std::optional<PrintRecord>();
    steps.push_back(std::move(*step));
  }
  bool is_changed = false;
  for (std::size_t f = 0; f < paths.size(); ++f) {
    RecordedFile& file = record->files[f];
    if (stop.load()) return fail(Errc::cancelled, "{}: stopped while outputs were looked at", paths[f]);
    const std::optional<Seen> before = look_at(paths[f]);
    if (steps[f].kind == Step::Kind::hash) {
      const Result<Descriptor> open = open_for_reading(paths[f]);
      const Result<FileHash> hash = open.ok() ? sha256_of(*open, paths[f]) : Result<FileHash>(open.error());
      if (!hash.ok() || hash->sha256 != file.sha256) steps[f].kind = Step::Kind::copy, steps[f].from = copy_source(file, paths[f]).value_or("");
    }
    if (steps[f].kind == Step::Kind::copy) {
      if (steps[f].from.empty()) return std::optional<PrintRecord>();
      TRY_ASSIGN(const std::optional<std::uint64_t> copied, media::copy_output(steps[f].from, paths[f], file.sha256));
      if (!copied) return std::optional<PrintRecord>();
    }
    const std::optional<Seen> seen = look_at(paths[f]);
    if (!seen || (before && steps[f].kind != Step::Kind::copy && (before->place.ctime_ns != seen->place.ctime_ns || before->place.inode != seen->place.inode)))
      return std::optional<PrintRecord>();  // somebody writes to it
    if (steps[f].kind != Step::Kind::none && !is_unaltered(file, *seen)) {
      put_first(file, seen->place);
      is_changed = true;
    }
  }
  if (is_changed) (void)write_record(store, key, scheduler::print_record_json(*record));  // else they are hashed again next time
  return record;
}

std::optional<PrintRecord> expect_delivered(const Store& store, const program::Key& key, const std::vector<std::string>& paths, ReuseOutputs reuse) {
  std::optional<PrintRecord> record = reuse == ReuseOutputs::never ? std::nullopt : recall(store, key, paths.size());
  for (std::size_t f = 0; record && f < paths.size(); ++f)
    if (!step_for(record->files[f], paths[f], reuse)) record.reset();
  return record;
}

Result<void> remember_delivered(const Store& store, const program::Key& key, const std::vector<std::string>& paths, PrintRecord record) {
  const std::optional<PrintRecord> before = recall(store, key, paths.size());
  for (std::size_t f = 0; f < paths.size(); ++f) {
    RecordedFile& file = record.files[f];
    if (before && before->files[f].sha256 == file.sha256) file.places = before->files[f].places;
    if (const std::optional<Seen> seen = look_at(paths[f]); seen && seen->bytes == file.bytes) put_first(file, seen->place);
  }
  return write_record(store, key, scheduler::print_record_json(record));
}

std::optional<double> find_stem_null(const Store& store, const program::Key& key) {
  constexpr std::string_view kBegin = "dubfarm stem null 1\n";
  const std::optional<std::string> text = read_record(store, key);
  if (!text || !text->starts_with(kBegin) || !text->ends_with('\n')) return std::nullopt;
  double value = 0;
  const char* const end = text->data() + text->size() - 1;
  const auto [stop, error] = std::from_chars(text->data() + kBegin.size(), end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

Result<void> remember_stem_null(const Store& store, const program::Key& key, double difference) {
  return write_record(store, key, fmt::format("dubfarm stem null 1\n{}\n", difference));
}

bool is_stale_print_record(std::string_view text, double idle_seconds) {
  constexpr double kDay = 86400;
  if (idle_seconds < kLostRecordDays * kDay) return false;
  if (idle_seconds >= kIdleRecordDays * kDay) return true;
  const std::optional<PrintRecord> record = scheduler::parse_print_record(text);
  if (!record) return true;  // a stem null's too: measuring again what stands costs a read of it
  return std::any_of(record->files.begin(), record->files.end(), [](const RecordedFile& file) {
    return std::none_of(file.places.begin(), file.places.end(), [&](const DeliveredPlace& place) {
      const std::optional<Seen> seen = look_at(place.path);
      return seen && seen->bytes == file.bytes;
    });
  });
}

}  // namespace dubfarm::cli
