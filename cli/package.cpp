#include "cli/package.hpp"

#include <algorithm>

#include "common/io.hpp"
#include "common/mix/parse.hpp"
#include "common/mix/resolve.hpp"
#include "common/sha256.hpp"
#include "scheduler/delivery/manifest.hpp"
#include "scheduler/delivery/report_html.hpp"

namespace dubfarm::cli {
namespace {

std::string in(const std::string& folder, std::string_view name) { return fmt::format("{}/{}", folder, name); }

std::vector<std::string> paths_of(const mix::Document& document) {
  std::vector<std::string> paths;
  for (const mix::OutputPlan& plan : mix::outputs(document))
    for (const mix::OutputFile& file : plan.files) paths.push_back(file.path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// The manifest that an earlier run left; nothing where there is none, or none that can be read: it is about to be replaced.
std::optional<scheduler::Manifest> earlier_manifest(const std::string& folder) {
  const Result<std::string> text = mix::read_text_file(in(folder, scheduler::kManifestName));
  if (!text.ok()) return std::nullopt;
  Result<scheduler::Manifest> manifest = scheduler::parse_manifest(*text, "");
  if (!manifest.ok()) return std::nullopt;
  return std::move(manifest).value();
}

}  // namespace

Result<std::string> write_package(const mix::Document& document, const scheduler::Report& report, const std::string& folder) {
  scheduler::Manifest manifest = scheduler::manifest_of(report);
  if (const auto earlier = earlier_manifest(folder)) scheduler::carry_over(manifest, *earlier, paths_of(document));
  std::vector<scheduler::FileSum> sums;
  for (const scheduler::ManifestFile& file : manifest.files) sums.push_back({file.path, file.sha256});
  const auto write = [&](std::string_view name, std::string_view text) -> Result<void> {
    Sha256 hash;
    hash.update(std::as_bytes(std::span(text.data(), text.size())));
    sums.push_back({std::string(name), hash.hex()});
    return write_file_atomically(in(folder, name), text);
  };
  std::string json = scheduler::report_json(report);
  TRY(write(scheduler::kReportName, json));
  TRY(write(scheduler::kReportPageName, scheduler::report_html(report)));
  TRY(write(scheduler::kManifestName, scheduler::manifest_json(manifest)));
  TRY(write_file_atomically(in(folder, scheduler::kSumsName), scheduler::sha256sums_text(std::move(sums))));
  return json;
}

}  // namespace dubfarm::cli
