// Quality control of a print: what to look for, from the plan; and what was found, as checks.
#pragma once
#include <string>
#include <vector>

#include "common/mix/document.hpp"
#include "scheduler/delivery/check.hpp"
#include "scheduler/plan/plan.hpp"
#include "worker/print.hpp"

namespace dubfarm::cli {

/// What a print is to be looked through for; nothing where its deliverable wants no quality control.
[[nodiscard]] std::optional<worker::QcSpec> qc_spec(const mix::Document& document, const plan::Plan& plan, const plan::Print& print);

/// The checks of a print whose files are finished. @param folder  the output folder.
[[nodiscard]] std::vector<scheduler::Check> qc_checks(const mix::Document& document, const plan::Print& planned, const worker::Print& print,
                                                      const std::string& folder);

}  // namespace dubfarm::cli
