// What a delivery consists of: SHA256SUMS, which `sha256sum -c` understands, and manifest.json, which says of each output what it is
// (docs/formats/manifest.schema.json). Pure: text in, text out.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "common/units.hpp"
#include "scheduler/delivery/report.hpp"

namespace dubfarm::scheduler {

inline constexpr std::string_view kSumsName = "SHA256SUMS", kManifestName = "manifest.json", kReportName = "report.json";

struct ManifestFile {
  std::string path;  // relative to the output folder
  std::string sha256;
  std::uint64_t bytes = 0;
  std::string version, deliverable;
  std::optional<std::string> bus;  // per_bus deliverables: the stem
  std::string layout;
  std::vector<std::string> channels;  // in the file's order
};
struct Manifest {
  std::string title;
  int sample_rate = 0;
  Frames length = 0;
  std::vector<ManifestFile> files;  // by path; each path once
};

/// Every file of a report's outputs; one that several outputs share is named once, as of the first.
[[nodiscard]] Manifest manifest_of(const Report& report);
/// Adds to `manifest` the files of an earlier one that it does not have and whose paths are in `still_delivered` (sorted): a run that
/// rendered only some outputs into the folder leaves the others as they were.
void carry_over(Manifest& manifest, const Manifest& earlier, std::span<const std::string> still_delivered);

/// Indented JSON with a final newline.
[[nodiscard]] std::string manifest_json(const Manifest& manifest);
/// @param name  for messages. Errors (invalid_input): not JSON; not a manifest; a path that leaves the folder.
[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text, const std::string& name);

/// A line of SHA256SUMS.
struct FileSum {
  std::string path, sha256;
  bool operator==(const FileSum&) const = default;
};
/// "<64 hexadecimal digits>  <path>" lines, sorted by path. Paths hold neither a line feed nor a backslash, so none is escaped.
[[nodiscard]] std::string sha256sums_text(std::vector<FileSum> sums);
/// Reads the same; "*" before a path (binary mode) and empty lines are accepted. Errors (invalid_input), with the line's number: another
/// shape; a path that leaves the folder; a path that stands twice with different sums.
[[nodiscard]] Result<std::vector<FileSum>> parse_sha256sums(std::string_view text, const std::string& name);

/// The files that a report.json names, with their sums. Errors (invalid_input) as parse_manifest().
[[nodiscard]] Result<std::vector<FileSum>> parse_report_sums(std::string_view text, const std::string& name);

}  // namespace dubfarm::scheduler
