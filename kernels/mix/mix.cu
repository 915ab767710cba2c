#include <cmath>

#include "kernels/core/denormal.hpp"
#include "kernels/device/cuda_launch.hpp"
#include "kernels/mix/mix_cuda.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kThreads = 256;

/// Outputs [first_out, first_out + kOuts): each input is read once for all of them.
template <int kOuts>
DUBFARM_KERNEL(kThreads) sum_lanes(MixArgs args, int first_out) {
  const Frames i = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (i >= args.n) return;
  double acc[kOuts];
  DUBFARM_UNROLL
  for (int o = 0; o < kOuts; ++o) acc[o] = args.adds ? args.sums[first_out + o][i] : 0.0;
  for (int l = 0; l < args.lane_count; ++l) {
    const MixLane lane = args.lanes[l];
    if (i < lane.from || i >= lane.until) continue;
    const double* const coef = args.coefs + static_cast<Frames>(l) * args.outs + first_out;
    bool connected = false;
    DUBFARM_UNROLL
    for (int o = 0; o < kOuts; ++o) connected = connected || coef[o] != 0;
    if (!connected) continue;
    const double x = widen(lane.x[i]);
    if (lane.gain == nullptr) {
      DUBFARM_UNROLL
      for (int o = 0; o < kOuts; ++o) acc[o] = coef[o] != 0 ? std::fma(coef[o], x, acc[o]) : acc[o];
    } else {
      const double gain = lane.gain[i];
      DUBFARM_UNROLL
      for (int o = 0; o < kOuts; ++o) acc[o] = coef[o] != 0 ? std::fma(coef[o] * gain, x, acc[o]) : acc[o];
    }
  }
  DUBFARM_UNROLL
  for (int o = 0; o < kOuts; ++o) {
    if (args.out != nullptr) args.out[first_out + o][i] = narrow(acc[o]);
    else args.sums[first_out + o][i] = acc[o];
  }
}

DUBFARM_KERNEL(kThreads) gain_rows_in_place(const GainedRow* rows, Frames n) {
  const GainedRow& row = rows[block_y()];
  const Frames i = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (i >= n || (row.curve == nullptr && row.gain == 1)) return;
  row.x[i] = narrow(widen(row.x[i]) * (row.curve != nullptr ? row.curve[i] : row.gain));
}

DUBFARM_KERNEL(kThreads) narrow_rows(const StoredRow* rows, Frames n) {
  const StoredRow& row = rows[block_y()];
  const Frames i = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (i < n) row.out[i] = narrow(row.x[i]);
}

}  // namespace

void mix(const MixArgs& args, StreamHandle stream) {
  const long long blocks = blocks_for(args.n, kThreads);
  for (int first = 0; first < args.outs;) {
    const int left = args.outs - first;
    if (left >= 8) {
      DUBFARM_LAUNCH(sum_lanes<8>, blocks, 1, kThreads, stream, args, first);
      first += 8;
    } else if (left >= 6) {
      DUBFARM_LAUNCH(sum_lanes<6>, blocks, 1, kThreads, stream, args, first);
      first += 6;
    } else if (left >= 4) {
      DUBFARM_LAUNCH(sum_lanes<4>, blocks, 1, kThreads, stream, args, first);
      first += 4;
    } else if (left >= 2) {
      DUBFARM_LAUNCH(sum_lanes<2>, blocks, 1, kThreads, stream, args, first);
      first += 2;
    } else {
      DUBFARM_LAUNCH(sum_lanes<1>, blocks, 1, kThreads, stream, args, first);
      first += 1;
    }
  }
}

void apply_gains(const ApplyGainsArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(gain_rows_in_place, blocks_for(args.n, kThreads), args.count, kThreads, stream, args.rows, args.n);
}

void store_rows(const StoreRowsArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(narrow_rows, blocks_for(args.n, kThreads), args.count, kThreads, stream, args.rows, args.n);
}

}  // namespace dubfarm::kernels::cuda
