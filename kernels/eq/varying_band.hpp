// Inside the equalisers: the control points of an automated band and the coefficients between them.
#pragma once
#include <vector>

#include "common/filter/svf_design.hpp"
#include "kernels/eq/eq_lanes.hpp"

namespace dubfarm::kernels::eq {

class VaryingBand {
 public:
  static constexpr Frames kControlFrames = 64;

  VaryingBand(mix::FilterType type, mix::Automation freq_hz, mix::Automation q, mix::Automation gain_db, double sample_rate);
  /// Coefficients of frames [first, first + n), n <= kBlock: a pure function of the position.
  void steps(Frames first, int n, const LaneOps& ops, StepBlock& out);

 private:
  /// The stretch around a position on which coefficients are linear: [from, to), counted from its control point `from`.
  struct Stretch {
    Frames from = 0, to = 0;
    Ramp ramp;
  };
  [[nodiscard]] Stretch stretch_at(Frames at) const;
  [[nodiscard]] SvfCoeffs design(Frames at) const;

  mix::FilterType type_;
  mix::Automation freq_hz_, q_, gain_db_;
  double sample_rate_;
  std::vector<Frames> points_;  // of the three automations together, ascending, each once
  Stretch current_;             // the last one that was asked for
};

/// A level-dependent band at 0 dB for all time.
[[nodiscard]] bool passes_audio(mix::FilterType type, const mix::Automation& gain_db);

}  // namespace dubfarm::kernels::eq
