#include "worker/gpu/device_tracks.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "kernels/automation/automation_tables.hpp"
#include "kernels/clip/clip_cuda.hpp"
#include "kernels/decode/decode_cuda.hpp"
#include "kernels/eq/eq_cuda.hpp"
#include "kernels/eq/eq_tables.hpp"
#include "kernels/mix/mix_cuda.hpp"
#include "kernels/pan/pan_tables.hpp"
#include "worker/gpu/clip_tables.hpp"
#include "worker/gpu/staging.hpp"
#include "worker/track_voices.hpp"

namespace dubfarm::worker::gpu {
namespace {

namespace cuda = kernels::cuda;

constexpr Frames kReadFrames = 65536;  // of a source that has to be decoded or converted here, at a time

Frames aligned_down(Frames at) { return at >= 0 ? at / kRenderBlock * kRenderBlock : -((-at + kRenderBlock - 1) / kRenderBlock * kRenderBlock); }
Frames aligned_up(Frames at) { return -aligned_down(-at); }

/// Memory set aside for a call, given back with it.
class Aside {
 public:
  Aside(kernels::Device& device, std::uint64_t bytes) : device_(device), bytes_(bytes) { device_.set_aside(bytes_); }
  ~Aside() { device_.give_back(bytes_); }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

 private:
  kernels::Device& device_;
  std::uint64_t bytes_;
};

}  // namespace

/// One program on one stream.
class DeviceTracks::Pass {
 public:
  Pass(DeviceTracks& owner, const kernels::Stream& stream, const program::Program& program, const SumLayout& layout, std::span<const SumTarget> targets,
       SourceScratch& scratch, const std::atomic<bool>& cancel)
      : owner_(owner), device_(owner.device_), stream_(stream), staging_(owner.device_, stream, owner.times_), program_(program), layout_(layout), targets_(targets),
        scratch_(scratch), cancel_(cancel) {
    first_ = program.first_frame();
    for (const SumTarget& target : targets) first_ = std::min(first_, target.from);
    first_ = aligned_down(first_);  // blocks lie on one grid: a track is heard to the end of the block that it falls silent in
    frames_ = program.length - first_;
  }

  /// Bytes that a pass in groups of `group` tracks takes at most, but for what is rounded up.
  [[nodiscard]] std::uint64_t bytes_of(std::size_t group) const {
    const auto frame_count = static_cast<std::uint64_t>(frames_);
    std::uint64_t most = 0;
    for (std::size_t t = 0; t < program_.tracks.size(); t += group) {
      std::uint64_t bytes = 0;
      for (std::size_t k = t; k < std::min(program_.tracks.size(), t + group); ++k) {
        const program::Track& track = program_.tracks[k];
        bytes += frame_count * sizeof(float) * static_cast<std::uint64_t>(channel_count(track.layout)) * 2;  // lanes, and about as much of sources
        const TrackRoutes routes(program_, track, layout_);
        bytes += frame_count * sizeof(double) * (static_cast<std::uint64_t>(routes.slots) + routes.moving.size());
      }
      most = std::max(most, bytes);
    }
    const std::uint64_t all = most + frame_count * (sizeof(double) + sizeof(float)) * static_cast<std::uint64_t>(layout_.sums);
    return all + all / 8 + (std::uint64_t{2} << 20);  // blocks are rounded up; tables
  }

  Result<void> run(std::size_t group) {
    const auto sums = static_cast<std::size_t>(layout_.sums), frames = static_cast<std::size_t>(frames_);
    if (group < program_.tracks.size()) { TRY_ASSIGN(accumulators_, device_.allocate(sums * frames * sizeof(double))); }
    TRY_ASSIGN(outputs_, device_.allocate(sums * frames * sizeof(float)));
    const std::size_t count = program_.tracks.size();
    for (std::size_t t = 0; t < count; t += group) {
      const Result<void> done = run_group(t, std::min(count, t + group));
      // What a group used is given back when it leaves: not before the stream has passed it.
      const Result<void> passed = settle();
      group_.clear();
      if (!done.ok()) return done.error();
      if (!passed.ok()) return passed.error();
      TRY(count_times());
      TRY(check_samples());
    }
    if (count == 0) {
      TRY(sum_lanes(0, 0, true, true));
      TRY(settle());
    }
    for (std::size_t s = 0; s < sums; ++s) {
      const SumTarget& target = targets_[s];
      const auto skip = static_cast<std::size_t>(target.from - first_);
      TRY(staging_.download(target.to, outputs_.as<float>() + s * frames + skip, (frames - skip) * sizeof(float)));
    }
    return {};
  }

