// `dubfarm verify OUT_DIR`: whether a delivery is still what was delivered.
#pragma once
#include <string>

namespace dubfarm::cli {

/// Hashes every file below `folder` again and compares with SHA256SUMS, manifest.json and report.json; files that these do not know are
/// named too. What is wrong goes to stdout, a line each (json: one object); progress to stderr on a terminal.
/// @return kDone, kCheckFailed where something differs, kBadInput where there is no readable SHA256SUMS.
[[nodiscard]] int run_verify(const std::string& folder, bool json, int threads);

}  // namespace dubfarm::cli
