#include "kernels/eq/eq_tables.hpp"

#include <algorithm>

#include "kernels/eq/varying_band.hpp"

namespace dubfarm::kernels::eq {

std::vector<StageTable> stage_tables(mix::FilterType type, const mix::Automation& freq_hz, const mix::Automation& q, const mix::Automation& gain_db,
                                     double sample_rate, Frames first, Frames end) {
  if (passes_audio(type, gain_db)) return {};
  StageTable stage;
  if (freq_hz.is_constant() && q.is_constant() && gain_db.is_constant()) {
    stage.step = step_from(design_svf(type, freq_hz.constant, q.constant, gain_db.constant, sample_rate));
    return {stage};
  }
  const VaryingBand band(type, freq_hz, q, gain_db, sample_rate);
  for (Frames at = first; at < end;) {
    const VaryingBand::Stretch stretch = band.stretch_at(at);
    cuda::EqRamp& ramp = stage.ramps.emplace_back();
    ramp.until = std::min(end, stretch.end);
    ramp.from = stretch.is_held ? at : stretch.from;
    std::copy_n(stretch.ramp.start, 5, ramp.start);
    std::copy_n(stretch.ramp.slope, 5, ramp.slope);
    at = ramp.until;
  }
  return {stage};
}

}  // namespace dubfarm::kernels::eq
