// parse_spec on any text: no crash, no mistake without a place, and what it accepts has a source for every number.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scheduler/delivery/spec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dubfarm::scheduler;
  const SpecOutcome outcome = parse_spec({reinterpret_cast<const char*>(data), size});
  if (outcome.spec.has_value() != outcome.errors.empty()) std::abort();
  for (const dubfarm::mix::Diagnostic& error : outcome.errors)
    if (error.message.empty() || error.place.line < 1) std::abort();
  if (!outcome.spec) return 0;
  for (const LoudnessRule& rule : outcome.spec->loudness)
    if (rule.section.empty() || !(rule.lowest_lufs <= rule.highest_lufs)) std::abort();
  for (const auto* limit : {&outcome.spec->true_peak_dbtp, &outcome.spec->range_lu, &outcome.spec->leqm_db})
    if (*limit && (limit->value().section.empty() || (!limit->value().min && !limit->value().max))) std::abort();
  return 0;
}
