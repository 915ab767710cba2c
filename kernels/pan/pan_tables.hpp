// A moving pan as the device takes it.
#pragma once
#include "common/layout.hpp"
#include "kernels/pan/pan_cuda.hpp"

namespace dubfarm::kernels {

/// The loudspeakers of a stereo or surround bus, and which of them `gains` (device memory, [channel_count(bus)]) is for; lines are the caller's.
[[nodiscard]] cuda::PanRow pan_row(Layout bus, double* const* gains);

}  // namespace dubfarm::kernels
