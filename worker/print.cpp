#include "worker/print.hpp"

#include <algorithm>
#include <mutex>

#include "kernels/loudness/loudness.hpp"
#include "kernels/mix/mix.hpp"
#include "kernels/quantise/quantise.hpp"

namespace dubfarm::worker {
namespace {

constexpr Frames kBlock = 8192;  // summed and quantised at a time: [12] doubles of it stay in the cache

/// The blobs that sound in one range, open.
class RangeInputs {
 public:
  /// Opens what sounds in [first, end). What is missing or corrupt goes into `lost`.
  Result<void> open(const Store& store, const std::vector<PrintStem>& stems, Frames first, Frames end) {
    for (const PrintStem& stem : stems) {
      auto place = std::lower_bound(stem.placements.begin(), stem.placements.end(), first,
                                    [](const PrintPlacement& p, Frames at) { return p.first + p.length <= at; });
      for (; place != stem.placements.end() && place->first < end; ++place) {
        Result<BlobReader> blob = store.open_blob(place->key);
        if (blob.ok() && (blob->channels() != stem.matrix.columns || blob->frames() != place->length))
          blob = fail(Errc::corrupt, "{}: a blob of another shape", store.path_of(place->key));
        if (blob.ok()) inputs_.push_back({&stem, &*place, std::move(*blob)});
        else TRY(note_lost(store, *place, blob.error()));
      }
    }
    return {};
  }

  [[nodiscard]] bool has_speech() const {
    return std::any_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return input.stem->is_speech; });
  }

  /// out[o][i] = sum over stems (or the speech stems only) and their channels, in order, of matrix * sample, for frames [first, first + count).
  Result<void> sum(const Store& store, Frames first, Frames count, int channels, double* const* out, bool only_speech = false) {
    for (Frames at = first; at < first + count;) {
      Frames end = first + count;  // until there, the same blobs sound, and each is at hand
      heard_.clear();
      for (Input& input : inputs_) {
        if (only_speech && !input.stem->is_speech) continue;
        const Frames begin = input.place->first, over = begin + input.place->length;
        if (at < begin) end = std::min(end, begin);
        if (at < begin || at >= over) continue;
        end = std::min(end, over);
        for (int c = 0; c < input.stem->matrix.columns; ++c) {
          if (input.blob.is_silent(c) || !is_heard(input.stem->matrix, c)) continue;
          Result<std::span<const float>> x = input.blob.view(c, at - begin, end - at);
          if (!x.ok()) return note_lost(store, *input.place, x.error());
          end = std::min(end, at + static_cast<Frames>(x->size()));
          heard_.push_back({&input.stem->matrix, c, x->data()});
        }
      }
      for (int o = 0; o < channels; ++o) {
        lanes_.clear(), gains_.clear();
        for (const Heard& heard : heard_)
          if (const double gain = heard.matrix->at(o, heard.channel); gain != 0) lanes_.push_back(heard.samples), gains_.push_back(gain);
        double* const to = out[o] + (at - first);
        kernels::mix_store(lanes_.data(), static_cast<int>(lanes_.size()), gains_.data(), 1, end - at, &to);
      }
      at = end;
    }
    return {};
  }

  [[nodiscard]] LostBlobs& lost() { return lost_; }

 private:
  struct Input {
    const PrintStem* stem;
    const PrintPlacement* place;
    BlobReader blob;
  };
  struct Heard {
    const Matrix* matrix;
    int channel;
    const float* samples;
  };
  static bool is_heard(const Matrix& matrix, int channel) {
    for (int o = 0; o < matrix.rows; ++o)
      if (matrix.at(o, channel) != 0) return true;
    return false;
  }
  /// A blob that is gone or damaged is rendered again; any other trouble is an error.
  Result<void> note_lost(const Store& store, const PrintPlacement& place, const Error& error) {
    if (error.code != Errc::corrupt && error.code != Errc::not_found) return error;
    store.discard(place.key);
    lost_.keys.push_back(place.key);
    return {};
  }
  std::vector<Input> inputs_;  // stems in order, so sums are too
  std::vector<Heard> heard_;
  std::vector<const float*> lanes_;
  std::vector<double> gains_;
  LostBlobs lost_;
};

}  // namespace

Print::Print(PrintSpec spec) : spec_(std::move(spec)) {
  measurement_ = empty_measurement(channel_count(spec_.layout), spec_.length, spec_.sample_rate, spec_.extra_meters);
}

