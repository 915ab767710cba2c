// Every source of a job by its content, at the job's rate, for all rendering threads.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/media/digest.hpp"
#include "common/media/probe.hpp"
#include "common/media/resample.hpp"
#include "common/store/store.hpp"
#include "worker/source_reader.hpp"

namespace dubfarm::worker {

struct SourceFile {
  media::Digest digest;
  media::SourceInfo info;
  media::FileStamp stamp;
};

/// What one thread needs to read sources: see ReadScratch; and the pieces of converted and decoded sources that it used last.
class SourceScratch {
 public:
  SourceScratch();
  ~SourceScratch();
  SourceScratch(const SourceScratch&) = delete;
  SourceScratch& operator=(const SourceScratch&) = delete;
  /// Lets all of it go.
  void clear();

 private:
  friend class Sources;
  struct Pieces;
  ReadScratch read_;
  std::unique_ptr<Pieces> pieces_;
};

/// Reads sources at the job's rate. One at another rate is converted in pieces, each kept in the store under the source's digest, so that
/// it is converted once for all chunks, versions and renders. So is one that can only be decoded forward (Ogg Vorbis, MP3): its pieces are
/// kept as they come by, and all chunks together decode it about once, not each from the start.
/// Threads: read() and impulse_response() are safe from many.
class Sources {
 public:
  /// @param store  where converted and decoded pieces go; outlives this object.
  Sources(std::vector<SourceFile> files, int sample_rate, const Store& store);
  ~Sources();

  /// out[i][n] = source channel channels[i] at frame first + n of the source at the job's rate. What lies outside the source is an error.
  Result<void> read(const media::Digest& digest, Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                    SourceScratch& scratch) const;
  /// How a source lies in its file, where its bytes are its samples: raw PCM at the job's rate. Empty: it has to be read().
  Result<std::optional<media::PcmLayout>> raw_layout(const media::Digest& digest) const;
  /// Channels of the source.
  Result<int> channels(const media::Digest& digest) const;
  /// Bytes of a source that has a raw_layout(), all channels interleaved: see SourceReader::read_bytes.
  Result<void> read_bytes(const media::Digest& digest, Frames first, Frames count, std::span<std::byte> out) const;
  /// The whole of an impulse response, every channel, at the job's rate.
  Result<media::Planar> impulse_response(const media::Digest& digest, SourceScratch& scratch) const;
  /// Errors if any of these files changed since the job was planned. Ask before a result that used them is published.
  Result<void> verify_unchanged(std::span<const media::Digest> digests) const;

 private:
  struct Entry;
  Result<const Entry*> entry(const media::Digest& digest) const;
  using Piece = std::shared_ptr<const media::Planar>;
  enum class Form { decoded, converted };
  /// At the source's own rate.
  Result<void> read_own_rate(const Entry& entry, Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                             SourceScratch& scratch) const;
  Result<void> read_pieces(const Entry& entry, Form form, Frames first, Frames count, std::span<const int> channels,
                           std::span<float* const> out, SourceScratch& scratch) const;
  Result<Piece> piece(const Entry& entry, Form form, Frames index, SourceScratch& scratch) const;
  Result<media::Planar> convert_piece(const Entry& entry, Frames index, SourceScratch& scratch) const;
  Result<media::Planar> decode_piece(const Entry& entry, Frames index, SourceScratch& scratch) const;
  [[nodiscard]] Frames piece_length(const Entry& entry, Form form) const;
  [[nodiscard]] program::Key key_of(const Entry& entry, Form form, Frames index) const;
  Result<void> keep(const Entry& entry, Form form, Frames index, const media::Planar& samples) const;
  int sample_rate_;
  const Store& store_;
  std::map<media::Digest, std::unique_ptr<Entry>> entries_;
};

}  // namespace dubfarm::worker
