#include "worker/source_reader.hpp"

#include <sndfile.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cmath>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "common/descriptor.hpp"
#include "kernels/decode/decode.hpp"

namespace dubfarm::worker {
namespace {

constexpr std::size_t kBounceBytes = std::size_t{256} << 10;  // stays in the L2 cache between pread and decode
constexpr std::size_t kDecodersPerScratch = 32;

/// Raises the soft limit of open files to the hard one, once. @return the limit in force.
std::size_t raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
}

Error changed(const std::string& path) {
  return fail(Errc::invalid_input, "{}: the file was changed after it was planned; start again once it is no longer written to", path);
}

Result<Descriptor> open_unchanged(const std::string& path, const media::FileStamp& stamp) {
  TRY_ASSIGN(Descriptor file, open_for_reading(path));
  TRY_ASSIGN(const media::FileStamp now, media::stamp(file, path));
  if (now != stamp) return changed(path);
  return file;
}

/// The raw files that were read last, open. One per process; a file in use stays open though it has left the pool.
class DescriptorPool {
 public:
  static DescriptorPool& instance() {
    static auto* pool = new DescriptorPool;  // outlives every reader
    return *pool;
  }
  Result<std::shared_ptr<const Descriptor>> open(std::uint64_t id, const std::string& path, const media::FileStamp& stamp) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = by_id_.find(id); found != by_id_.end()) {
        recent_.splice(recent_.begin(), recent_, found->second);
        return found->second->file;
      }
    }
    TRY_ASSIGN(Descriptor opened, open_unchanged(path, stamp));
    auto file = std::make_shared<const Descriptor>(std::move(opened));
    std::shared_ptr<const Descriptor> oldest;  // closed after the lock is gone
    const std::lock_guard lock(mutex_);
    if (const auto found = by_id_.find(id); found != by_id_.end()) return found->second->file;  // another thread was first
    recent_.push_front({id, file});
    by_id_[id] = recent_.begin();
    if (recent_.size() > limit_) {
      oldest = std::move(recent_.back().file);
      by_id_.erase(recent_.back().id);
      recent_.pop_back();
    }
    return std::shared_ptr<const Descriptor>(file);
  }
  void close(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    recent_.erase(found->second);
    by_id_.erase(found);
  }

 private:
  struct Open {
    std::uint64_t id;
    std::shared_ptr<const Descriptor> file;
  };
  std::mutex mutex_;
  const std::size_t limit_ = std::clamp<std::size_t>(raise_open_file_limit() / 4, 16, 4096);
  std::list<Open> recent_;  // the last used first
  std::unordered_map<std::uint64_t, std::list<Open>::iterator> by_id_;
};

/// Formats whose every frame can be reached by a seek with the bits of a decoding from the start.
bool format_seeks_exactly(int format) {
  switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8: case SF_FORMAT_PCM_U8: case SF_FORMAT_PCM_16: case SF_FORMAT_PCM_24: case SF_FORMAT_PCM_32:
    case SF_FORMAT_FLOAT: case SF_FORMAT_DOUBLE: case SF_FORMAT_ULAW: case SF_FORMAT_ALAW:
      return (format & SF_FORMAT_TYPEMASK) != SF_FORMAT_OGG;  // FLAC is here; FLAC in Ogg is not
    default: return false;
  }
}

struct CloseSound {
  void operator()(SNDFILE* file) const noexcept { sf_close(file); }
};

/// One open coded file and how far it is decoded.
struct Decoder {
  std::uint64_t reader = 0;
  Descriptor file;  // before `sound`, which reads from it
  std::unique_ptr<SNDFILE, CloseSound> sound;
  Frames position = 0;
};

struct OpenSound {
  Descriptor file;
  std::unique_ptr<SNDFILE, CloseSound> sound;
  int format = 0;
};

Result<OpenSound> open_sound(const media::SourceInfo& info, const media::FileStamp& stamp) {
  OpenSound opened;
  TRY_ASSIGN(opened.file, open_unchanged(info.path, stamp));
  SF_INFO sound{};
  opened.sound.reset(sf_open_fd(opened.file.get(), SFM_READ, &sound, SF_FALSE));
  if (!opened.sound) return fail(Errc::io_error, "{}: cannot be read as sound any more: {}", info.path, sf_strerror(nullptr));
  if (sound.channels != info.channels || sound.frames != info.frames) return changed(info.path);
  opened.format = sound.format;
  return opened;
}

}  // namespace

