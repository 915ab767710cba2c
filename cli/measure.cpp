#include "cli/measure.hpp"

#include <fmt/format.h>
#include <sndfile.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/exit_code.hpp"
#include "common/layout.hpp"
#include "common/mix/resolve.hpp"
#include "common/result.hpp"
#include "kernels/loudness/loudness.hpp"
#include "kernels/true_peak/true_peak.hpp"
#include "scheduler/delivery/loudness.hpp"

namespace dubfarm::cli {
namespace {

constexpr int kLowestRate = 8000;
constexpr Frames kReadFrames = 4096;

struct Measured {
  int channels = 0;
  int sample_rate = 0;
  std::optional<Layout> layout;
  scheduler::LoudnessReading reading;
};

std::optional<Layout> layout_of(int channels) {
  for (const Layout layout : kLayouts)
    if (channel_count(layout) == channels) return layout;
  return std::nullopt;
}

class SoundFile {
 public:
  static Result<SoundFile> open(const std::string& path) {
    SoundFile file;
    file.handle_.reset(sf_open(path.c_str(), SFM_READ, &file.info_));
    if (!file.handle_) return fail(Errc::invalid_input, "{}: {}", path, sf_strerror(nullptr));
    return file;
  }
  [[nodiscard]] const SF_INFO& info() const { return info_; }

  /// Reads frames [first, first + count) to planar[c] + offset; seeks only when it is not there already.
  [[nodiscard]] bool read(Frames first, Frames count, std::vector<std::vector<float>>& planar, Frames offset) {
    if (first != at_ && sf_seek(handle_.get(), first, SEEK_SET) != first) return false;
    mixed_.resize(static_cast<std::size_t>(kReadFrames * info_.channels));
    for (Frames done = 0; done < count;) {
      const Frames frames = std::min(kReadFrames, count - done);
      if (sf_readf_float(handle_.get(), mixed_.data(), frames) != frames) return false;
      const auto stride = planar.size();
      for (std::size_t c = 0; c < stride; ++c) {
        float* to = planar[c].data() + offset + done;
        for (std::size_t f = 0; f < static_cast<std::size_t>(frames); ++f) to[f] = mixed_[f * stride + c];
      }
      done += frames;
    }
    at_ = first + count;
    return true;
  }

 private:
  struct Close {
    void operator()(SNDFILE* file) const noexcept { sf_close(file); }
  };
  std::unique_ptr<SNDFILE, Close> handle_;
  SF_INFO info_{};
  Frames at_ = 0;
  std::vector<float> mixed_;
};

/// One file, cut into ranges of whole groups that threads take in turn. Energies have their places and peaks are maxima: the result does
/// not depend on who took what.
class Measurement {
 public:
  Measurement(const std::string& path, const SF_INFO& info, mix::ChannelOrder order)
      : path_(path), order_(order), rate_(info.samplerate), channels_(info.channels), frames_(info.frames),
        range_(kernels::group_frames(rate_) * std::max(1, 16 / channels_)),  // lanes enough to fill vectors, little enough to stay in cache
        energy_(static_cast<std::size_t>(channels_), std::vector<double>(static_cast<std::size_t>(kernels::subblock_count(frames_, rate_)))),
        peaks_(static_cast<std::size_t>(channels_)) {}

  [[nodiscard]] int ranges() const { return static_cast<int>((frames_ + range_ - 1) / range_); }

