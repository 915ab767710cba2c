#include "kernels/convolve/convolve.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdlib>
#include <limits>
#include <new>

#include "kernels/fft/fft.hpp"

namespace dubfarm::kernels {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

bool is_silent(const float* values, Frames from, Frames to) {
  return std::all_of(values + from, values + std::max(from, to), [](float value) { return value == 0.0f; });
}

/// Time of one block pair (a forward, a product, an inverse) of size n = m * 2^k, in nanoseconds as measured on one AVX-512 core with 2 MB
/// of second-level cache: level up to 2^15, then steeper as the transform, and beyond 2^20 its units, leave the cache. All machines get
/// the same answer: the binary logarithm is the linear one between powers of two, in exact arithmetic.
double pair_cost(std::size_t n) {
  const std::size_t power = std::bit_floor(n);
  const double logarithm = std::countr_zero(power) - 1 + static_cast<double>(n) / static_cast<double>(power);
  return static_cast<double>(n) * (1.75 + 0.34375 * std::clamp(logarithm - 15.0, 0.0, 3.0) + 0.1875 * std::clamp(logarithm - 18.0, 0.0, 2.0) +
                                   std::max(0.0, logarithm - 20.0));
}

}  // namespace

void AlignedFloats::Free::operator()(float* values) const noexcept { std::free(values); }

float* AlignedFloats::reserve(std::size_t count) {
  if (count <= size_) return values_.get();
  const std::size_t alignment = count * sizeof(float) >= kHugePage ? kHugePage : 64;
  const std::size_t bytes = (count * sizeof(float) + alignment - 1) / alignment * alignment;
  values_.reset();  // the old memory first: these are large
  size_ = 0;
  values_.reset(static_cast<float*>(std::aligned_alloc(alignment, bytes)));
  if (!values_) throw std::bad_alloc();
  if (alignment == kHugePage) (void)madvise(values_.get(), bytes, MADV_HUGEPAGE);  // a hint: refused, it only costs time
  size_ = count;
  return values_.get();
}

IrSpectra IrSpectra::prepare(std::span<const float* const> ir_channels, int inputs, int outputs, Frames ir_frames, std::size_t fft_size,
                             Isa isa) {
  assert(inputs > 0 && outputs > 0 && ir_channels.size() == static_cast<std::size_t>(inputs) * static_cast<std::size_t>(outputs));
  assert(ir_frames > 0 && static_cast<Frames>(fft_size) > ir_frames && fft::is_size(fft_size));
  IrSpectra spectra;
  spectra.inputs_ = inputs;
  spectra.outputs_ = outputs;
  spectra.ir_frames_ = ir_frames;
  spectra.fft_size_ = fft_size;
  spectra.plan_ = fft::Plan::of(fft_size);
  spectra.paths_.resize(ir_channels.size());
  const float scale = 1.0f / static_cast<float>(fft_size);
  for (std::size_t path = 0; path < ir_channels.size(); ++path) {
    if (!ir_channels[path] || is_silent(ir_channels[path], 0, ir_frames)) continue;
    float* const spectrum = spectra.paths_[path].reserve(2 * fft_size);
    spectra.plan_->forward({ir_channels[path], 0, ir_frames}, {}, spectrum, isa);
    for (std::size_t i = 0; i < 2 * fft_size; ++i) spectrum[i] *= scale;
  }
  return spectra;
}

std::size_t IrSpectra::size_bytes() const {
  std::size_t floats = 0;
  for (const AlignedFloats& path : paths_) floats += path.size();
  return floats * sizeof(float);
}

const float* IrSpectra::path(int input, int output) const {
  return paths_[static_cast<std::size_t>(input) * static_cast<std::size_t>(outputs_) + static_cast<std::size_t>(output)].data();
}

