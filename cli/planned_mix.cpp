#include "cli/planned_mix.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "cli/exit_code.hpp"
#include "cli/render.hpp"
#include "common/machine.hpp"
#include "common/mix/parse.hpp"
#include "common/mix/recut.hpp"
#include "cli/backend.hpp"

namespace dubfarm::cli {

std::optional<PlannedMix> load_planned_mix(const std::string& mix, const std::string& store, const plan::Selection& selection, bool json, int& status) {
  PlannedMix planned;
  const auto refuse = [&](const std::vector<mix::Diagnostic>& errors) {
    fmt::print(stderr, "{}", mix::format_diagnostics(planned.text, mix, errors));
    if (json) fmt::print("{}\n", mix::diagnostics_json(errors));
    status = kBadInput;
    return std::nullopt;
  };
  const auto stop = [&](const Error& error) {
    fmt::print(stderr, "error: {}\n", error.message);
    status = exit_code(error.code);
    return std::nullopt;
  };
  Result<std::string> text = mix::read_text_file(mix);
  if (!text.ok()) return stop(text.error());
  planned.text = std::move(*text);
  mix::ParseOutcome parsed = mix::parse_mix(planned.text, mix);
  if (!parsed.document) return refuse(parsed.errors);
  planned.document = std::make_unique<mix::Document>(std::move(*parsed.document));
  const std::vector<std::size_t> versions = plan::selected_versions(*planned.document, selection);
  if (versions.empty())
    return stop(fail(Errc::invalid_input, "no output matches --version \"{}\" --deliverable \"{}\"", selection.version, selection.deliverable));
  const mix::RecutOutcome recuts = mix::load_recuts(*planned.document, versions);
  if (!recuts.errors.empty()) {
    fmt::print(stderr, "{}", mix::format_diagnostics(planned.text, mix, recuts.errors, recuts.texts));
    if (json) fmt::print("{}\n", mix::diagnostics_json(recuts.errors));
    status = kBadInput;
    return std::nullopt;
  }
  const std::string folder = store.empty() ? default_store_folder() : store;
  if (::access((folder + "/format").c_str(), F_OK) == 0) {
    Result<Store> opened = Store::open(folder, Store::Access::read_only);
    if (!opened.ok()) return stop(opened.error());
    planned.store = std::move(*opened);
  }
  media::DigestCache digests(planned.store ? planned.store->folder() : "");
  plan::MediaOutcome media = plan::gather_media(*planned.document, versions, true, usable_processors(), digests);
  if (!media.errors.empty()) return refuse(media.errors);
  planned.media = std::make_unique<plan::MediaTable>(std::move(media.table));
  planned.numeric_profile = usual_profile();
  planned.plan = plan::make_plan(*planned.document, *planned.media, selection, planned.numeric_profile);
  for (const plan::Chunk& chunk : planned.plan.chunks) planned.is_stored.push_back(planned.store && planned.store->has(chunk.key));
  return planned;
}

}  // namespace dubfarm::cli
