// What a limiter's settings come to in its own units: the same numbers for every backend.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/limit/limit.hpp"

namespace dubfarm::kernels {

inline constexpr double kUnitsPerOctave = kReductionUnitsPerDb * 6.020599913279624;  // 20 log10(2) dB

struct LimiterConstants {
  std::int32_t threshold = 0, quiet = 0;  // bits of floats: the ceiling; below `quiet` no interpolated value reaches it
  double level = 0;                       // of the ceiling, in 2^-16 dB
  std::int32_t slope = 0;                 // of the release, 2^-16 dB a frame
  std::int32_t most[2] = {};              // reduction of either pass
  std::vector<double> weights;            // [lookahead + 1]: whole numbers that add up to 2^30
};
[[nodiscard]] LimiterConstants limiter_constants(const LimiterSettings& settings);

}  // namespace dubfarm::kernels
