// Any bytes are a sound file, or a clear refusal; what probe() promises, the file holds.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/media/probe.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int fd = ::memfd_create("source", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  const auto info = dubfarm::media::probe(path);
  if (!info.ok()) {
    if (!info.error().message.starts_with(path + ": ")) std::abort();
    return 0;
  }
  if (info->sample_rate < 1 || info->channels < 1 || info->channels > 1024 || info->frames < 1) std::abort();
  if (info->pcm) {
    const auto room = static_cast<std::int64_t>(size) - info->pcm->data_offset;
    const std::int64_t frame = std::int64_t{info->channels} * bytes_per_sample(info->pcm->format);
    if (info->pcm->data_offset < 0 || room < 0 || info->frames > room / frame) std::abort();
  }
  return 0;
}
