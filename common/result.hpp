// Result<T>: a value, or an error that a caller can act on and a person can read. Exceptions in dubfarm mean a bug or no memory.
#pragma once
#include <fmt/format.h>

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace dubfarm {

/// What a caller can do about it; the message says the rest (where, what was seen, what was expected, what to do).
enum class Errc {
  invalid_input,      // the user's document, media or arguments: mend them
  not_found,          // a file, name or key that is not there
  not_yet,            // a documented feature that this version does not have
  io_error,           // the system refused to read or write
  no_space,           // the disk is full, or a quota is
  corrupt,            // stored data does not match its checksum: render it again
  backend_not_built,  // this build or machine does not offer that backend
  cancelled,          // the user asked to stop
  internal,           // a bug in dubfarm
};

/// The stable name of a code, as logs and JSON show it.
[[nodiscard]] const char* name_of(Errc code);

struct Error {
  Errc code = Errc::internal;
  std::string message;
};

/// Builds an error; converts to any Result.
template <class... Args>
[[nodiscard]] Error fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
  return Error{code, fmt::format(format, std::forward<Args>(args)...)};
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }
  [[nodiscard]] T& value() & { assert(ok()); return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { assert(ok()); return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { assert(ok()); return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  [[nodiscard]] const Error& error() const& { assert(!ok()); return std::get<1>(state_); }
  [[nodiscard]] Error&& error() && { assert(!ok()); return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  [[nodiscard]] const Error& error() const& { assert(!ok_); return error_; }
  [[nodiscard]] Error&& error() && { assert(!ok_); return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

#define DUBFARM_JOIN_(a, b) a##b
#define DUBFARM_JOIN(a, b) DUBFARM_JOIN_(a, b)
/// Returns early with the error of `expression`, if it has one.
#define TRY(expression)                                             \
  do {                                                              \
    auto&& try_result_ = (expression);                              \
    if (!try_result_.ok()) return std::move(try_result_).error();   \
  } while (false)
#define TRY_ASSIGN_(temporary, declaration, expression)  \
  auto temporary = (expression);                         \
  if (!temporary.ok()) return std::move(temporary).error(); \
  declaration = std::move(temporary).value()
/// `TRY_ASSIGN(const T x, f());` declares x from f()'s value, or returns early with its error.
#define TRY_ASSIGN(declaration, expression) TRY_ASSIGN_(DUBFARM_JOIN(try_value_, __LINE__), declaration, expression)

}  // namespace dubfarm
