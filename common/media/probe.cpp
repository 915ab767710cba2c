#include "common/media/probe.hpp"

#include <sndfile.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "common/media/chunk_walk.hpp"
#include "common/descriptor.hpp"

namespace dubfarm::media {
namespace {

struct CloseSound {
  void operator()(SNDFILE* file) const noexcept { sf_close(file); }
};
using Sound = std::unique_ptr<SNDFILE, CloseSound>;

/// libsndfile's name of our format, so that both have read the same header the same way.
int sndfile_subtype(SampleFormat format) {
  switch (format) {
    case SampleFormat::u8: return SF_FORMAT_PCM_U8;
    case SampleFormat::s8: return SF_FORMAT_PCM_S8;
    case SampleFormat::s16le: case SampleFormat::s16be: return SF_FORMAT_PCM_16;
    case SampleFormat::s24le: case SampleFormat::s24be: return SF_FORMAT_PCM_24;
    case SampleFormat::s32le: case SampleFormat::s32be: return SF_FORMAT_PCM_32;
    case SampleFormat::f32le: case SampleFormat::f32be: return SF_FORMAT_FLOAT;
    case SampleFormat::f64le: case SampleFormat::f64be: return SF_FORMAT_DOUBLE;
  }
  return 0;
}

SourceInfo info_of(const std::string& path, const WalkedFile& walked) {
  return {path, walked.sample_rate, walked.channels, walked.frames, PcmLayout{*walked.format, walked.data_offset}};
}

bool agree(const WalkedFile& walked, const SF_INFO& sound) {
  return walked.format && walked.sample_rate == sound.samplerate && walked.channels == sound.channels && walked.frames == sound.frames &&
         (sound.format & SF_FORMAT_SUBMASK) == sndfile_subtype(*walked.format);
}

/// A coded file that was cut short still promises its old length: its last frame tells.
Result<void> check_last_frame(const std::string& path, SNDFILE* sound, const SF_INFO& info) {
  std::vector<float> frame(static_cast<std::size_t>(info.channels));
  if (sf_seek(sound, info.frames - 1, SEEK_SET) == info.frames - 1 && sf_readf_float(sound, frame.data(), 1) == 1) return {};
  return fail(Errc::invalid_input, "{}: the header promises {} frames but the last cannot be read; the file is truncated: copy it again",
              path, info.frames);
}

}  // namespace

Result<SourceInfo> probe(const std::string& path) {
  TRY_ASSIGN(const Descriptor file, open_for_reading(path));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error(errno, path, "look at");
  if (!S_ISREG(status.st_mode)) return fail(Errc::invalid_input, "{}: a sound file was expected, this is no regular file", path);
  if (status.st_size == 0) return fail(Errc::invalid_input, "{}: the file is empty", path);
  TRY_ASSIGN(const std::optional<WalkedFile> walked, walk_chunks(file, status.st_size, path));

  SF_INFO info{};
  const Sound sound(sf_open_fd(file.get(), SFM_READ, &info, SF_FALSE));
  if (!sound && walked && walked->format) return info_of(path, *walked);  // BW64; or a pad byte is missing
  if (!sound) {
    return fail(Errc::invalid_input, "{}: cannot be read as sound ({}); convert it to WAV, AIFF or FLAC", path, sf_strerror(nullptr));
  }
  if (walked && agree(*walked, info)) return info_of(path, *walked);
  if (info.samplerate < 1 || info.channels < 1 || info.channels > 1024) {
    return fail(Errc::invalid_input, "{}: its header says {} Hz and {} channels; the header is damaged", path, info.samplerate,
                info.channels);
  }
  if (info.frames == 0) return fail(Errc::invalid_input, "{}: it has no samples", path);
  if (info.frames < 0 || info.frames == SF_COUNT_MAX || !info.seekable) {
    return fail(Errc::invalid_input, "{}: its header does not say how long it is; open and save it in an audio editor", path);
  }
  TRY(check_last_frame(path, sound.get(), info));
  return SourceInfo{path, info.samplerate, info.channels, info.frames, std::nullopt};
}

}  // namespace dubfarm::media
