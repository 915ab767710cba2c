#include "cli/measure.hpp"

#include <fmt/format.h>
#include <sndfile.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/exit_code.hpp"
#include "common/layout.hpp"
#include "common/machine.hpp"
#include "common/mix/resolve.hpp"
#include "common/result.hpp"
#include "kernels/level/level.hpp"
#include "kernels/loudness/loudness.hpp"
#include "kernels/loudness/m_weighting.hpp"
#include "kernels/true_peak/true_peak.hpp"
#include "scheduler/delivery/check.hpp"
#include "scheduler/delivery/reading_json.hpp"

namespace dubfarm::cli {
namespace {

constexpr int kLowestRate = 8000;
constexpr Frames kReadFrames = 4096;

constexpr int kLowestLeqmRate = 16001;

struct Measured {
  int channels = 0;
  int sample_rate = 0;
  std::optional<Layout> layout;
  std::optional<mix::SampleType> sample_type;
  scheduler::LoudnessMaterial material;
  std::int64_t clipped_samples = 0;
};

std::optional<mix::SampleType> sample_type_of(const SF_INFO& info) {
  switch (info.format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_16: return mix::SampleType::int16;
    case SF_FORMAT_PCM_24: return mix::SampleType::int24;
    case SF_FORMAT_PCM_32: return mix::SampleType::int32;
    case SF_FORMAT_FLOAT: return mix::SampleType::float32;
    default: return std::nullopt;
  }
}

/// The highest sample that the type has, as libsndfile gives it in float; the lowest is -1.
float full_scale_of(const std::optional<mix::SampleType>& type) {
  if (type == mix::SampleType::int16) return 32767.0f / 32768.0f;
  if (type == mix::SampleType::int24) return 8388607.0f / 8388608.0f;
  return 1.0f;
}

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
  Measurement(const std::string& path, const SF_INFO& info, mix::ChannelOrder order, bool leqm)
      : path_(path), order_(order), rate_(info.samplerate), channels_(info.channels), frames_(info.frames),
        range_(kernels::group_frames(rate_) * std::max(1, 16 / channels_)),  // lanes enough to fill vectors, little enough to stay in cache
        energy_(static_cast<std::size_t>(channels_), std::vector<double>(static_cast<std::size_t>(kernels::subblock_count(frames_, rate_)))),
        m_energy_(leqm ? energy_ : std::vector<std::vector<double>>()),
        sums_(static_cast<std::size_t>(channels_), std::vector<double>(static_cast<std::size_t>((frames_ + kernels::group_frames(rate_) - 1) / kernels::group_frames(rate_)))),
        sample_type_(sample_type_of(info)), full_scale_(full_scale_of(sample_type_)), peaks_(static_cast<std::size_t>(channels_)) {}

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
    Measured measured{channels_, rate_, layout_of(channels_), sample_type_, {}, clipped_samples_};
    scheduler::LoudnessMaterial& material = measured.material;
    if (measured.layout) TRY(bring_to_smpte(*measured.layout));
    material.subblock_frames = kernels::subblock_frames(rate_);
    material.weights = measured.layout ? scheduler::loudness_weights(*measured.layout) : std::vector<double>(static_cast<std::size_t>(channels_), 1.0);
    material.energy = std::move(energy_);
    for (const kernels::Peaks& p : peaks_) {
      material.true_peak.push_back(static_cast<double>(p.true_peak));
      material.sample_peak.push_back(static_cast<double>(p.sample_peak));
    }
    material.m_energy = std::move(m_energy_);
    material.leqm_levels_db = measured.layout ? scheduler::leqm_levels_db(*measured.layout) : std::vector<double>(static_cast<std::size_t>(channels_), 85.0);
    material.sums = std::move(sums_);
    material.frames = frames_;
    return measured;
  }

 private:
  /// Puts the rows of every figure into SMPTE order.
  Result<void> bring_to_smpte(Layout layout) {
    const std::optional<std::vector<int>> channels = mix::file_channels(layout, order_);
    if (!channels) return fail(Errc::invalid_input, "{}: {} has no film order; measure it without --order film", path_, name_of(layout));
    const auto sort = [&](auto& rows) {
      auto sorted = rows;
      for (std::size_t c = 0; c < rows.size(); ++c) sorted[static_cast<std::size_t>((*channels)[c])] = rows[c];
      rows = std::move(sorted);
    };
    if (order_ != mix::ChannelOrder::smpte) sort(energy_), sort(m_energy_), sort(sums_), sort(peaks_);
    return {};
  }

