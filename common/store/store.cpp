#include "common/store/store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <ctime>

#include "common/io.hpp"

namespace dubfarm {
namespace {

constexpr std::string_view kFormatLine = "dubfarm blob store 1\n", kFormatName = "dubfarm blob store ";
constexpr std::time_t kTouchSeconds = 3600;  // the precision of "last used"
constexpr char kMagic[8] = {'D', 'U', 'B', 'B', 'L', 'O', 'B', '1'};
constexpr Frames kSegment = SegmentCache::kFrames;  // frames behind one checksum, read and verified as one

/// The start of a blob file; behind it an XXH3-64 per segment, channel by channel in order (silent channels have none), then the samples.
struct Header {
  char magic[8];
  std::uint32_t channels;
  std::uint32_t sample_rate;
  std::int64_t frames;
  std::uint64_t silent;    // bit c: channel c is all zeros and not stored
  std::uint64_t checksum;  // XXH3-64 of the fields above and the segment checksums
};
static_assert(sizeof(Header) == 40);

Frames segments_of(Frames frames) { return (frames + kSegment - 1) / kSegment; }

std::uint64_t header_checksum(const Header& header, std::span<const std::uint64_t> sums) {
  return XXH3_64bits_withSeed(sums.data(), sums.size_bytes(), XXH3_64bits(&header, offsetof(Header, checksum)));
}

int stored_channels(const Header& h) { return static_cast<int>(h.channels) - __builtin_popcountll(h.silent); }

std::int64_t samples_offset(const Header& h) {
  return static_cast<std::int64_t>(sizeof(Header)) + 8 * stored_channels(h) * segments_of(h.frames);
}

bool plausible(const Header& h) {
  return std::memcmp(h.magic, kMagic, sizeof kMagic) == 0 && h.channels >= 1 && h.channels <= 64 && h.frames >= 0 && h.frames < (Frames{1} << 40) &&
         (h.channels == 64 || (h.silent >> h.channels) == 0);
}

bool is_all_zero(const float* samples, Frames count) {
  for (Frames i = 0; i < count;) {
    const Frames end = std::min(count, i + 1024);
    std::uint32_t any = 0;
    for (; i < end; ++i) any |= std::bit_cast<std::uint32_t>(samples[i]) << 1;  // -0 is zero too
    if (any != 0) return false;
  }
  return true;
}

/// A message for a folder whose format file says something else.
Error refused(const std::string& folder, std::string_view line) {
  int format = 0;
  if (line.starts_with(kFormatName)) std::from_chars(line.data() + kFormatName.size(), line.data() + line.size(), format);
  if (format > 1)
    return fail(Errc::invalid_input, "{}: this store was made by a newer dubfarm (format {}; dubfarm {} knows format 1); use that one, or name another folder with --store",
                folder, format, DUBFARM_VERSION);
  return fail(Errc::invalid_input, "{}: this is not a store that dubfarm {} can use (its format file does not say \"{}\"); name another folder with --store",
              folder, DUBFARM_VERSION, kFormatLine.substr(0, kFormatLine.size() - 1));
}

}  // namespace

struct BlobReader::State {
  Descriptor fd;
  std::string path;
  std::time_t last_used = 0;
  Header header{};
  std::vector<std::uint64_t> sums;
  std::vector<int> slot;  // of each channel among the stored ones; -1 where it is silent
  struct Segment {
    Frames index = -1;
    SegmentCache::Samples samples;
    std::shared_ptr<float[]> own;  // the same memory, where no cache has it
  };
  std::vector<Segment> last;  // of each channel: the verified segment that was read last, since readers come in blocks smaller than one
  program::Key key;
  SegmentCache* cache = nullptr;
  /// A segment of a channel that is not silent, verified; reads it where neither `now` nor the cache has it.
  Result<void> fetch(int channel, Frames index, Segment& now);
};

BlobReader::BlobReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
BlobReader::BlobReader(BlobReader&&) noexcept = default;
BlobReader& BlobReader::operator=(BlobReader&&) noexcept = default;
BlobReader::~BlobReader() = default;
int BlobReader::channels() const { return static_cast<int>(state_->header.channels); }
Frames BlobReader::frames() const { return state_->header.frames; }
int BlobReader::sample_rate() const { return static_cast<int>(state_->header.sample_rate); }
bool BlobReader::is_silent(int channel) const { return state_->slot[static_cast<std::size_t>(channel)] < 0; }

Result<void> BlobReader::State::fetch(int channel, Frames index, Segment& now) {
  if (now.index == index) return {};
  std::shared_ptr<float[]> memory = std::move(now.own);  // of the segment before, where nobody else has it
  now = {};
  const SegmentCache::Name name{key, channel, index};
  if (SegmentCache::Samples known = cache != nullptr ? cache->find(name) : nullptr) {
    now.index = index, now.samples = std::move(known);
    return {};
  }
  const Frames begin = index * kSegment;
  const int at = slot[static_cast<std::size_t>(channel)];
  const auto size = static_cast<std::size_t>(std::min(kSegment, header.frames - begin));
  if (!memory) memory = std::make_shared_for_overwrite<float[]>(static_cast<std::size_t>(std::min(kSegment, header.frames)));
  const std::span<float> samples(memory.get(), size);
  TRY(read_exactly_at(fd, samples_offset(header) + 4 * (at * header.frames + begin), std::as_writable_bytes(samples), path));
  if (XXH3_64bits(samples.data(), samples.size_bytes()) != sums[static_cast<std::size_t>(at * segments_of(header.frames) + index)])
    return fail(Errc::corrupt, "{}: the samples of channel {} from frame {} do not match their checksum", path, channel + 1, begin);
  now.index = index, now.samples = memory;
  if (cache != nullptr) cache->keep(name, std::move(memory));
  else now.own = std::move(memory);
  return {};
}

Result<std::span<const float>> BlobReader::view(int channel, Frames first, Frames count) {
  State& s = *state_;
  assert(first >= 0 && count >= 1 && first + count <= s.header.frames && !is_silent(channel));
  State::Segment& segment = s.last[static_cast<std::size_t>(channel)];
  const Frames index = first / kSegment, begin = index * kSegment, end = std::min(begin + kSegment, s.header.frames);
  TRY(s.fetch(channel, index, segment));
  return std::span<const float>(segment.samples.get() + (first - begin), static_cast<std::size_t>(std::min(count, end - first)));
}

Result<void> BlobReader::read(int channel, Frames first, Frames count, float* out) {
  if (is_silent(channel)) {
    std::fill_n(out, count, 0.0f);
    return {};
  }
  while (count > 0) {
    TRY_ASSIGN(const std::span<const float> part, view(channel, first, count));
    out = std::copy(part.begin(), part.end(), out);
    first += static_cast<Frames>(part.size());
    count -= static_cast<Frames>(part.size());
  }
  return {};
}

Result<Store> Store::open(const std::string& folder, Access access) {
  if (access == Access::read_write)
    for (const char* part : {"/blobs", "/tmp", "/trash", "/jobs"}) TRY(make_folders(folder + part));
  const std::string format = folder + "/format";
  const Descriptor fd(::open(format.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) {
    if (errno != ENOENT) return system_error(errno, format, "read");
    if (access == Access::read_only) return fail(Errc::not_found, "{}: there is no store here; dubfarm render makes one, and --store names it", folder);
    TRY(write_file_atomically(format, kFormatLine));
    return Store(folder);
  }
  char line[64] = {};
  const ssize_t size = ::read(fd.get(), line, sizeof line - 1);
  if (size < 0) return system_error(errno, format, "read");
  if (std::string_view(line, static_cast<std::size_t>(size)) != kFormatLine) return refused(folder, std::string_view(line, static_cast<std::size_t>(size)));
  if (access == Access::read_write && ::access((folder + "/tmp").c_str(), W_OK) != 0) return system_error(errno, folder, "write to this store");
  return Store(folder);
}

std::string Store::path_of(const program::Key& key) const {
  const std::string hex = key.hex();
  return fmt::format("{}/blobs/{}/{}", folder_, std::string_view(hex).substr(0, 2), hex);
}

std::string Store::trash_path_of(const program::Key& key) const { return folder_ + "/trash/" + key.hex(); }

Result<BlobReader> Store::open_blob(const program::Key& key, SegmentCache* cache) const {
  const std::string path = path_of(key);
  Result<BlobReader> blob = open_file(path);
  if (!blob.ok() && blob.error().code == Errc::not_found && ::rename(trash_path_of(key).c_str(), path.c_str()) == 0) blob = open_file(path);
  if (!blob.ok()) return blob;
  blob->state_->key = key;
  blob->state_->cache = cache;
  if (::time(nullptr) - blob->state_->last_used > kTouchSeconds) ::futimens(blob->state_->fd.get(), nullptr);
  return blob;
}

Result<BlobReader> Store::open_file(const std::string& path) {
  auto state = std::make_unique<BlobReader::State>();
  state->path = path;
  state->fd = Descriptor(::open(state->path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!state->fd.is_open()) return system_error(errno, state->path, "open");
  Header& h = state->header;
  TRY(read_exactly_at(state->fd, 0, std::as_writable_bytes(std::span(&h, 1)), state->path));
  struct stat info {};
  if (::fstat(state->fd.get(), &info) != 0) return system_error(errno, state->path, "look at");
  if (!plausible(h) || info.st_size != samples_offset(h) + 4 * stored_channels(h) * h.frames)
    return fail(Errc::corrupt, "{}: not a whole blob", state->path);
  state->last_used = info.st_mtim.tv_sec;
  state->sums.resize(static_cast<std::size_t>(stored_channels(h) * segments_of(h.frames)));
  TRY(read_exactly_at(state->fd, sizeof(Header), std::as_writable_bytes(std::span(state->sums)), state->path));
  if (header_checksum(h, state->sums) != h.checksum) return fail(Errc::corrupt, "{}: the header does not match its checksum", state->path);
  int next = 0;
  for (std::uint32_t c = 0; c < h.channels; ++c) state->slot.push_back((h.silent >> c & 1) != 0 ? -1 : next++);
  state->last.resize(h.channels);
  return BlobReader(std::move(state));
}

bool Store::has(const program::Key& key) const { return open_blob(key).ok(); }

void Store::discard(const program::Key& key) const { ::unlink(path_of(key).c_str()); }

Result<void> Store::sync() const {
  const Descriptor folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open() || ::syncfs(folder.get()) != 0) return system_error(errno, folder_, "sync this store");
  return {};
}

Result<Lease> Store::pin(std::span<const program::Key> keys) const {
  std::string body;
  body.reserve(keys.size() * 65);
  for (const program::Key& key : keys) (body += key.hex()) += '\n';
  TRY(make_folders(folder_ + "/jobs"));
  return Lease::take(folder_ + "/jobs/" + unique_name(), body);
}

Result<void> Store::put(const program::Key& key, int sample_rate, Frames frames, std::span<const float* const> channels) const {
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.channels = static_cast<std::uint32_t>(channels.size());
  header.sample_rate = static_cast<std::uint32_t>(sample_rate);
  header.frames = frames;
  for (std::size_t c = 0; c < channels.size(); ++c)
    if (is_all_zero(channels[c], frames)) header.silent |= std::uint64_t{1} << c;

  const std::string temporary = folder_ + "/tmp/" + unique_name(), final_path = path_of(key);
  const auto write = [&]() -> Result<void> {
    const auto create = [&] { return Descriptor(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)); };
    Descriptor fd = create();
    if (!fd.is_open() && errno == ENOENT) {  // somebody deletes this store
      TRY(make_folders(folder_ + "/tmp"));
      fd = create();
    }
    if (!fd.is_open()) return system_error(errno, temporary, "write this blob");
    std::vector<std::uint64_t> sums;
    std::int64_t offset = samples_offset(header);
    for (std::size_t c = 0; c < channels.size(); ++c) {
      if ((header.silent >> c & 1) != 0) continue;
      for (Frames first = 0; first < frames; first += kSegment) {  // hashed and written while it is in the cache
        const std::span<const float> segment(channels[c] + first, static_cast<std::size_t>(std::min(kSegment, frames - first)));
        sums.push_back(XXH3_64bits(segment.data(), segment.size_bytes()));
        TRY(write_at(fd, offset, std::as_bytes(segment), temporary));
        offset += static_cast<std::int64_t>(segment.size_bytes());
      }
    }
    header.checksum = header_checksum(header, sums);
    TRY(write_at(fd, sizeof header, std::as_bytes(std::span(sums)), temporary));
    TRY(write_at(fd, 0, std::as_bytes(std::span(&header, 1)), temporary));
    ::sync_file_range(fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE);  // a hint; where it does not exist, sync() has more to do
    if (::rename(temporary.c_str(), final_path.c_str()) == 0) return {};
    if (errno != ENOENT) return system_error(errno, final_path, "move a finished blob here");
    TRY(make_folders(final_path.substr(0, final_path.rfind('/'))));
    if (::rename(temporary.c_str(), final_path.c_str()) != 0) return system_error(errno, final_path, "move a finished blob here");
    return {};
  };
  Result<void> written = write();
  for (int again = 0; again < 3 && !written.ok() && written.error().code == Errc::not_found; ++again) written = write();  // deleted under our hands
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

}  // namespace dubfarm
