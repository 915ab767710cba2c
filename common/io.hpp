// Files by descriptor: ownership, whole reads and writes, and system errors as words.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/result.hpp"

namespace dubfarm {

/// Owns a file descriptor; -1 is none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd();
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// "<path>: <what>: No space left on device", with Errc::no_space for a full disk or quota, Errc::not_found for ENOENT, else Errc::io_error.
[[nodiscard]] Error system_error(std::string_view path, std::string_view what, int error_number);

/// Writes all of `data` at `offset`, whatever the system takes at a time.
Result<void> write_all_at(int fd, std::span<const std::byte> data, std::int64_t offset, std::string_view path);
/// Reads exactly data.size() bytes at `offset`; a file that ends before is Errc::corrupt.
Result<void> read_exactly_at(int fd, std::span<std::byte> data, std::int64_t offset, std::string_view path);
/// Makes a folder and its parents; one that is there is fine.
Result<void> make_folders(const std::string& path);
/// Puts `text` under `path` in one step: written to a temporary name beside it, synced, renamed.
Result<void> write_file_atomically(const std::string& path, std::string_view text);

}  // namespace dubfarm
