// Moving pans on the device: a thread for each frame.
#pragma once
#include "kernels/automation/automation_cuda.hpp"

namespace dubfarm::kernels::cuda {

inline constexpr int kPanMaxRing = 8;

/// The loudspeakers that a signal is panned between. Stereo: count 2, gains[0] left, gains[1] right. Surround: the ring, in the order of
/// speaker_ring(), of at least 3. Null gains are not written.
struct PanRow {
  const Line* lines = nullptr;  // the azimuth in degrees, as GainRow's
  int line_count = 0;
  int count = 2;
  double azimuth_deg[kPanMaxRing] = {};   // of the ring, ascending
  double inverse_sine[kPanMaxRing] = {};  // 1 / sin(azimuth of m + 1 - azimuth of m)
  double* gains[kPanMaxRing] = {};        // [n] each
};
/// The gains of kernels::PanCurve over frames [first, first + n), bit for bit. Tables are the device's, all pointers in them too.
struct PanRowsArgs {
  const PanRow* rows = nullptr;
  int count = 0;
  Frames first = 0, n = 0;
};
void pan_rows(const PanRowsArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
