#include "kernels/convolve/convolve.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>

#include "kernels/fft/fft.hpp"

namespace dubfarm::kernels {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

bool is_silent(const float* values, Frames from, Frames to) {
  return std::all_of(values + from, values + std::max(from, to), [](float value) { return value == 0.0f; });
}

/// By 16 running sums in float32 over stretches, the stretches in double: one order, and close enough to tell a level.
double sum_of_squares(const float* values, Frames count) {
  constexpr Frames kStretch = 1024, kSums = 16;
  double total = 0.0;
  for (Frames from = 0; from < count; from += kStretch) {
    const Frames to = std::min(count, from + kStretch);
    float sums[kSums] = {};
    Frames i = from;
    for (; i + kSums <= to; i += kSums)
      for (Frames lane = 0; lane < kSums; ++lane) sums[lane] += values[i + lane] * values[i + lane];
    for (; i < to; ++i) sums[0] += values[i] * values[i];
    for (const float sum : sums) total += static_cast<double>(sum);
  }
  return total;
}

/// The smallest of the sizes 2^k and 1.5 * 2^k that is at least `n`. The FFT has eight to an octave; with two, chunks of many lengths share
/// the spectra of a response, which cost more to prepare than the best size saves.
std::size_t shared_size_at_least(std::size_t n) {
  const std::size_t power = std::bit_floor(std::max(n, fft::kMinSize)), between = power + power / 2;
  return n <= power ? power : n <= between ? between : 2 * power;
}
constexpr std::size_t kLargestShared = 12u << 21;
static_assert(kLargestShared <= fft::kMaxSize);

/// Time of one block pair (a forward, a product, an inverse) of size n = m * 2^k, in nanoseconds as measured on one AVX-512 core with 2 MB
/// of second-level cache: level up to 2^15, then steeper as the transform, and beyond 2^20 its units, leave the cache. All machines get
/// the same answer: the binary logarithm is the linear one between powers of two, in exact arithmetic. A transform in double leaves the
/// cache at half the size.
double pair_cost(std::size_t n, Precision precision) {
  const std::size_t power = std::bit_floor(n);
  const double logarithm = std::countr_zero(power) - (precision == Precision::float64 ? 0 : 1) + static_cast<double>(n) / static_cast<double>(power);
  return static_cast<double>(n) * (1.75 + 0.34375 * std::clamp(logarithm - 15.0, 0.0, 3.0) + 0.1875 * std::clamp(logarithm - 18.0, 0.0, 2.0) +
                                   std::max(0.0, logarithm - 20.0));
}

}  // namespace

void AlignedMemory::Free::operator()(void* memory) const noexcept { std::free(memory); }

void* AlignedMemory::reserve_bytes(std::size_t bytes) {
  if (bytes <= size_) return memory_.get();
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : 64, rounded = (bytes + alignment - 1) / alignment * alignment;
  memory_.reset();  // the old memory first: these are large
  size_ = 0;
  memory_.reset(std::aligned_alloc(alignment, rounded));
  if (!memory_) throw std::bad_alloc();
  if (alignment == kHugePage) (void)madvise(memory_.get(), rounded, MADV_HUGEPAGE);  // a hint: refused, it only costs time
  size_ = bytes;
  return memory_.get();
}

IrSpectra IrSpectra::prepare(std::span<const float* const> ir_channels, int inputs, int outputs, Frames ir_frames, std::size_t fft_size,
                             Precision precision, Isa isa) {
  assert(inputs > 0 && outputs > 0 && ir_channels.size() == static_cast<std::size_t>(inputs) * static_cast<std::size_t>(outputs));
  assert(ir_frames > 0 && static_cast<Frames>(fft_size) > ir_frames && fft::is_size(fft_size));
  IrSpectra spectra;
  spectra.inputs_ = inputs;
  spectra.outputs_ = outputs;
  spectra.ir_frames_ = ir_frames;
  spectra.fft_size_ = fft_size;
  spectra.paths_.resize(ir_channels.size());
  spectra.energies_.resize(ir_channels.size());
  for (std::size_t path = 0; path < ir_channels.size(); ++path)
    if (ir_channels[path])
      for (Frames k = 0; k < ir_frames; ++k) {
        const auto tap = static_cast<double>(ir_channels[path][k]);
        spectra.energies_[path] += tap * tap;
      }
  const auto transform = [&]<class Real>(std::shared_ptr<const fft::BasicPlan<Real>> plan) {
    const Real scale = Real{1} / static_cast<Real>(fft_size);
    for (std::size_t path = 0; path < ir_channels.size(); ++path) {
      if (spectra.energies_[path] == 0.0) continue;
      Real* const spectrum = spectra.paths_[path].reserve<Real>(2 * fft_size);
      plan->forward({ir_channels[path], 0, ir_frames}, {}, spectrum, isa);
      for (std::size_t i = 0; i < 2 * fft_size; ++i) spectrum[i] *= scale;
    }
    spectra.plan_ = std::move(plan);
  };
  if (precision == Precision::float32) transform(fft::Plan::of(fft_size));
  else transform(fft::DoublePlan::of(fft_size));
  return spectra;
}

