// Convolution with long impulse responses (reverbs of 1 to 10 s): overlap-save over large complex FFTs of our own (kernels/fft).
//
// Two consecutive blocks of one real signal travel as the real and the imaginary part of one transform. The impulse response is real, so
// multiplying by its spectrum keeps the two apart: no untangling, and the spectrum may stay in whatever order the FFT leaves it. Each
// input is transformed once for all outputs, and the products of all inputs are summed as spectra, with one inverse for each output.
// Threads: an IrSpectra is immutable and shared; a ConvolveScratch belongs to one thread at a time.
// Bits: the same on every instruction set, and a function of the arguments alone (not of earlier calls, nor of threads).
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "common/units.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

namespace fft {
template <class Real>
class BasicPlan;
}

/// Memory for transforms: 64-byte aligned, not initialised, on huge pages where the system gives them. Grows, never shrinks.
class AlignedMemory {
 public:
  /// At least `count` numbers; the contents are lost.
  template <class Real>
  Real* reserve(std::size_t count) { return static_cast<Real*>(reserve_bytes(count * sizeof(Real))); }
  /// What was reserved as Real, or null.
  template <class Real>
  [[nodiscard]] const Real* data() const { return static_cast<const Real*>(memory_.get()); }
  [[nodiscard]] std::size_t size_bytes() const { return size_; }

 private:
  void* reserve_bytes(std::size_t bytes);
  struct Free { void operator()(void* memory) const noexcept; };
  std::unique_ptr<void, Free> memory_;
  std::size_t size_ = 0;
};

/// What the transforms compute in. Signals are float32 on either side.
enum class Precision {
  float32,
  float64,  // for reverbs far above full scale: three to four times the time, twice the memory
};

/// The spectra of one impulse response (all its paths) at one FFT size. Costs one forward transform for each path that sounds.
class IrSpectra {
 public:
  /// @param ir_channels  [inputs * outputs]: path i -> c is ir_channels[i * outputs + c], `ir_frames` long; null or all zero: no path.
  /// @param inputs       at most 64.
  /// @param ir_frames    at least 1.
  /// @param fft_size     one of convolution_fft_size()'s answers; must exceed ir_frames. What fits the render's chunk length is
  ///                     convolution_fft_size(ir_frames, chunk_frames); any other length may still be convolved with it.
  [[nodiscard]] static IrSpectra prepare(std::span<const float* const> ir_channels, int inputs, int outputs, Frames ir_frames,
                                         std::size_t fft_size, Precision precision = Precision::float32, Isa isa = best_isa());

  [[nodiscard]] int inputs() const { return inputs_; }
  [[nodiscard]] int outputs() const { return outputs_; }
  [[nodiscard]] Frames ir_frames() const { return ir_frames_; }
  [[nodiscard]] std::size_t fft_size() const { return fft_size_; }
  [[nodiscard]] Precision precision() const { return plan_.index() == 0 ? Precision::float32 : Precision::float64; }
  /// Memory held by the spectra: 8 (float64: 16) bytes * fft_size for each path that sounds (the FFT's tables, shared by all of that size,
  /// come on top).
  [[nodiscard]] std::size_t size_bytes() const;
  [[nodiscard]] bool has_path(int input, int output) const { return energy(input, output) != 0.0; }
  /// The sum of the squares of the taps of path input -> output; 0 if there is no such path.
  [[nodiscard]] double energy(int input, int output) const { return energies_[index(input, output)]; }

  /// The spectrum of path input -> output, scaled by 1 / fft_size, in the FFT's own order; null if there is no such path. Real: float where
  /// precision() is float32, double where it is float64.
  template <class Real>
  [[nodiscard]] const Real* path(int input, int output) const { return paths_[index(input, output)].data<Real>(); }
  using AnyPlan = std::variant<std::shared_ptr<const fft::BasicPlan<float>>, std::shared_ptr<const fft::BasicPlan<double>>>;  // as Precision
  [[nodiscard]] const AnyPlan& plan() const { return plan_; }

 private:
  IrSpectra() = default;
  [[nodiscard]] std::size_t index(int input, int output) const { return static_cast<std::size_t>(input * outputs_ + output); }

  int inputs_ = 0, outputs_ = 0;
  Frames ir_frames_ = 0;
  std::size_t fft_size_ = 0;
  AnyPlan plan_;
  std::vector<AlignedMemory> paths_;  // [inputs * outputs], empty where there is no path
  std::vector<double> energies_;      // [inputs * outputs]
};

/// The FFT size that convolves `output_frames` frames with `ir_frames` taps in the least time, among two sizes to an octave (so that chunks of
/// many lengths share few spectra), by a cost model that is a pure function of the two (so that bits depend neither on the machine nor on its
/// load). Both at least 1; ir_frames at most 10 million (else asserts).
[[nodiscard]] std::size_t convolution_fft_size(Frames ir_frames, Frames output_frames, Precision precision = Precision::float32);

/// Work memory of one thread; starts empty, grows to what the largest call needs: about 8 (float64: 16) bytes * fft_size * (inputs + outputs).
struct ConvolveScratch {
  std::vector<AlignedMemory> inputs, outputs;
};

/// How loud convolve() comes out if the input is noise-like: the greatest mean square of an output over a pair of blocks, linear, from the
/// energies of the input and of the paths (sum over inputs of mean square * energy). NaN or infinite where the input is.
/// Bits: the same on every machine. Parameters as of convolve().
[[nodiscard]] double convolved_mean_square(const IrSpectra& ir, std::span<const float* const> in, Frames lead, Frames count);

/// -28 dBFS rms: above it, Precision::float64 is due. The error of float32 transforms is white noise 130 to 132 dB below the pair's rms, with
/// peaks 116 to 119 dB below it (measured at N = 2^15 to 2^20): with this limit it stays below -144 dBFS, so that where a stem is cut, which
/// moves the blocks, is not heard either (docs/decisions/0005).
inline constexpr double kFloat32MeanSquare = 0.0016;

/// out[c][n] = sum over inputs i and taps k of in[i][lead + n - k] * ir[i][c][k], for n in [0, count); overwrites out.
/// @param in     [inputs]: each points to `lead + count` frames, the first of which lies `lead` frames before the first output. What lies
///               before them is silence, so for the exact result give lead >= ir_frames - 1 or all there is. Null: this input is silent.
/// @param lead   at least 0; frames further back than ir_frames - 1 are not read.
/// @param out    [outputs]: `count` frames each; must not overlap the inputs or each other. Null: this output is not wanted.
/// An output is exactly 0 where every input that has a path to it is 0 over the whole block (fft_size frames) and block pair that covers it.
/// Error: below -134 dBFS for a result of -20 dBFS rms in float32; in float64 the output is the exact result rounded to float32, but for
/// a few values in ten million that lie next to the middle between two floats. NaN or infinity in the input spoils the blocks that it is in.
void convolve(const IrSpectra& ir, std::span<const float* const> in, Frames lead, Frames count, std::span<float* const> out,
              ConvolveScratch& scratch, Isa isa = best_isa());

}  // namespace dubfarm::kernels
