// The identity of a source: a digest of its bytes, remembered between runs, and a stamp that shows a file that changed meanwhile.
#pragma once
#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "common/descriptor.hpp"
#include "common/result.hpp"

namespace dubfarm::media {

/// XXH3-128 over a file's bytes, then its length as 8 little-endian bytes; canonical (big-endian) byte order.
struct Digest {
  std::array<std::uint8_t, 16> bytes{};
  [[nodiscard]] std::string hex() const;  // 32 lower-case digits
  auto operator<=>(const Digest&) const = default;
};

/// What the file system says about a file's content. Two equal stamps: taken as the same content, unless the second is *racy* (below).
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size_bytes = 0;
  std::int64_t mtime_ns = 0;  // since 1970-01-01 UTC
  bool operator==(const FileStamp&) const = default;
};

/// @return `not_found`, `io_error`, or `invalid_input` where the path is not a regular file.
[[nodiscard]] Result<FileStamp> stamp(const std::string& path);
/// The same of an open file; `path` is for the message.
[[nodiscard]] Result<FileStamp> stamp(const Descriptor& file, const std::string& path);

/// Reads the whole file, as fast as pread brings it. A file that changes meanwhile is an error.
/// @param stop  may be null; Errc::cancelled soon after it is set.
[[nodiscard]] Result<Digest> digest_file(const std::string& path, const std::atomic<bool>* stop = nullptr);

/// Digests by (path, stamp), kept in `<folder>/source-digests-1`, a text file that only grows and is rewritten when it is mostly stale.
/// Several processes may share a folder: a line goes in by one append, carries its own checksum, and a line that does not check is
/// ignored; a lost line costs reading that source again, never a wrong digest. A file written within 2 s of being looked at
/// is digested anew and not remembered: its clock could not tell a second write ("racily clean", as git has it).
/// A cache that cannot be read or written is no error; it only forgets. Threads: safe; two threads that ask for one path at once read it
/// once.
class DigestCache {
 public:
  /// @param folder  made if absent; empty: nothing is kept on disk.
  /// @param stop    may be null; else outlives this object, and digest() gives Errc::cancelled soon after it is set.
  explicit DigestCache(std::string folder, const std::atomic<bool>* stop = nullptr);
  ~DigestCache();
  DigestCache(const DigestCache&) = delete;
  DigestCache& operator=(const DigestCache&) = delete;

  [[nodiscard]] Result<Digest> digest(const std::string& path);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dubfarm::media
