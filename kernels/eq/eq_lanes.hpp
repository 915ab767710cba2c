// Inside the equalisers: what is compiled once per instruction set. Audio is worked on in tiles of 8 lanes x up to kBlock frames of double,
// tile[frame][lane], so that a frame of a tile is one cache line.
//
// The files that include eq_lanes_body.hpp may call nothing with external linkage that is defined in a header: see simd.hpp.
#pragma once
#include "kernels/core/svf.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels::eq {

inline constexpr int kTileLanes = 8;
inline constexpr int kBlock = 64;

/// One static band of one tile: coefficients in the order of SvfStep, and the states.
struct alignas(64) TileBand {
  double step[kSvfStepValues][kTileLanes];
  double state[2][kTileLanes];
};

/// Coefficients on the way from one control point to the next: g, k, m0, m1, m2 = start + slope * (frames since the control point).
struct Ramp {
  double start[5] = {};
  double slope[5] = {};
};

/// The coefficients of an automated band, the same for every lane: value[j][frame], j in the order of SvfStep.
struct alignas(64) StepBlock {
  double value[kSvfStepValues][kBlock];
};

struct alignas(64) TileState {
  double state[2][kTileLanes];
};

struct LaneOps {
  /// tile[i][l] = x[l][from + i] for i in [0, n), l in [0, lanes); lanes that are missing or null read as 0.
  void (*load)(float* const* x, int lanes, Frames from, int n, double* tile);
  /// x[l][from + i] = float(tile[i][l]); null lanes are left out.
  void (*store)(const double* tile, int lanes, Frames from, int n, float* const* x);
  /// Runs `count` bands, at least one, in series over x[l][from, from + n), l in [0, lanes), n <= kBlock: as load(), run_static() and store() would.
  void (*filter)(TileBand* bands, int count, int lanes, Frames from, int n, float* const* x);
  /// Runs `count` bands in series over the first `lanes` lanes of a tile.
  void (*run_static)(TileBand* bands, int count, int lanes, int n, double* tile);
  void (*run_varying)(const StepBlock& steps, TileState& state, int lanes, int n, double* tile);
  /// Steps of frames offset, offset + 1, ... counted from the ramp's control point, into value[j][at, at + n).
  void (*ramp_steps)(const Ramp& ramp, Frames offset, int at, int n, StepBlock& out);
};

extern const LaneOps kGenericOps, kAvx2Ops, kAvx512Ops;  // the last two answer to nothing on machines without them
/// For so many lanes: where half a vector of AVX-512 holds them, AVX2, which took half the time on a processor that does 512 bits in halves (the
/// only one it was measured on).
const LaneOps& lane_ops(Isa isa, int lanes);

}  // namespace dubfarm::kernels::eq
