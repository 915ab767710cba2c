#include "kernels/pan/pan_tables.hpp"

#include <cassert>

#include "kernels/core/math.hpp"

namespace dubfarm::kernels {

cuda::PanRow pan_row(Layout bus, double* const* gains) {
  assert(bus != Layout::mono);
  cuda::PanRow row;
  if (bus == Layout::stereo) {
    row.gains[0] = gains[0], row.gains[1] = gains[1];
    return row;
  }
  const auto ring = speaker_ring(bus);
  row.count = static_cast<int>(ring.size());
  for (std::size_t m = 0; m < ring.size(); ++m) {
    row.azimuth_deg[m] = ring[m].azimuth_deg;
    row.inverse_sine[m] = 1 / sin_degrees(degrees_within_turn(ring[(m + 1) % ring.size()].azimuth_deg - ring[m].azimuth_deg));
    row.gains[m] = gains[ring[m].channel];
  }
  return row;
}

}  // namespace dubfarm::kernels