  /// Takes ranges until none is left or one fails. Each thread brings a file handle of its own.
  void work(SoundFile file) {
    const kernels::FlushDenormals flush;
    const Frames history = kernels::history_frames(rate_);
    std::vector<std::vector<float>> planar(static_cast<std::size_t>(channels_), std::vector<float>(static_cast<std::size_t>(history + range_)));
    Frames end_of_last = 0;  // at frame 0 the history is zeros, as they stand
    for (int index; !failed_ && (index = next_++) < ranges();) {
      const Frames first = index * range_, count = std::min(range_, frames_ - first);
      bool ok = true;
      if (first == end_of_last && first > 0)
        for (auto& channel : planar) std::copy_n(channel.begin() + range_, history, channel.begin());
      else if (first > 0) ok = file.read(first - history, history, planar, 0);
      ok = ok && file.read(first, count, planar, history);
      if (!ok) return note(first, fail(Errc::invalid_input, "{}: ends or breaks off within frames {} to {}; its header says {} frames", path_, first,
                                       first + count, frames_));
      measure(first, count, planar, history);
      end_of_last = first + count;
    }
  }

  [[nodiscard]] Result<Measured> result() {
    if (error_) return *error_;
    Measured measured{channels_, rate_, layout_of(channels_), {}};
    scheduler::LoudnessMaterial material;
    material.subblock_frames = kernels::subblock_frames(rate_);
    material.weights.assign(static_cast<std::size_t>(channels_), 1.0);
    if (measured.layout) {
      const std::optional<std::vector<int>> channels = mix::file_channels(*measured.layout, order_);
      if (!channels) return fail(Errc::invalid_input, "{}: {} has no film order; measure it without --order film", path_, name_of(*measured.layout));
      const std::vector<double> weights = scheduler::loudness_weights(*measured.layout);
      for (std::size_t c = 0; c < channels->size(); ++c) material.weights[c] = weights[static_cast<std::size_t>((*channels)[c])];
    }
    material.energy = std::move(energy_);
    for (const kernels::Peaks& p : peaks_) {
      material.true_peak.push_back(static_cast<double>(p.true_peak));
      material.sample_peak.push_back(static_cast<double>(p.sample_peak));
    }
    measured.reading = scheduler::aggregate(material);
    return measured;
  }

 private:
  void measure(Frames first, Frames count, const std::vector<std::vector<float>>& planar, Frames history) {
    std::vector<const float*> from;
    for (const auto& channel : planar) from.push_back(channel.data() + history);
    const Frames subblocks = kernels::subblock_count(count, rate_);
    std::vector<double> energy(static_cast<std::size_t>(channels_ * subblocks));
    kernels::subblock_energies(from.data(), channels_, count, rate_, energy.data(), subblocks);
    for (int c = 0; c < channels_; ++c) {
      const auto channel = static_cast<std::size_t>(c);
      std::copy_n(energy.begin() + c * subblocks, subblocks, energy_[channel].begin() + first / kernels::subblock_frames(rate_));
      kernels::Peaks peaks = kernels::peaks(from[channel], count);
      if (first + count == frames_) peaks = larger(peaks, kernels::tail_peaks(from[channel] + count));
      if (std::isnan(peaks.sample_peak)) {
        const float* bad = std::find_if(from[channel], from[channel] + count, [](float v) { return !std::isfinite(v); });
        const Frames at = first + (bad - from[channel]);
        return note(at, fail(Errc::invalid_input, "{}: frame {} ({:.3f} s) of channel {} is not a finite number; render or convert the file again", path_,
                             at, static_cast<double>(at) / rate_, c + 1));
      }
      const std::scoped_lock lock(mutex_);
      peaks_[channel] = larger(peaks_[channel], peaks);
    }
  }

  /// Keeps the error that lies first in the file.
  void note(Frames at, Error error) {
    const std::scoped_lock lock(mutex_);
    failed_ = true;
    if (error_ && error_at_ <= at) return;
    error_ = std::move(error);
    error_at_ = at;
  }

