// Prints that belong together: whoever prints one of a group prints all of it, so that a gain is found once and what is compared is at hand.
#pragma once
#include <cstddef>
#include <vector>

#include "common/mix/document.hpp"
#include "scheduler/plan/plan.hpp"

namespace dubfarm::plan {

/// Splits the prints of a plan (indices into Plan::prints): each stands in one group, and two stand in the same one where they share a master or a
/// stem set, or one is the same as the other, or each belongs with a third. Groups in the order of their first print, ascending inside.
[[nodiscard]] std::vector<std::vector<std::size_t>> print_groups(const mix::Document& document, const Plan& plan);

}  // namespace dubfarm::plan
