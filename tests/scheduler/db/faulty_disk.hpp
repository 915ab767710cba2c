// A file system for SQLite on which the n-th write, sync or truncation fails. While one of these lives it is SQLite's own.
#pragma once
#include <sqlite3.h>

#include <string>

namespace dubfarm {

class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;
  /// The n-th operation from now (1: the next) and `length - 1` after it fail with `code` (SQLITE_FULL, SQLITE_IOERR_WRITE ...). 0: none.
  void fail_at(int n, int length, int code);
  [[nodiscard]] int failed() const;  // operations that did, since fail_at
};

}  // namespace dubfarm
