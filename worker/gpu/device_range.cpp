#include "worker/gpu/device_range.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "kernels/limit/limit_tables.hpp"
#include "kernels/loudness/weighting_tables.hpp"
#include "kernels/quantise/quantise.hpp"
#include "kernels/quantise/quantise_tables.hpp"

namespace dubfarm::worker::gpu {
namespace {

namespace cuda = kernels::cuda;

/// Bytes of stems on the device before they are summed: no more than keep the copies busy, and a small part of a small device.
std::uint64_t batch_bytes(const kernels::Device& device) {
  return std::clamp<std::uint64_t>(device.memory_use().limit / 32, std::uint64_t{1} << 20, std::uint64_t{256} << 20);
}

/// Clipped samples and samples that are no numbers: of the range, and of the history before it.
enum Count { kClipped, kNoNumber, kHistoryClipped, kHistoryNoNumber, kCounts };

kernels::Peaks peaks_of(std::int32_t between, std::int32_t samples) {
  constexpr std::int32_t kInfinity = 0x7F800000;
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  const std::int32_t both = std::max(between, samples);
  if (both >= kInfinity) return {kNone, kNone};  // as kernels::peaks()
  return {std::bit_cast<float>(both), std::bit_cast<float>(samples)};
}

}  // namespace

DeviceRange::DeviceRange(Workbench& bench, const Store& store, PrintScratch& scratch, const PrintSpec& spec, const Levelling& levelling, Frames first, Frames count)
    : bench_(bench), store_(store), scratch_(scratch), spec_(spec), levelling_(levelling), channels_(channel_count(spec.layout)), first_(first), count_(count),
      history_(std::max<Frames>(kernels::history_frames(spec.sample_rate), kernels::kTruePeakHistory)), is_last_(first + count == spec.length),
      gain_(levelling.gain_linear != nullptr ? *levelling.gain_linear : 1.0), measures_leqm_(spec.extra_meters.leqm) {
  reach_back_ = key_from_ = std::max<Frames>(0, first - history_);
  end_ = key_end_ = first + count;
  if (!levelling.limiter) return;
  const kernels::LimiterCurve curve(*levelling.limiter, 1);
  key_from_ = std::max<Frames>(0, reach_back_ - curve.settle_frames());
  key_end_ = end_ + curve.delay();
}

std::size_t DeviceRange::subblocks() const { return static_cast<std::size_t>(kernels::subblock_count(count_, spec_.sample_rate)); }

std::uint64_t DeviceRange::bytes() const {
  const auto frames = static_cast<std::uint64_t>(stride()), keyed = static_cast<std::uint64_t>(key_end_ - key_from_);
  const auto channels = static_cast<std::uint64_t>(channels_), keys = static_cast<std::uint64_t>(key_channels());
  std::uint64_t all = 8 * frames * channels + 4 * frames * channels + 4 * frames * channels;  // sums, floats, packed samples
  if (spec_.extra_meters.speech) all += (8 + 4) * frames * channels;
  if (levelling_.limiter)
    all += 8 * keyed * keys + 8 * keyed + static_cast<std::uint64_t>(cuda::limiter_workspace_bytes(key_end_ - key_from_, levelling_.limiter->lookahead, static_cast<int>(keys)));
  all += batch_bytes(bench_.device) + 4 * std::max(frames, keyed);
  return all + all / 8 + (std::uint64_t{2} << 20);
}

// ---- sums -----------------------------------------------------------------------------------------------------------------------

Result<void> DeviceRange::open() {
  if (levelling_.limiter) TRY(key_inputs_.open(store_, scratch_.segments, is_own_key() ? spec_.stems : levelling_.key, key_from_, key_end_));
  if (!levelling_.limiter || !is_own_key()) TRY(inputs_.open(store_, scratch_.segments, spec_.stems, reach_back_, end_));
  measures_speech_ = spec_.extra_meters.speech && (inputs_.has_speech() || (is_own_key() && key_inputs_.has_speech()));
  return {};
}

/// The lane's samples, a slot at a time.
Result<void> DeviceRange::bring_up(RangeInputs& inputs, const RangeInputs::Lane& lane, void* to) {
  return bench_.staging.upload(to, static_cast<std::size_t>(lane.end - lane.first) * sizeof(float), sizeof(float), [&](std::size_t from, std::span<std::byte> slot) -> Result<void> {
    const StageTimer timer(bench_.times, Stage::read, static_cast<std::int64_t>(slot.size()));
    for (Frames at = lane.first + static_cast<Frames>(from / sizeof(float)); !slot.empty();) {
      TRY_ASSIGN(const std::span<const float> x, inputs.view(store_, lane, at, at + static_cast<Frames>(slot.size() / sizeof(float))));
      if (x.empty()) return {};  // lost: what is summed means nothing
      std::memcpy(slot.data(), x.data(), x.size_bytes());
      slot = slot.subspan(x.size_bytes());
      at += static_cast<Frames>(x.size());
    }
    return {};
  });
}

Result<DeviceRange::Rows> DeviceRange::sum(RangeInputs& inputs, int channels, Frames from, Frames end, bool only_speech) {
  Rows rows{nullptr, channels, from, end - from};
  TRY_ASSIGN(void* const memory, bench_.take(static_cast<std::size_t>(rows.frames * channels) * sizeof(double)));
  rows.base = static_cast<double*>(memory);
  std::vector<double*> outs;
  for (int c = 0; c < channels; ++c) outs.push_back(rows.at(c, from));
  TRY_ASSIGN(double** const out_table, bench_.put(outs));
  std::vector<cuda::MixLane> lanes;
  std::vector<double> coefs;  // [lanes][channels]
  std::vector<kernels::DeviceMemory> samples;
  const std::uint64_t most = batch_bytes(bench_.device);
  std::uint64_t bytes = 0;
  bool adds = false;
  Marks<2> marks;
  const auto add_batch = [&]() -> Result<void> {
    cuda::MixArgs args;
    args.lane_count = static_cast<int>(lanes.size()), args.outs = channels, args.n = rows.frames, args.sums = out_table, args.adds = adds;
    TRY_ASSIGN(args.lanes, bench_.put(lanes));
    TRY_ASSIGN(args.coefs, bench_.put(coefs));
    const kernels::ProfilerRange range(bench_.device, "sum");
    TRY(marks.mark(bench_, 0));
    bench_.operations.mix(args, bench_.stream.get());
    TRY(marks.mark(bench_, 1));
    TRY(bench_.settle());
    TRY(marks.count(bench_, 0, 1, Stage::sum, static_cast<std::int64_t>(bytes)));
    lanes.clear(), coefs.clear(), samples.clear();
    bytes = 0, adds = true;
    return {};
  };
  const auto run = [&]() -> Result<void> {
    for (const RangeInputs::Lane& lane : inputs.lanes(from, end, only_speech)) {
      const auto size = static_cast<std::size_t>(lane.end - lane.first) * sizeof(float);
      if (bytes > 0 && bytes + size > most) TRY(add_batch());
      TRY_ASSIGN(kernels::DeviceMemory at, bench_.residents.allocate(size));
      const auto* const x = at.as<const float>() - (lane.first - from);
      samples.push_back(std::move(at));
      TRY(bring_up(inputs, lane, samples.back().get()));
      if (!inputs.lost().keys.empty()) return {};
      lanes.push_back({x, nullptr, lane.first - from, lane.end - from});
      for (int o = 0; o < channels; ++o) coefs.push_back(gain_ * lane.stem->matrix.at(o, lane.channel));
      bytes += size;
    }
    return add_batch();
  };
  const Result<void> done = run();
  if (!done.ok() || !inputs.lost().keys.empty()) (void)bench_.settle();  // `samples` go back
  if (!done.ok()) return done.error();
  return rows;
}

/// The programme's samples from reach_back_ to end_, as they go to the quantiser.
Result<DeviceRange::Rows> DeviceRange::levelled() {
  if (!levelling_.limiter) return sum(inputs_, channels_, reach_back_, end_);
  TRY_ASSIGN(Rows rows, sum(key_inputs_, key_channels(), key_from_, key_end_));
  if (!key_inputs_.lost().keys.empty()) return rows;
  TRY(find_gains(rows));
  if (!is_own_key()) { TRY_ASSIGN(rows, sum(inputs_, channels_, reach_back_, end_)); }
  if (!inputs_.lost().keys.empty()) return rows;
  TRY(apply_gains(rows));
  return rows;
}

Result<void> DeviceRange::find_gains(const Rows& key) {
  const kernels::LimiterConstants constants = kernels::limiter_constants(*levelling_.limiter);
  TRY_ASSIGN(double* const weights, bench_.put(constants.weights));
  std::vector<const double*> rows;
  for (int c = 0; c < key.channels; ++c) rows.push_back(key.at(c, key.from));
  cuda::LimitArgs args;
  TRY_ASSIGN(args.x, bench_.put(rows));
  args.channels = key.channels, args.n = key.frames;
  args.numbers = kernels::limiter_numbers(constants, levelling_.limiter->lookahead, weights);
  TRY_ASSIGN(args.workspace, bench_.take(static_cast<std::size_t>(cuda::limiter_workspace_bytes(key.frames, levelling_.limiter->lookahead, key.channels))));
  TRY_ASSIGN(void* const gains, bench_.take(static_cast<std::size_t>(key.frames) * sizeof(double)));
  args.gain = gains_ = static_cast<double*>(gains);
  const kernels::ProfilerRange range(bench_.device, "limit");
  bench_.operations.limit(args, bench_.stream.get());
  return {};
}

/// To frames reach_back_ to end_ of all rows.
Result<void> DeviceRange::apply_gains(const Rows& rows) {
  std::vector<cuda::Product> products;
  for (int c = 0; c < rows.channels; ++c) products.push_back({rows.at(c, reach_back_), gains_ + (reach_back_ - key_from_)});
  TRY_ASSIGN(cuda::Product* const table, bench_.put(products));
  bench_.operations.multiply_rows({table, static_cast<int>(products.size()), end_ - reach_back_}, bench_.stream.get());
  return {};
}

/// The speech stems' part of levelled().
Result<DeviceRange::Rows> DeviceRange::speech() {
  TRY_ASSIGN(const Rows rows, sum(levelling_.limiter && is_own_key() ? key_inputs_ : inputs_, channels_, reach_back_, end_, true));
  if (gains_ != nullptr) TRY(apply_gains(rows));
  return rows;
}

// ---- as delivered ---------------------------------------------------------------------------------------------------------------

/// [channels][stride()], the range from frame history_ on; zeros where the programme has not begun.
Result<float*> DeviceRange::take_floats() {
  const std::size_t bytes = static_cast<std::size_t>(channels_ * stride()) * sizeof(float);
  TRY_ASSIGN(void* const memory, bench_.take(bytes));
  if (first_ < history_) TRY(bench_.stream.fill(memory, 0, bytes));
  return static_cast<float*>(memory);
}

Result<void> DeviceRange::store(const Rows& rows, float* to) {
  std::vector<cuda::StoredRow> stored;
  for (int c = 0; c < channels_; ++c) stored.push_back({rows.at(c, reach_back_), to + c * stride() + history_ - (first_ - reach_back_)});
  TRY_ASSIGN(cuda::StoredRow* const table, bench_.put(stored));
  bench_.operations.store_rows({table, channels_, end_ - reach_back_}, bench_.stream.get());
  return {};
}

/// @param order   of channels in the packed samples
/// @param counts  two are added to: see Count
Result<void> DeviceRange::quantise(Frames from, Frames end, std::span<const int> order, std::byte* out, std::int64_t* counts) {
  std::vector<cuda::QuantisedChannel> channels;
  for (const int c : order) {
    cuda::QuantisedChannel& channel = channels.emplace_back();
    channel.x = rows_.at(c, from);
    channel.delivered = heard_ + c * stride() + history_ + (from - first_);
    if (const auto& chain = spec_.dither_chain) {
      channel.dither = kernels::channel_dither(kernels::ChainedDither{{kernels::dither_key(chain->plus, c), !chain->is_first}, {kernels::dither_key(chain->minus, c), true}});
    } else {
      channel.dither = kernels::channel_dither(kernels::dither_key(spec_.dither_name, c));
    }
  }
  cuda::QuantiseOnDeviceArgs args;
  TRY_ASSIGN(args.channels, bench_.put(channels));
  args.channel_count = static_cast<int>(channels.size()), args.first_frame = from, args.count = end - from;
  args.bytes = kernels::bytes_per_sample(spec_.sample_type), args.to_float = spec_.sample_type == mix::SampleType::float32, args.dithered = spec_.dither;
  args.out = out, args.clipped = counts, args.not_a_number = counts + 1;
  bench_.operations.quantise(args, bench_.stream.get());
  return {};
}

// ---- figures --------------------------------------------------------------------------------------------------------------------

Result<void> DeviceRange::begin_figures() {
  const Frames group = kernels::group_frames(spec_.sample_rate), subblock = kernels::subblock_frames(spec_.sample_rate);
  const auto channels = static_cast<std::size_t>(channels_), groups = static_cast<std::size_t>((count_ + group - 1) / group);
  const auto place = [this](std::size_t values, std::size_t size) { return std::exchange(figures_.bytes, figures_.bytes + values * size); };
  figures_.energy = place(channels * subblocks(), sizeof(double));
  figures_.speech = place(measures_speech_ ? channels * subblocks() : 0, sizeof(double));
  figures_.m_energy = place(measures_leqm_ ? channels * subblocks() : 0, sizeof(double));
  figures_.sums = place(channels * groups, sizeof(double));
  figures_.full_scale = place(channels * groups, sizeof(std::int64_t));
  figures_.counts = place(kCounts, sizeof(std::int64_t));
  figures_.peaks = place(2 * channels * static_cast<std::size_t>((count_ + subblock - 1) / subblock), sizeof(std::int32_t));
  TRY_ASSIGN(void* const memory, bench_.take(figures_.bytes));
  figures_.memory = static_cast<std::byte*>(memory);
  return bench_.stream.fill(memory, 0, figures_.bytes);
}

Result<void> DeviceRange::weigh(const float* heard, std::size_t to, bool is_m) {
  cuda::WeightedArgs args;
  args.weighting = is_m ? kernels::weighting_of(kernels::design_m_weighting(spec_.sample_rate)) : kernels::weighting_of(kernels::design_k_weighting(spec_.sample_rate));
  args.history = kernels::history_frames(spec_.sample_rate), args.subblock = kernels::subblock_frames(spec_.sample_rate);
  const auto all = static_cast<Frames>(subblocks());
  const auto run = [&](Frames from, Frames end, Frames each) -> Result<void> {  // groups of `each` sub-blocks
    std::vector<cuda::WeightedRun> runs;
    for (int c = 0; c < channels_; ++c)
      for (Frames b = from; b < end; b += each)
        runs.push_back({heard + c * stride() + history_ + b * args.subblock, reinterpret_cast<double*>(figures_.memory + to) + c * all + b});
    if (runs.empty()) return {};
    TRY_ASSIGN(args.runs, bench_.put(runs));
    args.count = static_cast<int>(runs.size()), args.subblocks = each;
    bench_.operations.weighted_energies(args, bench_.stream.get());
    return {};
  };
  const Frames whole = all / kernels::kSubblocksPerGroup * kernels::kSubblocksPerGroup;
  TRY(run(0, whole, kernels::kSubblocksPerGroup));
  return run(whole, all, all - whole);
}

Result<void> DeviceRange::measure_floats() {
  TRY(weigh(heard_, figures_.energy, false));
  if (measures_speech_) TRY(weigh(spoken_, figures_.speech, false));
  if (measures_leqm_) TRY(weigh(heard_, figures_.m_energy, true));
  const Frames group = kernels::group_frames(spec_.sample_rate), subblock = kernels::subblock_frames(spec_.sample_rate);
  std::vector<cuda::LevelRun> levels;
  std::vector<cuda::PeakRun> peaks;
  auto* sum = reinterpret_cast<double*>(figures_.memory + figures_.sums);
  auto* full_scale = reinterpret_cast<std::int64_t*>(figures_.memory + figures_.full_scale);
  auto* bits = reinterpret_cast<std::int32_t*>(figures_.memory + figures_.peaks);
  for (int c = 0; c < channels_; ++c) {
    const float* const x = heard_ + c * stride() + history_;
    for (Frames at = 0; at < count_; at += group) levels.push_back({x + at, std::min(group, count_ - at), -1, 1, sum++, full_scale++});
    for (Frames at = 0; at < count_; at += subblock, bits += 2) peaks.push_back({x + at, std::min(subblock, count_ - at), bits, bits + 1});
  }
  TRY_ASSIGN(cuda::LevelRun* const level_table, bench_.put(levels));
  bench_.operations.level({level_table, static_cast<int>(levels.size())}, bench_.stream.get());
  TRY_ASSIGN(cuda::PeakRun* const peak_table, bench_.put(peaks));
  bench_.operations.true_peaks({peak_table, static_cast<int>(peaks.size()), subblock}, bench_.stream.get());
  return {};
}

/// Waits for the stream.
Result<void> DeviceRange::bring_figures_down(PrintedRange& range) {
  std::vector<std::byte> down(figures_.bytes);
  TRY(bench_.staging.download(down.data(), figures_.memory, down.size()));
  const auto channels = static_cast<std::size_t>(channels_);
  const auto doubles = [&](std::size_t from, std::size_t to) {
    std::vector<double> values((to - from) / sizeof(double));
    if (!values.empty()) std::memcpy(values.data(), down.data() + from, to - from);
    return values;
  };
  RangeMeters::Values values;
  values.energy = doubles(figures_.energy, figures_.speech);
  values.speech_energy = doubles(figures_.speech, figures_.m_energy);
  values.m_energy = doubles(figures_.m_energy, figures_.sums);
  values.sums = doubles(figures_.sums, figures_.full_scale);
  std::int64_t counts[kCounts];
  std::memcpy(counts, down.data() + figures_.counts, sizeof counts);
  range.clipped = counts[kClipped];
  std::vector<std::int32_t> bits((figures_.bytes - figures_.peaks) / sizeof(std::int32_t));
  std::memcpy(bits.data(), down.data() + figures_.peaks, bits.size() * sizeof(std::int32_t));
  const std::size_t blocks = bits.size() / 2 / channels;
  values.subblock_peaks.resize(blocks);
  values.peaks.resize(channels);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t b = 0; b < blocks; ++b) {
      const kernels::Peaks here = peaks_of(bits[2 * (c * blocks + b)], bits[2 * (c * blocks + b) + 1]);
      values.subblock_peaks[b] = kernels::larger(values.subblock_peaks[b], here);
      values.peaks[c] = kernels::larger(values.peaks[c], here);
    }
  for (std::size_t c = 0; is_last_ && c < channels; ++c) {
    float end[kernels::kTruePeakHistory];
    TRY(bench_.staging.download(end, heard_ + static_cast<Frames>(c + 1) * stride() - kernels::kTruePeakHistory, sizeof end));
    values.peaks[c] = kernels::larger(values.peaks[c], kernels::tail_peaks(end + kernels::kTruePeakHistory));
  }
  range.meters.emplace(std::move(values), spec_.sample_rate);
  if (gains_ == nullptr) return {};
  double* const gains = scratch_.sum.reserve(static_cast<std::size_t>(count_));
  TRY(bench_.staging.download(gains, gains_ + (first_ - key_from_), static_cast<std::size_t>(count_) * sizeof(double)));
  range.limiter = limiter_figures(gains, count_);
  return {};
}