std::size_t convolution_fft_size(Frames ir_frames, Frames output_frames) {
  assert(ir_frames > 0 && ir_frames <= 10'000'000 && output_frames > 0);
  std::size_t n = fft::size_at_least(static_cast<std::size_t>(ir_frames) + 1), best = n;
  for (double least = std::numeric_limits<double>::infinity();; n = fft::size_at_least(n + 1)) {
    const Frames pair = 2 * (static_cast<Frames>(n) - ir_frames + 1), pairs = (output_frames + pair - 1) / pair;
    if (const double cost = static_cast<double>(pairs) * pair_cost(n); cost < least) least = cost, best = n;
    if (pairs == 1 || n == fft::kMaxSize) return best;
  }
}

void convolve(const IrSpectra& ir, std::span<const float* const> in, Frames lead, Frames count, std::span<float* const> out,
              ConvolveScratch& scratch, Isa isa) {
  const auto inputs = static_cast<std::size_t>(ir.inputs()), outputs = static_cast<std::size_t>(ir.outputs());
  assert(in.size() == inputs && out.size() == outputs && lead >= 0 && count >= 0);
  const fft::Plan& plan = ir.plan();
  const auto size = static_cast<Frames>(plan.size());
  const Frames before = ir.ir_frames() - 1, hop = size - before, total = lead + count;
  scratch.inputs.resize(std::max(scratch.inputs.size(), inputs));
  scratch.outputs.resize(std::max(scratch.outputs.size(), outputs));

  std::vector<const float*> spectra(inputs);                    // of this pair; null: silent
  std::vector<std::vector<const float*>> factors(outputs), responses(outputs);
  std::vector<float*> sums(outputs);
  for (Frames first = 0; first < count; first += 2 * hop) {
    // Index j of the first block is frame first - before + j of the output, of the second one `hop` later; in[i] begins at frame -lead.
    const Frames begin = before - first - lead;  // index of in[i][0] in the first block
    std::vector<float*> writable(inputs);
    for (std::size_t i = 0; i < inputs; ++i) {
      spectra[i] = nullptr;
      if (!in[i] || is_silent(in[i], std::max<Frames>(0, -begin), std::min(total, hop + size - begin))) continue;
      spectra[i] = writable[i] = scratch.inputs[i].reserve(2 * plan.size());
      plan.split({in[i], begin, begin + total}, {in[i], begin - hop, begin - hop + total}, writable[i], isa);
    }
    // An output may be computed in place of an input that no later output needs.
    std::vector<std::size_t> last_use(inputs, outputs);
    for (std::size_t c = 0; c < outputs; ++c) {
      factors[c].clear(), responses[c].clear();
      for (std::size_t i = 0; out[c] && i < inputs; ++i)
        if (const float* response = ir.path(static_cast<int>(i), static_cast<int>(c)); response && spectra[i]) {
          factors[c].push_back(spectra[i]);
          responses[c].push_back(response);
          last_use[i] = c;
        }
    }
    for (std::size_t c = 0; c < outputs; ++c) {
      const auto own = std::find(last_use.begin(), last_use.end(), c);
      if (own != last_use.end()) sums[c] = writable[static_cast<std::size_t>(own - last_use.begin())];
      else if (!factors[c].empty()) sums[c] = scratch.outputs[c].reserve(2 * plan.size());
    }
    for (std::size_t unit = 0; unit < plan.radix(); ++unit) {
      for (std::size_t i = 0; i < inputs; ++i)
        if (last_use[i] != outputs) plan.forward_unit(writable[i], unit, isa);
      for (std::size_t c = 0; c < outputs; ++c)
        if (!factors[c].empty()) plan.multiply_inverse_unit(sums[c], unit, factors[c].data(), responses[c].data(), factors[c].size(), isa);
    }
    for (std::size_t c = 0; c < outputs; ++c) {
      if (!out[c]) continue;
      if (factors[c].empty()) {
        std::fill(out[c] + first, out[c] + std::min(count, first + 2 * hop), 0.0f);
        continue;
      }
      const Frames second = first + hop;
      const fft::Sink re{out[c] + first, before, std::min(size, before + count - first)};
      const fft::Sink im = second < count ? fft::Sink{out[c] + second, before, std::min(size, before + count - second)} : fft::Sink{};
      plan.join(sums[c], re, im, isa);
    }
  }
}

}  // namespace dubfarm::kernels
