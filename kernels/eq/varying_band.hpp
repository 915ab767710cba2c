// Inside the equalisers: the control points of an automated band and the coefficients between them.
#pragma once
#include <vector>

#include "common/filter/svf_design.hpp"
#include "kernels/eq/eq_lanes.hpp"

namespace dubfarm::kernels::eq {

class VaryingBand {
 public:
  static constexpr Frames kControlFrames = 64;

  VaryingBand(mix::FilterType type, const mix::Automation& freq_hz, const mix::Automation& q, const mix::Automation& gain_db,
              double sample_rate);
  /// Coefficients of frames [first, first + n), n <= kBlock: a pure function of the position.
  void steps(Frames first, int n, const LaneOps& ops, StepBlock& out);

  /// The stretch around a position on which coefficients are linear, counted from its control point `from`. A jump of the automation
  /// cuts it short: it rules [begin, end).
  struct Stretch {
    Frames begin = 0, end = 0;
    Frames from = 0;
    Ramp ramp;
    bool is_held = true;
  };
  [[nodiscard]] Stretch stretch_at(Frames at) const;

 private:
  /// From `from` on, until the next piece's: one automation each, without jumps.
  struct Piece {
    Frames from = 0;
    mix::Automation freq_hz, q, gain_db;
    std::vector<Frames> points;  // of the three automations together, ascending, each once
  };
  [[nodiscard]] SvfCoeffs design(const Piece& piece, Frames at) const;

  mix::FilterType type_;
  double sample_rate_;
  std::vector<Piece> pieces_;
  Stretch current_;  // the last one that was asked for
};

/// A level-dependent band at 0 dB for all time.
[[nodiscard]] bool passes_audio(mix::FilterType type, const mix::Automation& gain_db);

}  // namespace dubfarm::kernels::eq
