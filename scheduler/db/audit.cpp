#include "scheduler/db/audit.hpp"

#include <fmt/format.h>

#include <span>

#include "common/sha256.hpp"

namespace dubfarm::db {

std::string audit_start() { return std::string(64, '0'); }

std::string audit_hash(const std::string& before, std::uint64_t number, const farm::AuditEntry& entry) {
  std::string text = fmt::format("{}\n{}\n{}\n{}\n", before, number, entry.at_ms, entry.allowed ? 1 : 0);
  for (const std::string* field : {&entry.actor, &entry.address, &entry.action, &entry.object, &entry.detail}) text += fmt::format("{}:{}\n", field->size(), *field);
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text)));
  return hash.hex();
}

bool follow(AuditCheck& check, const AuditLine& line) {
  ++check.entries;
  if (line.number != check.entries) check.what = fmt::format("entry {} is missing", check.entries);
  else if (line.hash != audit_hash(check.head, line.number, line.entry)) check.what = fmt::format("entry {} is not what it was when it was written", line.number);
  if (!check.what.empty()) {
    check.broken_at = check.entries;
    return false;
  }
  check.head = line.hash;
  return true;
}

}  // namespace dubfarm::db
