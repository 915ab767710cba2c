#include "worker/render_chunk.hpp"

#include <string.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <numeric>

#include "kernels/automation/automation.hpp"
#include "kernels/core/math.hpp"
#include "kernels/eq/eq.hpp"
#include "kernels/mix/mix.hpp"
#include "worker/gain_after.hpp"
#include "worker/track_voices.hpp"

namespace dubfarm::worker {
namespace {

constexpr std::int64_t kBatchBytes = std::int64_t{128} << 20;

Result<void> stop_if(const std::atomic<bool>& cancel) {
  if (cancel.load(std::memory_order_relaxed)) return fail(Errc::cancelled, "stopped");
  return {};
}

Result<void> verify_unchanged(const program::Program& program, const Sources& sources) {
  std::vector<media::Digest> used;
  for (const program::Source& source : program.sources) used.push_back(source.digest);
  return sources.verify_unchanged(used);
}

/// A node's samples from its first needed frame to the chunk's end.
struct NodeSamples {
  Frames from = 0;
  Buffer samples;
  std::vector<int> channels;  // of the node's layout, that the buffer holds, ascending; the others are silent
  /// `slot` counts among `channels`.
  [[nodiscard]] float* at(int slot, Frames frame) { return samples.channel(slot) + (frame - from); }
};

class ChunkRender {
 public:
  ChunkRender(const program::Program& program, const Sources& sources, IrCache& irs, RenderScratch& scratch, const std::atomic<bool>& cancel)
      : program_(program), sources_(sources), irs_(irs), scratch_(scratch), cancel_(cancel), layout_(program) {}

  /// Takes the memory that the tracks are summed into.
  void begin() {
    for (const program::Bus& bus : program_.buses) buses_.push_back(node(channel_count(bus.layout), bus.from));
    for (std::size_t r = 0; r < program_.reverbs.size(); ++r) {
      const program::Reverb& reverb = program_.reverbs[r];
      sends_.push_back(node(reverb.input == mix::ReverbInput::mono ? 1 : 2, reverb.input_from));
    }
    for (const NodeSamples& bus : buses_) dry_from_ = std::min(dry_from_, bus.from);
  }
  [[nodiscard]] TrackVoices::Part part() const { return {&program_, &layout_}; }
  [[nodiscard]] int sums() const { return layout_.sums; }
  /// The first frame that any track is summed at: zero or negative.
  [[nodiscard]] Frames first_frame() const {
    Frames first = std::min(dry_from_, program_.first_frame());
    for (const NodeSamples& send : sends_) first = std::min(first, send.from);
    return first;
  }
  /// Where frames [first, first + n) of the tracks' sums go: `sums`, and where every node that they are for begins no later, straight home.
  TrackVoices::Target target(Frames first, Frames n, double* const* sums) {
    TrackVoices::Target target{.dry = first + n > dry_from_, .sums = sums};
    home_.clear();
    bool is_home = first + n <= program_.length;
    const auto add = [&](NodeSamples& node, bool is_wanted) {
      for (int c = 0; c < node.samples.channels(); ++c) home_.push_back(is_wanted && first >= node.from ? node.at(c, first) : nullptr);
      is_home &= !is_wanted || first >= node.from;
    };
    for (NodeSamples& bus : buses_) add(bus, target.dry);
    for (NodeSamples& send : sends_) add(send, true);
    if (is_home) target.stored = home_.data();
    return target;
  }
  /// Stores sums that did not go straight home.
  void store_sums(Frames first, Frames n, const TrackVoices::Target& target) {
    if (target.is_stored || first >= program_.length) return;
    n = std::min(n, program_.length - first);
    const auto store_node = [&](NodeSamples& node, int first_sum) {
      const Frames skip = std::max<Frames>(0, node.from - first);
      for (int c = 0; skip < n && c < node.samples.channels(); ++c)
        kernels::store(target.sums[first_sum + c] + skip, n - skip, node.at(c, first + skip));
    };
    for (std::size_t b = 0; b < buses_.size(); ++b) store_node(buses_[b], layout_.bus_first[b]);
    for (std::size_t r = 0; r < sends_.size(); ++r) store_node(sends_[r], layout_.reverb_first[r]);
  }
  /// All tracks are in: reverbs and buses.
  Result<RenderedChunk> finish() {
    for (std::size_t r = 0; r < program_.reverbs.size(); ++r) TRY(convolve_reverb(r));
    for (std::size_t b = 0; b < program_.buses.size(); ++b) TRY(finish_bus(b));
    TRY(verify_unchanged(program_, sources_));
    return RenderedChunk{std::move(buses_.back().samples), -buses_.back().from, program_.length};
  }

