// Automated levels at audio rate.
#pragma once
#include <vector>

#include "common/mix/document.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

/// A level over time, as linear gain: decibels run linearly between points, sample by sample; -144 dB and below is exactly 0.
/// Bits depend on the position relative to the points alone: not on where calls begin or end, nor on points beyond the two around it, so
/// an automation cut to a window (the last point at or before its start to the first at or after its end) gives the same gains inside.
class GainCurve {
 public:
  /// `add_db` is added to every level before the silence rule (a version's `adjust`).
  explicit GainCurve(const mix::Automation& db, double add_db = 0);

  /// One gain for all time: no points, or all of one value.
  [[nodiscard]] bool is_constant() const { return pieces_.empty(); }
  /// The gain where is_constant().
  [[nodiscard]] double constant_linear() const { return constant_linear_; }
  /// Exactly zero for all time.
  [[nodiscard]] bool is_silent() const { return is_constant() && constant_linear_ == 0; }
  /// gain_linear[i] = gain at position first + i, for i in [0, n).
  void evaluate(Frames first, Frames n, double* gain_linear, Isa isa = best_isa()) const;

 private:
  std::vector<mix::AutomationPiece> pieces_;  // empty where constant
  double add_db_ = 0;
  double constant_linear_ = 1;
};

}  // namespace dubfarm::kernels
