#include "cli/masters.hpp"

#include <cmath>

#include "kernels/quantise/quantise.hpp"
#include "scheduler/delivery/spec.hpp"

namespace dubfarm::cli {
namespace {

/// How far a sample of the file can lie from what was quantised: half a step, and one more of dither.
double largest_rounding(const mix::Deliverable& deliverable) {
  if (deliverable.sample_type == mix::SampleType::float32) return 0;
  const double step = std::ldexp(1.0, 1 - 8 * kernels::bytes_per_sample(deliverable.sample_type));
  return deliverable.dither == mix::Dither::tpdf ? 1.5 * step : 0.5 * step;
}

}  // namespace

std::vector<worker::PrintStem> print_stems(const mix::Document& document, const plan::Plan& plan, const std::vector<plan::PrintInput>& inputs) {
  std::vector<worker::PrintStem> stems;
  for (const plan::PrintInput& input : inputs) {
    const mix::Role role = document.buses[plan.timelines[input.timeline].bus].role;
    worker::PrintStem stem{{}, input.matrix, scheduler::is_speech(role)};
    for (const plan::Placement& p : plan.timelines[input.timeline].placements) stem.placements.push_back({p.first, p.length, plan.chunks[p.chunk].key});
    stems.push_back(std::move(stem));
  }
  return stems;
}

Masters::Masters(const mix::Document& document, const plan::Plan& plan) : document_(document), plan_(plan) {
  for (const plan::Master& planned : plan.masters) {
    const mix::Deliverable& deliverable = document.deliverables[planned.deliverable];
    Master master;
    scheduler::LimiterReach reach;
    if (const auto& limiter = deliverable.limiter) {
      master.limiter = kernels::LimiterSettings{document.sample_rate, limiter->ceiling_dbtp, limiter->lookahead, limiter->release, largest_rounding(deliverable)};
      const kernels::LimiterCurve curve(*master.limiter, 1);
      reach = {curve.settle_frames(), curve.delay()};
    }
    masters_.push_back(std::move(master));
    reaches_.push_back(reach);
  }
}

worker::Levelling Masters::levelling(const plan::Print& print) const {
  worker::Levelling levelling;
  if (!print.master) return levelling;
  const Master& master = masters_[*print.master];
  const plan::Master& planned = plan_.masters[*print.master];
  levelling.gain_linear = &master.gain_linear;
  levelling.limiter = master.limiter;
  if (print.deliverable != planned.deliverable) {
    levelling.key_layout = document_.deliverables[planned.deliverable].layout;
    levelling.key = print_stems(document_, plan_, planned.inputs);
  }
  return levelling;
}

}  // namespace dubfarm::cli
