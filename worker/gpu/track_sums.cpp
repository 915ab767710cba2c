#include "worker/gpu/track_sums.hpp"

#include <algorithm>
#include <utility>

#include "kernels/automation/automation_tables.hpp"
#include "kernels/mix/mix_cuda.hpp"
#include "kernels/pan/pan_tables.hpp"
#include "worker/gpu/device_eq.hpp"
#include "worker/track_voices.hpp"

namespace dubfarm::worker::gpu {
namespace {

namespace cuda = kernels::cuda;

constexpr Frames kReadFrames = 65536;  // of a source that has to be decoded or converted here, at a time
constexpr std::uint64_t kLeastBlock = std::uint64_t{64} << 10;  // of device memory

Frames aligned_down(Frames at) { return at >= 0 ? at / kRenderBlock * kRenderBlock : -((-at + kRenderBlock - 1) / kRenderBlock * kRenderBlock); }
Frames aligned_up(Frames at) { return -aligned_down(-at); }

}  // namespace

TrackSums::TrackSums(Workbench& bench, const program::Program& program, const SumLayout& layout) : bench_(bench), program_(program), layout_(layout) {
  first_ = program.first_frame();
  for (const program::Bus& bus : program.buses) first_ = std::min(first_, bus.from);
  for (const program::Reverb& reverb : program.reverbs) first_ = std::min(first_, reverb.input_from);
  first_ = aligned_down(first_);  // blocks lie on one grid: a track is heard to the end of the block that it falls silent in
  frames_ = program.length - first_;
}

std::uint64_t TrackSums::bytes_of(std::size_t group) const {
  const auto frame_count = static_cast<std::uint64_t>(frames_);
  std::uint64_t most = 0;
  for (std::size_t t = 0; t < program_.tracks.size(); t += group) {
    std::uint64_t bytes = 0;
    for (std::size_t k = t; k < std::min(program_.tracks.size(), t + group); ++k) {
      const program::Track& track = program_.tracks[k];
      bytes += frame_count * sizeof(float) * static_cast<std::uint64_t>(channel_count(track.layout)) * 2;  // lanes, and about as much of sources
      for (const program::Clip& clip : track.clips) bytes += kLeastBlock * clip.channels.size();
      const TrackRoutes routes(program_, track, layout_);
      bytes += frame_count * sizeof(double) * (static_cast<std::uint64_t>(routes.slots) + routes.moving.size());
    }
    most = std::max(most, bytes);
  }
  const std::uint64_t all = most + frame_count * (sizeof(double) + sizeof(float)) * static_cast<std::uint64_t>(layout_.sums);
  return all + all / 8 + (std::uint64_t{2} << 20);  // blocks are rounded up; tables
}

Result<void> TrackSums::run(std::size_t group) {
  const auto sums = static_cast<std::size_t>(layout_.sums), frames = static_cast<std::size_t>(frames_);
  if (group < program_.tracks.size()) { TRY_ASSIGN(accumulators_, bench_.residents.allocate(sums * frames * sizeof(double))); }
  TRY_ASSIGN(outputs_, bench_.residents.allocate(sums * frames * sizeof(float)));
  const std::size_t count = program_.tracks.size();
  for (std::size_t t = 0; t < count; t += group) {
    const Result<void> done = run_group(t, std::min(count, t + group));
    // What a group used is given back when it leaves: not before the stream has passed it.
    const Result<void> passed = bench_.settle();
    bench_.clear();
    if (!done.ok()) return done.error();
    if (!passed.ok()) return passed.error();
    TRY(count_times());
    TRY(check_samples());
  }
  if (count == 0) {
    TRY(sum_lanes(0, 0, true, true));
    TRY(bench_.settle());
    bench_.clear();
  }
  accumulators_ = {};
  return {};
}

Result<void> TrackSums::count_times() const {
  const std::int64_t samples = tables_.lanes * tables_.frames;
  TRY(marks_.count(bench_, 0, 1, Stage::decode, static_cast<std::int64_t>(tables_.source_bytes) + 4 * samples));
  TRY(marks_.count(bench_, 1, 2, Stage::eq, 8 * samples));
  return marks_.count(bench_, 2, 3, Stage::sum, 4 * samples);
}

Result<void> TrackSums::run_group(std::size_t first_track, std::size_t last_track) {
  TRY(bench_.check_cancelled());
  TRY_ASSIGN(tables_, clip_tables(program_, first_track, last_track, first_, bench_.sources));
  TRY_ASSIGN(void* const lanes, bench_.take(static_cast<std::size_t>(tables_.lanes) * static_cast<std::size_t>(frames_) * sizeof(float)));
  lanes_ = static_cast<float*>(lanes);
  TRY(place_clips());
  TRY(equalise(first_track, last_track));
  TRY(marks_.mark(bench_, 2));
  return sum_lanes(first_track, last_track, first_track == 0, last_track == program_.tracks.size());
}

Result<void> TrackSums::place_clips() {
  std::vector<PlacedStretch> placed;
  for (const SourceStretch& stretch : tables_.stretches) {
    TRY(bench_.check_cancelled());
    TRY_ASSIGN(const PlacedStretch at, bring_up(stretch));
    placed.push_back(at);
  }
  bad_.assign(tables_.clips.size(), cuda::kNoneBad);
  TRY_ASSIGN(bad_words_, bench_.put(bad_));
  const std::vector<cuda::Clip> clips = tables_.placed_clips(placed, bad_words_);
  const std::vector<cuda::ClipPiece> pieces = tables_.placed_pieces(lanes_);
  cuda::ClipsArgs args;
  TRY_ASSIGN(args.clips, bench_.put(clips));
  TRY_ASSIGN(args.refs, bench_.put(tables_.refs));
  TRY_ASSIGN(args.pieces, bench_.put(pieces));
  args.piece_count = static_cast<int>(pieces.size());
  args.longest = tables_.longest_piece;
  const kernels::ProfilerRange range(bench_.device, "decode");
  TRY(marks_.mark(bench_, 0));
  bench_.operations.clips(args, bench_.stream.get());
  return marks_.mark(bench_, 1);
}

/// Where the stretch is there already, or parts of it, only the rest is read and comes up.
Result<PlacedStretch> TrackSums::bring_up(const SourceStretch& stretch) {
  using Kind = Residents::Kind;
  Residents::Name name{stretch.raw ? Kind::raw_source : Kind::read_source, program_.sources[stretch.source].digest, stretch.channels, stretch.first, stretch.count};
  // Bytes of a frame in one row; raw PCM is one row, anything else a row a channel.
  const auto frame_bytes = static_cast<Frames>(stretch.bytes) / stretch.count / static_cast<Frames>(stretch.raw ? 1 : stretch.channels.size());
  const Frames rows = stretch.raw ? 1 : static_cast<Frames>(stretch.channels.size()), end = stretch.first + stretch.count;
  std::int64_t spared = 0;
  const auto make = [&](std::byte* memory, const std::vector<Residents::Held>& near) -> Result<void> {
    Frames at = stretch.first;
    for (const Residents::Held& other : near) {
      const Frames from = std::max(at, other->name.first), to = std::min(end, other->name.first + other->name.count);
      if (from >= to) continue;
      if (at < from) TRY(upload(stretch, at, from - at, memory));
      for (Frames row = 0; row < rows; ++row)
        TRY(bench_.stream.copy_within(memory + (row * stretch.count + from - stretch.first) * frame_bytes,
                                      other->memory.as<std::byte>() + (row * other->name.count + from - other->name.first) * frame_bytes,
                                      static_cast<std::size_t>((to - from) * frame_bytes)));
      spared += (to - from) * rows * frame_bytes;
      at = to;
    }
    return at < end ? upload(stretch, at, end - at, memory) : Result<void>{};
  };
  TRY_ASSIGN(Residents::Found found, bench_.residents.get(name, stretch.bytes, bench_.stream, make));
  if (found.was_there) spared = static_cast<std::int64_t>(stretch.bytes);
  if (bench_.times != nullptr) bench_.times->spare(spared);
  const PlacedStretch placed{found.resident->memory.as<std::byte>(), found.resident->name.first, found.resident->name.count};
  bench_.held.push_back(std::move(found.resident));
  for (Residents::Held& other : found.near) bench_.held.push_back(std::move(other));
  return placed;
}

/// Reads `count` frames of a stretch straight into the slots that go up; `to` is where the whole stretch goes.
Result<void> TrackSums::upload(const SourceStretch& stretch, Frames first, Frames count, std::byte* to) {
  const media::Digest& digest = program_.sources[stretch.source].digest;
  if (stretch.raw) {
    const auto block = static_cast<std::size_t>(stretch.file_channels * bytes_per_sample(stretch.raw->format));
    return bench_.staging.upload(to + static_cast<std::size_t>(first - stretch.first) * block, static_cast<std::size_t>(count) * block, block,
                                 [&](std::size_t from, std::span<std::byte> slot) -> Result<void> {
      const StageTimer timer(bench_.times, Stage::read, static_cast<std::int64_t>(slot.size()));
      return bench_.sources.read_bytes(digest, first + static_cast<Frames>(from / block), static_cast<Frames>(slot.size() / block), slot);
    });
  }
  // Coded, or at another rate: decoded and converted here, a channel after the other in the device's memory.
  const std::size_t channels = stretch.channels.size();
  for (Frames done = 0; done < count; done += kReadFrames) {
    const Frames n = std::min(kReadFrames, count - done), at = first + done - stretch.first;
    converted_.resize(channels * static_cast<std::size_t>(n));
    std::vector<float*> out;
    for (std::size_t c = 0; c < channels; ++c) out.push_back(converted_.data() + c * static_cast<std::size_t>(n));
    {
      const StageTimer timer(bench_.times, Stage::read, static_cast<std::int64_t>(converted_.size() * sizeof(float)));
      TRY(bench_.sources.read(digest, first + done, n, stretch.channels, out, bench_.scratch));
    }
    for (std::size_t c = 0; c < channels; ++c)
      TRY(bench_.staging.upload(to + (c * static_cast<std::size_t>(stretch.count) + static_cast<std::size_t>(at)) * sizeof(float),
                                std::as_bytes(std::span(out[c], static_cast<std::size_t>(n)))));
  }
  return {};
}

/// Where the group's samples were no numbers, the CPU's reader says so in its own words.
Result<void> TrackSums::check_samples() {
  if (bad_.empty()) return {};
  for (std::size_t i = 0; i < bad_.size(); ++i) {
    if (bad_[i] == cuda::kNoneBad) continue;
    const program::Clip& clip = *tables_.clips[i].clip;
    float sample = 0;
    float* const out = &sample;
    TRY(bench_.sources.read(program_.sources[clip.source].digest, clip.in + bad_[i], 1, std::span(&tables_.clips[i].channel, 1), std::span(&out, 1), bench_.scratch));
    return fail(Errc::internal, "the device read a sample that is no number where the CPU does not");
  }
  return {};
}

Result<void> TrackSums::equalise(std::size_t first_track, std::size_t last_track) {
  std::vector<EqSignal> signals;
  int lane = 0;
  for (std::size_t t = first_track; t < last_track; ++t) {
    EqSignal& signal = signals.emplace_back();
    signal.bands = &program_.tracks[t].eq;
    for (int c = 0; c < channel_count(program_.tracks[t].layout); ++c) signal.rows.push_back(lane_of(lane++));
  }
  return gpu::equalise(bench_, signals, program_.sample_rate, first_, frames_);
}

Result<TrackSums::Curves> TrackSums::evaluate(const program::Track& track, const TrackRoutes& routes) {
  Curves curves;
  if (routes.slots == 0) return curves;
  const auto row_bytes = static_cast<std::size_t>(frames_) * sizeof(double);
  TRY_ASSIGN(void* const memory, bench_.take(static_cast<std::size_t>(routes.slots) * row_bytes));
  curves.slots = static_cast<double*>(memory);
  const auto slot = [&](int index) { return curves.slots + static_cast<Frames>(index) * frames_; };
  std::vector<cuda::GainRow> gains;
  std::vector<cuda::PanRow> pans;
  std::vector<cuda::Product> products;
  const auto put_lines = [&](const mix::Automation& automation, auto& row) -> Result<void> {
    const std::vector<cuda::Line> lines = kernels::lines_of(automation, first_, program_.length);
    TRY_ASSIGN(row.lines, bench_.put(lines));
    row.line_count = static_cast<int>(lines.size());
    return {};
  };
  for (const TrackRoutes::Level& level : routes.levels) {
    cuda::GainRow& row = gains.emplace_back();
    row.gain = slot(level.slot);
    TRY(put_lines(*level.db, row));
  }
  for (const TrackRoutes::Pan& pan : routes.pans) {
    double* channels[kMaxChannels] = {};
    for (std::size_t k = 0; k < pan.slots.size(); ++k) channels[pan.curve.channels()[k]] = slot(pan.slots[k]);
    cuda::PanRow& row = pans.emplace_back(kernels::pan_row(pan.bus, channels));
    TRY(put_lines(track.azimuth_deg, row));
  }
  // A product begins as its first curve, which is a level's, evaluated once more.
  for (const TrackRoutes::Route& route : routes.moving) {
    if (route.curves.size() < 2 || std::any_of(curves.products.begin(), curves.products.end(), [&](const auto& p) { return p.first == route.curves; })) continue;
    TRY_ASSIGN(void* const row, bench_.take(row_bytes));
    curves.products.emplace_back(route.curves, static_cast<double*>(row));
    const auto level = std::find_if(routes.levels.begin(), routes.levels.end(), [&](const TrackRoutes::Level& l) { return l.slot == route.curves.front(); });
    cuda::GainRow copy = gains[static_cast<std::size_t>(level - routes.levels.begin())];
    copy.gain = static_cast<double*>(row);
    gains.push_back(copy);
  }
  if (!gains.empty()) {
    TRY_ASSIGN(cuda::GainRow* const table, bench_.put(gains));
    bench_.operations.gain_rows({table, static_cast<int>(gains.size()), first_, frames_}, bench_.stream.get());
  }
  if (!pans.empty()) {
    TRY_ASSIGN(cuda::PanRow* const table, bench_.put(pans));
    bench_.operations.pan_rows({table, static_cast<int>(pans.size()), first_, frames_}, bench_.stream.get());
  }
  // Factor after factor, in the order of the route: one launch for each.
  std::size_t longest = 0;
  for (const auto& [factors, row] : curves.products) longest = std::max(longest, factors.size());
  for (std::size_t k = 1; k < longest; ++k) {
    products.clear();
    for (const auto& [factors, row] : curves.products)
      if (k < factors.size()) products.push_back({row, slot(factors[k])});
    TRY_ASSIGN(cuda::Product* const table, bench_.put(products));
    bench_.operations.multiply_rows({table, static_cast<int>(products.size()), frames_}, bench_.stream.get());
  }
  return curves;
}

Result<void> TrackSums::sum_lanes(std::size_t first_track, std::size_t last_track, bool is_first, bool is_last) {
  const auto sums = static_cast<std::size_t>(layout_.sums);
  std::vector<cuda::MixLane> lanes;
  std::vector<double> coefs;  // [lanes][sums]
  int lane = 0;
  for (std::size_t t = first_track; t < last_track; ++t) {
    const program::Track& track = program_.tracks[t];
    const int channels = channel_count(track.layout);
    const TrackRoutes routes(program_, track, layout_);
    TRY_ASSIGN(const Curves curves, evaluate(track, routes));
    // A track is heard from the block that its first clip begins in to the end of the one that it falls silent in.
    Frames begin = track.clips.front().at;
    for (const program::Clip& clip : track.clips) begin = std::min(begin, clip.at);
    const Frames from = std::max<Frames>(0, aligned_down(begin) - first_), until = std::min(frames_, aligned_up(track.end) - first_);
    const auto first_lane = lanes.size();
    for (int c = 0; c < channels; ++c) lanes.push_back({lane_of(lane + c), nullptr, from, until});
    coefs.resize(lanes.size() * sums, 0.0);
    for (const TrackRoutes::Route& r : routes.still) coefs[(first_lane + static_cast<std::size_t>(r.lane)) * sums + static_cast<std::size_t>(r.sum)] += r.coef;
    for (const TrackRoutes::Route& r : routes.moving) {
      const double* gain = curves.slots + static_cast<Frames>(r.curves.front()) * frames_;
      for (const auto& [factors, row] : curves.products)
        if (factors == r.curves) gain = row;
      lanes.push_back({lane_of(lane + r.lane), gain, from, until});
      coefs.resize(lanes.size() * sums, 0.0);
      coefs[(lanes.size() - 1) * sums + static_cast<std::size_t>(r.sum)] = r.coef;
    }
    lane += channels;
  }
  std::vector<double*> accumulators;
  std::vector<float*> outputs;
  for (std::size_t s = 0; s < sums; ++s) {
    if (accumulators_) accumulators.push_back(accumulators_.as<double>() + s * static_cast<std::size_t>(frames_));
    outputs.push_back(outputs_.as<float>() + s * static_cast<std::size_t>(frames_));
  }
  cuda::MixArgs args;
  TRY_ASSIGN(args.lanes, bench_.put(lanes));
  TRY_ASSIGN(args.coefs, bench_.put(coefs));
  if (accumulators_) { TRY_ASSIGN(args.sums, bench_.put(accumulators)); }
  if (is_last) { TRY_ASSIGN(args.out, bench_.put(outputs)); }
  args.lane_count = static_cast<int>(lanes.size());
  args.outs = static_cast<int>(sums);
  args.n = frames_;
  args.adds = !is_first;
  {
    const kernels::ProfilerRange range(bench_.device, "sum");
    bench_.operations.mix(args, bench_.stream.get());
  }
  TRY(marks_.mark(bench_, 3));
  if (!bad_.empty()) TRY(bench_.stream.copy_down(bad_.data(), bad_words_, bad_.size() * sizeof(std::int64_t)));
  return {};
}

}  // namespace dubfarm::worker::gpu
