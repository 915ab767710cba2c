// The last render of a mix, remembered in the store: its document, its change lists and what its media were, from which its plan follows again. With it,
// `dubfarm explain` says what changed, and a render knows which chunks the store should have. docs/formats/store.md.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mix/document.hpp"
#include "common/program/program.hpp"
#include "common/result.hpp"
#include "common/store/store.hpp"
#include "scheduler/plan/media_table.hpp"

namespace dubfarm::plan {

struct PlanRecord {
  std::string mix;               // the document's path, as it was given
  std::string text;              // of the document
  std::string numeric_profile;
  MediaTable media;              // by path; digests and lengths, no stamps
  std::map<std::string, std::vector<mix::RecutEvent>> recuts;  // by version: its change list, as it was read
  std::vector<program::Key> keys;  // of the chunks that were in the store at the end
};

/// Compact JSON.
[[nodiscard]] std::string plan_record_json(const PlanRecord& record);
/// Nothing where the text is no plan record, or one that no render wrote: lengths that are not positive, events out of order.
[[nodiscard]] std::optional<PlanRecord> parse_plan_record(std::string_view text);
/// The change lists of `versions` (indices), as a record has them; load_recuts() has read them.
[[nodiscard]] std::map<std::string, std::vector<mix::RecutEvent>> recuts_of(const mix::Document& document, const std::vector<std::size_t>& versions);

/// Writes the record of the mix at `path`, in place of the last one. Errors: no_space, io_error.
Result<void> remember(const Store& store, const std::string& path, const PlanRecord& record);
/// The last record of the mix at `path`; nothing where there is none that can be read.
[[nodiscard]] std::optional<PlanRecord> recall(const Store& store, const std::string& path);

}  // namespace dubfarm::plan
