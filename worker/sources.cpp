#include "worker/sources.hpp"

#include <algorithm>
#include <list>
#include <numeric>
#include <tuple>

namespace dubfarm::worker {

namespace {

constexpr std::size_t kPieceBudgetBytes = 128u << 20;  // of converted and decoded samples that one thread keeps at hand
constexpr int kBlobChannels = 64;                      // more than these are not kept, but made whenever they are read

std::vector<int> all_channels(int count) {
  std::vector<int> channels(static_cast<std::size_t>(count));
  std::iota(channels.begin(), channels.end(), 0);
  return channels;
}

}  // namespace

struct Sources::Entry {
  SourceFile file;
  mutable std::mutex mutex;                            // guards `reader`
  mutable std::shared_ptr<const SourceReader> reader;  // opened at first use
  mutable std::mutex making[2];                        // by Form: one thread at a time makes pieces, which needs others of a lower form
  mutable Frames decoded = 0;                          // so many pieces, from the first on, are decoded and kept; guarded by making[0]
};

/// Least recently used first.
struct SourceScratch::Pieces {
  using Name = std::tuple<media::Digest, bool, Frames>;  // source, whether it is converted, index
  struct Piece {
    Name name;
    std::shared_ptr<const media::Planar> samples;
    [[nodiscard]] std::size_t bytes() const { return samples->size() * samples->front().size() * sizeof(float); }
  };
  std::list<Piece> pieces;
  std::map<Name, std::list<Piece>::iterator> by_name;
  std::size_t bytes = 0;

  std::shared_ptr<const media::Planar> find(const Name& name) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) return nullptr;
    pieces.splice(pieces.end(), pieces, found->second);
    return found->second->samples;
  }
  void add(const Name& name, std::shared_ptr<const media::Planar> samples) {
    by_name[name] = pieces.insert(pieces.end(), Piece{name, std::move(samples)});
    bytes += pieces.back().bytes();
    while (bytes > kPieceBudgetBytes && pieces.size() > 1) {
      bytes -= pieces.front().bytes();
      by_name.erase(pieces.front().name);
      pieces.pop_front();
    }
  }
};

SourceScratch::SourceScratch() : pieces_(std::make_unique<Pieces>()) {}
SourceScratch::~SourceScratch() = default;

void SourceScratch::clear() {
  read_ = ReadScratch();
  pieces_ = std::make_unique<Pieces>();
}

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
  if (e->file.info.sample_rate == sample_rate_) return read_own_rate(*e, first, count, channels, out, scratch);
  return read_pieces(*e, Form::converted, first, count, channels, out, scratch);
}

Result<std::optional<media::PcmLayout>> Sources::raw_layout(const media::Digest& digest) const {
  TRY_ASSIGN(const Entry* const e, entry(digest));
  if (e->file.info.sample_rate != sample_rate_) return std::optional<media::PcmLayout>();
  return e->file.info.pcm;
}

Result<int> Sources::channels(const media::Digest& digest) const {
  TRY_ASSIGN(const Entry* const e, entry(digest));
  return e->file.info.channels;
}

Result<void> Sources::read_bytes(const media::Digest& digest, Frames first, Frames count, std::span<std::byte> out) const {
  TRY_ASSIGN(const Entry* const e, entry(digest));
  return e->reader->read_bytes(first, count, out);
}

Result<void> Sources::read_own_rate(const Entry& e, Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                                    SourceScratch& scratch) const {
  if (e.reader->seeks_exactly() || e.file.info.channels > kBlobChannels) return e.reader->read(first, count, channels, out, scratch.read_);
  return read_pieces(e, Form::decoded, first, count, channels, out, scratch);
}

Frames Sources::piece_length(const Entry& e, Form form) const {
  const int from = e.file.info.sample_rate;
  return media::piece_length(from, form == Form::decoded ? from : sample_rate_);
}

program::Key Sources::key_of(const Entry& e, Form form, Frames index) const {
  const std::string digest = e.file.digest.hex();
  if (form == Form::decoded) return program::key_of_bytes(fmt::format("dubfarm decoded source 1 {} {}", digest, index));
  return program::key_of_bytes(fmt::format("dubfarm converted source 1 soxr-vhq {} {} {} {}", digest, e.file.info.sample_rate, sample_rate_, index));
}

Result<void> Sources::keep(const Entry& e, Form form, Frames index, const media::Planar& samples) const {
  if (samples.size() > kBlobChannels) return {};
  std::vector<const float*> pointers;
  for (const auto& channel : samples) pointers.push_back(channel.data());
  const program::Key key = key_of(e, form, index);
  store_.discard(key);  // what is there, if anything, is corrupt
  return store_.put(key, form == Form::decoded ? e.file.info.sample_rate : sample_rate_, static_cast<Frames>(samples.front().size()), pointers);
}