// ---- the whole ------------------------------------------------------------------------------------------------------------------

/// Everything up to the quantiser. @return whether it is all there; what is lost is in `range`.
Result<bool> DeviceRange::sum_up(PrintedRange& range) {
  const auto is_whole = [&] {
    for (RangeInputs* inputs : {&inputs_, &key_inputs_}) range.lost.keys.insert(range.lost.keys.end(), inputs->lost().keys.begin(), inputs->lost().keys.end());
    return range.lost.keys.empty();
  };
  TRY(open());
  if (!is_whole()) return false;
  TRY_ASSIGN(rows_, levelled());
  if (!is_whole()) return false;
  TRY(begin_figures());
  TRY_ASSIGN(heard_, take_floats());
  if (!measures_speech_) return true;
  TRY_ASSIGN(const Rows speech_rows, speech());
  if (!is_whole()) return false;
  TRY_ASSIGN(spoken_, take_floats());
  TRY(store(speech_rows, spoken_));
  return true;
}

Result<PrintedRange> DeviceRange::print() {
  PrintedRange range;
  TRY_ASSIGN(const bool is_whole, sum_up(range));
  if (!is_whole) return range;
  const auto sample_bytes = static_cast<std::size_t>(kernels::bytes_per_sample(spec_.sample_type)), frames = static_cast<std::size_t>(count_);
  TRY_ASSIGN(void* const memory, bench_.take(static_cast<std::size_t>(channels_ * std::max(count_, history_)) * sample_bytes));
  auto* const packed = static_cast<std::byte*>(memory);
  auto* const counts = reinterpret_cast<std::int64_t*>(figures_.memory + figures_.counts);
  Marks<2> marks;
  TRY(marks.mark(bench_, 0));
  {
    const kernels::ProfilerRange profiled(bench_.device, "print");
    std::vector<int> every(static_cast<std::size_t>(channels_));
    std::iota(every.begin(), every.end(), 0);
    if (reach_back_ < first_) TRY(quantise(reach_back_, first_, every, packed, counts + kHistoryClipped));
    std::byte* to = packed;
    for (const PrintFileSpec& file : spec_.files) {  // together, the files hold every channel once
      TRY(quantise(first_, end_, file.channels, to, counts + kClipped));
      to += frames * file.channels.size() * sample_bytes;
    }
    TRY(measure_floats());
  }
  TRY(marks.mark(bench_, 1));
  const std::size_t bytes = frames * static_cast<std::size_t>(channels_) * sample_bytes;
  std::byte* const host = scratch_.bytes.reserve(bytes);
  TRY(bench_.staging.download(host, packed, bytes));
  std::size_t at = 0;
  for (const PrintFileSpec& file : spec_.files) {
    const std::size_t size = frames * file.channels.size() * sample_bytes;
    range.files.emplace_back(host + at, size);
    at += size;
  }
  TRY(marks.count(bench_, 0, 1, Stage::print, 4 * channels_ * count_));
  TRY(bring_figures_down(range));
  if (!spec_.qc) return range;
  range.delivered = scratch_.pool.take(channels_, stride());
  for (int c = 0; c < channels_; ++c) TRY(bench_.staging.download(range.delivered.channel(c), heard_ + c * stride(), static_cast<std::size_t>(stride()) * sizeof(float)));
  return range;
}

Result<PrintedRange> DeviceRange::measure() {
  measures_leqm_ = false;
  PrintedRange range;
  TRY_ASSIGN(const bool is_whole, sum_up(range));
  if (!is_whole) return range;
  Marks<2> marks;
  TRY(marks.mark(bench_, 0));
  TRY(store(rows_, heard_));
  TRY(measure_floats());
  TRY(marks.mark(bench_, 1));
  TRY(bring_figures_down(range));
  TRY(marks.count(bench_, 0, 1, Stage::print, 4 * channels_ * count_));
  return range;
}

}  // namespace dubfarm::worker::gpu
