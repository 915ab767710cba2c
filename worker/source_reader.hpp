// Samples of one source, as planar float32, for many rendering threads at once.
#pragma once
#include <cstddef>
#include <memory>
#include <span>

#include "common/media/digest.hpp"
#include "common/media/probe.hpp"
#include "common/result.hpp"
#include "common/units.hpp"

namespace dubfarm::worker {

/// What one thread needs to read sources: a bounce buffer, and open decoders of compressed files (the 32 used last), so that reading on
/// from where the last read ended needs no seek. Not shared between threads; outlives no reader's use, holds no reader alive.
class ReadScratch {
 public:
  ReadScratch();
  ~ReadScratch();
  ReadScratch(ReadScratch&&) noexcept;
  ReadScratch& operator=(ReadScratch&&) noexcept;

 private:
  friend class SourceReader;
  struct State;
  std::unique_ptr<State> state_;
};

/// Reads one source. Raw PCM comes by pread and kernels::decode, everything else by libsndfile. A coded format in which libsndfile
/// does not seek to the sample (Ogg Vorbis lands elsewhere in 2 % of seeks; Opus, MP3, GSM carry state) is only decoded forward from its
/// start, so that the same frames have the same bits; reading it backwards costs decoding it again. Descriptors of raw files
/// are opened at need and kept in one pool for the process (the process's limit is raised to its hard limit first), so that ten
/// thousand sources can be open readers at once. Threads: const members are safe from many threads, each with its own scratch.
class SourceReader {
 public:
  /// @param stamp  the file's stamp when it was planned; a file that differs by now is refused.
  [[nodiscard]] static Result<std::shared_ptr<const SourceReader>> open(const media::SourceInfo& info, const media::FileStamp& stamp);
  ~SourceReader();
  SourceReader(const SourceReader&) = delete;
  SourceReader& operator=(const SourceReader&) = delete;

  /// out[i][n] = source channel channels[i], frame first + n. first and count in frames at the file's own rate, inside [0, info().frames).
  /// @param channels  0-based, in any order, repeats allowed.
  /// @param out       one pointer to `count` floats per entry of `channels`; undefined after an error.
  /// @return `invalid_input`: the file changed or was cut short while it was rendered, or holds NaN or infinity (named by frame,
  ///   from 0 as a clip's `in` counts, and channel, from 1 as a clip's `channels` do); `io_error`; `internal` for a range outside the
  ///   source.
  [[nodiscard]] Result<void> read(Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                                  ReadScratch& scratch) const;

  /// The bytes of frames [first, first + count) as they lie in the file, all channels interleaved: of raw PCM alone (info().pcm).
  /// @param out  count * info().channels * bytes_per_sample(info().pcm->format) bytes.
  /// Errors as of read(), but that nothing is decoded and nothing looked at.
  [[nodiscard]] Result<void> read_bytes(Frames first, Frames count, std::span<std::byte> out) const;

  /// Compares the file's stamp with the one given to open(); `invalid_input` if it differs. Ask before a rendered result is published.
  [[nodiscard]] Result<void> verify_unchanged() const;

  /// False for coded formats that are only decoded forward: reading frames before or far behind those that `scratch` read last is dear.
  [[nodiscard]] bool seeks_exactly() const { return seeks_exactly_; }
  /// Whether `scratch` holds this source open at or before frame `first`, so that reading on from there need not begin at the start.
  [[nodiscard]] bool reaches(Frames first, const ReadScratch& scratch) const;

  [[nodiscard]] const media::SourceInfo& info() const { return info_; }
  [[nodiscard]] const media::FileStamp& stamp() const { return stamp_; }

 private:
  SourceReader(media::SourceInfo info, media::FileStamp stamp);
  [[nodiscard]] Result<void> read_raw(Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                                      ReadScratch& scratch) const;
  [[nodiscard]] Result<void> read_decoded(Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                                          ReadScratch& scratch) const;
  [[nodiscard]] Error not_finite(Frames frame, int channel, float value) const;

  media::SourceInfo info_;
  media::FileStamp stamp_;
  std::uint64_t id_;  // never used twice: names this reader in the pool and in scratches
  bool seeks_exactly_ = true;
};

}  // namespace dubfarm::worker
