#include "cli/output_series.hpp"

#include "kernels/loudness/loudness.hpp"

namespace dubfarm::cli {

OutputCurves curves_of(const worker::Print& print) {
  const worker::PrintSpec& spec = print.spec();
  const worker::PrintMeasurement& measurement = print.measurement();
  scheduler::LoudnessMaterial material;
  material.subblock_frames = kernels::subblock_frames(spec.sample_rate);
  material.weights = scheduler::loudness_weights(spec.layout);
  material.energy = measurement.energy;
  std::vector<float> sample_peaks, true_peaks;
  for (const kernels::Peaks& peaks : measurement.subblock_peaks) {
    sample_peaks.push_back(peaks.sample_peak);
    true_peaks.push_back(peaks.true_peak);
  }
  return {scheduler::series_of(material, sample_peaks), scheduler::peak_marks(true_peaks, material.subblock_frames, spec.sample_rate)};
}

}  // namespace dubfarm::cli