 private:
  Result<void> settle() {
    TRY(staging_.finish());
    return stream_.synchronize();
  }
  /// Notes a point of the stream, where somebody wants to know how long its stages take.
  Result<void> mark(std::size_t point) {
    if (owner_.times_ == nullptr) return {};
    if (!marks_[point]) { TRY_ASSIGN(marks_[point], device_.create_event()); }
    return marks_[point]->record(stream_);
  }
  /// The stream has passed its marks.
  Result<void> count_times() {
    if (owner_.times_ == nullptr) return {};
    const std::int64_t samples = tables_.lanes * tables_.frames;
    constexpr Stage kBetween[] = {Stage::decode, Stage::eq, Stage::sum};
    const std::int64_t bytes[] = {static_cast<std::int64_t>(tables_.source_bytes) + 4 * samples, 8 * samples, 4 * samples};
    for (std::size_t s = 0; s < std::size(kBetween); ++s) {
      TRY_ASSIGN(const double ms, kernels::Event::elapsed_ms(*marks_[s], *marks_[s + 1]));
      owner_.times_->add(kBetween[s], ms / 1e3, bytes[s]);
    }
    return {};
  }
  Result<void> check_cancelled() const {
    if (cancel_.load(std::memory_order_relaxed)) return fail(Errc::cancelled, "stopped");
    return {};
  }

  /// Memory of the group at hand.
  Result<void*> take(std::size_t bytes) {
    TRY_ASSIGN(kernels::DeviceMemory memory, device_.allocate(std::max<std::size_t>(bytes, 1)));
    group_.push_back(std::move(memory));
    return group_.back().get();
  }
  template <class T>
  Result<T*> put(const std::vector<T>& values) {
    TRY_ASSIGN(void* const memory, take(values.size() * sizeof(T)));
    if (!values.empty()) TRY(staging_.upload(memory, values));
    return static_cast<T*>(memory);
  }

  Result<void> run_group(std::size_t first_track, std::size_t last_track) {
    TRY(check_cancelled());
    TRY_ASSIGN(tables_, clip_tables(program_, first_track, last_track, first_, owner_.sources_));
    TRY_ASSIGN(void* const lanes, take(static_cast<std::size_t>(tables_.lanes) * static_cast<std::size_t>(frames_) * sizeof(float)));
    lanes_ = static_cast<float*>(lanes);
    TRY(place_clips());
    TRY(equalise(first_track, last_track));
    TRY(mark(2));
    return sum_lanes(first_track, last_track, first_track == 0, last_track == program_.tracks.size());
  }

  Result<void> place_clips() {
    TRY_ASSIGN(void* const memory, take(tables_.source_bytes));
    auto* const samples = static_cast<std::byte*>(memory);
    for (const SourceStretch& stretch : tables_.stretches) {
      TRY(check_cancelled());
      TRY(bring_up(stretch, samples + stretch.offset));
    }
    bad_.assign(tables_.clips.size(), cuda::kNoneBad);
    TRY_ASSIGN(bad_words_, put(bad_));
    const std::vector<cuda::Clip> clips = tables_.placed_clips(samples, bad_words_);
    const std::vector<cuda::ClipPiece> pieces = tables_.placed_pieces(lanes_);
    cuda::ClipsArgs args;
    TRY_ASSIGN(args.clips, put(clips));
    TRY_ASSIGN(args.refs, put(tables_.refs));
    TRY_ASSIGN(args.pieces, put(pieces));
    args.piece_count = static_cast<int>(pieces.size());
    args.longest = tables_.longest_piece;
    const kernels::ProfilerRange range(device_, "decode");
    TRY(mark(0));
    owner_.operations_.clips(args, stream_.get());
    return mark(1);
  }

