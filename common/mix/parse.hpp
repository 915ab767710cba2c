// From the text of a mix document to checked data (docs/mix-format.md). Everything that can be known without opening a media file is
// checked here, and every mistake is reported at once. Threads: every function here is pure, but for read_text_file.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/mix/document.hpp"
#include "common/result.hpp"

namespace dubfarm::mix {

/// One mistake: what was seen and expected, what to do about it, and where.
struct Diagnostic {
  std::string message;  // one line, lower case, no full stop: unknown bus "FX_BED2"
  std::string help;     // what to do; may be empty
  Place place;
  std::string note;  // what stands beside the carets; may be empty
  std::string file = {};  // the file that `place` is in, where it is not the document: a change list
  bool is_warning = false;
};

/// Texts of the files that diagnostics name, by path.
using FileTexts = std::map<std::string, std::string>;

/// `document` is there exactly when `errors` is empty.
struct ParseOutcome {
  std::optional<Document> document;
  std::vector<Diagnostic> errors;  // in document order (line, then column)
};

/// Reads and checks a mix document. `path` is where the text came from: it names the document's folder, and appears in messages.
/// A document with errors yields all of them, except that a text that is not JSON yields the one place where it stops being JSON.
/// Features of the format that dubfarm does not have yet are errors whose message begins "not yet:".
[[nodiscard]] ParseOutcome parse_mix(std::string_view text, const std::string& path);

/// The whole file. Errc::not_found where there is none, Errc::io_error where it cannot be read, Errc::invalid_input above 256 MiB.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path);

inline constexpr std::size_t kMaxPrintedDiagnostics = 50;

/// One block per diagnostic, with the line of `text` that it is about, and a blank line between blocks:
///   error: unknown bus "FX_BED2"
///     --> reel2.mix.json:14:18  at /tracks/3/bus
///      |
///   14 |   "bus": "FX_BED2"
///      |          ^^^^^^^^^ not declared in "buses"
///   help: did you mean "FX_BED_2"?
/// After kMaxPrintedDiagnostics blocks: "and N more". A long line is shown around the place. A diagnostic without a line (one from
/// outside the document) has only its message, its path and its help. A warning begins with "warning:".
/// @param others  the texts of the files that Diagnostic::file names.
[[nodiscard]] std::string format_diagnostics(std::string_view text, const std::string& path, std::span<const Diagnostic> errors,
                                             const FileTexts& others = {});

/// All of them as a JSON list of {"message", "help", "pointer", "line", "column"}, for scripts; "file" too, where it is not the document.
[[nodiscard]] std::string diagnostics_json(std::span<const Diagnostic> errors);

}  // namespace dubfarm::mix
