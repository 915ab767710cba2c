// The chain of the audit log: each entry's hash covers the one before, so that none can be changed, taken out or put in without every later hash
// changing too. (Entries cut off at the end leave a whole chain: keep a copy of the head elsewhere to notice that.)
#pragma once
#include <cstdint>
#include <string>

#include "scheduler/farm/rows.hpp"

namespace dubfarm::db {

/// What following the chain found.
struct AuditCheck {
  std::uint64_t entries = 0;
  std::string head;              // SHA-256 (hex) of the last entry, which depends on all before it
  std::uint64_t broken_at = 0;   // number of the first entry that does not follow from the one before; 0: none
  std::string what;              // of broken_at: what is wrong with it
};
struct AuditLine {
  std::uint64_t number = 0;
  farm::AuditEntry entry;
  std::string hash;
};

/// What the first entry follows.
[[nodiscard]] std::string audit_start();
/// SHA-256 (hex) of `before` (hex), the entry's number and its fields, each text with its length. docs/formats/database.md.
[[nodiscard]] std::string audit_hash(const std::string& before, std::uint64_t number, const farm::AuditEntry& entry);
/// Goes one entry on from what was checked so far (at the beginning: head is audit_start()). @return false where the chain breaks here.
[[nodiscard]] bool follow(AuditCheck& check, const AuditLine& line);

}  // namespace dubfarm::db
