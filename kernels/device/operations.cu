#include "kernels/device/operations.hpp"

namespace dubfarm::kernels::cuda {

const Operations& operations() {
  static const Operations all = {
      .decode = decode,
      .clips = clips,
      .gain_rows = gain_rows,
      .multiply_rows = multiply_rows,
      .pan_rows = pan_rows,
      .eq = eq,
      .eq_chains = eq_chains,
      .mix = mix,
      .apply_gains = apply_gains,
      .store_rows = store_rows,
      .place = place,
      .multiply_spectra = multiply_spectra,
      .take = take,
      .energies = energies,
      .fft = &fft_operations(),
      .level = level,
      .true_peaks = true_peaks,
      .weighted_energies = weighted_energies,
      .limit = limit,
      .qc = qc,
      .quantise = quantise,
  };
  return all;
}

}  // namespace dubfarm::kernels::cuda
