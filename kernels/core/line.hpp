// Where in an automation a frame lies.
#pragma once
#include <cmath>

#include "kernels/automation/automation_cuda.hpp"
#include "kernels/core/hd.hpp"

namespace dubfarm::kernels {

/// The value at frame `at`, which the last line's `until` is at or behind.
[[nodiscard]] DUBFARM_HD double value_on(const cuda::Line* lines, int count, Frames at) {
  int low = 0, high = count - 1;  // the first line whose `until` lies behind `at`
  while (low < high) {
    const int middle = (low + high) / 2;
    if (lines[middle].until > at) high = middle;
    else low = middle + 1;
  }
  return std::fma(lines[low].slope, static_cast<double>(at - lines[low].from), lines[low].value);
}

}  // namespace dubfarm::kernels