 private:
  NodeSamples node(std::vector<int> channels, Frames from) {
    Buffer samples = scratch_.pool.take(static_cast<int>(channels.size()), program_.length - from);
    return {from, std::move(samples), std::move(channels)};
  }
  NodeSamples node(int channels, Frames from) {
    std::vector<int> every(static_cast<std::size_t>(channels));
    std::iota(every.begin(), every.end(), 0);
    return node(std::move(every), from);
  }
  [[nodiscard]] Result<void> check_cancelled() const { return stop_if(cancel_); }
  /// kRenderBlock doubles for each of `count` rows.
  std::vector<double*> rows(Growing<double>& memory, int count) {
    double* const base = memory.reserve(static_cast<std::size_t>(count * kRenderBlock));
    std::vector<double*> pointers;
    for (int i = 0; i < count; ++i) pointers.push_back(base + i * kRenderBlock);
    return pointers;
  }

  Result<void> convolve_reverb(std::size_t index) {
    TRY(check_cancelled());
    const program::Reverb& reverb = program_.reverbs[index];
    const int inputs = sends_[index].samples.channels(), outputs = channel_count(reverb.layout);
    const auto prepare = [&](kernels::Precision precision) {
      return irs_.get(program_.sources[reverb.ir].digest, inputs, outputs, kernels::convolution_fft_size(reverb.ir_frames, program_.length, precision),
                      precision, scratch_.sources);
    };
    TRY_ASSIGN(auto spectra, prepare(kernels::Precision::float32));
    std::vector<int> live;  // outputs that some path of the impulse response reaches
    for (int c = 0; c < outputs; ++c)
      for (int i = 0; i < inputs && (live.empty() || live.back() != c); ++i)
        if (spectra->has_path(i, c)) live.push_back(c);
    NodeSamples out = node(std::move(live), reverb.output_from);
    const Frames count = program_.length - reverb.output_from;
    const std::vector<float*> in = sends_[index].samples.pointers(), wet = out.samples.pointers();
    // The send runs `predelay` ahead of the convolution. Where the timeline has only just begun there is less of it than the predelay.
    const Frames lead = reverb.output_from - reverb.predelay - reverb.input_from;
    const Frames dead = std::min(count, std::max<Frames>(0, -lead));  // nothing can have come back yet
    for (float* channel : wet) std::fill_n(channel, dead, 0.0f);
    if (count > dead) {
      std::vector<float*> to(static_cast<std::size_t>(outputs), nullptr);
      for (std::size_t k = 0; k < wet.size(); ++k) to[static_cast<std::size_t>(out.channels[k])] = wet[k] + dead;
      const std::vector<const float*> from(in.begin(), in.end());
      const double gain = gain_after(program_, reverb), mean_square = kernels::convolved_mean_square(*spectra, from, std::max<Frames>(0, lead), count - dead);
      if (!(mean_square * gain * gain <= kernels::kFloat32MeanSquare)) {
        TRY_ASSIGN(spectra, prepare(kernels::Precision::float64));
      }
      kernels::convolve(*spectra, from, std::max<Frames>(0, lead), count - dead, to, scratch_.convolve);
    }
    sends_[index].samples = Buffer();  // back to the pool
    TRY(equalise(reverb.eq, out));
    reverbs_.push_back(std::move(out));
    reverb_gain_.push_back(apply_level(reverb.gain_db, reverbs_.back()));
    return {};
  }

