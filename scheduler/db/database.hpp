// What the scheduler keeps through a crash: one SQLite file, written by one connection. docs/formats/database.md has the tables.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "scheduler/db/audit.hpp"
#include "scheduler/farm/rows.hpp"

namespace dubfarm::db {

/// Not for several threads at once. The file belongs to one process while it is open: a second open is refused.
class Database {
 public:
  /// Opens or makes the file and its tables, and checks what is there (PRAGMA integrity_check). ":memory:" is gone with its Database.
  /// Errors: io_error, no_space; corrupt: the check found damage; invalid_input: another process has it, it is no database of ours, or a newer
  /// dubfarm made it.
  static Result<Database> open(const std::string& path);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  /// Applies the rows, in their order, in one transaction, and returns when it is on the disk. An error leaves the file as it was: the same rows
  /// may be given again. Errors: no_space, io_error; corrupt.
  Result<void> apply(std::span<const farm::Row> rows);
  /// What is stored, for Farm's constructor.
  Result<farm::Saved> load();

  Result<std::vector<farm::Token>> tokens();
  Result<std::vector<farm::AllowedKey>> keys();
  /// Entries after number `after`, oldest first.
  Result<std::vector<AuditLine>> audit(std::uint64_t after, std::size_t limit);
  /// How many there are; the last one's number.
  [[nodiscard]] std::uint64_t audit_size() const;
  Result<AuditCheck> audit_chain();

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dubfarm::db
