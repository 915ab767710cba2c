#include "cli/masters.hpp"

#include <cmath>

#include "cli/print_key.hpp"
#include "cli/readings.hpp"
#include "kernels/core/math.hpp"
#include "kernels/quantise/quantise.hpp"

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
    for (const plan::Placement& p : plan.timelines[input.timeline].placements)
      stem.placements.push_back({p.first, p.length, plan.chunks[p.chunk].key, plan.chunks[p.chunk].listeners > 1});
    stems.push_back(std::move(stem));
  }
  return stems;
}

Masters::Masters(const mix::Document& document, const plan::Plan& plan, const scheduler::SpecTable* specs) : document_(document), plan_(plan) {
  masters_.reserve(plan.masters.size());
  for (const plan::Master& planned : plan.masters) {
    const mix::Deliverable& deliverable = document.deliverables[planned.deliverable];
    Master master;
    scheduler::MasterReach reach;
    if (const auto& limiter = deliverable.limiter) {
      master.limiter = kernels::LimiterSettings{document.sample_rate, limiter->ceiling_dbtp, limiter->lookahead, limiter->release, largest_rounding(deliverable)};
      const kernels::LimiterCurve curve(*master.limiter, 1);
      reach = {curve.settle_frames(), curve.delay()};
      master.max_reduction_db = limiter->max_reduction_db;
      if (!master.max_reduction_db && deliverable.normalize != mix::Normalize::none) master.max_reduction_db = scheduler::kUsualMaxReductionDb;
    }
    reach.is_measured = deliverable.normalize != mix::Normalize::none && specs != nullptr;
    if (reach.is_measured) plan_search(master, planned, specs->of_deliverable[planned.deliverable].value());
    masters_.push_back(std::move(master));
    reaches_.push_back(reach);
  }
}

void Masters::plan_search(Master& master, const plan::Master& planned, const scheduler::Spec& spec) const {
  const mix::Deliverable& deliverable = document_.deliverables[planned.deliverable];
  worker::PrintSpec sum;
  sum.sample_rate = plan_.sample_rate;
  sum.length = planned.length;
  sum.layout = deliverable.layout;
  sum.stems = print_stems(document_, plan_, planned.inputs);
  for (const worker::PrintStem& stem : sum.stems) sum.extra_meters.speech |= stem.is_speech;
  sum.levelling.limiter = master.limiter;
  scheduler::GainSearch::Limits limits;
  if (master.limiter) limits.ceiling_dbtp = master.limiter->ceiling_dbtp;
  limits.max_reduction_db = master.max_reduction_db.value_or(0);
  if (spec.true_peak_dbtp && !spec.true_peak_dbtp->is_advice) limits.max_true_peak_dbtp = spec.true_peak_dbtp->max;
  master.key = gain_key(deliverable, sum, spec, limits.max_reduction_db);
  master.measure = std::make_unique<worker::GainMeasure>(std::move(sum));
  master.search = std::make_unique<scheduler::GainSearch>(deliverable.normalize, spec, limits);
}

std::optional<program::Key> Masters::key(const plan::Print& print) const {
  if (!print.master || !masters_[*print.master].search) return std::nullopt;
  return masters_[*print.master].key;
}

void Masters::answer(const plan::Print& print, const scheduler::GainAnswer& answer) {
  Master& master = masters_[*print.master];
  master.search->restore(answer);
  master.gain_linear = kernels::gain_from_db(answer.gain_db);
  master.measure.reset();
  reaches_[*print.master].is_measured = false;
}

std::optional<scheduler::GainAnswer> Masters::answer_of(const plan::Print& print) const {
  if (!print.master || !masters_[*print.master].search) return std::nullopt;
  return masters_[*print.master].search->answer();
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

Result<std::optional<worker::LostBlobs>> Masters::measure(std::size_t master, const Store& store, Frames first, Frames count, worker::PrintScratch& scratch) {
  return masters_[master].measure->measure_range(store, first, count, scratch);
}

bool Masters::solve(std::size_t index) {
  Master& master = masters_[index];
  const mix::Deliverable& deliverable = document_.deliverables[plan_.masters[index].deliverable];
  const worker::PrintMeasurement& now = master.measure->measurement();
  const bool is_found = master.is_begun ? master.search->take(reading_of(master.measure->spec(), now, deliverable))
                                        : master.search->begin([&](double gain_db) { return reading_of(master.measure->spec(), now, deliverable, gain_db); });
  master.is_begun = true;
  master.gain_linear = kernels::gain_from_db(master.search->gain_db());
  if (!is_found) master.measure->begin_round(master.gain_linear);
  else master.measure.reset();
  return is_found;
}

std::vector<scheduler::Check> Masters::checks(const plan::Print& print, double limiter_reduction_db) const {
  std::vector<scheduler::Check> checks;
  if (!print.master || print.deliverable != plan_.masters[*print.master].deliverable) return checks;
  const Master& master = masters_[*print.master];
  const std::string subject = delivered_file(document_, print).subject;
  if (master.search) checks.push_back(master.search->outcome(subject));
  if (master.limiter) checks.push_back(scheduler::limiter_check(subject, limiter_reduction_db, master.max_reduction_db));
  return checks;
}

}  // namespace dubfarm::cli