  /// Adds reverbs and child buses to what the tracks brought, then EQ and fader.
  Result<void> finish_bus(std::size_t index) {
    const program::Bus& bus = program_.buses[index];
    NodeSamples& sum = buses_[index];
    struct Input { NodeSamples* from; Matrix matrix; double gain; };
    std::vector<Input> inputs;
    for (std::size_t r = 0; r < program_.reverbs.size(); ++r)
      if (program_.reverbs[r].bus == index) inputs.push_back({&reverbs_[r], conversion_matrix(program_.reverbs[r].layout, bus.layout), reverb_gain_[r]});
    for (std::size_t b = 0; b < index; ++b)
      if (program_.buses[b].parent == index) inputs.push_back({&buses_[b], conversion_matrix(program_.buses[b].layout, bus.layout), 1.0});
    if (!inputs.empty()) {
      for (int c = 0; c < sum.samples.channels(); ++c) {
        std::vector<const float*> lanes = {sum.at(c, bus.from)};
        std::vector<double> gains = {1.0};
        for (const Input& input : inputs)
          for (std::size_t k = 0; k < input.from->channels.size(); ++k)
            if (const double gain = input.matrix.at(c, input.from->channels[k]) * input.gain; gain != 0) {
              lanes.push_back(input.from->at(static_cast<int>(k), bus.from));
              gains.push_back(gain);
            }
        const int count = static_cast<int>(lanes.size());
        for (Frames first = bus.from; count > 1 && first < program_.length; first += kRenderBlock) {
          TRY(check_cancelled());
          const Frames n = std::min(kRenderBlock, program_.length - first);
          float* const out = sum.at(c, first);
          kernels::mix_store(lanes.data(), count, gains.data(), 1, n, &out);
          for (const float*& lane : lanes) lane += n;
        }
      }
      for (const Input& input : inputs) input.from->samples = Buffer();
    }
    TRY(equalise(bus.eq, sum));
    const double gain = apply_level(bus.gain_db, sum);
    for (int c = 0; c < sum.samples.channels(); ++c) kernels::apply_gain(sum.samples.channel(c), gain, sum.samples.frames());
    return {};
  }

  Result<void> equalise(const std::vector<program::Band>& bands, NodeSamples& node) {
    if (node.channels.empty()) return {};
    kernels::EqChain chain(node.samples.channels(), program_.sample_rate);
    for (const program::Band& band : bands) chain.add(band.type, band.freq_hz, band.q, band.gain_db);
    if (chain.empty()) return {};
    for (Frames first = node.from; first < program_.length; first += kRenderBlock) {
      TRY(check_cancelled());
      const std::vector<float*> x = node.samples.pointers(first - node.from);
      chain.process(x.data(), first, std::min(kRenderBlock, program_.length - first));
    }
    return {};
  }

  /// Applies a level that moves, and returns 1; returns one that stands still, for whoever sums the node next.
  double apply_level(const mix::Automation& db, NodeSamples& node) {
    const kernels::GainCurve curve(db);
    if (curve.is_constant()) return curve.constant_linear();
    double* const gain = rows(scratch_.curves, 1).front();
    for (Frames first = node.from; first < program_.length; first += kRenderBlock) {
      const Frames n = std::min(kRenderBlock, program_.length - first);
      curve.evaluate(first, n, gain);
      for (int c = 0; c < node.samples.channels(); ++c) kernels::apply_gain(node.at(c, first), gain, n);
    }
    return 1.0;
  }

