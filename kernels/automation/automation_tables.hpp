// An automation as the device takes it.
#pragma once
#include <vector>

#include "common/mix/document.hpp"
#include "kernels/automation/automation_cuda.hpp"

namespace dubfarm::kernels {

/// The lines that rule frames [first, end), ascending: what GainCurve and PanCurve evaluate there. first < end.
[[nodiscard]] std::vector<cuda::Line> lines_of(const mix::Automation& automation, Frames first, Frames end);

}  // namespace dubfarm::kernels
