#include "kernels/core/line.hpp"
#include "kernels/core/math.hpp"
#include "kernels/device/cuda_launch.hpp"
#include "kernels/pan/pan_cuda.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kThreads = 256;

DUBFARM_DEVICE void pan_stereo(const PanRow& row, double azimuth, Frames i) {
  double a = azimuth;
  a = a < -30.0 ? -30.0 : a;
  a = a > 30.0 ? 30.0 : a;
  const double p = (30.0 - a) / 60.0;
  if (row.gains[0] != nullptr) row.gains[0][i] = sin_half_pi(1.0 - p);
  if (row.gains[1] != nullptr) row.gains[1][i] = sin_half_pi(p);
}

/// The pair of an angle is the last loudspeaker at or below it, counted up from the first one, and the next one round.
DUBFARM_DEVICE void pan_ring(const PanRow& row, double azimuth, Frames i) {
  const double origin = row.azimuth_deg[0], angle = degrees_within_turn(azimuth - origin);
  int pair = 0;
  for (int m = 1; m < row.count; ++m) pair = angle >= row.azimuth_deg[m] - origin ? m : pair;
  const double low = row.azimuth_deg[pair] - origin, high = pair + 1 < row.count ? row.azimuth_deg[pair + 1] - origin : 360.0;
  double g1 = sin_degrees(high - angle) * row.inverse_sine[pair], g2 = sin_degrees(angle - low) * row.inverse_sine[pair];
  g1 = std::fabs(g1) < 1e-12 ? 0.0 : g1;
  g2 = std::fabs(g2) < 1e-12 ? 0.0 : g2;
  const double norm = std::sqrt(std::fma(g1, g1, g2 * g2));
  const double first = g1 / norm, second = g2 / norm;
  const int after = pair + 1 < row.count ? pair + 1 : 0;
  for (int m = 0; m < row.count; ++m)
    if (row.gains[m] != nullptr) row.gains[m][i] = m == after ? second : m == pair ? first : 0.0;
}

DUBFARM_KERNEL(kThreads) evaluate_pans(const PanRow* rows, Frames first, Frames n) {
  const PanRow& row = rows[block_y()];
  const Frames i = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (i >= n) return;
  const double azimuth = value_on(row.lines, row.line_count, first + i);
  if (row.count == 2) pan_stereo(row, azimuth, i);
  else pan_ring(row, azimuth, i);
}

}  // namespace

void pan_rows(const PanRowsArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(evaluate_pans, blocks_for(args.n, kThreads), args.count, kThreads, stream, args.rows, args.first, args.n);
}

}  // namespace dubfarm::kernels::cuda
