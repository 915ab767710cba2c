#include "common/store/upkeep.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <tuple>
#include <unordered_set>

#include "common/io.hpp"

namespace dubfarm {
namespace {

namespace fs = std::filesystem;

struct File {
  std::string path, name;
  std::uint64_t bytes = 0;
  std::int64_t used_ns = 0, changed_ns = 0;  // modification time (of blobs: the last use); change of the inode (of trash: the move)
};

std::int64_t nanoseconds(const timespec& t) { return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec; }

/// The regular files of one folder; one that goes away meanwhile is not there.
std::vector<File> files_in(const std::string& folder) {
  std::vector<File> files;
  DIR* const dir = ::opendir(folder.c_str());
  if (dir == nullptr) return files;
  while (const dirent* entry = ::readdir(dir)) {
    struct stat info {};
    if (::fstatat(::dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode)) continue;
    files.push_back({folder + "/" + entry->d_name, entry->d_name, static_cast<std::uint64_t>(info.st_size), nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)});
  }
  ::closedir(dir);
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.name < b.name; });
  return files;
}

std::vector<File> blob_files(const Store& store) {
  std::vector<File> files;
  for (int shard = 0; shard < 256; ++shard)
    for (File& file : files_in(fmt::format("{}/blobs/{:02x}", store.folder(), shard)))
      if (file.name.size() == 64) files.push_back(std::move(file));
  return files;
}

/// The file server's clock: what a file made now is dated.
Result<std::int64_t> server_now_ns(const Store& store) {
  const std::string path = store.folder() + "/tmp/" + unique_name();
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  struct stat info {};
  if (!file.is_open() || ::fstat(file.get(), &info) != 0) return system_error(errno, path, "write to this store");
  ::unlink(path.c_str());
  return nanoseconds(info.st_mtim);
}

/// The keys that running jobs need; the leases of those that are gone are removed.
std::unordered_set<std::string> pinned_names(const Store& store, std::uint64_t* removed) {
  std::unordered_set<std::string> names;
  for (const File& file : files_in(store.folder() + "/jobs")) {
    std::string body;
    if (!lease_holder(file.path, &body)) {
      if (removed != nullptr && ::unlink(file.path.c_str()) == 0) ++*removed;
      continue;
    }
    for (std::size_t at = 0; at + 64 <= body.size(); at += 65) names.insert(body.substr(at, 64));
  }
  return names;
}

constexpr std::string_view kRecordSuffix = ".print";  // of a print's record in the trash

std::string print_record_path(const Store& store, const std::string& name) { return store.folder() + "/prints/" + name; }

std::optional<std::string> text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

bool remove_file(const File& file, Collected& done) {
  if (::unlink(file.path.c_str()) != 0) return false;
  ++done.deleted_files;
  done.deleted_bytes += file.bytes;
  return true;
}

}  // namespace

Result<StoreStatus> store_status(const Store& store) {
  StoreStatus status;
  std::int64_t oldest = INT64_MAX;
  for (const File& file : blob_files(store)) {
    ++status.blobs;
    status.blob_bytes += file.bytes;
    oldest = std::min(oldest, file.used_ns);
  }
  if (status.blobs > 0) status.oldest_use_seconds = std::max(0.0, static_cast<double>(::time(nullptr)) - 1e-9 * static_cast<double>(oldest));
  for (const File& file : files_in(store.folder() + "/trash")) {
    if (file.name.ends_with(kRecordSuffix)) continue;
    ++status.trash_blobs;
    status.trash_bytes += file.bytes;
  }
  for (const File& file : files_in(store.folder() + "/tmp")) {
    ++status.unfinished_files;
    status.unfinished_bytes += file.bytes;
  }
  for (const File& file : files_in(store.folder() + "/jobs"))
    if (std::optional<LeaseHolder> holder = lease_holder(file.path)) status.jobs.push_back(std::move(*holder));
  status.limit_bytes = store_limit(store);
  return status;
}

std::optional<std::uint64_t> store_limit(const Store& store) {
  std::ifstream in(store.folder() + "/limit");
  std::uint64_t bytes = 0;
  if (in >> bytes) return bytes;
  return std::nullopt;
}

Result<void> set_store_limit(const Store& store, std::optional<std::uint64_t> bytes) {
  const std::string path = store.folder() + "/limit";
  if (bytes) return write_file_atomically(path, fmt::format("{}\n", *bytes));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error(errno, path, "remove this file");
  return {};
}

Result<std::uint64_t> parse_size(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::string_view kUnits = "KMGT";
  const std::size_t power = unit.empty() ? 0 : unit.size() == 1 ? kUnits.find(unit[0]) + 1 : 0;
  const double bytes = number * std::pow(1024.0, static_cast<double>(power));
  if (error != std::errc() || (power == 0 && !unit.empty()) || !(bytes >= 1) || bytes > 1e18)
    return fail(Errc::invalid_input, "\"{}\" is no size; write 200G, 1.5T, 700M or a number of bytes", text);
  return static_cast<std::uint64_t>(bytes);
}

