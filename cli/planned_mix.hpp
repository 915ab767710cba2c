// A mix, checked and planned, beside the store that it would be rendered into: what `plan` and `explain` look at.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/mix/document.hpp"
#include "common/store/store.hpp"
#include "scheduler/plan/plan.hpp"

namespace dubfarm::cli {

struct PlannedMix {
  std::string text;
  std::unique_ptr<mix::Document> document;
  std::unique_ptr<plan::MediaTable> media;  // the plan points into it
  std::string numeric_profile;  // that the plan's keys are made for
  plan::Plan plan;
  std::optional<Store> store;    // opened to be read; nothing where there is none yet
  std::vector<bool> is_stored;  // of each chunk of the plan
};

/// Prints what is wrong, as `dubfarm render` does.
/// @return nothing where something is; `status` is then the exit status.
[[nodiscard]] std::optional<PlannedMix> load_planned_mix(const std::string& mix, const std::string& store, const plan::Selection& selection, bool json, int& status);

}  // namespace dubfarm::cli