  /// Reads a stretch of a source straight into the slots that go up.
  Result<void> bring_up(const SourceStretch& stretch, std::byte* to) {
    const media::Digest& digest = program_.sources[stretch.source].digest;
    if (stretch.raw) {
      const auto block = static_cast<std::size_t>(stretch.file_channels * bytes_per_sample(stretch.raw->format));
      return staging_.upload(to, stretch.bytes, block, [&](std::size_t from, std::span<std::byte> slot) -> Result<void> {
        const StageTimer timer(owner_.times_, Stage::read, static_cast<std::int64_t>(slot.size()));
        return owner_.sources_.read_bytes(digest, stretch.first + static_cast<Frames>(from / block), static_cast<Frames>(slot.size() / block), slot);
      });
    }
    // Coded, or at another rate: decoded and converted here, a channel after the other in the device's memory.
    const std::size_t channels = stretch.channels.size();
    for (Frames done = 0; done < stretch.count; done += kReadFrames) {
      const Frames n = std::min(kReadFrames, stretch.count - done);
      converted_.resize(channels * static_cast<std::size_t>(n));
      std::vector<float*> out;
      for (std::size_t c = 0; c < channels; ++c) out.push_back(converted_.data() + c * static_cast<std::size_t>(n));
      {
        const StageTimer timer(owner_.times_, Stage::read, static_cast<std::int64_t>(converted_.size() * sizeof(float)));
        TRY(owner_.sources_.read(digest, stretch.first + done, n, stretch.channels, out, scratch_));
      }
      for (std::size_t c = 0; c < channels; ++c)
        TRY(staging_.upload(to + (c * static_cast<std::size_t>(stretch.count) + static_cast<std::size_t>(done)) * sizeof(float),
                            std::as_bytes(std::span(out[c], static_cast<std::size_t>(n)))));
    }
    return {};
  }

  /// Where the group's samples were no numbers, the CPU's reader says so in its own words.
  Result<void> check_samples() {
    if (bad_.empty()) return {};
    for (std::size_t i = 0; i < bad_.size(); ++i) {
      if (bad_[i] == cuda::kNoneBad) continue;
      const program::Clip& clip = *tables_.clips[i].clip;
      float sample = 0;
      float* const out = &sample;
      TRY(owner_.sources_.read(program_.sources[clip.source].digest, clip.in + bad_[i], 1, std::span(&tables_.clips[i].channel, 1), std::span(&out, 1), scratch_));
      return fail(Errc::internal, "the device read a sample that is no number where the CPU does not");
    }
    return {};
  }

