#include "cli/output_qc.hpp"

#include <algorithm>
#include <cmath>

#include "common/media/probe.hpp"
#include "kernels/loudness/loudness.hpp"
#include "scheduler/delivery/qc.hpp"

namespace dubfarm::cli {
namespace {

constexpr Frames kNear = 16;       // a seam so close to an edit is that edit
constexpr double kSounds = 0.001;  // -60 dBFS: what is softer is not judged by its phase or its frequency

/// One step of the sample type: what dither may make of silence. Float is held against 24 bits.
double one_step(mix::SampleType type) {
  return type == mix::SampleType::int16 ? 0x1p-15 : type == mix::SampleType::int32 ? 0x1p-31 : 0x1p-23;
}

void make_ascending(std::vector<Frames>& places, Frames length) {
  std::erase_if(places, [length](Frames at) { return at <= 0 || at >= length; });
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
}

double rms(double energy, Frames frames) { return std::sqrt(energy / static_cast<double>(std::max<Frames>(1, frames))); }

}  // namespace

std::optional<worker::QcSpec> qc_spec(const mix::Document& document, const plan::Plan& plan, const plan::Print& print) {
  const mix::Deliverable& deliverable = document.deliverables[print.deliverable];
  if (!deliverable.qc.is_on) return std::nullopt;
  worker::QcSpec spec;
  spec.step = static_cast<float>(2 * one_step(deliverable.sample_type));
  for (const plan::PrintInput& input : print.inputs)
    for (const plan::Placement& place : plan.timelines[input.timeline].placements) {
      spec.seams.push_back(place.first);
      spec.seams.push_back(place.first + place.length);
      const program::Program& program = plan.chunks[place.chunk].program;
      for (const program::Track& track : program.tracks)
        for (const program::Clip& clip : track.clips)
          for (const Frames at : {clip.at, clip.at + clip.length})
            if (0 <= at && at <= place.length) spec.edits.push_back(place.first + at);
    }
  make_ascending(spec.seams, print.length);
  make_ascending(spec.edits, print.length);
  std::erase_if(spec.seams, [&](Frames at) {
    const auto edit = std::lower_bound(spec.edits.begin(), spec.edits.end(), at - kNear);
    return edit != spec.edits.end() && *edit <= at + kNear;
  });
  return spec;
}

std::vector<scheduler::Check> qc_checks(const mix::Document& document, const plan::Print& planned, const worker::Print& print, const std::string& folder) {
  const mix::Deliverable& deliverable = document.deliverables[planned.deliverable];
  if (!deliverable.qc.is_on) return {};
  const worker::PrintSpec& spec = print.spec();
  const worker::PrintMeasurement& measurement = print.measurement();
  scheduler::QcMaterial m;
  m.label = fmt::format("{} {}{}", document.versions[planned.version].name, deliverable.name,
                        planned.bus ? " " + document.buses[*planned.bus].name : "");
  m.layout = spec.layout;
  m.sample_rate = spec.sample_rate;
  m.frame_rate = document.frame_rate;
  m.start_frames = document.start_frames;
  m.length = spec.length;
  m.expected_frames = spec.leader + spec.length + spec.tail;
  const Frames end = spec.leader + spec.length;
  for (const worker::SyncPop& pop : spec.pops) {
    const bool is_tail = pop.at >= end;
    const bool is_found = std::all_of(planned.files.begin(), planned.files.end(), [&](const plan::PrintFile& file) {
      return worker::has_pop(folder + "/" + file.path, pop, is_tail ? end : 0, is_tail ? m.expected_frames : spec.leader, spec.sample_type);
    });
    m.pops.push_back({is_tail ? "tail pop" : "2-pop", pop.at - spec.leader, is_found});
  }
  for (const plan::PrintFile& file : planned.files) {
    const auto info = media::probe(folder + "/" + file.path);
    m.file_frames.push_back(info.ok() ? info->frames : 0);
  }
  m.subblock_frames = kernels::subblock_frames(spec.sample_rate);
  std::vector<float> peaks;
  for (const kernels::Peaks& p : measurement.subblock_peaks) peaks.push_back(p.sample_peak);
  m.sample_peaks = peaks;
  for (const kernels::Peaks& p : measurement.peaks) m.channel_peaks.push_back(static_cast<double>(p.sample_peak));
  m.silence = one_step(spec.sample_type);
  worker::QcMeasurement found = print.qc();
  found.sort();
  for (const worker::FoundDropout& d : found.dropouts) m.dropouts.push_back({d.what.at, d.what.length, d.channel});
  for (const worker::FoundClick& c : found.clicks) (c.is_seam ? m.seam_clicks : m.edit_clicks).push_back({c.what.at, 0, c.channel});
  if (spec.qc) m.places = spec.qc->seams.size() + spec.qc->edits.size();
  kernels::PairSums pair;
  for (const kernels::PairSums& group : found.pairs) pair += group;
  if (!found.pairs.empty() && rms(pair.left + pair.right, spec.length) > kSounds) {
    m.correlation = kernels::correlation(pair);
    // (L + R) / sqrt 2 against the power of both: 1 + 2 LR / (LL + RR), which is 2 where both are the same.
    const double power = (pair.left + pair.right + 2 * pair.product) / (2 * (pair.left + pair.right));
    m.mono_loss_db = power > 1e-10 ? -10 * std::log10(power) : 100;
  }
  kernels::SlopeSums lfe;
  for (const kernels::SlopeSums& group : found.lfe) lfe += group;
  if (rms(lfe.energy, spec.length) > kSounds) m.lfe_hz = kernels::mean_frequency(lfe, spec.sample_rate);
  return scheduler::qc_checks(m, deliverable.qc);
}

}  // namespace dubfarm::cli
