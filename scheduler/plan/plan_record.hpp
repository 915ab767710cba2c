// The last render of a mix, remembered in the store: its document and what its media were, from which its plan follows again. With it,
// `dubfarm explain` says what changed, and a render knows which chunks the store should have. docs/formats/store.md.
#pragma once
#include <optional>
#include <string>
#include <vector>

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
  std::vector<program::Key> keys;  // of the chunks that were in the store at the end
};

/// Writes the record of the mix at `path`, in place of the last one. Errors: no_space, io_error.
Result<void> remember(const Store& store, const std::string& path, const PlanRecord& record);
/// The last record of the mix at `path`; nothing where there is none that can be read.
[[nodiscard]] std::optional<PlanRecord> recall(const Store& store, const std::string& path);

}  // namespace dubfarm::plan
