#include "worker/render_chunk.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/automation/automation.hpp"
#include "kernels/eq/eq.hpp"
#include "kernels/mix/mix.hpp"
#include "worker/track_voices.hpp"

namespace dubfarm::worker {
namespace {

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

  Result<RenderedChunk> run() {
    for (const program::Bus& bus : program_.buses) buses_.push_back(node(channel_count(bus.layout), bus.from));
    for (std::size_t r = 0; r < program_.reverbs.size(); ++r) {
      const program::Reverb& reverb = program_.reverbs[r];
      sends_.push_back(node(reverb.input == mix::ReverbInput::mono ? 1 : 2, reverb.input_from));
    }
    TRY(sum_tracks());
    for (std::size_t r = 0; r < program_.reverbs.size(); ++r) TRY(convolve_reverb(r));
    for (std::size_t b = 0; b < program_.buses.size(); ++b) TRY(finish_bus(b));
    std::vector<media::Digest> used;
    for (const program::Source& source : program_.sources) used.push_back(source.digest);
    TRY(sources_.verify_unchanged(used));
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
  [[nodiscard]] Result<void> check_cancelled() const {
    if (cancel_.load(std::memory_order_relaxed)) return fail(Errc::cancelled, "stopped");
    return {};
  }
  /// kRenderBlock doubles for each of `count` rows.
  std::vector<double*> rows(Growing<double>& memory, int count) {
    double* const base = memory.reserve(static_cast<std::size_t>(count * kRenderBlock));
    std::vector<double*> pointers;
    for (int i = 0; i < count; ++i) pointers.push_back(base + i * kRenderBlock);
    return pointers;
  }

  /// Runs all tracks, block by block, into the buses' and sends' sums.
  Result<void> sum_tracks() {
    TrackVoices voices(program_, layout_, sources_);
    const std::vector<double*> sums = rows(scratch_.sums, layout_.sums);
    Frames dry_from = 0, first = 0;
    for (const NodeSamples& bus : buses_) dry_from = std::min(dry_from, bus.from);
    first = dry_from;
    for (const NodeSamples& send : sends_) first = std::min(first, send.from);
    first = std::min(first, program_.first_frame());
    const auto store_node = [&](NodeSamples& target, int first_sum, Frames begin, Frames n) {
      const Frames skip = std::max<Frames>(0, target.from - begin);
      for (int c = 0; skip < n && c < target.samples.channels(); ++c)
        kernels::store(sums[static_cast<std::size_t>(first_sum + c)] + skip, n - skip, target.at(c, begin + skip));
    };
    for (; first < program_.length; first += kRenderBlock) {
      TRY(check_cancelled());
      const Frames n = std::min(kRenderBlock, program_.length - first);
      for (double* sum : sums) std::fill_n(sum, n, 0.0);
      TRY(voices.add_block(first, n, first + n > dry_from, sums.data(), scratch_.sources));
      for (std::size_t b = 0; b < buses_.size(); ++b) store_node(buses_[b], layout_.bus_first[b], first, n);
      for (std::size_t r = 0; r < sends_.size(); ++r) store_node(sends_[r], layout_.reverb_first[r], first, n);
    }
    return {};
  }

  Result<void> convolve_reverb(std::size_t index) {
    TRY(check_cancelled());
    const program::Reverb& reverb = program_.reverbs[index];
    const int inputs = sends_[index].samples.channels(), outputs = channel_count(reverb.layout);
    const std::size_t fft_size = kernels::convolution_fft_size(reverb.ir_frames, program_.length);
    TRY_ASSIGN(const auto spectra, irs_.get(program_.sources[reverb.ir].digest, inputs, outputs, fft_size, scratch_.sources));
    std::vector<int> live;  // outputs that some path of the impulse response reaches
    for (int c = 0; c < outputs; ++c)
      for (int i = 0; i < inputs && (live.empty() || live.back() != c); ++i)
        if (spectra->path(i, c) != nullptr) live.push_back(c);
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
      kernels::convolve(*spectra, std::vector<const float*>(in.begin(), in.end()), std::max<Frames>(0, lead), count - dead, to, scratch_.convolve);
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
      double* const total = rows(scratch_.sums, 1).front();
      for (Frames first = bus.from; first < program_.length; first += kRenderBlock) {
        TRY(check_cancelled());
        const Frames n = std::min(kRenderBlock, program_.length - first);
        for (int c = 0; c < sum.samples.channels(); ++c) {
          std::fill_n(total, n, 0.0);
          kernels::mix_add_scaled(sum.at(c, first), 1.0, n, total);
          for (const Input& input : inputs)
            for (std::size_t k = 0; k < input.from->channels.size(); ++k)
              kernels::mix_add_scaled(input.from->at(static_cast<int>(k), first), input.matrix.at(c, input.from->channels[k]) * input.gain, n, total);
          kernels::store(total, n, sum.at(c, first));
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
  std::vector<NodeSamples> buses_, sends_, reverbs_;
  std::vector<double> reverb_gain_;  // of each reverb, where it stands still; else 1
};

}  // namespace

Result<RenderedChunk> render_chunk(const program::Program& program, const Sources& sources, IrCache& irs, RenderScratch& scratch,
                                   const std::atomic<bool>& cancel) {
  return ChunkRender(program, sources, irs, scratch, cancel).run();
}

}  // namespace dubfarm::worker
