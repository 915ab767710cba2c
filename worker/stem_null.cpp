#include "worker/stem_null.hpp"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace dubfarm::worker {
namespace {

constexpr Frames kBlock = 8192;

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};

/// A print's files, open at the same frame; gives their samples by channel of the layout.
class SoundReader {
 public:
  Result<void> open(const DeliveredSound& sound, Frames first) {
    for (const DeliveredSound::File& file : sound.files) {
      SF_INFO info{};
      std::unique_ptr<SNDFILE, Close> handle(sf_open(file.path.c_str(), SFM_READ, &info));
      if (!handle) return fail(Errc::io_error, "{}: cannot read it back: {}", file.path, sf_strerror(nullptr));
      if (info.channels != static_cast<int>(file.channels.size()) || sf_seek(handle.get(), first, SEEK_SET) != first)
        return fail(Errc::io_error, "{}: is not the file that was written: {} channels, {} frames", file.path, info.channels, info.frames);
      files_.push_back({std::move(handle), &file});
    }
    return {};
  }
  /// to[c][i], for the next `count` frames.
  Result<void> read(Frames count, std::vector<std::vector<double>>& to) {
    for (Open& open : files_) {
      const std::size_t channels = open.file->channels.size();
      interleaved_.resize(channels * static_cast<std::size_t>(count));
      if (const sf_count_t got = sf_readf_double(open.handle.get(), interleaved_.data(), count); got != count)
        return fail(Errc::io_error, "{}: ends early when it is read back: {} frames of {}", open.file->path, got, count);
      for (std::size_t i = 0; i < channels; ++i) {
        std::vector<double>& channel = to[static_cast<std::size_t>(open.file->channels[i])];
        for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n) channel[n] = interleaved_[n * channels + i];
      }
    }
    return {};
  }

 private:
  struct Open {
    std::unique_ptr<SNDFILE, Close> handle;
    const DeliveredSound::File* file;
  };
  std::vector<Open> files_;
  std::vector<double> interleaved_;
};

std::vector<std::vector<double>> block_of(Layout layout) {
  return std::vector<std::vector<double>>(static_cast<std::size_t>(channel_count(layout)), std::vector<double>(kBlock));
}

}  // namespace

Result<double> largest_difference(const DeliveredSound& master, const std::vector<DeliveredSound>& stems, const std::vector<Matrix>& matrices, Frames first,
                                  Frames count) {
  SoundReader whole;
  TRY(whole.open(master, first));
  std::vector<SoundReader> parts(stems.size());
  for (std::size_t s = 0; s < stems.size(); ++s) TRY(parts[s].open(stems[s], first));
  std::vector<std::vector<double>> rest = block_of(master.layout);
  double most = 0;
  for (Frames done = 0; done < count; done += kBlock) {
    const Frames n = std::min(kBlock, count - done);
    TRY(whole.read(n, rest));
    for (std::size_t s = 0; s < stems.size(); ++s) {
      std::vector<std::vector<double>> stem = block_of(stems[s].layout);
      TRY(parts[s].read(n, stem));
      for (int r = 0; r < matrices[s].rows; ++r)
        for (int c = 0; c < matrices[s].columns; ++c) {
          const double gain = matrices[s].at(r, c);
          if (gain == 0) continue;
          double* to = rest[static_cast<std::size_t>(r)].data();
          const double* from = stem[static_cast<std::size_t>(c)].data();
          for (Frames i = 0; i < n; ++i) to[i] -= gain * from[i];
        }
    }
    for (const auto& channel : rest)
      for (Frames i = 0; i < n; ++i)
        if (const double v = std::abs(channel[static_cast<std::size_t>(i)]); !(v <= most)) most = std::isnan(v) ? INFINITY : v;
  }
  return most;
}

}  // namespace dubfarm::worker
