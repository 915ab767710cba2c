// The blob store: rendered chunks, converted and decoded sources, named by key, checksummed, immutable.
//
//   <folder>/format            one line: the store's version; an unknown one is refused
//   <folder>/blobs/ab/<key>    a blob, its first two hex digits as folder
//   <folder>/tmp/              blobs being written; a name is theirs alone until it is renamed into place
//   <folder>/trash/<key>       blobs that were evicted a short while ago (upkeep.hpp); one that is asked for comes back
//   <folder>/jobs/<name>       leases of the renders at work, each with the keys that it needs
//
// A blob appears whole or not at all (write, then rename). Its way to the disk begins at once, but nobody waits for it before sync(): what a
// power cut takes away fails its checksum and is rendered again (docs/decisions/0003). Several threads and processes, on several machines too,
// may use one folder at once. A blob's time of last use is the file's modification time, set anew at most once an hour.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/lease.hpp"
#include "common/program/program.hpp"
#include "common/result.hpp"
#include "common/store/segment_cache.hpp"
#include "common/units.hpp"

namespace dubfarm {

/// A blob opened for reading: planar float32, [channels][frames]. Not for use by two threads at once.
class BlobReader {
 public:
  BlobReader(BlobReader&&) noexcept;
  BlobReader& operator=(BlobReader&&) noexcept;
  ~BlobReader();
  [[nodiscard]] int channels() const;
  [[nodiscard]] Frames frames() const;
  [[nodiscard]] int sample_rate() const;
  /// True where every sample of the channel is zero; such a channel takes no room in the file.
  [[nodiscard]] bool is_silent(int channel) const;
  /// Frames of one channel from `first` on: `count` of them or as many as lie in one segment (at least one), valid until the next call for
  /// this channel. Every segment that is touched is verified against its checksum; reading on in it costs nothing.
  /// Errors: Errc::corrupt, Errc::io_error. Requires 0 <= first, count >= 1, first + count <= frames(), and a channel that is not silent.
  Result<std::span<const float>> view(int channel, Frames first, Frames count);
  /// The same, all of `count` frames, copied into `out`; zeros where the channel is silent. count may be 0.
  Result<void> read(int channel, Frames first, Frames count, float* out);

 private:
  friend class Store;
  struct State;
  explicit BlobReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Store {
 public:
  enum class Access { read_only, read_write };
  /// Opens or makes a store; one that is only read must be there. Errors: a folder that cannot be made or written (Errc::io_error), none to read
  /// (Errc::not_found), a store of another version (Errc::invalid_input).
  static Result<Store> open(const std::string& folder, Access access = Access::read_write);

  /// True where a blob of this name is there, with an intact header and the size it promises. Samples are verified when they are read.
  [[nodiscard]] bool has(const program::Key& key) const;
  /// Writes a blob, in place of one of that name that is there already. Errors: Errc::no_space, Errc::io_error.
  Result<void> put(const program::Key& key, int sample_rate, Frames frames, std::span<const float* const> channels) const;
  /// Errors: Errc::not_found; Errc::corrupt where the header does not hold together.
  /// @param cache  keeps the segments that are read, and has those that were read before; it outlives the reader. Null: the reader's own
  ///   memory, a segment for each channel.
  Result<BlobReader> open_blob(const program::Key& key, SegmentCache* cache = nullptr) const;
  /// The same of a blob's file, as upkeep looks at it: that is no use of the blob.
  static Result<BlobReader> open_file(const std::string& path);
  /// Returns when every blob put so far is on the disk (syncfs: of all processes, and what else waits for that file system).
  Result<void> sync() const;
  /// Says that a job needs the blobs `keys`, there or yet to be rendered: none of them is evicted while the lease lasts.
  [[nodiscard]] Result<Lease> pin(std::span<const program::Key> keys) const;
  /// Takes a blob away that turned out to be corrupt. Not being there is no error.
  void discard(const program::Key& key) const;
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string path_of(const program::Key& key) const;
  [[nodiscard]] std::string trash_path_of(const program::Key& key) const;

 private:
  explicit Store(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

}  // namespace dubfarm
