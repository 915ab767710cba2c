// What a version makes of a document: expanded file names, mutes, faders, and the files that every deliverable writes
// (docs/mix-format.md, Output and Versions). Threads: every function here is pure and may run on any thread.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/mix/document.hpp"
#include "common/result.hpp"

namespace dubfarm::mix {

/// Replaces every {name} in `pattern` by its value. Values are not expanded again.
/// Errors (Errc::invalid_input): an unknown name, with the nearest known one; "{" or "}" without its partner.
[[nodiscard]] Result<std::string> expand(std::string_view pattern, const std::map<std::string, std::string>& variables);

/// The names between braces, in order; "{" without "}" ends the search.
[[nodiscard]] std::vector<std::string> placeholders(std::string_view pattern);

/// Shell-style match of the whole name, case and all: * any run, ? any one character, [seq] [!seq] one of or none of a set, a-z a range.
/// A "[" without its "]" stands for itself. There is no escape: [*] matches a star. Characters are Unicode code points.
/// Meaning: POSIX.1-2017, XCU 2.13, without its special cases for "/" and a leading "."; the same as Python's fnmatchcase.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view name);
[[nodiscard]] bool any_glob_matches(std::span<const std::string> patterns, std::string_view name);

/// The candidate that `name` was most likely meant to be, or nothing when none is near (optimal string alignment distance above a third
/// of the length, at least 1). Case is ignored in the comparison. Of equally near ones the first.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> candidates);

/// What one version changes. The vectors run parallel to Document::tracks and Document::buses.
struct VersionView {
  std::map<std::string, std::string> variables;  // as variables_of
  std::vector<bool> track_muted;                 // the track's own mute included
  std::vector<bool> bus_muted;                   // the bus's output is silence
  std::vector<double> track_adjust_db;           // added to the track's gain_db at every position
  std::vector<double> bus_adjust_db;             // added to the bus's gain_db at every position
  const Recut* recut = nullptr;                  // the version's own; null: none
};
/// The document's variables, the version's own over them, and "version", and "title" where there is one.
[[nodiscard]] std::map<std::string, std::string> variables_of(const Document& document, const Version& version);
[[nodiscard]] VersionView view(const Document& document, const Version& version);

/// The buses without a parent, in document order, as indices into Document::buses.
[[nodiscard]] std::vector<std::size_t> stems(const Document& document);
/// The stems that a deliverable includes, in document order.
[[nodiscard]] std::vector<std::size_t> included_stems(const Document& document, const Deliverable& deliverable);

/// The channels of a layout in the order a file holds them, as indices in SMPTE order. Film order is L C R, the surrounds, LFE; nothing
/// for 7.1.4, which has no film order. Mono and stereo are the same in both.
[[nodiscard]] std::optional<std::vector<int>> file_channels(Layout layout, ChannelOrder order);

struct OutputFile {
  std::string path;                // relative to the output folder, "/" between folders; expanded
  std::optional<std::size_t> bus;  // per_bus: the stem it holds, an index into Document::buses
  std::optional<int> channel;      // split mono: its channel, an index in SMPTE order into the output's layout
};

/// One version of one deliverable: what is rendered together.
struct OutputPlan {
  std::size_t version = 0;        // index into Document::versions
  std::size_t deliverable = 0;    // index into Document::deliverables
  std::vector<OutputFile> files;  // stems in document order, inside a stem the channels in the order they are written in
};

/// Every output of a document that parse_mix accepted: versions in order, inside each the deliverables that are for it in order.
/// Where a path stands twice, parse_mix has made sure that both are the same render (render_identity): write it once.
[[nodiscard]] std::vector<OutputPlan> outputs(const Document& document);

/// A text that says everything about what a version and a deliverable render that a document alone can say: the deliverable's settings,
/// and the mutes, faders and expanded file names of all that reaches its stems. Equal texts for the same document, equal samples. The
/// deliverable's name is part of it only where it is dithered, because dither depends on it.
/// @param only_stem  for per_bus: the one stem that the file holds.
[[nodiscard]] std::string render_identity(const Document& document, const VersionView& version, const Deliverable& deliverable,
                                          std::optional<std::size_t> only_stem);

/// Why a relative path cannot be written inside the output folder, on any of Linux, macOS and Windows; nothing where it can. The path is
/// rejected for: being empty or absolute, "..", ".", an empty step, a character that a file name cannot hold (control characters and
/// < > : " \ | ? *), a step ending in a space or a full stop, or a step over 255 bytes.
[[nodiscard]] std::optional<std::string> path_problem(std::string_view path);

}  // namespace dubfarm::mix
