// The gains and limiters of a render: one for each plan::Master, given to its print and to those that follow it.
#pragma once
#include <vector>

#include "common/mix/document.hpp"
#include "scheduler/plan/plan.hpp"
#include "scheduler/state/job_tasks.hpp"
#include "worker/print.hpp"

namespace dubfarm::cli {

/// A plan's stems as the worker reads them.
[[nodiscard]] std::vector<worker::PrintStem> print_stems(const mix::Document& document, const plan::Plan& plan, const std::vector<plan::PrintInput>& inputs);

/// Document and plan outlive it.
class Masters {
 public:
  Masters(const mix::Document& document, const plan::Plan& plan);

  /// How far the limiters hear, parallel to Plan::masters.
  [[nodiscard]] const std::vector<scheduler::LimiterReach>& reaches() const { return reaches_; }
  /// What a print takes from its master; it points into this object.
  [[nodiscard]] worker::Levelling levelling(const plan::Print& print) const;

 private:
  struct Master {
    std::optional<kernels::LimiterSettings> limiter;
    double gain_linear = 1;
  };
  const mix::Document& document_;
  const plan::Plan& plan_;
  std::vector<Master> masters_;  // parallel to Plan::masters
  std::vector<scheduler::LimiterReach> reaches_;
};

}  // namespace dubfarm::cli