Result<Collected> collect(const Store& store, std::optional<std::uint64_t> limit_bytes, int grace_seconds) {
  Collected done;
  TRY_ASSIGN(const std::int64_t now, server_now_ns(store));
  const auto older_than = [&](std::int64_t then, std::int64_t seconds) { return now - then >= seconds * 1'000'000'000; };
  const std::unordered_set<std::string> pinned = pinned_names(store, &done.deleted_files);
  for (const File& file : files_in(store.folder() + "/trash"))
    if (older_than(file.changed_ns, grace_seconds) && !pinned.contains(file.name)) remove_file(file, done);
  for (const File& file : files_in(store.folder() + "/tmp"))
    if (older_than(file.used_ns, 24 * 3600)) remove_file(file, done);  // no blob takes a day to write

  std::vector<File> blobs = blob_files(store);
  for (const File& file : blobs) {
    done.blob_bytes += file.bytes;
    if (pinned.contains(file.name)) done.pinned_bytes += file.bytes;
  }
  if (!limit_bytes || done.blob_bytes <= *limit_bytes) return done;
  std::sort(blobs.begin(), blobs.end(), [](const File& a, const File& b) { return std::tie(a.used_ns, a.name) < std::tie(b.used_ns, b.name); });
  TRY(make_folders(store.folder() + "/trash"));
  for (const File& file : blobs) {
    if (done.blob_bytes <= *limit_bytes - *limit_bytes / 10) break;
    if (pinned.contains(file.name)) continue;
    if (::rename(file.path.c_str(), (store.folder() + "/trash/" + file.name).c_str()) != 0) continue;  // another process was faster
    ++done.moved_blobs;
    done.moved_bytes += file.bytes;
    done.blob_bytes -= file.bytes;
  }
  return done;
}

Result<std::uint64_t> collect_print_records(const Store& store, const std::function<bool(std::string_view, double)>& is_stale) {
  std::uint64_t moved = 0;
  TRY_ASSIGN(const std::int64_t now, server_now_ns(store));
  for (const File& file : files_in(store.folder() + "/prints")) {
    if (file.name.size() != 64) continue;
    const std::optional<std::string> text = text_of(file.path);
    if (!text || !is_stale(*text, 1e-9 * static_cast<double>(now - file.used_ns))) continue;
    if (moved == 0) TRY(make_folders(store.folder() + "/trash"));
    moved += ::rename(file.path.c_str(), fmt::format("{}/trash/{}{}", store.folder(), file.name, kRecordSuffix).c_str()) == 0 ? 1 : 0;
  }
  return moved;
}

std::optional<std::string> read_print_record(const Store& store, const std::string& name) {
  constexpr std::time_t kTouchSeconds = 3600;
  const std::string path = print_record_path(store, name);
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (::rename(fmt::format("{}/trash/{}{}", store.folder(), name, kRecordSuffix).c_str(), path.c_str()) != 0) return std::nullopt;
    ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  } else if (::time(nullptr) - info.st_mtim.tv_sec > kTouchSeconds) {
    ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  }
  return text_of(path);
}

Result<Verified> verify_store(const Store& store) {
  Verified verified;
  std::vector<float> samples;
  for (const File& file : blob_files(store)) {
    const Result<void> sound = [&]() -> Result<void> {
      TRY_ASSIGN(BlobReader blob, Store::open_file(file.path));
      constexpr Frames kBlock = 1 << 16;
      samples.resize(kBlock);
      for (int c = 0; c < blob.channels(); ++c)
        for (Frames first = 0; first < blob.frames(); first += kBlock) TRY(blob.read(c, first, std::min(kBlock, blob.frames() - first), samples.data()));
      return {};
    }();
    if (!sound.ok() && sound.error().code == Errc::not_found) continue;
    ++verified.blobs;
    verified.bytes += file.bytes;
    if (sound.ok()) continue;
    if (sound.error().code != Errc::corrupt) return sound.error();
    verified.damaged.push_back(sound.error().message);
    ::unlink(file.path.c_str());
  }
  return verified;
}

Result<std::uint64_t> lose_blobs(const Store& store, double percent, std::uint64_t seed) {
  std::vector<File> blobs = blob_files(store);
  std::mt19937_64 random(seed);
  for (std::size_t i = blobs.size(); i > 1; --i) std::swap(blobs[i - 1], blobs[random() % i]);
  const auto count = static_cast<std::size_t>(std::ceil(static_cast<double>(blobs.size()) * percent / 100));
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < count; ++i) lost += ::unlink(blobs[i].path.c_str()) == 0 ? 1 : 0;
  return lost;
}

}  // namespace dubfarm
