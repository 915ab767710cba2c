// SQLite with Result and owners. One connection, one thread.
#pragma once
#include <sqlite3.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace dubfarm::db {

class Connection;

/// One prepared statement. Bind its parameters in their order, then step(). It is reset by the next bind that starts again, and by done().
class Statement {
 public:
  Statement() = default;
  void start() {
    sqlite3_reset(handle_.get());
    next_ = 1;
  }
  Statement& operator<<(std::int64_t value) {
    sqlite3_bind_int64(handle_.get(), next_++, value);
    return *this;
  }
  Statement& operator<<(std::uint64_t value) { return *this << std::bit_cast<std::int64_t>(value); }  // 2^63 and above are stored as negative numbers
  Statement& operator<<(std::uint32_t value) { return *this << static_cast<std::int64_t>(value); }
  Statement& operator<<(int value) { return *this << static_cast<std::int64_t>(value); }
  Statement& operator<<(bool value) { return *this << static_cast<std::int64_t>(value); }
  Statement& operator<<(double value) {
    sqlite3_bind_double(handle_.get(), next_++, value);
    return *this;
  }
  Statement& operator<<(std::string_view text) {  // must live until done()
    sqlite3_bind_text64(handle_.get(), next_++, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  Statement& operator<<(const std::string& text) { return *this << std::string_view(text); }
  Statement& operator<<(const char* text) = delete;
  Statement& blob(const void* bytes, std::size_t count) {  // must live until done()
    if (count == 0) sqlite3_bind_zeroblob(handle_.get(), next_++, 0);
    else sqlite3_bind_blob64(handle_.get(), next_++, bytes, count, SQLITE_STATIC);
    return *this;
  }
  /// True: there is a row to read. False: there is no more.
  Result<bool> step();
  /// Runs a statement that gives no rows.
  Result<void> done() {
    const auto more = step();
    start();
    if (!more) return more.error();
    return {};
  }

  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  [[nodiscard]] std::uint64_t unsigned64(int column) const { return std::bit_cast<std::uint64_t>(integer(column)); }
  [[nodiscard]] std::uint32_t unsigned32(int column) const { return static_cast<std::uint32_t>(integer(column)); }
  [[nodiscard]] double real(int column) const { return sqlite3_column_double(handle_.get(), column); }
  [[nodiscard]] std::string text(int column) const {
    const auto* chars = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
    return chars == nullptr ? std::string() : std::string(chars, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column)));
  }
  [[nodiscard]] std::span<const std::byte> bytes(int column) const {  // until the next step
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(handle_.get(), column));
    return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
  }

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const noexcept { sqlite3_finalize(handle); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  const Connection* connection_ = nullptr;
  int next_ = 1;
};

/// Does not move: its statements point to it.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Result<void> open(const std::string& path);
  Result<Statement> prepare(std::string_view sql) const;
  /// Statements without parameters and rows.
  Result<void> run(const char* sql) const;
  /// The last error, as one of ours: no_space, io_error, corrupt, invalid_input (busy: another process has the file; no database).
  [[nodiscard]] Error error() const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
  std::string path_;
};

}  // namespace dubfarm::db
