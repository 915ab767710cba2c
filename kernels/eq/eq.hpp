// Equalisers: second-order sections in series, double state and double between sections, float32 in and out, in place.
//
// Bits: an output depends on its own lane's input, bands and state alone: not on the instruction set, the other lanes, the number of lanes
// or of bands in the bank, nor on where calls end. A band whose automation stands still gives the bits of a static band.
// States are never snapped: rendering threads hold a FlushDenormals, which ends decaying tails at 2e-308 and reads denormal samples as 0.
// Samples must be finite: a NaN or infinity stays in its lane until reset(). Threads: one object, one thread at a time.
#pragma once
#include <memory>
#include <vector>

#include "common/mix/document.hpp"
#include "kernels/core/svf.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

/// Static EQ of up to 16 lanes at once; a lane is one channel of one track.
class EqBank {
 public:
  static constexpr int kMaxLanes = 16;

  /// Every band of every lane starts as the identity. lanes in [1, 16], bands >= 0.
  EqBank(int lanes, int bands);
  ~EqBank();
  EqBank(EqBank&&) noexcept;
  EqBank& operator=(EqBank&&) noexcept;

  void set(int lane, int band, const SvfStep& step);
  /// Back to silence; the bands stay.
  void reset();
  /// Filters `n` frames of every lane in place: x[lane][0, n). Lanes must not overlap. A null lane reads as silence and is not written;
  /// its state runs on.
  void process(float* const* x, Frames n, Isa isa = best_isa());

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

/// An ordered list of bands, static or automated, for the channels of one signal: tracks with automation, reverb returns, buses.
/// Automated bands follow the mix format: coefficients g, k, m0, m1, m2 are designed at control points (every automation point of the
/// band, and every 64 frames counted from it until the next) and run linearly in between; held before the first point and after the last.
class EqChain {
 public:
  /// @param channels  in [1, 16]
  EqChain(int channels, double sample_rate);
  ~EqChain();
  EqChain(EqChain&&) noexcept;
  EqChain& operator=(EqChain&&) noexcept;

  /// Appends a band. Positions of automation count from wherever `first` of process() does; they may be negative.
  void add(mix::FilterType type, const mix::Automation& freq_hz, const mix::Automation& q, const mix::Automation& gain_db);
  [[nodiscard]] bool empty() const;  // no band, or only bands that pass audio unchanged: process() would change nothing
  void reset();
  /// Filters frames [first, first + n) in place: x[channel][0, n). State runs on from the call before, whatever its `first` was.
  void process(float* const* x, Frames first, Frames n, Isa isa = best_isa());

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace dubfarm::kernels