  const program::Program& program_;
  const Sources& sources_;
  IrCache& irs_;
  RenderScratch& scratch_;
  const std::atomic<bool>& cancel_;
  SumLayout layout_;
  Frames dry_from_ = 0;       // buses are needed from here on
  std::vector<float*> home_;  // of target()
  std::vector<NodeSamples> buses_, sends_, reverbs_;
  std::vector<double> reverb_gain_;  // of each reverb, where it stands still; else 1
};

/// Runs all tracks of all chunks, block by block, into their buses' and sends' sums.
Result<void> sum_tracks(std::span<const std::unique_ptr<ChunkRender>> chunks, std::span<const program::Program* const> programs, const Sources& sources,
                        RenderScratch& scratch, const std::atomic<bool>& cancel) {
  std::vector<TrackVoices::Part> parts;
  std::vector<std::vector<double*>> sums;
  Frames first = 0, end = 0;
  int rows = 0;
  for (std::size_t p = 0; p < chunks.size(); ++p) {
    parts.push_back(chunks[p]->part());
    rows += chunks[p]->sums();
    first = std::min(first, chunks[p]->first_frame());
    end = std::max(end, programs[p]->length);
  }
  // Blocks lie on one grid whatever the company: a track is heard to the end of the block that it falls silent in.
  first = -((-first + kRenderBlock - 1) / kRenderBlock) * kRenderBlock;
  double* row = scratch.sums.reserve(static_cast<std::size_t>(rows * kRenderBlock));
  for (const auto& chunk : chunks) {
    sums.emplace_back();
    for (int s = 0; s < chunk->sums(); ++s, row += kRenderBlock) sums.back().push_back(row);
  }
  TrackVoices voices(parts, sources);
  std::vector<TrackVoices::Target> targets(chunks.size());
  for (; first < end; first += kRenderBlock) {
    TRY(stop_if(cancel));
    const Frames n = std::min(kRenderBlock, end - first);
    for (std::size_t p = 0; p < chunks.size(); ++p) targets[p] = chunks[p]->target(first, n, sums[p].data());
    TRY(voices.sum_block(first, n, targets, scratch.sources));
    for (std::size_t p = 0; p < chunks.size(); ++p) chunks[p]->store_sums(first, n, targets[p]);
  }
  return {};
}

Result<std::vector<RenderedChunk>> render_on_cpu(std::span<const program::Program* const> programs, const Sources& sources, IrCache& irs, RenderScratch& scratch,
                                                 const std::atomic<bool>& cancel) {
  std::vector<std::unique_ptr<ChunkRender>> chunks;
  for (const program::Program* program : programs) {
    chunks.push_back(std::make_unique<ChunkRender>(*program, sources, irs, scratch, cancel));
    chunks.back()->begin();
  }
  TRY(sum_tracks(chunks, programs, sources, scratch, cancel));
  std::vector<RenderedChunk> rendered;
  for (const auto& chunk : chunks) {
    TRY_ASSIGN(RenderedChunk done, chunk->finish());
    rendered.push_back(std::move(done));
  }
  return rendered;
}

Result<RenderedChunk> render_on(gpu::DeviceRenderer& device, const program::Program& program, const Sources& sources, RenderScratch& scratch,
                                const std::atomic<bool>& cancel) {
  Buffer stem = scratch.pool.take(channel_count(program.layout()), program.length);
  TRY(device.render(program, stem.pointers(), scratch.sources, cancel));
  TRY(verify_unchanged(program, sources));
  return RenderedChunk{std::move(stem), 0, program.length};
}

}  // namespace

Result<std::vector<RenderedChunk>> render_chunks(std::span<const program::Program* const> programs, const Sources& sources, IrCache& irs,
                                                 RenderScratch& scratch, const std::atomic<bool>& cancel, gpu::DeviceRenderer* device) {
  if (device == nullptr) return render_on_cpu(programs, sources, irs, scratch, cancel);
  std::vector<RenderedChunk> rendered;
  for (const program::Program* program : programs) {
    Result<RenderedChunk> done = render_on(*device, *program, sources, scratch, cancel);
    if (done.ok()) {
      rendered.push_back(std::move(*done));
      continue;
    }
    if (done.error().code != Errc::no_space) return done.error();
    device->leave_to_cpu(*program, done.error());
    const StageTimer timer(device->times(), Stage::render);
    TRY_ASSIGN(std::vector<RenderedChunk> alone, render_on_cpu(std::span(&program, 1), sources, irs, scratch, cancel));
    rendered.push_back(std::move(alone.front()));
    rendered.back().is_taken_over = true;
  }
  return rendered;
}

void RenderScratch::clear() {
  pool.clear();
  sources.clear();
  for (std::vector<kernels::AlignedMemory>* const signals : {&convolve.inputs, &convolve.outputs})
    for (kernels::AlignedMemory& signal : *signals)
      if (const std::size_t bytes = signal.size_bytes(); bytes > 0) ::explicit_bzero(signal.reserve<std::byte>(bytes), bytes);
  sums.clear();
  curves.clear();
}

Result<RenderedChunk> render_chunk(const program::Program& program, const Sources& sources, IrCache& irs, RenderScratch& scratch,
                                   const std::atomic<bool>& cancel, gpu::DeviceRenderer* device) {
  const program::Program* const one = &program;
  TRY_ASSIGN(std::vector<RenderedChunk> rendered, render_chunks(std::span(&one, 1), sources, irs, scratch, cancel, device));
  return std::move(rendered.front());
}

namespace {

int lane_count(const program::Program& program) {
  int lanes = 0;
  for (const program::Track& track : program.tracks) lanes += channel_count(track.layout);
  return lanes;
}

/// Bytes of the nodes that tracks are summed into.
std::int64_t node_bytes(const program::Program& program) {
  return (program.length - program.first_frame()) * SumLayout(program).sums * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

bool joins_batch(std::span<const program::Program* const> batch, const program::Program& next) {
  int lanes = lane_count(next);
  std::int64_t bytes = node_bytes(next);
  for (const program::Program* program : batch) {
    if (program->sample_rate != next.sample_rate || program->length > next.length / 2 * 3 || next.length > program->length / 2 * 3) return false;
    lanes += lane_count(*program);
    bytes += node_bytes(*program);
  }
  return lanes <= kernels::EqBank::kMaxLanes && bytes <= kBatchBytes;
}

}  // namespace dubfarm::worker