Result<void> Print::begin() {
  const std::lock_guard lock(mutex_);
  if (begin_error_) return *begin_error_;
  if (!files_.empty()) return {};
  for (const PrintFileSpec& file : spec_.files) {
    media::OutputFormat format;
    format.sample_rate = spec_.sample_rate;
    format.channels = static_cast<int>(file.channels.size());
    format.type = spec_.sample_type;
    format.frames = spec_.length;
    format.bext = spec_.bext;
    format.container = spec_.container;
    format.ixml = file.ixml;
    const bool smpte = std::is_sorted(file.channels.begin(), file.channels.end());
    format.channel_mask = smpte ? media::channel_mask(format.channels) : 0;
    Result<media::OutputFile> made = media::OutputFile::create(file.path, format);
    if (!made.ok()) {
      begin_error_ = made.error();
      files_.clear();
      return *begin_error_;
    }
    files_.push_back(std::move(*made));
  }
  return {};
}

Result<std::optional<LostBlobs>> Print::print_range(const Store& store, Frames first, Frames count, PrintScratch& scratch) {
  TRY(begin());
  const int channels = channel_count(spec_.layout);
  // What the meters need from before the range is summed and quantised again: the same bits, a third of a per cent more work.
  const Frames history = std::max<Frames>(kernels::history_frames(spec_.sample_rate), kernels::kTruePeakHistory);
  const bool is_last = first + count == spec_.length;
  Buffer delivered = scratch.pool.take(channels, history + count);
  for (int c = 0; c < channels; ++c) std::fill_n(delivered.channel(c), std::max<Frames>(0, history - first), 0.0f);

  std::vector<std::uint64_t> keys;
  for (int c = 0; c < channels; ++c) keys.push_back(kernels::dither_key(spec_.dither_name, c));
  std::vector<int> every;
  for (int c = 0; c < channels; ++c) every.push_back(c);
  double* const sums = scratch.sum.reserve(static_cast<std::size_t>(channels * kBlock));
  std::vector<double*> sum;
  for (int c = 0; c < channels; ++c) sum.push_back(sums + c * kBlock);
  std::byte* const bytes = scratch.bytes.reserve(static_cast<std::size_t>(channels * kBlock * 4));

  const Frames reach_back = std::max<Frames>(0, first - history);
  RangeInputs inputs;
  TRY(inputs.open(store, spec_.stems, reach_back, first + count));
  const bool measures_speech = spec_.extra_meters.speech && inputs.has_speech();
  Buffer speech;
  if (measures_speech) speech = scratch.pool.take(channels, history + count);
  for (int c = 0; measures_speech && c < channels; ++c) std::fill_n(speech.channel(c), std::max<Frames>(0, history - first), 0.0f);
  std::int64_t clipped = 0;
  for (Frames at = reach_back; at < first + count && inputs.lost().keys.empty();) {
    const Frames end = at < first ? first : std::min(first + count, at + kBlock), n = std::min(kBlock, end - at);
    TRY(inputs.sum(store, at, n, channels, sum.data()));
    if (!inputs.lost().keys.empty()) break;
    std::vector<float*> measured = delivered.pointers(history + at - first);
    const auto pack = [&](std::span<const int> order, float* const* to) {
      kernels::QuantiseArgs args;
      args.channels = sum.data();
      args.order = order;
      args.first_frame = at;
      args.count = n;
      args.type = spec_.sample_type;
      args.dither_keys = spec_.dither ? keys.data() : nullptr;
      args.out = bytes;
      args.delivered = to;
      return kernels::quantise(args);
    };
    if (at < first) {
      pack(every, measured.data());
    } else {
      for (std::size_t f = 0; f < files_.size(); ++f) {  // together, the files hold every channel once
        const std::vector<int>& order = spec_.files[f].channels;
        clipped += pack(order, measured.data()).clipped;
        const auto size = static_cast<std::size_t>(n) * order.size() * static_cast<std::size_t>(kernels::bytes_per_sample(spec_.sample_type));
        TRY(files_[f].write(at, std::span(bytes, size)));
      }
    }
    if (measures_speech) {
      TRY(inputs.sum(store, at, n, channels, sum.data(), true));
      for (int c = 0; c < channels; ++c)
        std::transform(sum[static_cast<std::size_t>(c)], sum[static_cast<std::size_t>(c)] + n, speech.channel(c) + (history + at - first),
                       [](double v) { return static_cast<float>(v); });
    }
    at += n;
  }

  if (!inputs.lost().keys.empty()) return std::optional<LostBlobs>(std::move(inputs.lost()));

  const std::vector<float*> range = delivered.pointers(history), spoken = speech.pointers(history);
  const RangeMeters meters(range.data(), measures_speech ? spoken.data() : nullptr, channels, count, spec_.sample_rate, is_last, spec_.extra_meters.leqm);
  const std::lock_guard lock(mutex_);
  meters.merge_into(measurement_, first);
  measurement_.clipped_samples += clipped;
  return std::optional<LostBlobs>();
}

Result<std::vector<std::string>> Print::finish(const media::Bext& bext) {
  std::vector<std::string> digests;
  for (media::OutputFile& file : files_) {
    file.set_bext(bext);
    TRY_ASSIGN(std::string digest, file.finish());
    digests.push_back(std::move(digest));
  }
  return digests;
}

}  // namespace dubfarm::worker
