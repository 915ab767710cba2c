// Any text at any rate: parse() answers with a list or with mistakes that can be printed, and what a list holds is ordered time.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/edl/compare.hpp"
#include "common/edl/edl.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace edl = dubfarm::edl;
  namespace mix = dubfarm::mix;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"24", "29.97df", "60", ""}) {
    const edl::Outcome outcome = edl::parse(text, "fuzz.edl", mix::frame_rate_named(name));
    if (outcome.list.has_value() != outcome.errors.empty()) std::abort();
    (void)mix::format_diagnostics("", "film.mix.json", outcome.errors, {{"fuzz.edl", text}});
    if (!outcome.list) continue;
    for (const edl::Event& event : outcome.list->events)
      if (event.length() < 0 || event.source_out < event.source_in || event.reel.empty()) std::abort();
    for (const auto& [later, earlier] : edl::overlaps(*outcome.list))
      if (outcome.list->events.at(later).record_in < outcome.list->events.at(earlier).record_in) std::abort();
    (void)edl::outs_look_inclusive(*outcome.list);
    const edl::Comparison same = edl::compare(*outcome.list, *outcome.list);
    for (std::size_t i = 1; i < same.kept.size(); ++i)
      if (same.kept[i].new_at < same.kept[i - 1].new_end()) std::abort();
    (void)edl::cuts(same);
    (void)edl::change_list_json(same, outcome.list->rate);
  }
  return 0;
}
