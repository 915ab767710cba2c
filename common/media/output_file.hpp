// Output files: written by ranges in any order from any thread, seen under their final name only when whole.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/media/wav_header.hpp"
#include "common/result.hpp"
#include "common/units.hpp"

namespace dubfarm::media {

/// One output file on its way. Owns `<final_path>.partial`, which goes away with it unless finish() succeeded. FLAC is encoded by
/// finish(), in one go; its samples wait in `<final_path>.pcm.partial`, and the disk must hold both.
class OutputFile {
 public:
  /// Makes the parent folders and a partial file of its full length, with its blocks allocated: a full disk shows here.
  /// A partial file left by a crash is taken over; one that another process is writing is an error.
  /// @return `no_space` with the path and the bytes needed; `io_error` (a folder that cannot be written); `invalid_input` for a name too
  ///   long, or a format that the container cannot hold. A process that limits file sizes (ulimit -f) must ignore SIGXFSZ to see the error.
  [[nodiscard]] static Result<OutputFile> create(const std::string& final_path, const OutputFormat& format);
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  ~OutputFile();

  /// Writes interleaved samples of the file's type, little-endian, at frame `first`; a whole number of frames inside the file.
  /// Threads: may be called from many at once on ranges that do not overlap. Frames never written are zero.
  [[nodiscard]] Result<void> write(Frames first, std::span<const std::byte> interleaved);
  /// Replaces the metadata (loudness is known only once all is written). Threads: not while finish() runs.
  void set_bext(const Bext& bext);
  /// Writes the header (FLAC: encodes, decodes and compares), syncs, renames to the final name, syncs the folder. Call once, after all writes.
  /// @return SHA-256 of the file as it was read back, 64 lower-case hex digits.
  [[nodiscard]] Result<std::string> finish();

  [[nodiscard]] const std::string& path() const;  // the final one
  [[nodiscard]] std::uint64_t size_bytes() const;       // of FLAC, what it is encoded from

 private:
  struct State;
  explicit OutputFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dubfarm::media