  void measure(Frames first, Frames count, const std::vector<std::vector<float>>& planar, Frames history) {
    std::vector<const float*> from;
    for (const auto& channel : planar) from.push_back(channel.data() + history);
    const Frames subblocks = kernels::subblock_count(count, rate_);
    std::vector<double> energy(static_cast<std::size_t>(channels_ * subblocks));
    const auto put_energies = [&](std::vector<std::vector<double>>& into) {
      for (int c = 0; c < channels_; ++c)
        std::copy_n(energy.begin() + c * subblocks, subblocks, into[static_cast<std::size_t>(c)].begin() + first / kernels::subblock_frames(rate_));
    };
    if (!m_energy_.empty()) {
      kernels::m_weighted_energies(from.data(), channels_, count, rate_, energy.data(), subblocks);
      put_energies(m_energy_);
    }
    kernels::subblock_energies(from.data(), channels_, count, rate_, energy.data(), subblocks);
    put_energies(energy_);
    const Frames group = kernels::group_frames(rate_);
    for (int c = 0; c < channels_; ++c) {
      const auto channel = static_cast<std::size_t>(c);
      std::int64_t clipped = 0;
      for (Frames at = 0; at < count; at += group) {
        const kernels::Level level = kernels::level(from[channel] + at, std::min(group, count - at), -1.0f, full_scale_);
        sums_[channel][static_cast<std::size_t>((first + at) / group)] = level.sum;
        clipped += level.full_scale;
      }
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
      clipped_samples_ += clipped;
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
  std::mutex mutex_;  // guards what follows but for energies and sums, whose ranges do not meet
  std::vector<std::vector<double>> energy_, m_energy_, sums_;
  const std::optional<mix::SampleType> sample_type_;
  const float full_scale_;
  std::vector<kernels::Peaks> peaks_;
  std::int64_t clipped_samples_ = 0;
  std::optional<Error> error_;
  Frames error_at_ = 0;
};

/// A lossy codec's decoder is not promised to give the same samples after a seek: such a file is read by one thread from end to end.
bool may_seek(const SF_INFO& info) {
  const int container = info.format & SF_FORMAT_TYPEMASK;
  return info.seekable != 0 && container != SF_FORMAT_OGG && container != SF_FORMAT_MPEG;
}

Result<Measured> measure_file(const std::string& path, mix::ChannelOrder order, bool leqm, int threads) {
  TRY_ASSIGN(SoundFile file, SoundFile::open(path));
  const SF_INFO info = file.info();
  if (info.samplerate < kLowestRate) return fail(Errc::invalid_input, "{}: its rate is {} Hz; loudness needs {} Hz or more", path, info.samplerate, kLowestRate);
  if (leqm && info.samplerate < kLowestLeqmRate)
    return fail(Errc::invalid_input, "{}: its rate is {} Hz; Leq(m) needs {} Hz or more", path, info.samplerate, kLowestLeqmRate);
  Measurement measurement(path, info, order, leqm);
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

void print_row(const std::string& file, const Measured& m, const scheduler::LoudnessReading& r) {
  fmt::print("{:>8} {:>7} {:>8} {:>8} {:>8} {:>8}  {:<7} {}\n", r.integrated_lufs || r.is_too_short ? cell(r.integrated_lufs) : "-inf", cell(r.range_lu),
             cell(r.max_momentary_lufs), cell(r.max_short_term_lufs), cell(r.true_peak_dbtp), cell(r.sample_peak_dbfs), layout_name(m), file);
  if (r.dialogue)
    fmt::print("         dialogue {} LUFS over {:.1f} % of the time, its stem alone {} LUFS; programme minus dialogue {} LU\n", cell(r.dialogue->loudness_lufs),
               100 * r.dialogue->speech_share, cell(r.dialogue->stem_lufs), cell(r.dialogue->ratio_lu));
  if (r.leqm_db) fmt::print("         Leq(m) {} dB\n", cell(r.leqm_db));
  if (m.clipped_samples > 0) fmt::print("         {} samples at full scale\n", m.clipped_samples);
}

nlohmann::ordered_json json_row(const std::string& file, const Measured& m, const scheduler::LoudnessReading& reading) {
  return {{"file", file},
          {"channels", m.channels},
          {"sample_rate", m.sample_rate},
          {"layout", m.layout ? nlohmann::ordered_json(name_of(*m.layout)) : nlohmann::ordered_json(nullptr)},
          {"clipped_samples", m.clipped_samples},
          {"loudness", scheduler::loudness_json(reading, m.layout)}};
}

/// The dialogue stem opens the gate of a mix that is as long as it.
Result<void> add_dialogue(const std::string& file, Measured& mix, const std::string& stem_file, const Measured& stem) {
  if (stem.sample_rate != mix.sample_rate || stem.material.frames != mix.material.frames)
    return fail(Errc::invalid_input, "{}: {} frames at {} Hz, and the dialogue stem {} has {} at {} Hz; a stem is as long as its mix", file, mix.material.frames,
                mix.sample_rate, stem_file, stem.material.frames, stem.sample_rate);
  mix.material.speech_energy = stem.material.energy;
  mix.material.speech_weights = stem.material.weights;
  return {};
}

std::vector<scheduler::Check> checks_of(const std::string& file, const Measured& m, const scheduler::LoudnessReading& reading, const scheduler::Spec& spec) {
  scheduler::DeliveredFile delivered;
  delivered.subject = std::filesystem::path(file).filename().string();
  delivered.sample_rate = m.sample_rate;
  delivered.layout = m.layout;
  delivered.sample_type = m.sample_type;
  delivered.has_window = false;
  return scheduler::check(reading, spec, delivered);
}

int refuse(const std::string& message) {
  fmt::print(stderr, "error: {}\n", message);
  return kBadInput;
}

}  // namespace

int run_measure(const MeasureOptions& options) {
  const int threads = options.threads > 0 ? options.threads : usable_processors();
  std::optional<scheduler::Spec> spec;
  if (!options.spec.empty()) {
    Result<scheduler::Spec> loaded = scheduler::load_spec(options.spec);
    if (!loaded.ok()) return refuse(loaded.error().message);
    spec = std::move(*loaded);
    if (spec->has_dialogue_rule() && options.dialogue.empty())
      return refuse(fmt::format("{} is judged by dialogue, and a finished file does not say where its dialogue is\nhelp: name its dialogue stem with --dialogue FILE",
                                spec->title));
  }
  std::optional<Measured> dialogue;
  if (!options.dialogue.empty()) {
    Result<Measured> stem = measure_file(options.dialogue, options.order, false, threads);
    if (!stem.ok()) return refuse(stem.error().message);
    dialogue = std::move(*stem);
  }
  const bool leqm = options.leqm || (spec && spec->leqm_db);

  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  bool header = !options.json;
  int status = kDone;
  for (const std::string& file : options.files) {
    Result<Measured> measured = measure_file(file, options.order, leqm, threads);
    if (measured.ok() && dialogue)
      if (Result<void> added = add_dialogue(file, *measured, options.dialogue, *dialogue); !added.ok()) measured = added.error();
    if (!measured.ok()) {
      status = refuse(measured.error().message);
      continue;
    }
    if (!measured->layout)
      fmt::print(stderr, "note: {}: {} channels are no layout that dubfarm knows; every channel has weight 1\n", file, measured->channels);
    const scheduler::LoudnessReading reading = scheduler::aggregate(measured->material);
    const std::vector<scheduler::Check> checks = spec ? checks_of(file, *measured, reading, *spec) : std::vector<scheduler::Check>();
    if (!scheduler::all_pass(checks) && status == kDone) status = kCheckFailed;
    if (header) fmt::print("{:>8} {:>7} {:>8} {:>8} {:>8} {:>8}  {:<7} {}\n", "I LUFS", "LRA LU", "M max", "S max", "TP dBTP", "peak dB", "layout", "file");
    header = false;
    if (options.json) {
      list.push_back(json_row(file, *measured, reading));
      if (spec) {
        list.back()["spec"] = scheduler::spec_json(*spec);
        list.back()["checks"] = scheduler::checks_json(checks);
        list.back()["pass"] = scheduler::all_pass(checks);
      }
    } else {
      print_row(file, *measured, reading);
      if (spec) fmt::print("{}{}: {} {}\n", scheduler::faults_text(checks), scheduler::all_pass(checks) ? "passes" : "fails", spec->title, spec->edition);
    }
  }
  if (options.json) fmt::print("{}\n", list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  return status;
}

}  // namespace dubfarm::cli