struct ReadScratch::State {
  std::vector<std::byte> bounce = std::vector<std::byte>(kBounceBytes);
  std::vector<float> frames;    // interleaved, of coded files
  std::list<Decoder> decoders;  // the last used first

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {  // they held samples
    ::explicit_bzero(bounce.data(), bounce.size());
    if (!frames.empty()) ::explicit_bzero(frames.data(), frames.size() * sizeof(float));
  }
};

ReadScratch::ReadScratch() : state_(std::make_unique<State>()) {}
ReadScratch::~ReadScratch() = default;
ReadScratch::ReadScratch(ReadScratch&&) noexcept = default;
ReadScratch& ReadScratch::operator=(ReadScratch&&) noexcept = default;

SourceReader::SourceReader(media::SourceInfo info, media::FileStamp stamp) : info_(std::move(info)), stamp_(stamp) {
  static std::atomic<std::uint64_t> next_id{1};
  id_ = next_id.fetch_add(1);
}
SourceReader::~SourceReader() { DescriptorPool::instance().close(id_); }

Result<std::shared_ptr<const SourceReader>> SourceReader::open(const media::SourceInfo& info, const media::FileStamp& stamp) {
  std::shared_ptr<SourceReader> reader(new SourceReader(info, stamp));
  TRY(reader->verify_unchanged());
  if (!info.pcm) {
    TRY_ASSIGN(const OpenSound opened, open_sound(info, stamp));
    reader->seeks_exactly_ = format_seeks_exactly(opened.format);
  }
  return std::shared_ptr<const SourceReader>(std::move(reader));
}

bool SourceReader::reaches(Frames first, const ReadScratch& scratch) const {
  const std::list<Decoder>& decoders = scratch.state_->decoders;
  const auto found = std::find_if(decoders.begin(), decoders.end(), [this](const Decoder& d) { return d.reader == id_; });
  return found != decoders.end() && found->position <= first;
}

Result<void> SourceReader::verify_unchanged() const {
  TRY_ASSIGN(const media::FileStamp now, media::stamp(info_.path));
  if (now != stamp_) return changed(info_.path);
  return {};
}

Result<void> SourceReader::read(Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                                ReadScratch& scratch) const {
  assert(channels.size() == out.size());
  if (first < 0 || count < 0 || first > info_.frames - count) {
    return fail(Errc::internal, "{}: frames {} to {} were asked for, the source has {}", info_.path, first, first + count, info_.frames);
  }
  for (const int channel : channels) {
    if (channel < 0 || channel >= info_.channels) {
      return fail(Errc::internal, "{}: channel {} was asked for, the source has {}", info_.path, channel + 1, info_.channels);
    }
  }
  return info_.pcm ? read_raw(first, count, channels, out, scratch) : read_decoded(first, count, channels, out, scratch);
}

Result<void> SourceReader::read_bytes(Frames first, Frames count, std::span<std::byte> out) const {
  assert(info_.pcm && first >= 0 && count >= 0 && first <= info_.frames - count);
  TRY_ASSIGN(const std::shared_ptr<const Descriptor> file, DescriptorPool::instance().open(id_, info_.path, stamp_));
  const std::int64_t block = static_cast<std::int64_t>(info_.channels) * bytes_per_sample(info_.pcm->format);
  TRY_ASSIGN(const std::size_t got, read_at(*file, info_.pcm->data_offset + first * block, out.first(static_cast<std::size_t>(count * block)), info_.path));
  if (static_cast<std::int64_t>(got) < count * block) {
    return fail(Errc::invalid_input, "{}: the file ends at frame {} of {}; it was cut short after it was planned", info_.path,
                first + static_cast<Frames>(got) / block, info_.frames);
  }
  return {};
}

