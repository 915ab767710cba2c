// The curves of a print, from what was measured of it.
#pragma once
#include "scheduler/delivery/report.hpp"
#include "worker/print.hpp"

namespace dubfarm::cli {

/// What a report shows of an output over time.
struct OutputCurves {
  scheduler::Series series;
  std::vector<scheduler::PeakMark> peaks;
};
[[nodiscard]] OutputCurves curves_of(const worker::Print& print);

}  // namespace dubfarm::cli
