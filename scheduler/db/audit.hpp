// The chain of the audit log: each entry's hash covers the one before, so that none can be changed, taken out or put in without every later hash
// changing too. (Entries cut off at the end leave a whole chain: keep a copy of the head elsewhere to notice that.)
#pragma once
#include <cstdint>
#include <string>

#include "scheduler/farm/rows.hpp"

namespace dubfarm::db {

/// What the first entry follows.
[[nodiscard]] std::string audit_start();
/// SHA-256 (hex) of `before` (hex), the entry's number and its fields, each text with its length. docs/formats/database.md.
[[nodiscard]] std::string audit_hash(const std::string& before, std::uint64_t number, const farm::AuditEntry& entry);

}  // namespace dubfarm::db