std::size_t IrSpectra::size_bytes() const {
  std::size_t bytes = 0;
  for (const AlignedMemory& path : paths_) bytes += path.size_bytes();
  return bytes;
}

std::size_t convolution_fft_size(Frames ir_frames, Frames output_frames, Precision precision) {
  assert(ir_frames > 0 && ir_frames <= 10'000'000 && output_frames > 0);
  std::size_t n = shared_size_at_least(static_cast<std::size_t>(ir_frames) + 1), best = n;
  for (double least = std::numeric_limits<double>::infinity();; n = shared_size_at_least(n + 1)) {
    const Frames pair = 2 * (static_cast<Frames>(n) - ir_frames + 1), pairs = (output_frames + pair - 1) / pair;
    if (const double cost = static_cast<double>(pairs) * pair_cost(n, precision); cost < least) least = cost, best = n;
    if (pairs == 1 || n == kLargestShared) return best;
  }
}

namespace {

template <class Real>
void convolve_with(const fft::BasicPlan<Real>& plan, const IrSpectra& ir, std::span<const float* const> in, Frames lead, Frames count,
                   std::span<float* const> out, ConvolveScratch& scratch, Isa isa) {
  const auto inputs = static_cast<std::size_t>(ir.inputs()), outputs = static_cast<std::size_t>(ir.outputs());
  assert(in.size() == inputs && out.size() == outputs && lead >= 0 && count >= 0);
  const auto size = static_cast<Frames>(plan.size());
  const Frames before = ir.ir_frames() - 1, hop = size - before, total = lead + count;
  scratch.inputs.resize(std::max(scratch.inputs.size(), inputs));
  scratch.outputs.resize(std::max(scratch.outputs.size(), outputs));

  std::vector<const Real*> spectra(inputs);                    // of this pair; null: silent
  std::vector<std::vector<const Real*>> factors(outputs), responses(outputs);
  std::vector<Real*> sums(outputs);
  for (Frames first = 0; first < count; first += 2 * hop) {
    // Index j of the first block is frame first - before + j of the output, of the second one `hop` later; in[i] begins at frame -lead.
    const Frames begin = before - first - lead;  // index of in[i][0] in the first block
    std::vector<Real*> writable(inputs);
    for (std::size_t i = 0; i < inputs; ++i) {
      spectra[i] = nullptr;
      if (!in[i] || is_silent(in[i], std::max<Frames>(0, -begin), std::min(total, hop + size - begin))) continue;
      spectra[i] = writable[i] = scratch.inputs[i].template reserve<Real>(2 * plan.size());
      plan.split({in[i], begin, begin + total}, {in[i], begin - hop, begin - hop + total}, writable[i], isa);
    }
    // An output may be computed in place of an input that no later output needs.
    std::vector<std::size_t> last_use(inputs, outputs);
    for (std::size_t c = 0; c < outputs; ++c) {
      factors[c].clear(), responses[c].clear();
      for (std::size_t i = 0; out[c] && i < inputs; ++i)
        if (const Real* response = ir.path<Real>(static_cast<int>(i), static_cast<int>(c)); response && spectra[i]) {
          factors[c].push_back(spectra[i]);
          responses[c].push_back(response);
          last_use[i] = c;
        }
    }
    for (std::size_t c = 0; c < outputs; ++c) {
      const auto own = std::find(last_use.begin(), last_use.end(), c);
      if (own != last_use.end()) sums[c] = writable[static_cast<std::size_t>(own - last_use.begin())];
      else if (!factors[c].empty()) sums[c] = scratch.outputs[c].template reserve<Real>(2 * plan.size());
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

}  // namespace

double convolved_mean_square(const IrSpectra& ir, std::span<const float* const> in, Frames lead, Frames count) {
  const auto size = static_cast<Frames>(ir.fft_size());
  const Frames before = ir.ir_frames() - 1, hop = size - before, total = lead + count;
  double greatest = 0.0;
  for (Frames first = lead; first < total; first += 2 * hop) {
    std::vector<double> energies;  // of each input over both blocks, which overlap by `before` frames
    for (const float* channel : in) {
      double& energy = energies.emplace_back(0.0);
      for (const Frames block : {first, first + hop})
        if (const Frames begin = std::max<Frames>(0, block - before), end = std::min(total, block + hop); channel && begin < end)
          energy += sum_of_squares(channel + begin, end - begin);
    }
    for (int c = 0; c < ir.outputs(); ++c) {
      double energy = 0.0;
      for (std::size_t i = 0; i < in.size(); ++i) energy += energies[i] * ir.energy(static_cast<int>(i), c);
      const double mean = energy / static_cast<double>(2 * size);
      if (std::isnan(mean)) return mean;
      greatest = std::max(greatest, mean);
    }
  }
  return greatest;
}

void convolve(const IrSpectra& ir, std::span<const float* const> in, Frames lead, Frames count, std::span<float* const> out,
              ConvolveScratch& scratch, Isa isa) {
  std::visit([&](const auto& plan) { convolve_with(*plan, ir, in, lead, count, out, scratch, isa); }, ir.plan());
}

}  // namespace dubfarm::kernels
