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

}  // namespace dubfarm::db
