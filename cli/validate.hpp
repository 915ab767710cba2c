// dubfarm validate: says everything that is wrong with a mix document, or that nothing is.
#pragma once
#include <string>

namespace dubfarm::cli {

/// Checks the document at `mix_path` and the headers of all media that it names. Mistakes go to stderr as blocks with their source line; with `json`, to stdout as a JSON list of
/// {"message", "help", "pointer", "line", "column"}, empty where all is well.
/// @return the exit status: 0 valid, 2 mistakes in the document or its media, 3 the file cannot be read.
[[nodiscard]] int run_validate(const std::string& mix_path, bool json);

}  // namespace dubfarm::cli
