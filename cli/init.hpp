// `dubfarm init FOLDER`: a mix document to start from, written from what a folder of stems and dialogue is called.
#pragma once
#include <string>
#include <vector>

#include "common/result.hpp"

namespace dubfarm::cli {

/// A mix document, and what a person should know about how it came to be.
struct MixDraft {
  std::string text;                // commented JSON that parses as a mix
  std::vector<std::string> notes;  // what was recognised, what was left out and why, what needs a decision; one line each
};

/// Reads the names and headers of the sound files under `folder` and drafts a mix document that will stand at `document_path`.
/// Recognised: the role of a file by a word in its name or a parent folder's (DX DIA DLG VO NAR, MX MUS SCORE, FX SFX FOL AMB BG, M&E ...);
/// its language by a tag (en, en-US, fra, _FR) or by its folder; members of a multi-mono stem by their suffix (.L .R .C .LFE .Ls .Rs).
/// Hidden files and folders, and links to folders, are passed over.
/// Errors: Errc::not_found (no such folder), Errc::invalid_input (nothing in it that is recognised; says what names are).
[[nodiscard]] Result<MixDraft> draft_mix(const std::string& folder, const std::string& document_path);

/// Writes the draft, and says on stderr what was done. `output_path` empty: FOLDER/<name of the folder>.mix.json. The path written goes to
/// stdout. A document that is there is kept unless `force`.
/// @return the exit status (cli/exit_code.hpp).
[[nodiscard]] int run_init(const std::string& folder, const std::string& output_path, bool force);

}  // namespace dubfarm::cli
