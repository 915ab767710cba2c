// One fixed case for every operation of the CUDA backend, whose result has one hash wherever it is computed: golden.json holds the hashes.
// Nothing here needs more than the kernels' sources and a C++ compiler, so that tests/bench/gpu.sh runs the cases on a bare machine.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/device/operations.hpp"

namespace dubfarm::golden {

/// Where the cases run. Copies wait for what was put on the stream.
struct Device {
  const kernels::cuda::Operations& operations;
  kernels::cuda::StreamHandle stream = nullptr;
  std::function<void*(std::size_t bytes)> allocate;
  std::function<void(void* memory)> release;
  std::function<void(void* device, const void* host, std::size_t bytes)> up;
  std::function<void(void* host, const void* device, std::size_t bytes)> down;
};

struct Case {
  std::string operation;                                  // as the contract suite names it; also a file's name
  std::function<std::vector<std::byte>(Device&)> run;     // all that it writes
  std::vector<double> exact;                              // of one with a transform: what its float32 result is near to; else empty
};
[[nodiscard]] const std::vector<Case>& cases();
/// The largest distance of a result, float32, from its case's `exact`, in dB relative to full scale. Infinite where it is no number.
[[nodiscard]] double error_db(const Case& c, const std::vector<std::byte>& result);

// ---- what the cases are made of, for whoever computes them otherwise ----------------------------------------------------------------

/// Noise with signed zeros, denormals and full scale in it; the same on every machine.
[[nodiscard]] std::vector<float> signal(std::size_t count, std::uint64_t seed, float peak = 0.25f);
/// Any bytes at all; as floating point, every value a finite one.
[[nodiscard]] std::vector<std::byte> samples(media::SampleFormat format, std::size_t count);

inline constexpr Frames kFrames = 4099;
inline constexpr Frames kCurveFrom = 10, kCurveTo = 2000;  // a level from -150 to 6 dB, an azimuth from 180 to -180 degrees
inline constexpr double kAddDb = -1.5;
inline constexpr int kEqLanes = 9, kEqBands = 4;
inline constexpr double kEqSteps[kEqBands][kernels::cuda::kEqStepValues] = {{0.99, -0.01, 0.02, 0.01, 0.99, 0.01, 0.3, 0.2, 0.9},
                                                                           {0.98, -0.02, 0.02, 0.02, 0.98, 0.01, 0.3, 0.2, 0.9},
                                                                           {0.97, -0.03, 0.02, 0.03, 0.97, 0.01, 0.3, 0.2, 0.9},
                                                                           {0.96, -0.04, 0.02, 0.04, 0.96, 0.01, 0.3, 0.2, 0.9}};
/// A bell at 48 kHz, Q 0.9, 6 dB, whose frequency goes from 200 Hz at frame 0 to 2 kHz at frame 128.
extern const kernels::cuda::EqRamp kBellRamps[3];
/// A high-shelf at 48 kHz: 4 kHz, Q 0.7, -3 dB.
extern const double kShelfStep[kernels::cuda::kEqStepValues];
/// Of 48 kHz.
extern const kernels::cuda::Weighting kKWeighting, kMWeighting;
inline constexpr int kMixLanes = 11, kMixOuts = 6;
[[nodiscard]] double mix_coef(int lane, int out);
inline constexpr std::uint64_t kDitherKeys[] = {0x0123456789ABCDEF, 0x7766554433221100, 0xFEDCBA9876543210};
inline constexpr Frames kLookahead = 240, kLimitFrames = 9001;
inline constexpr Frames kTaps = 500;

}  // namespace dubfarm::golden
