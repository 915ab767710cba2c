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

  /// out[o][i] = sum over stems and their channels, in order, of matrix * sample, for frames [first, first + count).
  Result<void> sum(const Store& store, Frames first, Frames count, int channels, double* const* out) {
    for (int c = 0; c < channels; ++c) std::fill_n(out[c], count, 0.0);
    for (Input& input : inputs_) {
      const Frames begin = std::max(first, input.place->first), end = std::min(first + count, input.place->first + input.place->length);
      if (begin >= end) continue;
      if (Result<void> added = add(input, begin, end, first, channels, out); !added.ok()) TRY(note_lost(store, *input.place, added.error()));
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
  static Result<void> add(Input& input, Frames begin, Frames end, Frames first, int channels, double* const* out) {
    const Matrix& matrix = input.stem->matrix;
    for (int c = 0; c < matrix.columns; ++c) {
      bool is_heard = false;
      for (int o = 0; o < channels; ++o) is_heard |= matrix.at(o, c) != 0;
      if (!is_heard || input.blob.is_silent(c)) continue;
      for (Frames at = begin; at < end;) {
        TRY_ASSIGN(const std::span<const float> x, input.blob.view(c, at - input.place->first, end - at));
        const auto n = static_cast<Frames>(x.size());
        for (int o = 0; o < channels; ++o) kernels::mix_add_scaled(x.data(), matrix.at(o, c), n, out[o] + (at - first));
        at += n;
      }
    }
    return {};
  }
  /// A blob that is gone or damaged is rendered again; any other trouble is an error.
  Result<void> note_lost(const Store& store, const PrintPlacement& place, const Error& error) {
    if (error.code != Errc::corrupt && error.code != Errc::not_found) return error;
    store.discard(place.key);
    lost_.keys.push_back(place.key);
    return {};
  }
  std::vector<Input> inputs_;  // stems in order, so sums are too
  LostBlobs lost_;
};

}  // namespace

Print::Print(PrintSpec spec) : spec_(std::move(spec)) {
  const auto channels = static_cast<std::size_t>(channel_count(spec_.layout));
  measurement_.energy.assign(channels, std::vector<double>(static_cast<std::size_t>(kernels::subblock_count(spec_.length, spec_.sample_rate))));
  measurement_.peaks.resize(channels);
}

Result<void> Print::begin() {
  const std::lock_guard lock(mutex_);
  if (begin_error_) return *begin_error_;
  if (!files_.empty()) return {};
  for (const PrintFileSpec& file : spec_.files) {
    media::WavFormat format;
    format.sample_rate = spec_.sample_rate;
    format.channels = static_cast<int>(file.channels.size());
    format.type = spec_.sample_type;
    format.frames = spec_.length;
    format.bext = spec_.bext;
    const bool smpte = std::is_sorted(file.channels.begin(), file.channels.end());
    format.channel_mask = smpte ? media::channel_mask(format.channels) : 0;
    Result<media::WavFile> made = media::WavFile::create(file.path, format);
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
    at += n;
  }

  if (!inputs.lost().keys.empty()) return std::optional<LostBlobs>(std::move(inputs.lost()));

  // Energies and peaks land where they belong; ranges share no sub-block.
  const Frames first_subblock = first / kernels::subblock_frames(spec_.sample_rate), subblocks = kernels::subblock_count(count, spec_.sample_rate);
  std::vector<double> energy(static_cast<std::size_t>(channels * std::max<Frames>(subblocks, 1)));
  const std::vector<float*> range = delivered.pointers(history);
  kernels::subblock_energies(const_cast<const float* const*>(range.data()), channels, count, spec_.sample_rate, energy.data(), subblocks);
  std::vector<kernels::Peaks> peaks;
  for (int c = 0; c < channels; ++c) {
    kernels::Peaks p = kernels::peaks(range[static_cast<std::size_t>(c)], count);
    if (is_last) p = kernels::larger(p, kernels::tail_peaks(range[static_cast<std::size_t>(c)] + count));
    peaks.push_back(p);
  }
  const std::lock_guard lock(mutex_);
  for (int c = 0; c < channels; ++c) {
    std::copy_n(energy.data() + c * subblocks, subblocks, measurement_.energy[static_cast<std::size_t>(c)].data() + first_subblock);
    measurement_.peaks[static_cast<std::size_t>(c)] = kernels::larger(measurement_.peaks[static_cast<std::size_t>(c)], peaks[static_cast<std::size_t>(c)]);
  }
  measurement_.clipped_samples += clipped;
  return std::optional<LostBlobs>();
}

Result<std::vector<std::string>> Print::finish(const media::Bext& bext) {
  std::vector<std::string> digests;
  for (media::WavFile& file : files_) {
    file.set_bext(bext);
    TRY_ASSIGN(std::string digest, file.finish());
    digests.push_back(std::move(digest));
  }
  return digests;
}

}  // namespace dubfarm::worker
