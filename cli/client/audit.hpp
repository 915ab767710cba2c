// `dubfarm audit list|verify`: who did what on a farm, and whether the log is still what was written.
#pragma once
#include <string>

#include "cli/client/farm_client.hpp"

namespace dubfarm::cli {

/// Prints the last `limit` entries. Needs an admin's token.
[[nodiscard]] int run_audit_list(const FarmTarget& target, int limit);

/// Follows the chain of hashes; they are computed here, whoever hands the entries over. @return 1 where it is broken.
/// @param state  the state folder of a scheduler that does not run; empty: the entries come from the API, of one that does.
[[nodiscard]] int run_audit_verify(const FarmTarget& target, const std::string& state);

}  // namespace dubfarm::cli
