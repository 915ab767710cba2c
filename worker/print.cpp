#include "worker/print.hpp"

#include <algorithm>
#include <mutex>

#include "kernels/loudness/loudness.hpp"
#include "kernels/quantise/quantise.hpp"
#include "worker/gpu/device_range.hpp"
#include "worker/gpu/device_renderer.hpp"

namespace dubfarm::worker {
namespace {

constexpr Frames kBlock = 8192;  // summed and quantised at a time: [12] doubles of it stay in the cache

}  // namespace

Print::Print(PrintSpec spec) : spec_(std::move(spec)) {
  measurement_ = empty_measurement(channel_count(spec_.layout), spec_.length, spec_.sample_rate, spec_.extra_meters);
  if (spec_.qc) qc_ = empty_qc(spec_.layout, spec_.length, spec_.sample_rate);
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
    format.frames = spec_.leader + spec_.length + spec_.tail;
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
  for (std::size_t f = 0; f < files_.size(); ++f)
    for (const SyncPop& pop : spec_.pops) {
      const auto channels = static_cast<int>(spec_.files[f].channels.size());
      if (Result<void> written = write_pop(files_[f], pop, channels, spec_.sample_rate, spec_.sample_type); !written.ok()) {
        begin_error_ = written.error();
        files_.clear();
        return *begin_error_;
      }
    }
  return {};
}

Result<std::optional<LostBlobs>> Print::print_range(const Store& store, Frames first, Frames count, PrintScratch& scratch) {
  TRY(begin());
  if (scratch.device != nullptr) {
    Result<gpu::PrintedRange> range = scratch.device->print(store, spec_, first, count, scratch);
    if (range.ok()) return take(std::move(*range), first, count, scratch.device->times());
    if (range.error().code != Errc::no_space) return range.error();
    scratch.device->leave_range_to_cpu(range.error());
  }
  const StageTimer timer(scratch.times, Stage::print);
  return print_on_cpu(store, first, count, scratch);
}

/// What a device worked out goes into the files.
Result<std::optional<LostBlobs>> Print::take(gpu::PrintedRange range, Frames first, Frames count, StageTimes* times) {
  if (!range.lost.keys.empty()) return std::optional<LostBlobs>(std::move(range.lost));
  for (std::size_t f = 0; f < files_.size(); ++f) {
    const StageTimer timer(times, Stage::write, static_cast<std::int64_t>(range.files[f].size()));
    TRY(files_[f].write(spec_.leader + first, range.files[f]));
  }
  std::optional<RangeQc> qc;
  if (spec_.qc) qc.emplace(*spec_.qc, spec_.layout, range.delivered.pointers(range.delivered.frames() - count).data(), first, count, spec_.sample_rate);
  merge(*range.meters, qc, range.clipped, range.limiter, first);
  return std::optional<LostBlobs>();
}

void Print::merge(const RangeMeters& meters, const std::optional<RangeQc>& qc, std::int64_t clipped, const LimiterFigures& limiter, Frames first) {
  const std::lock_guard lock(mutex_);
  meters.merge_into(measurement_, first);
  if (qc) qc->merge_into(qc_);
  measurement_.clipped_samples += clipped;
  measurement_.limiter = merged(measurement_.limiter, limiter);
}

Result<std::optional<LostBlobs>> Print::print_on_cpu(const Store& store, Frames first, Frames count, PrintScratch& scratch) {
  const int channels = channel_count(spec_.layout);
  // What the meters need from before the range is summed and quantised again: the same bits, a third of a per cent more work.
  const Frames history = std::max<Frames>(kernels::history_frames(spec_.sample_rate), kernels::kTruePeakHistory);
  const bool is_last = first + count == spec_.length;
  Buffer delivered = scratch.pool.take(channels, history + count);
  for (int c = 0; c < channels; ++c) std::fill_n(delivered.channel(c), std::max<Frames>(0, history - first), 0.0f);

  std::vector<std::uint64_t> keys;
  for (int c = 0; c < channels; ++c) keys.push_back(kernels::dither_key(spec_.dither_name, c));
  std::vector<kernels::ChainedDither> chained;
  if (const auto& chain = spec_.dither_chain)
    for (int c = 0; c < channels; ++c)
      chained.push_back({{kernels::dither_key(chain->plus, c), !chain->is_first}, {kernels::dither_key(chain->minus, c), true}});
  std::vector<int> every;
  for (int c = 0; c < channels; ++c) every.push_back(c);
  double* const sums = scratch.sum.reserve(static_cast<std::size_t>(channels * kBlock));
  std::vector<double*> sum;
  for (int c = 0; c < channels; ++c) sum.push_back(sums + c * kBlock);
  std::byte* const bytes = scratch.bytes.reserve(static_cast<std::size_t>(channels * kBlock * 4));

  const Frames reach_back = std::max<Frames>(0, first - history);
  LevelledSum inputs(store, scratch.segments, spec_.stems, channels, spec_.levelling, reach_back, first + count);
  TRY(inputs.open());
  const bool measures_speech = spec_.extra_meters.speech && inputs.has_speech();
  Buffer speech;
  if (measures_speech) speech = scratch.pool.take(channels, history + count);
  for (int c = 0; measures_speech && c < channels; ++c) std::fill_n(speech.channel(c), std::max<Frames>(0, history - first), 0.0f);
  std::int64_t clipped = 0;
  for (Frames at = reach_back; at < first + count && inputs.lost().keys.empty();) {
    const Frames end = at < first ? first : std::min(first + count, at + kBlock), n = std::min(kBlock, end - at);
    TRY(inputs.next(n, sum.data(), at >= first));
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
      args.chained_dither = spec_.dither && !chained.empty() ? chained.data() : nullptr;
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
        TRY(files_[f].write(spec_.leader + at, std::span(bytes, size)));
      }
    }
    if (measures_speech) {
      TRY(inputs.speech(n, sum.data()));
      for (int c = 0; c < channels; ++c)
        std::transform(sum[static_cast<std::size_t>(c)], sum[static_cast<std::size_t>(c)] + n, speech.channel(c) + (history + at - first),
                       [](double v) { return static_cast<float>(v); });
    }
    at += n;
  }

  if (!inputs.lost().keys.empty()) return std::optional<LostBlobs>(std::move(inputs.lost()));

  const std::vector<float*> range = delivered.pointers(history), spoken = speech.pointers(history);
  const RangeMeters meters(range.data(), measures_speech ? spoken.data() : nullptr, channels, count, spec_.sample_rate, is_last, spec_.extra_meters.leqm);
  std::optional<RangeQc> qc;
  if (spec_.qc) qc.emplace(*spec_.qc, spec_.layout, range.data(), first, count, spec_.sample_rate);
  merge(meters, qc, clipped, inputs.figures(), first);
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