Result<media::Planar> Sources::convert_piece(const Entry& e, Frames index, SourceScratch& scratch) const {
  const media::SourceInfo& info = e.file.info;
  const std::vector<int> every = all_channels(info.channels);
  const auto read = [&](Frames at, Frames n, std::span<float* const> to) { return read_own_rate(e, at, n, every, to, scratch); };
  TRY_ASSIGN(media::Planar samples, media::convert_piece(read, info.sample_rate, sample_rate_, info.channels, info.frames, index));
  TRY(keep(e, Form::converted, index, samples));
  return samples;
}

/// Decodes on from what is decoded already, and keeps the pieces on the way. Where decoding had to begin at the start again (too many
/// sources are open, or another thread came so far), it goes on to twice the distance: so often as that may happen, the sum stays linear.
Result<media::Planar> Sources::decode_piece(const Entry& e, Frames index, SourceScratch& scratch) const {
  const media::SourceInfo& info = e.file.info;
  const Frames length = piece_length(e, Form::decoded), count = (info.frames + length - 1) / length;
  if (index < e.decoded) e.decoded = 0;  // the store has lost it
  const Frames last = e.reader->reaches(e.decoded * length, scratch.read_) ? index : std::min(count - 1, 2 * index);
  const std::vector<int> every = all_channels(info.channels);
  media::Planar wanted;
  for (; e.decoded <= last; ++e.decoded) {
    const Frames first = e.decoded * length;
    if (e.decoded != index && store_.has(key_of(e, Form::decoded, e.decoded))) continue;
    media::Planar samples(static_cast<std::size_t>(info.channels), std::vector<float>(static_cast<std::size_t>(std::min(length, info.frames - first))));
    std::vector<float*> out;
    for (auto& channel : samples) out.push_back(channel.data());
    const Result<void> read = e.reader->read(first, std::min(length, info.frames - first), every, out, scratch.read_);
    if (!read.ok() && e.decoded > index) break;  // whoever needs it will hear
    if (!read.ok()) return read.error();
    TRY(keep(e, Form::decoded, e.decoded, samples));
    if (e.decoded == index) wanted = std::move(samples);
  }
  return wanted;
}

Result<Sources::Piece> Sources::piece(const Entry& e, Form form, Frames index, SourceScratch& scratch) const {
  const SourceScratch::Pieces::Name name{e.file.digest, form == Form::converted, index};
  if (Piece at_hand = scratch.pieces_->find(name)) return at_hand;
  const auto from_store = [&]() -> Result<media::Planar> {
    TRY_ASSIGN(BlobReader blob, store_.open_blob(key_of(e, form, index)));
    media::Planar samples(static_cast<std::size_t>(blob.channels()), std::vector<float>(static_cast<std::size_t>(blob.frames())));
    for (int c = 0; c < blob.channels(); ++c) TRY(blob.read(c, 0, blob.frames(), samples[static_cast<std::size_t>(c)].data()));
    return samples;
  };
  Piece samples;
  {
    const std::lock_guard lock(e.making[form == Form::decoded ? 0 : 1]);  // the others wait for what they would otherwise make too
    Result<media::Planar> made = from_store();
    if (!made.ok()) made = form == Form::decoded ? decode_piece(e, index, scratch) : convert_piece(e, index, scratch);
    if (!made.ok()) return std::move(made).error();
    samples = std::make_shared<const media::Planar>(std::move(*made));
  }
  scratch.pieces_->add(name, samples);
  return samples;
}

Result<void> Sources::read_pieces(const Entry& e, Form form, Frames first, Frames count, std::span<const int> channels,
                                  std::span<float* const> out, SourceScratch& scratch) const {
  const Frames length = piece_length(e, form);
  for (Frames done = 0; done < count;) {
    const Frames index = (first + done) / length, offset = (first + done) % length;
    TRY_ASSIGN(const Piece samples, piece(e, form, index, scratch));
    const Frames available = static_cast<Frames>(samples->front().size()) - offset;
    if (available <= 0) return fail(Errc::internal, "{}: frame {} lies past the source's end", e.file.info.path, first + done);
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
  return media::convert_impulse_response(std::move(samples), info.sample_rate, sample_rate_);
}

Result<void> Sources::verify_unchanged(std::span<const media::Digest> digests) const {
  for (const media::Digest& digest : digests) {
    TRY_ASSIGN(const Entry* const e, entry(digest));
    TRY(e->reader->verify_unchanged());
  }
  return {};
}

}  // namespace dubfarm::worker
