#include "kernels/fft/fft.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <map>
#include <mutex>
#include <type_traits>
#include <utility>

#include "kernels/fft/fft_kernels.hpp"

namespace dubfarm::kernels::fft {
namespace {

template <class Real>
constexpr std::size_t kCacheElements = 8192 / sizeof(Real);  // nodes up to here (16 KB) run stage by stage in the first-level cache
constexpr std::size_t kTile = 256;            // columns that the first and last pass take at once
constexpr std::size_t kMaxRadix = 15;

template <class Real>
const Kernels<Real>& kernels_for(Isa isa) {
  switch (isa) {
    case Isa::avx512: return kernels_avx512<Real>();
    case Isa::avx2: return kernels_avx2<Real>();
    case Isa::generic: break;
  }
  return kernels_generic<Real>();
}

/// exp(2 pi i p / q), each part correct to within an ulp of double, by plain arithmetic so that every machine has the same bits.
std::array<double, 2> unit_root(std::uint64_t p, std::uint64_t q) {
  const std::uint64_t eighths = 8 * (p % q), octant = eighths / q, rest = eighths % q;
  const std::uint64_t within = octant % 2 ? q - rest : rest;  // odd octants run backwards
  const double x = 0.78539816339744830962 * static_cast<double>(within) / static_cast<double>(q), y = x * x;
  double sine = 0.0, cosine = 0.0;  // Taylor series, of which pi / 4 needs 9 terms
#pragma GCC unroll 9
  for (int n = 18; n > 0; n -= 2) {
    sine = 1.0 - sine * (y * (1.0 / (n * (n + 1))));
    cosine = 1.0 - cosine * (y * (1.0 / (n * (n - 1))));
  }
  sine *= x;
  switch (octant) {
    case 0: return {cosine, sine};
    case 1: return {sine, cosine};
    case 2: return {-sine, cosine};
    case 3: return {-cosine, sine};
    case 4: return {-cosine, -sine};
    case 5: return {-sine, -cosine};
    case 6: return {sine, -cosine};
    default: return {cosine, -sine};
  }
}

std::uint64_t reversed_bits(std::uint64_t value, int bits) {
  std::uint64_t reversed = 0;
  for (int bit = 0; bit < bits; ++bit) reversed |= (value >> bit & 1) << (bits - 1 - bit);
  return reversed;
}

/// The part of a source or sink that lies in [first, first + kTile): offsets into the tile.
std::pair<std::size_t, std::size_t> covered(std::ptrdiff_t begin, std::ptrdiff_t end, std::size_t first, std::size_t columns) {
  const auto low = static_cast<std::ptrdiff_t>(first), high = static_cast<std::ptrdiff_t>(first + columns);
  const std::ptrdiff_t from = std::clamp(begin, low, high), to = std::clamp(end, from, high);
  return {static_cast<std::size_t>(from - low), static_cast<std::size_t>(to - low)};
}

}  // namespace

bool is_size(std::size_t n) {
  return n >= kMinSize && n <= kMaxSize && (n & ((std::size_t{1} << (std::bit_width(n) - 4)) - 1)) == 0;
}

std::size_t size_at_least(std::size_t n) {
  assert(n <= kMaxSize);
  n = std::max(n, kMinSize);
  const std::size_t step = std::size_t{1} << (std::bit_width(n) - 4);
  return (n + step - 1) / step * step;
}

template <class Real>
std::shared_ptr<const BasicPlan<Real>> BasicPlan<Real>::of(std::size_t n) {
  static std::mutex mutex;
  static std::map<std::size_t, std::weak_ptr<const BasicPlan>> plans;
  const std::lock_guard lock(mutex);
  std::weak_ptr<const BasicPlan>& entry = plans[n];
  std::shared_ptr<const BasicPlan> plan = entry.lock();
  if (!plan) entry = plan = std::make_shared<const BasicPlan>(n);
  return plan;
}

template <class Real>
BasicPlan<Real>::BasicPlan(std::size_t n) : size_(n), radix_(n >> (std::bit_width(n) - 4)) {
  assert(is_size(n));
  const auto put = [](std::vector<Real>& table, std::uint64_t p, std::uint64_t q) {
    const auto [re, im] = unit_root(p, q);
    table.push_back(static_cast<Real>(re));
    table.push_back(static_cast<Real>(im));
  };
  for (std::size_t j = 0; j < radix_; ++j) put(roots_, j, radix_);

  // A node's constant is exp(2 pi i numerator / denominator); the split by radix_ leaves the nodes 0..radix_ - 1 over radix_.
  std::uint64_t denominator = radix_;
  std::vector<std::uint64_t> numerators;
  for (std::size_t k = 0; k < radix_; ++k) numerators.push_back(k);
  std::size_t row = size_ / radix_;
  for (int layers = std::countr_zero(row) - 4; layers > 0;) {
    const int bits = layers % 3 == 0 || layers > 4 ? 3 : 2;
    layers -= bits;
    Stage stage;
    stage.radix = std::size_t{1} << bits;
    row = stage.row = row / stage.radix;
    std::vector<std::uint64_t> children;
    for (const std::uint64_t numerator : numerators) {
      const std::uint64_t q = denominator * stage.radix;
      for (std::uint64_t power = 1; power < stage.radix; ++power) put(stage.twiddles, numerator * power, q);
      put(stage.twiddles, numerator + denominator, q);  // c w, the last quarter's constant (radix 8: w8)
      for (std::uint64_t child = 0; child < stage.radix; ++child) children.push_back(numerator + denominator * reversed_bits(child, bits));
    }
    denominator *= stage.radix;
    numerators = std::move(children);
    stages_.push_back(std::move(stage));
  }
  // Leaves, in groups of 16 lanes: c^8, c^4, c^2, c^2 w8, c w16^{0, 2, 1, 3}, where c^16 is the leaf's constant.
  leaf_twiddles_.resize(size_);
  constexpr std::array<std::array<std::uint64_t, 2>, kLeafTwiddles> kinds{{{8, 0}, {4, 0}, {2, 0}, {2, 2}, {1, 0}, {1, 2}, {1, 1}, {1, 3}}};
  for (std::size_t leaf = 0; leaf < numerators.size(); ++leaf) {
    leaf_frequencies_.push_back(static_cast<std::uint32_t>(numerators[leaf]));
    for (std::size_t kind = 0; kind < kLeafTwiddles; ++kind) {
      const auto [re, im] = unit_root(numerators[leaf] * kinds[kind][0] + denominator * kinds[kind][1], denominator * 16);
      Real* at = leaf_twiddles_.data() + (leaf / 16 * kLeafTwiddles + kind) * kStride + leaf % 16;
      at[0] = static_cast<Real>(re);
      at[kBlock] = static_cast<Real>(im);
    }
  }
}

template <class Real>
std::size_t BasicPlan<Real>::frequency(std::size_t index) const {
  // Memory order after the leaf pass: [group][element][re, im][leaf].
  const std::size_t group = index / 256, element = index / 16 % 16, leaf = group * 16 + index % 16;
  return static_cast<std::size_t>(leaf_frequencies_[leaf] + size_ / 16 * reversed_bits(element, 4));
}

template <class Real>
void BasicPlan<Real>::split(const Source& re, const Source& im, Real* x, Isa isa) const {
  static constexpr std::array<Real, kTile> kSilence{};
  const Kernels<Real>& kernels = kernels_for<Real>(isa);
  const std::size_t row = unit_size();
  alignas(64) Real edges[2 * kMaxRadix][kTile];
  for (std::size_t column = 0; column < row; column += kTile) {
    const Real* rows[2][kMaxRadix];
    for (std::size_t part = 0; part < 2; ++part)
      for (std::size_t p = 0; p < radix_; ++p) {
        const Source& source = part ? im : re;
        const std::size_t first = p * row + column;
        const auto [from, to] = covered(source.begin, source.end, first, kTile);
        const float* data = from == to ? nullptr : source.data + (static_cast<std::ptrdiff_t>(first + from) - source.begin);
        Real* const edge = edges[2 * p + part];
        rows[part][p] = from == to ? kSilence.data() : edge;
        if (from == to) continue;
        if constexpr (std::is_same_v<Real, float>)
          if (to - from == kTile) {
            rows[part][p] = data;
            continue;
          }
        std::fill_n(edge, kTile, Real{0});
        std::copy_n(data, to - from, edge + from);
      }
    kernels.split(radix_, rows[0], rows[1], x + 2 * column, row, kTile, roots_.data());
  }
}

template <class Real>
void BasicPlan<Real>::join(const Real* x, const Sink& re, const Sink& im, Isa isa) const {
  // By way of a tile: the rows of a signal are far apart, often by a power of two, and seldom aligned. Written side by side, half a cache
  // line at a time, they would throw each other out of the first-level cache.
  const Kernels<Real>& kernels = kernels_for<Real>(isa);
  const std::size_t row = unit_size();
  alignas(64) Real tile[2 * kMaxRadix][kTile + 16];
  Real* rows[2][kMaxRadix];
  for (std::size_t p = 0; p < radix_; ++p) rows[0][p] = tile[2 * p], rows[1][p] = tile[2 * p + 1];
  for (std::size_t column = 0; column < row; column += kTile) {
    kernels.join(radix_, x + 2 * column, row, kTile, roots_.data(), rows[0], rows[1]);
    for (std::size_t p = 0; p < radix_; ++p)
      for (const Sink* sink : {&re, &im}) {
        const std::size_t first = p * row + column;
        const auto [from, to] = covered(sink->begin, sink->end, first, kTile);
        if (from == to) continue;
        std::copy(rows[sink == &im][p] + from, rows[sink == &im][p] + to, sink->data + (static_cast<std::ptrdiff_t>(first + from) - sink->begin));
      }
  }
}

template <class Real>
void BasicPlan<Real>::forward_node(Real* x, std::size_t stage, std::size_t node, const Kernels<Real>& kernels) const {
  const std::size_t elements = stages_[stage].radix * stages_[stage].row, leaf_group = node * elements / 256;
  const bool in_cache = elements <= kCacheElements<Real>;
  std::size_t nodes = 1;
  for (std::size_t s = stage; s < stages_.size(); ++s) {
    const Stage& now = stages_[s];
    const Real* twiddles = now.twiddles.data() + 2 * now.radix * node;
    (now.radix == 8 ? kernels.forward8 : kernels.forward4)(x, now.row, nodes, twiddles);
    if (!in_cache) {
      for (std::size_t child = 0; child < now.radix; ++child) forward_node(x + 2 * now.row * child, s + 1, node * now.radix + child, kernels);
      return;
    }
    nodes *= now.radix;
    node *= now.radix;
  }
  kernels.forward_leaves(x, elements / 256, leaf_twiddles_.data() + leaf_group * kLeafTwiddles * kStride);
}

template <class Real>
void BasicPlan<Real>::inverse_node(Real* y, std::size_t stage, std::size_t node, const Real* const* x, const Real* const* h,
                                   std::size_t paths, std::size_t offset, const Kernels<Real>& kernels) const {
  const Stage& first = stages_[stage];
  const std::size_t elements = first.radix * first.row;
  if (elements > kCacheElements<Real>) {
    for (std::size_t child = 0; child < first.radix; ++child)
      inverse_node(y, stage + 1, node * first.radix + child, x, h, paths, offset + 2 * first.row * child, kernels);
    (first.radix == 8 ? kernels.inverse8 : kernels.inverse4)(y + offset, first.row, 1, first.twiddles.data() + 2 * first.radix * node);
    return;
  }
  constexpr std::size_t kMost = 64;
  assert(paths <= kMost);
  const Real *factors[kMost], *spectra[kMost];
  for (std::size_t p = 0; p < paths; ++p) {
    factors[p] = x[p] + offset;
    if (h) spectra[p] = h[p] + offset;
  }
  kernels.inverse_leaves(y + offset, factors, h ? spectra : nullptr, paths, elements / 256,
                         leaf_twiddles_.data() + node * elements / 256 * kLeafTwiddles * kStride);
  for (std::size_t s = stages_.size(); s-- > stage;) {
    const Stage& now = stages_[s];
    const std::size_t nodes = elements / (now.radix * now.row);
    (now.radix == 8 ? kernels.inverse8 : kernels.inverse4)(y + offset, now.row, nodes, now.twiddles.data() + 2 * now.radix * node * nodes);
  }
}

template <class Real>
void BasicPlan<Real>::forward_unit(Real* x, std::size_t unit, Isa isa) const {
  forward_node(x + 2 * unit_size() * unit, 0, unit, kernels_for<Real>(isa));
}

template <class Real>
void BasicPlan<Real>::multiply_inverse_unit(Real* y, std::size_t unit, const Real* const* x, const Real* const* h,
                                            std::size_t paths, Isa isa) const {
  inverse_node(y, 0, unit, x, h, paths, 2 * unit_size() * unit, kernels_for<Real>(isa));
}

template <class Real>
void BasicPlan<Real>::inverse_unit(Real* x, std::size_t unit, Isa isa) const {
  const Real* const self = x;
  inverse_node(x, 0, unit, &self, nullptr, 1, 2 * unit_size() * unit, kernels_for<Real>(isa));
}

template <class Real>
void BasicPlan<Real>::forward(const Source& re, const Source& im, Real* x, Isa isa) const {
  split(re, im, x, isa);
  for (std::size_t unit = 0; unit < radix_; ++unit) forward_unit(x, unit, isa);
}

template <class Real>
void BasicPlan<Real>::inverse(Real* x, const Sink& re, const Sink& im, Isa isa) const {
  for (std::size_t unit = 0; unit < radix_; ++unit) inverse_unit(x, unit, isa);
  join(x, re, im, isa);
}

template class BasicPlan<float>;
template class BasicPlan<double>;

}  // namespace dubfarm::kernels::fft
