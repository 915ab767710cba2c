// A chain's bands as the device takes them: what EqChain::add() makes of them, over a stretch of time.
#pragma once
#include <vector>

#include "common/mix/document.hpp"
#include "kernels/core/svf.hpp"
#include "kernels/eq/eq_cuda.hpp"

namespace dubfarm::kernels::eq {

struct StageTable {
  SvfStep step;                     // of a static band
  std::vector<cuda::EqRamp> ramps;  // of an automated one; else empty
};
/// Nothing for a band that passes audio unchanged. Frames [first, end) count as in EqChain::process().
[[nodiscard]] std::vector<StageTable> stage_tables(mix::FilterType type, const mix::Automation& freq_hz, const mix::Automation& q,
                                                   const mix::Automation& gain_db, double sample_rate, Frames first, Frames end);

}  // namespace dubfarm::kernels::eq
