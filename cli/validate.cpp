#include "cli/validate.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <set>

#include "cli/exit_code.hpp"
#include "common/machine.hpp"
#include "common/mix/parse.hpp"
#include "common/mix/recut.hpp"
#include "common/mix/resolve.hpp"
#include "scheduler/delivery/spec.hpp"
#include "scheduler/plan/plan.hpp"

namespace dubfarm::cli {
namespace {

std::string counted(std::size_t count, const char* one, const char* many) { return fmt::format("{} {}", count, count == 1 ? one : many); }

std::string summary(const mix::Document& document) {
  std::set<std::string> paths;
  for (const mix::OutputPlan& plan : mix::outputs(document))
    for (const mix::OutputFile& file : plan.files) paths.insert(file.path);
  return fmt::format("{}: valid: {}, {}, {}, {}; {} to write\n", document.path, counted(document.tracks.size(), "track", "tracks"),
                     counted(document.buses.size(), "bus", "buses"), counted(document.versions.size(), "version", "versions"),
                     counted(document.deliverables.size(), "deliverable", "deliverables"), counted(paths.size(), "file", "files"));
}

}  // namespace

int run_validate(const std::string& mix_path, bool json) {
  const Result<std::string> text = mix::read_text_file(mix_path);
  if (!text.ok()) {
    if (json) fmt::print("{}", mix::diagnostics_json(std::vector<mix::Diagnostic>{{text.error().message, "", {}, ""}}));
    else fmt::print(stderr, "error: {}\n", text.error().message);
    return exit_code(text.error().code);
  }
  mix::ParseOutcome outcome = mix::parse_mix(*text, mix_path);
  mix::FileTexts change_lists;
  if (outcome.document) {
    media::DigestCache no_digests("");
    const std::vector<std::size_t> versions = plan::selected_versions(*outcome.document, {});
    mix::RecutOutcome recuts = mix::load_recuts(*outcome.document, versions);
    fmt::print(stderr, "{}", mix::format_diagnostics(*text, mix_path, recuts.warnings, recuts.texts));
    change_lists = std::move(recuts.texts);
    outcome.errors = plan::gather_media(*outcome.document, versions, false, usable_processors(), no_digests).errors;
    outcome.errors.insert(outcome.errors.end(), recuts.errors.begin(), recuts.errors.end());
    const std::vector<mix::Diagnostic> spec_errors = scheduler::find_specs(*outcome.document).errors;
    outcome.errors.insert(outcome.errors.end(), spec_errors.begin(), spec_errors.end());
  }
  if (json) fmt::print("{}", mix::diagnostics_json(outcome.errors));
  else if (outcome.errors.empty()) fmt::print("{}", summary(*outcome.document));
  else fmt::print(stderr, "{}", mix::format_diagnostics(*text, mix_path, outcome.errors, change_lists));
  return outcome.errors.empty() ? kDone : kBadInput;
}

}  // namespace dubfarm::cli