  Result<void> equalise(std::size_t first_track, std::size_t last_track) {
    std::vector<cuda::EqLane> lanes;
    std::vector<double> steps;
    std::vector<std::size_t> lane_step;  // of each entry of `lanes`, its first among `steps`
    std::vector<cuda::EqChainRun> chains;
    std::vector<cuda::EqStage> stages;
    std::vector<cuda::EqRamp> ramps;
    std::vector<std::size_t> chain_stage, stage_step, stage_ramp;
    std::vector<int> stage_channels;
    constexpr auto kNone = static_cast<std::size_t>(-1);
    int lane = 0;
    for (std::size_t t = first_track; t < last_track; ++t) {
      const program::Track& track = program_.tracks[t];
      const int channels = channel_count(track.layout);
      std::vector<kernels::eq::StageTable> bands;
      bool moves = false;
      for (const program::Band& band : track.eq)
        for (kernels::eq::StageTable& table :
             kernels::eq::stage_tables(band.type, band.freq_hz, band.q, band.gain_db, program_.sample_rate, first_, program_.length)) {
          moves |= !table.ramps.empty();
          bands.push_back(std::move(table));
        }
      const auto add_step = [&](const kernels::SvfStep& s) {
        const std::size_t at = steps.size();
        for (const double value : {s.a11, s.a12, s.b1, s.a21, s.a22, s.b2, s.c1, s.c2, s.d}) steps.push_back(value);
        return at;
      };
      if (moves) {
        if (bands.size() > cuda::kEqMaxStages)
          return fail(Errc::no_space, "track {} has {} bands, some of which move; a device takes {}", t + 1, bands.size(), cuda::kEqMaxStages);
        cuda::EqChainRun chain;
        chain.channels = channels;
        for (int c = 0; c < channels; ++c) chain.x[c] = lane_of(lane + c);
        chain.stage_count = static_cast<int>(bands.size());
        chain.first = first_;
        chain.n = frames_;
        chain_stage.push_back(stages.size());
        chains.push_back(chain);
        for (const kernels::eq::StageTable& band : bands) {
          cuda::EqStage stage;
          stage.ramp_count = static_cast<int>(band.ramps.size());
          stage_ramp.push_back(band.ramps.empty() ? kNone : ramps.size());
          stage_step.push_back(band.ramps.empty() ? add_step(band.step) : kNone);
          stage_channels.push_back(channels);
          ramps.insert(ramps.end(), band.ramps.begin(), band.ramps.end());
          stages.push_back(stage);
        }
      } else if (!bands.empty()) {
        std::size_t at = steps.size();
        for (const kernels::eq::StageTable& band : bands) (void)add_step(band.step);
        for (int c = 0; c < channels; ++c) {
          lane_step.push_back(at);
          lanes.push_back({lane_of(lane + c), nullptr, nullptr, static_cast<int>(bands.size())});
        }
      }
      lane += channels;
    }
    if (!lanes.empty() || !chains.empty()) {
      std::size_t states = 0;
      for (const cuda::EqLane& l : lanes) states += 2 * static_cast<std::size_t>(l.bands);
      for (const int channels : stage_channels) states += 2 * static_cast<std::size_t>(channels);
      TRY_ASSIGN(double* state, put(std::vector<double>(states, 0.0)));
      TRY_ASSIGN(double* const step_table, put(steps));
      TRY_ASSIGN(cuda::EqRamp* const ramp_table, put(ramps));
      for (std::size_t i = 0; i < lanes.size(); ++i) {
        lanes[i].steps = step_table + lane_step[i];
        lanes[i].states = state;
        state += 2 * lanes[i].bands;
      }
      for (std::size_t i = 0; i < stages.size(); ++i) {
        stages[i].step = stage_step[i] == kNone ? nullptr : step_table + stage_step[i];
        stages[i].ramps = stage_ramp[i] == kNone ? nullptr : ramp_table + stage_ramp[i];
        stages[i].states = state;
        state += 2 * stage_channels[i];
      }
      TRY_ASSIGN(cuda::EqStage* const stage_table, put(stages));
      for (std::size_t i = 0; i < chains.size(); ++i) chains[i].stages = stage_table + chain_stage[i];
      const kernels::ProfilerRange range(device_, "eq");
      if (!lanes.empty()) {
        TRY_ASSIGN(cuda::EqLane* const table, put(lanes));
        owner_.operations_.eq({table, static_cast<int>(lanes.size()), frames_}, stream_.get());
      }
      if (!chains.empty()) {
        TRY_ASSIGN(cuda::EqChainRun* const table, put(chains));
        owner_.operations_.eq_chains({table, static_cast<int>(chains.size())}, stream_.get());
      }
    }
    return {};
  }

  /// The gains of a track that move, on the device: [slots][frames]; and the products that its routes ask for.
  struct Curves {
    double* slots = nullptr;
    std::vector<std::pair<std::vector<int>, double*>> products;
  };
  Result<Curves> evaluate(const program::Track& track, const TrackRoutes& routes) {
    Curves curves;
    if (routes.slots == 0) return curves;
    const auto row_bytes = static_cast<std::size_t>(frames_) * sizeof(double);
    TRY_ASSIGN(void* const memory, take(static_cast<std::size_t>(routes.slots) * row_bytes));
    curves.slots = static_cast<double*>(memory);
    const auto slot = [&](int index) { return curves.slots + static_cast<Frames>(index) * frames_; };
    std::vector<cuda::GainRow> gains;
    std::vector<cuda::PanRow> pans;
    std::vector<cuda::Product> products;
    const auto put_lines = [&](const mix::Automation& automation, auto& row) -> Result<void> {
      const std::vector<cuda::Line> lines = kernels::lines_of(automation, first_, program_.length);
      TRY_ASSIGN(row.lines, put(lines));
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
      TRY_ASSIGN(void* const row, take(row_bytes));
      curves.products.emplace_back(route.curves, static_cast<double*>(row));
      const auto level = std::find_if(routes.levels.begin(), routes.levels.end(), [&](const TrackRoutes::Level& l) { return l.slot == route.curves.front(); });
      cuda::GainRow copy = gains[static_cast<std::size_t>(level - routes.levels.begin())];
      copy.gain = static_cast<double*>(row);
      gains.push_back(copy);
    }
    if (!gains.empty()) {
      TRY_ASSIGN(cuda::GainRow* const table, put(gains));
      owner_.operations_.gain_rows({table, static_cast<int>(gains.size()), first_, frames_}, stream_.get());
    }
    if (!pans.empty()) {
      TRY_ASSIGN(cuda::PanRow* const table, put(pans));
      owner_.operations_.pan_rows({table, static_cast<int>(pans.size()), first_, frames_}, stream_.get());
    }
    // Factor after factor, in the order of the route: one launch for each.
    std::size_t longest = 0;
    for (const auto& [factors, row] : curves.products) longest = std::max(longest, factors.size());
    for (std::size_t k = 1; k < longest; ++k) {
      products.clear();
      for (const auto& [factors, row] : curves.products)
        if (k < factors.size()) products.push_back({row, slot(factors[k])});
      TRY_ASSIGN(cuda::Product* const table, put(products));
      owner_.operations_.multiply_rows({table, static_cast<int>(products.size()), frames_}, stream_.get());
    }
    return curves;
  }

