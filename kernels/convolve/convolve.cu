#include <cmath>

#include "kernels/convolve/convolve_cuda.hpp"
#include "kernels/core/denormal.hpp"
#include "kernels/device/cuda_launch.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kThreads = 256;

template <class Real>
DUBFARM_KERNEL(kThreads) place_rows(const Placed* rows, Frames size, Real scale) {
  const Placed& row = rows[block_y()];
  const Frames i = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (i < size) static_cast<Real*>(row.to)[i] = row.x != nullptr && i < row.count ? static_cast<Real>(flush(row.x[i])) * scale : Real{0};
}

template <class Real>
DUBFARM_KERNEL(kThreads) multiply_rows_of_spectra(const SpectralSum* sums, Frames bins) {
  const SpectralSum& sum = sums[block_y()];
  const Frames k = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (k >= bins) return;
  Real re = 0, im = 0;
  for (int p = 0; p < sum.paths; ++p) {
    const Real* const x = static_cast<const Real*>(sum.inputs[p]) + 2 * k;
    const Real* const h = static_cast<const Real*>(sum.responses[p]) + 2 * k;
    re = std::fma(-x[1], h[1], std::fma(x[0], h[0], re));
    im = std::fma(x[1], h[0], std::fma(x[0], h[1], im));
  }
  Real* const out = static_cast<Real*>(sum.out) + 2 * k;
  out[0] = re, out[1] = im;
}

template <class Real>
DUBFARM_KERNEL(kThreads) take_rows(const Taken* rows, Frames lead, Frames frames) {
  const Taken& row = rows[block_y()];
  const Frames i = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (i < frames) row.out[i] = narrow(static_cast<double>(static_cast<const Real*>(row.from)[lead + i]));
}

/// A block for each piece: every thread its own frames, then the block's tree.
DUBFARM_KERNEL(kThreads) sum_energies(const EnergyRow* rows) {
  DUBFARM_SHARED(double, sums, kThreads);
  const EnergyRow& row = rows[block_y()];
  const int t = thread_index();
  const Frames from = static_cast<Frames>(block_x()) * kEnergyPiece, to = from + kEnergyPiece < row.count ? from + kEnergyPiece : row.count;
  double sum = 0;
  for (Frames i = from + t; i < to; i += kThreads) {
    const double x = widen(row.x[i]);
    sum = std::fma(x, x, sum);
  }
  sums[t] = sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    barrier();
    if (t < half) sums[t] += sums[t + half];
  }
  if (t == 0) row.sums[block_x()] = sums[0];
}

}  // namespace

void place(const PlaceArgs& args, StreamHandle stream) {
  const long long blocks = blocks_for(args.size, kThreads);
  if (args.in_double) DUBFARM_LAUNCH(place_rows<double>, blocks, args.count, kThreads, stream, args.rows, args.size, args.scale);
  else DUBFARM_LAUNCH(place_rows<float>, blocks, args.count, kThreads, stream, args.rows, args.size, static_cast<float>(args.scale));
}

void multiply_spectra(const MultiplySpectraArgs& args, StreamHandle stream) {
  const Frames bins = args.size / 2 + 1;
  if (args.in_double) DUBFARM_LAUNCH(multiply_rows_of_spectra<double>, blocks_for(bins, kThreads), args.count, kThreads, stream, args.sums, bins);
  else DUBFARM_LAUNCH(multiply_rows_of_spectra<float>, blocks_for(bins, kThreads), args.count, kThreads, stream, args.sums, bins);
}

void take(const TakeArgs& args, StreamHandle stream) {
  const long long blocks = blocks_for(args.frames, kThreads);
  if (args.in_double) DUBFARM_LAUNCH(take_rows<double>, blocks, args.count, kThreads, stream, args.rows, args.lead, args.frames);
  else DUBFARM_LAUNCH(take_rows<float>, blocks, args.count, kThreads, stream, args.rows, args.lead, args.frames);
}

void energies(const EnergiesArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(sum_energies, blocks_for(args.longest, kEnergyPiece), args.count, kThreads, stream, args.rows);
}

}  // namespace dubfarm::kernels::cuda
