// Complex FFT for convolution, in float32 or in double: forward to an order of its own, inverse from that order; no reordering, no untangling.
//
// A signal x_0..x_{N-1} is the polynomial sum x_j z^j, and its transform is the polynomial's values at the N roots of z^N = 1, which is to
// say its remainders modulo all (z - root). The transform divides step by step: modulo (z^8M - C), the remainders modulo the eight (z^M - c)
// with c^8 = C. Every division works on contiguous rows with one constant for the whole row, so vector lanes hold neighbouring
// samples, and twiddles are broadcast, not streamed. The first pass splits z^N - 1 by m = 8..15; the last one transposes 16 x 16 tiles.
// Source: the polynomial view of the FFT: D. J. Bernstein, "Multidigit multiplication for mathematicians" (2001), sections 2-4.
//
// Layout: element j of a transform's memory has its real part at place 32 * (j / 16) + j % 16, its imaginary part 16 places further.
// Bits: the same on every instruction set; twiddles are computed without libm. Threads: a Plan is immutable.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/device/isa.hpp"

namespace dubfarm::kernels::fft {

inline constexpr std::size_t kMinSize = 2048;         // 8 * 2^8
inline constexpr std::size_t kMaxSize = 15u << 21;    // 31 million

/// Sizes are m * 2^k with m = 8..15: no more than 12.5 % apart. Is `n` one of them?
[[nodiscard]] bool is_size(std::size_t n);
/// The smallest size that is at least `n`; n at most kMaxSize.
[[nodiscard]] std::size_t size_at_least(std::size_t n);

/// Where the first pass reads one real signal, float32 in either arithmetic: index j of the transform is data[j - begin] for
/// begin <= j < end, else 0.
struct Source {
  const float* data = nullptr;
  std::ptrdiff_t begin = 0, end = 0;
};
/// Where the last pass writes it, rounded to float32: index j goes to data[j - begin] for begin <= j < end, else nowhere.
struct Sink {
  float* data = nullptr;
  std::ptrdiff_t begin = 0, end = 0;
};

template <class Real>
struct Kernels;  // fft_kernels.hpp

/// The tables of one size. A transform is a split into radix() units of unit_size() elements, then each unit on its own (cache-sized, hence
/// convolution works unit by unit: forward, multiply, inverse), then a join of the units. Memory is 2 * size() numbers, 64-byte aligned.
/// Real is float or double.
template <class Real>
class BasicPlan {
 public:
  /// The one plan of that size, shared while anyone holds it. `n` must be a size (asserts).
  [[nodiscard]] static std::shared_ptr<const BasicPlan> of(std::size_t n);
  explicit BasicPlan(std::size_t n);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t radix() const { return radix_; }
  [[nodiscard]] std::size_t unit_size() const { return size_ / radix_; }

  /// First pass: x = re + i im, divided into units.
  void split(const Source& re, const Source& im, Real* x, Isa isa) const;
  /// The rest of the forward transform of unit `unit`, in place; `x` points to the whole transform.
  void forward_unit(Real* x, std::size_t unit, Isa isa) const;
  /// y = inverse of (sum over p of x[p] * h[p]) within unit `unit`, without the factor 1 / size. y may be one of the x. paths >= 1.
  void multiply_inverse_unit(Real* y, std::size_t unit, const Real* const* x, const Real* const* h, std::size_t paths, Isa isa) const;
  /// The rest of the inverse transform of unit `unit`, in place.
  void inverse_unit(Real* x, std::size_t unit, Isa isa) const;
  /// Last pass: joins the units of `x` (unchanged) and writes the real parts to `re`, the imaginary parts to `im`.
  void join(const Real* x, const Sink& re, const Sink& im, Isa isa) const;

  /// The whole transforms. Forward, then inverse, gives size() times the signal.
  void forward(const Source& re, const Source& im, Real* x, Isa isa) const;
  void inverse(Real* x, const Sink& re, const Sink& im, Isa isa) const;

  /// The spectrum's element `index` (of the memory order) is the signal's value at exp(+2 pi i frequency(index) / size()).
  [[nodiscard]] std::size_t frequency(std::size_t index) const;

 private:
  struct Stage {
    std::size_t radix, row;        // splits nodes of radix * row elements into rows
    std::vector<Real> twiddles;    // per node: radix 8 c^1..c^7, c w8; radix 4 c^1..c^3, one unused; complex
  };
  struct Node;
  void forward_node(Real* x, std::size_t stage, std::size_t node, const Kernels<Real>& kernels) const;
  void inverse_node(Real* y, std::size_t stage, std::size_t node, const Real* const* x, const Real* const* h, std::size_t paths,
                    std::size_t offset, const Kernels<Real>& kernels) const;

  std::size_t size_, radix_;
  std::vector<Real> roots_;           // radix_ complex: exp(2 pi i j / radix_)
  std::vector<Stage> stages_;
  std::vector<Real> leaf_twiddles_;   // per group of 16 * 16 elements: 8 complex vectors of 16 lanes
  std::vector<std::uint32_t> leaf_frequencies_;  // per leaf of 16 elements: the numerator of its constant
};
using Plan = BasicPlan<float>;
using DoublePlan = BasicPlan<double>;
extern template class BasicPlan<float>;
extern template class BasicPlan<double>;

}  // namespace dubfarm::kernels::fft