  Result<void> sum_lanes(std::size_t first_track, std::size_t last_track, bool is_first, bool is_last) {
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
    TRY_ASSIGN(args.lanes, put(lanes));
    TRY_ASSIGN(args.coefs, put(coefs));
    if (accumulators_) { TRY_ASSIGN(args.sums, put(accumulators)); }
    if (is_last) { TRY_ASSIGN(args.out, put(outputs)); }
    args.lane_count = static_cast<int>(lanes.size());
    args.outs = static_cast<int>(sums);
    args.n = frames_;
    args.adds = !is_first;
    {
      const kernels::ProfilerRange range(device_, "sum");
      owner_.operations_.mix(args, stream_.get());
    }
    TRY(mark(3));
    if (!bad_.empty()) TRY(stream_.copy_down(bad_.data(), bad_words_, bad_.size() * sizeof(std::int64_t)));
    return {};
  }

  [[nodiscard]] float* lane_of(int lane) const { return lanes_ + static_cast<Frames>(lane) * frames_; }

  DeviceTracks& owner_;
  kernels::Device& device_;
  const kernels::Stream& stream_;
  Staging staging_;
  const program::Program& program_;
  const SumLayout& layout_;
  std::span<const SumTarget> targets_;
  SourceScratch& scratch_;
  const std::atomic<bool>& cancel_;
  Frames first_ = 0, frames_ = 0;
  kernels::DeviceMemory accumulators_, outputs_;
  std::vector<kernels::DeviceMemory> group_;  // of the tracks at hand
  ClipTables tables_;
  float* lanes_ = nullptr;
  std::vector<std::int64_t> bad_;   // of each clip, as they come back
  std::int64_t* bad_words_ = nullptr;
  std::vector<float> converted_;
  std::optional<kernels::Event> marks_[4];  // before the clips, after them, after the EQ, after the sums
};

DeviceTracks::DeviceTracks(kernels::Device& device, const Sources& sources, StageTimes* times)
    : device_(device), sources_(sources), times_(times), operations_(*static_cast<const cuda::Operations*>(device.table().operations)) {}

void DeviceTracks::leave_to_cpu(const Error& why) {
  const std::lock_guard lock(mutex_);
  if (left_to_cpu_.times++ == 0) left_to_cpu_.why = why.message;
}

DeviceTracks::LeftToCpu DeviceTracks::left_to_cpu() const {
  const std::lock_guard lock(mutex_);
  return left_to_cpu_;
}

Result<void> DeviceTracks::sum(const program::Program& program, const SumLayout& layout, std::span<const SumTarget> targets, SourceScratch& scratch,
                               const std::atomic<bool>& cancel) {
  TRY_ASSIGN(const kernels::Stream stream, device_.create_stream());
  const std::uint64_t limit = device_.memory_use().limit;
  std::size_t group = std::max<std::size_t>(1, program.tracks.size());
  for (;;) {
    Pass pass(*this, stream, program, layout, targets, scratch, cancel);
    while (group > 1 && pass.bytes_of(group) > limit / 2) group = (group + 1) / 2;  // half: another chunk's copies overlap with this one's kernels
    Result<void> done;
    {
      const Aside aside(device_, std::min(limit, pass.bytes_of(group)));
      done = pass.run(group);
      if (!done.ok()) (void)stream.synchronize();  // nothing may still run in memory that goes back
    }
    if (done.ok() || done.error().code != Errc::no_space || group == 1) {
      if (done.ok() && group < program.tracks.size()) ++in_groups_;
      return done;
    }
    group = (group + 1) / 2;
  }
}

}  // namespace dubfarm::worker::gpu