  const std::string path_;
  const mix::ChannelOrder order_;
  const int rate_, channels_;
  const Frames frames_, range_;
  std::atomic<int> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;  // guards what follows; energy_ excepted, whose ranges do not meet
  std::vector<std::vector<double>> energy_;
  std::vector<kernels::Peaks> peaks_;
  std::optional<Error> error_;
  Frames error_at_ = 0;
};

/// A lossy codec's decoder is not promised to give the same samples after a seek: such a file is read by one thread from end to end.
bool may_seek(const SF_INFO& info) {
  const int container = info.format & SF_FORMAT_TYPEMASK;
  return info.seekable != 0 && container != SF_FORMAT_OGG && container != SF_FORMAT_MPEG;
}

Result<Measured> measure_file(const std::string& path, mix::ChannelOrder order, int threads) {
  TRY_ASSIGN(SoundFile file, SoundFile::open(path));
  const SF_INFO info = file.info();
  if (info.samplerate < kLowestRate) return fail(Errc::invalid_input, "{}: its rate is {} Hz; loudness needs {} Hz or more", path, info.samplerate, kLowestRate);
  Measurement measurement(path, info, order);
  std::vector<std::jthread> helpers;
  for (int i = 1; i < std::min(may_seek(info) ? threads : 1, measurement.ranges()); ++i) {
    Result<SoundFile> another = SoundFile::open(path);
    if (!another) break;  // the threads that have a handle do the work
    helpers.emplace_back([&measurement, own = std::move(another).value()]() mutable { measurement.work(std::move(own)); });
  }
  measurement.work(std::move(file));
  helpers.clear();  // joins
  return measurement.result();
}

std::string cell(std::optional<double> value) { return value ? fmt::format("{:.2f}", *value) : "-"; }

std::string layout_name(const Measured& m) { return m.layout ? std::string(name_of(*m.layout)) : fmt::format("{} ch", m.channels); }

void print_row(const std::string& file, const Measured& m) {
  const scheduler::LoudnessReading& r = m.reading;
  fmt::print("{:>8} {:>7} {:>8} {:>8} {:>8} {:>8}  {:<7} {}\n", cell(r.integrated_lufs), cell(r.range_lu), cell(r.max_momentary_lufs),
             cell(r.max_short_term_lufs), cell(r.true_peak_dbtp), cell(r.sample_peak_dbfs), layout_name(m), file);
}

nlohmann::ordered_json json_row(const std::string& file, const Measured& m) {
  const auto value = [](std::optional<double> v) { return v ? nlohmann::ordered_json(std::round(*v * 1e4) / 1e4) : nlohmann::ordered_json(nullptr); };
  const scheduler::LoudnessReading& r = m.reading;
  return {{"file", file},
          {"channels", m.channels},
          {"sample_rate", m.sample_rate},
          {"layout", m.layout ? nlohmann::ordered_json(name_of(*m.layout)) : nlohmann::ordered_json(nullptr)},
          {"loudness",
           {{"integrated_lufs", value(r.integrated_lufs)},
            {"range_lu", value(r.range_lu)},
            {"max_momentary_lufs", value(r.max_momentary_lufs)},
            {"max_short_term_lufs", value(r.max_short_term_lufs)},
            {"true_peak_dbtp", value(r.true_peak_dbtp)},
            {"sample_peak_dbfs", value(r.sample_peak_dbfs)}}}};
}

}  // namespace

int run_measure(const std::vector<std::string>& files, bool json, mix::ChannelOrder order, int threads) {
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  bool header = !json;
  int status = kDone;
  for (const std::string& file : files) {
    const Result<Measured> measured = measure_file(file, order, threads);
    if (!measured) {
      fmt::print(stderr, "error: {}\n", measured.error().message);
      status = kBadInput;
      continue;
    }
    if (!measured->layout)
      fmt::print(stderr, "note: {}: {} channels are no layout that dubfarm knows; every channel has weight 1\n", file, measured->channels);
    if (header) fmt::print("{:>8} {:>7} {:>8} {:>8} {:>8} {:>8}  {:<7} {}\n", "I LUFS", "LRA LU", "M max", "S max", "TP dBTP", "peak dB", "layout", "file");
    header = false;
    if (json) list.push_back(json_row(file, *measured));
    else print_row(file, *measured);
  }
  if (json) fmt::print("{}\n", list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  return status;
}

}  // namespace dubfarm::cli
