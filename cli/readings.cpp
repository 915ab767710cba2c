#include "cli/readings.hpp"

#include "kernels/loudness/loudness.hpp"

namespace dubfarm::cli {

scheduler::LoudnessReading reading_of(const worker::PrintSpec& spec, const worker::PrintMeasurement& measurement, const mix::Deliverable& deliverable, double gain_db) {
  scheduler::LoudnessMaterial material;
  material.subblock_frames = kernels::subblock_frames(spec.sample_rate);
  material.weights = scheduler::loudness_weights(spec.layout);
  material.energy = measurement.energy;
  material.speech_energy = measurement.speech_energy;
  material.m_energy = measurement.m_energy;
  material.leqm_levels_db = scheduler::leqm_levels_db(spec.layout);
  material.sums = measurement.sums;
  material.frames = spec.length;
  for (const kernels::Peaks& p : measurement.peaks) {
    material.true_peak.push_back(static_cast<double>(p.true_peak));
    material.sample_peak.push_back(static_cast<double>(p.sample_peak));
  }
  if (gain_db != 0) material.apply_gain(gain_db);
  if (!deliverable.measure_from && !deliverable.measure_to) return scheduler::aggregate(material);
  const Frames from = deliverable.measure_from.value_or(0) / material.subblock_frames;
  const Frames to = std::min(deliverable.measure_to.value_or(spec.length), spec.length) / material.subblock_frames;
  return scheduler::aggregate(material, from, to - from);
}

scheduler::DeliveredFile delivered_file(const mix::Document& document, const plan::Print& print) {
  const mix::Deliverable& deliverable = document.deliverables[print.deliverable];
  scheduler::DeliveredFile file;
  file.subject = scheduler::subject_of(document.versions[print.version].name, deliverable.name,
                                       print.bus ? std::optional(document.buses[*print.bus].name) : std::nullopt);
  file.sample_rate = document.sample_rate;
  file.layout = print.layout;
  file.sample_type = deliverable.sample_type;
  file.split = deliverable.split;
  file.order = deliverable.order;
  file.is_stem = print.bus.has_value();
  file.has_window = deliverable.measure_from.has_value();
  return file;
}

}  // namespace dubfarm::cli
