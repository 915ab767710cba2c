#include "common/media/flac_encoder.hpp"

#include <sndfile.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

namespace dubfarm::media {
namespace {

constexpr Frames kBlock = 16384;

/// A file as libsndfile's virtual input and output, which keeps the system's own error.
struct Target {
  const Descriptor& file;
  const std::string& path;
  sf_count_t at = 0;
  std::optional<Error> error{};

  static Target& of(void* user) { return *static_cast<Target*>(user); }
  static sf_count_t length(void* user) {
    struct stat info {};
    return ::fstat(of(user).file.get(), &info) == 0 ? info.st_size : 0;
  }
  static sf_count_t seek(sf_count_t offset, int whence, void* user) {
    Target& t = of(user);
    t.at = offset + (whence == SEEK_CUR ? t.at : whence == SEEK_END ? length(user) : 0);
    return t.at;
  }
  static sf_count_t tell(void* user) { return of(user).at; }
  static sf_count_t read(void* into, sf_count_t bytes, void* user) {
    Target& t = of(user);
    const auto got = read_at(t.file, t.at, std::span(static_cast<std::byte*>(into), static_cast<std::size_t>(bytes)), t.path);
    if (!got.ok()) return t.fails(got.error());
    t.at += static_cast<sf_count_t>(*got);
    return static_cast<sf_count_t>(*got);
  }
  static sf_count_t write(const void* from, sf_count_t bytes, void* user) {
    Target& t = of(user);
    const auto put = write_at(t.file, t.at, std::span(static_cast<const std::byte*>(from), static_cast<std::size_t>(bytes)), t.path);
    if (!put.ok()) return t.fails(put.error());
    t.at += bytes;
    return bytes;
  }
  sf_count_t fails(const Error& what) {
    if (!error) error = what;
    return 0;
  }
};
SF_VIRTUAL_IO virtual_io() { return {Target::length, Target::seek, Target::read, Target::write, Target::tell}; }

struct Close {
  void operator()(SNDFILE* file) const noexcept { sf_close(file); }
};
using Handle = std::unique_ptr<SNDFILE, Close>;

/// Reads the waiting samples as libsndfile's int: left-justified in 32 bits.
class PcmSource {
 public:
  PcmSource(const Descriptor& file, std::int64_t offset, const std::string& path, const OutputFormat& format)
      : file_(file), path_(path), at_(offset), channels_(format.channels), bytes_(bytes_per_sample(format.type)) {}
  Result<void> next(Frames frames, std::vector<int>& out) {
    const auto samples = static_cast<std::size_t>(frames * channels_);
    raw_.resize(samples * static_cast<std::size_t>(bytes_));
    TRY_ASSIGN(const std::size_t got, read_at(file_, at_, raw_, path_));
    if (got < raw_.size()) return fail(Errc::internal, "{}: shorter than its header says", path_);
    at_ += static_cast<std::int64_t>(got);
    out.resize(samples);
    for (std::size_t i = 0; i < samples; ++i) {
      std::uint32_t value = 0;
      for (int b = 0; b < bytes_; ++b) value |= static_cast<std::uint32_t>(raw_[i * static_cast<std::size_t>(bytes_) + static_cast<std::size_t>(b)]) << (8 * (4 - bytes_ + b));
      out[i] = static_cast<int>(value);
    }
    return {};
  }

 private:
  const Descriptor& file_;
  const std::string& path_;
  std::int64_t at_;
  int channels_, bytes_;
  std::vector<std::byte> raw_;
};

Error encoder_error(const Target& target, SNDFILE* file) {
  if (target.error) return *target.error;
  return fail(Errc::io_error, "{}: libsndfile cannot encode it: {}", target.path, sf_strerror(file));
}

}  // namespace

Result<void> encode_flac(const Descriptor& pcm, std::int64_t offset, const std::string& pcm_path, const OutputFormat& format, const Descriptor& flac,
                         const std::string& flac_path) {
  Target target{flac, flac_path};
  SF_VIRTUAL_IO io = virtual_io();
  std::vector<int> samples, decoded;
  {
    SF_INFO info{};
    info.samplerate = format.sample_rate;
    info.channels = format.channels;
    info.format = SF_FORMAT_FLAC | (format.type == SampleType::int16 ? SF_FORMAT_PCM_16 : SF_FORMAT_PCM_24);
    Handle out(sf_open_virtual(&io, SFM_WRITE, &info, &target));
    if (!out) return encoder_error(target, nullptr);
    sf_set_string(out.get(), SF_STR_TITLE, format.bext.description.c_str());
    sf_set_string(out.get(), SF_STR_COMMENT, fmt::format("{}; first sample {} after midnight", format.bext.originator, format.bext.time_reference).c_str());
    PcmSource source(pcm, offset, pcm_path, format);
    for (Frames at = 0; at < format.frames; at += kBlock) {
      const Frames n = std::min(kBlock, format.frames - at);
      TRY(source.next(n, samples));
      if (sf_writef_int(out.get(), samples.data(), n) != n || target.error) return encoder_error(target, out.get());
    }
    if (const int failure = sf_close(out.release()); failure != 0 && !target.error)
      return fail(Errc::io_error, "{}: libsndfile cannot finish it: {}", flac_path, sf_error_number(failure));
    if (target.error) return *target.error;
  }
  // What will be delivered, decoded, is what was measured.
  target.at = 0;
  SF_INFO info{};
  const Handle in(sf_open_virtual(&io, SFM_READ, &info, &target));
  bool same = in && info.frames == format.frames && info.channels == format.channels;
  PcmSource source(pcm, offset, pcm_path, format);
  for (Frames at = 0; same && at < format.frames; at += kBlock) {
    const Frames n = std::min(kBlock, format.frames - at);
    TRY(source.next(n, samples));
    decoded.resize(samples.size());
    same = sf_readf_int(in.get(), decoded.data(), n) == n && decoded == samples;
  }
  if (target.error) return *target.error;
  if (!same) return fail(Errc::corrupt, "{}: does not decode to the samples that went in; check this machine's memory and disk", flac_path);
  return {};
}

}  // namespace dubfarm::media
