#include "scheduler/db/sqlite.hpp"

#include <cerrno>
#include <system_error>

namespace dubfarm::db {
namespace {

constexpr int kBusyMs = 2000;  // a scheduler that is just ending may still have the file

/// Why the write-ahead log, or else the database's own file, failed last. A COMMIT that fails leaves nothing in sqlite3_system_errno.
int last_errno(sqlite3* handle) {
  int number = 0;
  sqlite3_file* log = nullptr;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (log != nullptr && log->pMethods != nullptr) log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number);
  if (number == 0) sqlite3_file_control(handle, "main", SQLITE_FCNTL_LAST_ERRNO, &number);
  return number;
}

}  // namespace

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->error();
}

Result<void> Connection::open(const std::string& path) {
  path_ = path;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  handle_.reset(handle);
  if (handle == nullptr) return fail(Errc::io_error, "{}: no memory to open the database", path);
  if (code != SQLITE_OK) return error();
  sqlite3_busy_timeout(handle, kBusyMs);
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) const {
  Statement statement;
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  statement.handle_.reset(handle);
  statement.connection_ = this;
  if (code != SQLITE_OK) return error();
  return statement;
}

Result<void> Connection::run(const char* sql) const {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return error();
  return {};
}

Error Connection::error() const {
  const int code = sqlite3_extended_errcode(handle_.get());
  const char* said = sqlite3_errmsg(handle_.get());
  int system = sqlite3_system_errno(handle_.get());
  if ((code & 255) == SQLITE_IOERR && system == 0) system = last_errno(handle_.get());
  switch (code & 255) {
    case SQLITE_FULL: return fail(Errc::no_space, "{}: the disk is full, or a quota is; make room", path_);
    case SQLITE_IOERR:
      if (system == ENOSPC || system == EDQUOT || system == EFBIG) return fail(Errc::no_space, "{}: the disk is full, or a quota is; make room", path_);
      [[fallthrough]];
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return fail(Errc::io_error, "{}: {}{}{}", path_, said, system == 0 ? "" : ": ", system == 0 ? "" : std::generic_category().message(system));
    case SQLITE_CORRUPT: return fail(Errc::corrupt, "{}: the database is damaged ({}); restore it from a copy", path_, said);
    case SQLITE_NOTADB: return fail(Errc::invalid_input, "{}: this is no database of dubfarm's; name another state folder", path_);
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return fail(Errc::invalid_input, "{}: another process has this database; one scheduler to a state folder", path_);
    default: return fail(Errc::internal, "{}: {} (SQLite {})", path_, said, code);
  }
}

}  // namespace dubfarm::db
