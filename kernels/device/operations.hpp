// Every operation of the CUDA backend as one table. The module fills it with kernels for the GPU; the emulation, in tests, with the same
// files compiled by g++. Whoever renders on a device calls through the table and need not know which of the two it has.
#pragma once
#include "kernels/automation/automation_cuda.hpp"
#include "kernels/clip/clip_cuda.hpp"
#include "kernels/convolve/convolve_cuda.hpp"
#include "kernels/decode/decode_cuda.hpp"
#include "kernels/eq/eq_cuda.hpp"
#include "kernels/level/level_cuda.hpp"
#include "kernels/limit/limit_cuda.hpp"
#include "kernels/loudness/loudness_cuda.hpp"
#include "kernels/mix/mix_cuda.hpp"
#include "kernels/pan/pan_cuda.hpp"
#include "kernels/qc/qc_cuda.hpp"
#include "kernels/quantise/quantise_cuda.hpp"
#include "kernels/true_peak/true_peak_cuda.hpp"

namespace dubfarm::kernels::cuda {

/// Arguments are small structs whose pointers, those within tables too, are the device's. Each call queues its work on the stream and returns.
struct Operations {
  void (*decode)(const DecodeArgs& args, StreamHandle stream);
  void (*clips)(const ClipsArgs& args, StreamHandle stream);
  void (*gain_rows)(const GainRowsArgs& args, StreamHandle stream);
  void (*multiply_rows)(const ProductsArgs& args, StreamHandle stream);
  void (*pan_rows)(const PanRowsArgs& args, StreamHandle stream);
  void (*eq)(const EqArgs& args, StreamHandle stream);
  void (*eq_chains)(const EqChainArgs& args, StreamHandle stream);
  void (*mix)(const MixArgs& args, StreamHandle stream);
  void (*apply_gains)(const ApplyGainsArgs& args, StreamHandle stream);
  void (*store_rows)(const StoreRowsArgs& args, StreamHandle stream);
  void (*place)(const PlaceArgs& args, StreamHandle stream);
  void (*multiply_spectra)(const MultiplySpectraArgs& args, StreamHandle stream);
  void (*take)(const TakeArgs& args, StreamHandle stream);
  void (*energies)(const EnergiesArgs& args, StreamHandle stream);
  const FftOperations* fft;
  void (*level)(const LevelArgs& args, StreamHandle stream);
  void (*true_peaks)(const PeaksArgs& args, StreamHandle stream);
  void (*weighted_energies)(const WeightedArgs& args, StreamHandle stream);
  void (*limit)(const LimitArgs& args, StreamHandle stream);
  void (*qc)(const QcArgs& args, StreamHandle stream);
  void (*quantise)(const QuantiseOnDeviceArgs& args, StreamHandle stream);
};
[[nodiscard]] const Operations& operations();

}  // namespace dubfarm::kernels::cuda
