#include "worker/sources.hpp"

#include <algorithm>
#include <list>
#include <numeric>

namespace dubfarm::worker {

namespace {

constexpr std::size_t kPieceBudgetBytes = 128u << 20;  // of converted samples that one thread keeps at hand

std::vector<int> all_channels(int count) {
  std::vector<int> channels(static_cast<std::size_t>(count));
  std::iota(channels.begin(), channels.end(), 0);
  return channels;
}

}  // namespace

struct Sources::Entry {
  SourceFile file;
  mutable std::mutex mutex;                            // guards `reader`, and lets one thread at a time convert this source
  mutable std::shared_ptr<const SourceReader> reader;  // opened at first use
};

/// Least recently used first.
struct SourceScratch::Pieces {
  struct Piece {
    media::Digest digest;
    Frames index;
    std::shared_ptr<const media::Planar> samples;
    [[nodiscard]] std::size_t bytes() const { return samples->size() * samples->front().size() * sizeof(float); }
  };
  std::list<Piece> pieces;
  std::map<std::pair<media::Digest, Frames>, std::list<Piece>::iterator> by_name;
  std::size_t bytes = 0;

  std::shared_ptr<const media::Planar> find(const media::Digest& digest, Frames index) {
    const auto found = by_name.find({digest, index});
    if (found == by_name.end()) return nullptr;
    pieces.splice(pieces.end(), pieces, found->second);
    return found->second->samples;
  }
  void add(const media::Digest& digest, Frames index, std::shared_ptr<const media::Planar> samples) {
    by_name[{digest, index}] = pieces.insert(pieces.end(), Piece{digest, index, std::move(samples)});
    bytes += pieces.back().bytes();
    while (bytes > kPieceBudgetBytes && pieces.size() > 1) {
      bytes -= pieces.front().bytes();
      by_name.erase({pieces.front().digest, pieces.front().index});
      pieces.pop_front();
    }
  }
};

SourceScratch::SourceScratch() : pieces_(std::make_unique<Pieces>()) {}
SourceScratch::~SourceScratch() = default;

Sources::Sources(std::vector<SourceFile> files, int sample_rate, const Store& store) : sample_rate_(sample_rate), store_(store) {
  for (SourceFile& file : files) {
    auto entry = std::make_unique<Entry>();
    entry->file = std::move(file);
    entries_.emplace(entry->file.digest, std::move(entry));
  }
}

Sources::~Sources() = default;

Result<const Sources::Entry*> Sources::entry(const media::Digest& digest) const {
  const auto found = entries_.find(digest);
  if (found == entries_.end()) return fail(Errc::internal, "no source with digest {}", digest.hex());
  const Entry& e = *found->second;
  const std::lock_guard lock(e.mutex);
  if (!e.reader) { TRY_ASSIGN(e.reader, SourceReader::open(e.file.info, e.file.stamp)); }
  return &e;
}

Result<void> Sources::read(const media::Digest& digest, Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                           SourceScratch& scratch) const {
  TRY_ASSIGN(const Entry* const e, entry(digest));
  if (e->file.info.sample_rate == sample_rate_) return e->reader->read(first, count, channels, out, scratch.read_);
  return read_converted(*e, first, count, channels, out, scratch);
}

Result<std::shared_ptr<const media::Planar>> Sources::converted_piece(const Entry& e, Frames piece, SourceScratch& scratch) const {
  const media::Digest& digest = e.file.digest;
  if (auto at_hand = scratch.pieces_->find(digest, piece)) return at_hand;
  const int from = e.file.info.sample_rate, channels = e.file.info.channels;
  const program::Key key =
      program::key_of_bytes(fmt::format("dubfarm converted source 1 soxr-vhq {} {} {} {}", digest.hex(), from, sample_rate_, piece));
  const auto from_store = [&]() -> Result<media::Planar> {
    TRY_ASSIGN(BlobReader blob, store_.open_blob(key));
    media::Planar samples(static_cast<std::size_t>(channels), std::vector<float>(static_cast<std::size_t>(blob.frames())));
    for (int c = 0; c < channels; ++c) TRY(blob.read(c, 0, blob.frames(), samples[static_cast<std::size_t>(c)].data()));
    return samples;
  };
  const auto convert = [&]() -> Result<media::Planar> {
    const std::vector<int> every = all_channels(channels);
    const auto read = [&](Frames at, Frames n, std::span<float* const> to) { return e.reader->read(at, n, every, to, scratch.read_); };
    TRY_ASSIGN(media::Planar samples, media::convert_piece(read, from, sample_rate_, channels, e.file.info.frames, piece));
    std::vector<const float*> pointers;
    for (const auto& channel : samples) pointers.push_back(channel.data());
    store_.discard(key);  // what is there, if anything, is corrupt
    TRY(store_.put(key, sample_rate_, static_cast<Frames>(samples.front().size()), pointers));
    return samples;
  };
  std::shared_ptr<const media::Planar> samples;
  {
    const std::lock_guard lock(e.mutex);  // one thread converts, the others wait for what they would otherwise convert too
    Result<media::Planar> piece_samples = from_store();
    if (!piece_samples.ok()) piece_samples = convert();
    if (!piece_samples.ok()) return std::move(piece_samples).error();
    samples = std::make_shared<const media::Planar>(std::move(*piece_samples));
  }
  scratch.pieces_->add(digest, piece, samples);
  return samples;
}

Result<void> Sources::read_converted(const Entry& e, Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                                     SourceScratch& scratch) const {
  const Frames length = media::piece_length(e.file.info.sample_rate, sample_rate_);
  for (Frames done = 0; done < count;) {
    const Frames piece = (first + done) / length, offset = (first + done) % length;
    TRY_ASSIGN(const std::shared_ptr<const media::Planar> samples, converted_piece(e, piece, scratch));
    const Frames available = static_cast<Frames>(samples->front().size()) - offset;
    if (available <= 0) return fail(Errc::internal, "{}: frame {} lies past the converted source's end", e.file.info.path, first + done);
    const Frames part = std::min(count - done, available);
    for (std::size_t i = 0; i < channels.size(); ++i)
      std::copy_n((*samples)[static_cast<std::size_t>(channels[i])].data() + offset, part, out[i] + done);
    done += part;
  }
  return {};
}

Result<media::Planar> Sources::impulse_response(const media::Digest& digest, SourceScratch& scratch) const {
  TRY_ASSIGN(const Entry* const e, entry(digest));
  const media::SourceInfo& info = e->file.info;
  media::Planar samples(static_cast<std::size_t>(info.channels), std::vector<float>(static_cast<std::size_t>(info.frames)));
  const std::vector<int> every = all_channels(info.channels);
  std::vector<float*> out;
  for (auto& channel : samples) out.push_back(channel.data());
  TRY(e->reader->read(0, info.frames, every, out, scratch.read_));
  return media::convert_impulse_response(samples, info.sample_rate, sample_rate_);
}

Result<void> Sources::verify_unchanged(std::span<const media::Digest> digests) const {
  for (const media::Digest& digest : digests) {
    TRY_ASSIGN(const Entry* const e, entry(digest));
    TRY(e->reader->verify_unchanged());
  }
  return {};
}

}  // namespace dubfarm::worker
