// A limiter's numbers as kernels on a device take them.
#pragma once
#include "kernels/limit/limit_constants.hpp"
#include "kernels/limit/limit_cuda.hpp"

namespace dubfarm::kernels {

/// @param weights  LimiterConstants::weights, in the device's memory.
[[nodiscard]] inline cuda::LimiterNumbers limiter_numbers(const LimiterConstants& constants, Frames lookahead, const double* weights) {
  return {constants.threshold, kUnitsPerOctave, constants.level, constants.slope, {constants.most[0], constants.most[1]}, lookahead, weights};
}

}  // namespace dubfarm::kernels
