#include "common/media/digest.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL  // the header, built with our flags
#include <xxhash.h>

#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/hex.hpp"

namespace dubfarm::media {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;  // stays in the L2 cache between pread and the hash
constexpr std::int64_t kRacyNs = 2'000'000'000;
constexpr std::size_t kMaxLines = 500'000;

struct FreeState {
  void operator()(XXH3_state_t* state) const noexcept { XXH3_freeState(state); }
};

FileStamp stamp_of(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino), static_cast<std::int64_t>(status.st_size),
          static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec};
}

Result<FileStamp> regular(const struct stat& status, const std::string& path) {
  if (!S_ISREG(status.st_mode)) return fail(Errc::invalid_input, "{}: a sound file was expected, this is no regular file", path);
  return stamp_of(status);
}

/// Written so lately (or in the future) that another write could leave the same time behind.
bool is_racy(const FileStamp& stamp) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return stamp.mtime_ns > std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - kRacyNs;
}

Digest canonical(const XXH128_hash_t& hash) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  Digest digest;
  std::copy(std::begin(bytes.digest), std::end(bytes.digest), digest.bytes.begin());
  return digest;
}

std::optional<Digest> digest_from_hex(std::string_view text) {
  Digest digest;
  if (text.size() != 2 * digest.bytes.size()) return std::nullopt;
  const auto nibble = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    const int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return digest;
}

std::string key_of(const std::string& path) { return canonical(XXH3_128bits(path.data(), path.size())).hex(); }

struct Known {
  FileStamp stamp;
  Digest digest;
};

/// key device inode size mtime_ns digest checksum; the checksum is XXH3-64 of all before it.
std::string line_of(const std::string& key, const Known& known) {
  const FileStamp& s = known.stamp;
  const std::string text = fmt::format("{} {} {} {} {} {} ", key, s.device, s.inode, s.size_bytes, s.mtime_ns, known.digest.hex());
  return fmt::format("{}{:016x}\n", text, XXH3_64bits(text.data(), text.size()));
}

std::optional<std::pair<std::string, Known>> parse_line(const std::string& line) {
  constexpr std::size_t kChecksum = 16;
  if (line.size() <= kChecksum) return std::nullopt;
  const std::size_t text = line.size() - kChecksum;
  if (fmt::format("{:016x}", XXH3_64bits(line.data(), text)) != line.substr(text)) return std::nullopt;
  Known known;
  char key[33], digest[33];
  const int fields = std::sscanf(line.c_str(), "%32s %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 " %32s", key, &known.stamp.device,
                                 &known.stamp.inode, &known.stamp.size_bytes, &known.stamp.mtime_ns, digest);
  const auto bytes = fields == 6 ? digest_from_hex(digest) : std::nullopt;
  if (!bytes) return std::nullopt;
  known.digest = *bytes;
  return std::pair(std::string(key), known);
}

}  // namespace

std::string Digest::hex() const {
  return to_hex(bytes);
}

Result<FileStamp> stamp(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return system_error(errno, path, "look at");
  return regular(status, path);
}

Result<FileStamp> stamp(const Descriptor& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error(errno, path, "look at");
  return regular(status, path);
}

namespace {

Result<Known> digest_with_stamp(const std::string& path, const std::atomic<bool>* stop) {
  TRY_ASSIGN(const Descriptor file, open_for_reading(path));
  TRY_ASSIGN(const FileStamp before, stamp(file, path));
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  const std::unique_ptr<XXH3_state_t, FreeState> state(XXH3_createState());
  if (!state || XXH3_128bits_reset(state.get()) != XXH_OK) throw std::bad_alloc();
  std::vector<std::byte> piece(kPieceBytes);
  std::int64_t total = 0;
  for (std::size_t got = piece.size(); got == piece.size(); total += static_cast<std::int64_t>(got)) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) return fail(Errc::cancelled, "{}: stopped while it was read", path);
    TRY_ASSIGN(got, read_at(file, total, piece, path));
    XXH3_128bits_update(state.get(), piece.data(), got);
  }
  TRY_ASSIGN(const FileStamp after, stamp(file, path));
  if (before != after || total != before.size_bytes) {
    return fail(Errc::invalid_input, "{}: the file was written to while it was read; start again once it is complete", path);
  }
  std::array<std::uint8_t, 8> size{};
  for (std::size_t i = 0; i < size.size(); ++i) size[i] = static_cast<std::uint8_t>(total >> (8 * i));
  XXH3_128bits_update(state.get(), size.data(), size.size());
  return Known{before, canonical(XXH3_128bits_digest(state.get()))};
}

}  // namespace

Result<Digest> digest_file(const std::string& path, const std::atomic<bool>* stop) {
  TRY_ASSIGN(const Known known, digest_with_stamp(path, stop));
  return known.digest;
}

struct DigestCache::State {
  /// One path's digest; its lock is held while the file is read, so that the second who asks waits and finds it.
  struct Slot {
    std::mutex mutex;
    std::optional<Known> known;
  };
  std::mutex mutex;
  std::unordered_map<std::string, std::shared_ptr<Slot>> slots;  // by key_of(path)
  std::string folder, file;
  Descriptor appender;
  const std::atomic<bool>* stop = nullptr;

  void load() {
    std::ifstream in(file);
    std::size_t lines = 0;
    for (std::string line; std::getline(in, line); ++lines) {
      if (auto entry = parse_line(line)) {
        auto& slot = slots[entry->first];
        if (!slot) slot = std::make_shared<Slot>();
        slot->known = entry->second;  // the last line wins
      }
    }
    if (slots.size() > kMaxLines) slots.clear();
    if (lines > 2 * slots.size() + 1000) rewrite();
  }
  /// Drops stale and damaged lines: a new file, then a rename. What another process appends meanwhile is lost, and only that.
  void rewrite() const {
    const std::string temporary = fmt::format("{}.{}", file, ::getpid());
    std::ofstream out(temporary, std::ios::trunc);
    for (const auto& [key, slot] : slots) out << line_of(key, *slot->known);
    out.close();
    std::error_code ignored;
    if (out) std::filesystem::rename(temporary, file, ignored);
    else std::filesystem::remove(temporary, ignored);
  }
  void append(const std::string& line) const {
    if (!appender.is_open()) return;
    [[maybe_unused]] const auto written = ::write(appender.get(), line.data(), line.size());  // one append; a torn line does not check
  }
};

DigestCache::DigestCache(std::string folder, const std::atomic<bool>* stop) : state_(std::make_unique<State>()) {
  state_->stop = stop;
  if (folder.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  state_->file = folder + "/source-digests-1";
  state_->folder = std::move(folder);
  state_->load();
  state_->appender = Descriptor(::open(state_->file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666));
}
DigestCache::~DigestCache() = default;

Result<Digest> DigestCache::digest(const std::string& path) {
  const std::string key = key_of(path);
  std::shared_ptr<State::Slot> slot;
  {
    const std::lock_guard lock(state_->mutex);
    auto& entry = state_->slots[key];
    if (!entry) entry = std::make_shared<State::Slot>();
    slot = entry;
  }
  const std::lock_guard lock(slot->mutex);
  TRY_ASSIGN(const FileStamp now, stamp(path));
  if (slot->known && slot->known->stamp == now) return slot->known->digest;
  TRY_ASSIGN(const Known known, digest_with_stamp(path, state_->stop));
  if (!is_racy(known.stamp)) {
    slot->known = known;
    state_->append(line_of(key, known));
  }
  return known.digest;
}

}  // namespace dubfarm::media