Result<void> SourceReader::read_raw(Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                                    ReadScratch& scratch) const {
  TRY_ASSIGN(const std::shared_ptr<const Descriptor> file, DescriptorPool::instance().open(id_, info_.path, stamp_));
  const std::int64_t block = static_cast<std::int64_t>(info_.channels) * bytes_per_sample(info_.pcm->format);
  const std::span<std::byte> bounce(scratch.state_->bounce);
  const Frames step = static_cast<Frames>(bounce.size()) / block;
  for (Frames done = 0; done < count;) {
    const Frames now = std::min(step, count - done);
    const std::int64_t offset = info_.pcm->data_offset + (first + done) * block;
    TRY_ASSIGN(const std::size_t got, read_at(*file, offset, bounce.first(static_cast<std::size_t>(now * block)), info_.path));
    if (static_cast<std::int64_t>(got) < now * block) {
      return fail(Errc::invalid_input, "{}: the file ends at frame {} of {}; it was cut short after it was planned", info_.path,
                  first + done + static_cast<Frames>(got) / block, info_.frames);
    }
    for (std::size_t c = 0; c < channels.size(); ++c) {
      const Frames bad = kernels::decode(bounce.data(), info_.pcm->format, info_.channels, channels[c], now, out[c] + done);
      if (bad >= 0) return not_finite(first + done + bad, channels[c], out[c][done + bad]);
    }
    done += now;
  }
  return {};
}

Result<void> SourceReader::read_decoded(Frames first, Frames count, std::span<const int> channels, std::span<float* const> out,
                                        ReadScratch& scratch) const {
  std::list<Decoder>& decoders = scratch.state_->decoders;
  auto found = std::find_if(decoders.begin(), decoders.end(), [this](const Decoder& d) { return d.reader == id_; });
  if (found != decoders.end() && !seeks_exactly_ && first < found->position) {
    decoders.erase(found);
    found = decoders.end();
  }
  if (found == decoders.end()) {
    TRY_ASSIGN(OpenSound opened, open_sound(info_, stamp_));
    decoders.push_front(Decoder{.reader = id_, .file = std::move(opened.file), .sound = std::move(opened.sound)});
    if (decoders.size() > kDecodersPerScratch) decoders.pop_back();
  } else {
    decoders.splice(decoders.begin(), decoders, found);
  }

  Decoder& decoder = decoders.front();
  const Frames step = std::max<Frames>(1, static_cast<Frames>(kBounceBytes / sizeof(float)) / info_.channels);
  scratch.state_->frames.resize(
      static_cast<std::size_t>(std::max<Frames>(step * info_.channels, static_cast<Frames>(scratch.state_->frames.size()))));
  float* const frames = scratch.state_->frames.data();
  const auto next = [&](Frames wanted) -> Result<void> {
    const Frames got = sf_readf_float(decoder.sound.get(), frames, wanted);
    decoder.position += got;
    if (got == wanted) return {};
    const Error error =
        fail(Errc::invalid_input, "{}: it cannot be decoded past frame {} of {} ({}); the file is damaged or was cut short: copy it again",
             info_.path, decoder.position, info_.frames, sf_strerror(decoder.sound.get()));
    decoders.pop_front();
    return error;
  };
  if (decoder.position != first && seeks_exactly_) {
    if (sf_seek(decoder.sound.get(), first, SEEK_SET) != first) {
      const Error error =
          fail(Errc::io_error, "{}: cannot seek to frame {} of {}: {}", info_.path, first, info_.frames, sf_strerror(decoder.sound.get()));
      decoders.pop_front();
      return error;
    }
    decoder.position = first;
  }
  while (decoder.position < first) TRY(next(std::min(step, first - decoder.position)));
  for (Frames done = 0; done < count;) {
    const Frames now = std::min(step, count - done);
    TRY(next(now));
    for (std::size_t c = 0; c < channels.size(); ++c) {
      const Frames bad = kernels::decode(reinterpret_cast<const std::byte*>(frames), media::SampleFormat::f32le, info_.channels,
                                         channels[c], now, out[c] + done);
      if (bad >= 0) return not_finite(first + done + bad, channels[c], out[c][done + bad]);
    }
    done += now;
  }
  return {};
}

Error SourceReader::not_finite(Frames frame, int channel, float value) const {
  return fail(Errc::invalid_input, "{}: frame {}, channel {} is {}; the file is damaged: export it again", info_.path, frame, channel + 1,
              std::isnan(value) ? "not a number" : "infinite");
}

}  // namespace dubfarm::worker
