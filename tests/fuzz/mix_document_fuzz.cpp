// Any text: parse_mix answers with a document or with mistakes that can be printed, and a document's outputs can be planned.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/mix/parse.hpp"
#include "common/mix/resolve.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace mix = dubfarm::mix;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const mix::ParseOutcome outcome = mix::parse_mix(text, "fuzz.mix.json");
  if (outcome.document.has_value() != outcome.errors.empty()) std::abort();
  (void)mix::format_diagnostics(text, "fuzz.mix.json", outcome.errors);
  (void)mix::diagnostics_json(outcome.errors);
  if (!outcome.document) return 0;
  for (const mix::OutputPlan& plan : mix::outputs(*outcome.document)) {
    for (const mix::OutputFile& file : plan.files)
      if (mix::path_problem(file.path)) std::abort();  // nothing may leave the output folder
    (void)mix::view(*outcome.document, outcome.document->versions.at(plan.version));
  }
  return 0;
}
