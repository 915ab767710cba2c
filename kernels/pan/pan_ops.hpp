// Inside pan: what is compiled once per instruction set.
#pragma once
#include "common/units.hpp"

namespace dubfarm::kernels::pan_ops {

inline constexpr int kMaxRing = 8;
inline constexpr int kBlock = 128;

/// A ring of loudspeakers in the order that the search for the enclosing pair uses; pair m is loudspeakers m and (m + 1) % count.
struct Ring {
  int count = 0;
  double azimuth_deg[kMaxRing] = {};      // ascending
  double inverse_sine[kMaxRing] = {};     // 1 / sin(azimuth of m + 1 - azimuth of m)
};

struct Ops {
  /// azimuth[i] = fma(per_frame, offset + i, start), for i in [0, n), n <= kBlock.
  void (*line)(double start, double per_frame, Frames offset, int n, double* azimuth);
  /// left[i], right[i] by the stereo law.
  void (*stereo)(const double* azimuth, int n, double* left, double* right);
  /// gains[m][i] of ring loudspeaker m; null rows are not written.
  void (*ring)(const Ring& ring, const double* azimuth, int n, double* const* gains);
};
extern const Ops kGenericOps, kAvx2Ops, kAvx512Ops;

}  // namespace dubfarm::kernels::pan_ops
