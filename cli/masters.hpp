// The gains and limiters of a render: one for each plan::Master, given to its print and to those that follow it. Gains are found by
// measuring the master's sum before anything is printed of it.
#pragma once
#include <memory>
#include <vector>

#include "common/mix/document.hpp"
#include "scheduler/delivery/check.hpp"
#include "scheduler/delivery/normalise.hpp"
#include "scheduler/delivery/spec.hpp"
#include "scheduler/plan/plan.hpp"
#include "scheduler/state/job_tasks.hpp"
#include "worker/gain_measure.hpp"
#include "worker/print.hpp"

namespace dubfarm::cli {

/// A plan's stems as the worker reads them.
[[nodiscard]] std::vector<worker::PrintStem> print_stems(const mix::Document& document, const plan::Plan& plan, const std::vector<plan::PrintInput>& inputs);

/// Document, plan and specs outlive it. Threads: measure() may run on many at once; the task graph keeps the others apart.
class Masters {
 public:
  /// @param specs  of the document's deliverables; null: none is normalised.
  Masters(const mix::Document& document, const plan::Plan& plan, const scheduler::SpecTable* specs);

  /// By what a master's search is known (cli/print_key.hpp); nothing where there is none.
  [[nodiscard]] std::optional<program::Key> key(const plan::Print& print) const;
  /// The gain that an earlier render found for the same key: it is not measured again.
  void answer(const plan::Print& print, const scheduler::GainAnswer& answer);
  /// The search's answer, once it is over.
  [[nodiscard]] std::optional<scheduler::GainAnswer> answer_of(const plan::Print& print) const;

  /// How far the limiters hear and whose sums are measured, parallel to Plan::masters.
  [[nodiscard]] const std::vector<scheduler::MasterReach>& reaches() const { return reaches_; }
  /// What a print takes from its master; it points into this object.
  [[nodiscard]] worker::Levelling levelling(const plan::Print& print) const;

  /// Measures a range of a master's sum: TaskKind::measure.
  Result<std::optional<worker::LostBlobs>> measure(std::size_t master, const Store& store, Frames first, Frames count, worker::PrintScratch& scratch);
  /// All ranges of a round are measured: TaskKind::solve. @return whether the gain is found; else all ranges are to be measured again.
  bool solve(std::size_t master);
  /// What a master's print must show beside its spec's checks: that it was normalised, and that its limiter took off no more than it may.
  [[nodiscard]] std::vector<scheduler::Check> checks(const plan::Print& print, double limiter_reduction_db) const;

 private:
  struct Master {
    std::optional<kernels::LimiterSettings> limiter;
    std::optional<double> max_reduction_db;
    double gain_linear = 1;
    std::unique_ptr<worker::GainMeasure> measure;  // of those that are normalised, until the gain is found
    std::unique_ptr<scheduler::GainSearch> search;
    bool is_begun = false;  // the search has its first reading
    program::Key key;  // of the search
  };
  void plan_search(Master& master, const plan::Master& planned, const scheduler::Spec& spec) const;

  const mix::Document& document_;
  const plan::Plan& plan_;
  std::vector<Master> masters_;  // parallel to Plan::masters; never grows, so that gains stay where they are
  std::vector<scheduler::MasterReach> reaches_;
};

}  // namespace dubfarm::cli
