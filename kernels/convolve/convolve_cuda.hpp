// Convolution on the device: one real transform over a whole chunk, products of spectra, one inverse. The transforms are a library's (cuFFT in
// the module, our own kernels/fft in the emulation); placing, multiplying and taking are kernels of ours.
//
// A caller prepares the spectra of an impulse response once: place() its taps, forward. Then for a chunk: place() every input, forward,
// multiply_spectra() into every output, inverse, take(). Error: below -120 dBFS against the CPU backend for a result of -20 dBFS rms.
// All pointers are the device's. Spectra are size / 2 + 1 complex numbers, real and imaginary parts alternating, in order of frequency.
#pragma once
#include <cstddef>

#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// Frames of a transform that convolves `taps` taps with inputs that begin `lead` frames before the first of `count` outputs: what must
/// fit, so that what wraps round meets no output. Pass it to FftOperations::size_at_least.
[[nodiscard]] constexpr Frames convolution_frames(Frames taps, Frames lead, Frames count) {
  return lead + count + (taps - 1 > lead ? taps - 1 - lead : 0);
}

/// Plans of one library. Each batch is contiguous: signals [batch][size], spectra [batch][size / 2 + 1] complex; in float, or in double.
/// Neither direction scales: forward, then inverse, gives size times the signal. The inverse may overwrite its input.
/// A plan works in memory that its user brings, so that all of the device's memory comes from one pool; only its tables are its own.
struct FftOperations {
  /// The smallest size that the library does well and that is at least `frames`; even.
  Frames (*size_at_least)(Frames frames);
  /// Null where there is not enough memory. A plan belongs to one stream at a time. `work_bytes`: what use_work() must bring, perhaps 0.
  void* (*create)(Frames size, int batch, bool in_double, std::size_t* work_bytes);
  void (*destroy)(void* plan);
  /// Device memory, 256-byte aligned, for the transforms that follow; what it holds is lost. @return false where the library failed.
  bool (*use_work)(void* plan, void* work);
  /// @return false where the library failed.
  bool (*forward)(void* plan, const void* signals, void* spectra, StreamHandle stream);
  bool (*inverse)(void* plan, void* spectra, void* signals, StreamHandle stream);
};
/// Of the library that this build of the kernels uses.
[[nodiscard]] const FftOperations& fft_operations();

/// to[i] = scale * x[i] for i in [0, count), zero up to `size`. x null: all zero.
struct Placed {
  const float* x = nullptr;
  Frames count = 0;
  void* to = nullptr;  // [size] float or double
};
struct PlaceArgs {
  const Placed* rows = nullptr;
  int count = 0;
  Frames size = 0;
  double scale = 1;  // 1 / size for impulse responses, 1 for signals
  bool in_double = false;
};
void place(const PlaceArgs& args, StreamHandle stream);

/// out = the sum over the paths, in order, of inputs[p] * responses[p], each [size / 2 + 1] complex.
struct SpectralSum {
  const void* const* inputs = nullptr;     // [paths]
  const void* const* responses = nullptr;  // [paths]
  int paths = 0;                           // none: out is zero
  void* out = nullptr;
};
struct MultiplySpectraArgs {
  const SpectralSum* sums = nullptr;
  int count = 0;
  Frames size = 0;
  bool in_double = false;
};
void multiply_spectra(const MultiplySpectraArgs& args, StreamHandle stream);

/// out[i] = float(from[lead + i]) for i in [0, count).
struct Taken {
  const void* from = nullptr;
  float* out = nullptr;
};
struct TakeArgs {
  const Taken* rows = nullptr;
  int count = 0;
  Frames lead = 0, frames = 0;
  bool in_double = false;
};
void take(const TakeArgs& args, StreamHandle stream);

/// Sums of squares of the samples of a row, in double, a sum for each kEnergyPiece frames: what decides between float and double.
inline constexpr Frames kEnergyPiece = 65536;
struct EnergyRow {
  const float* x = nullptr;
  Frames count = 0;
  double* sums = nullptr;  // [ceil(longest / kEnergyPiece)]; zero where the row has ended
};
struct EnergiesArgs {
  const EnergyRow* rows = nullptr;
  int count = 0;
  Frames longest = 0;  // at least every row's count
};
/// Bits: a function of the samples alone, the same on the GPU and in the emulation (the CPU backend has no such operation).
void energies(const EnergiesArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
