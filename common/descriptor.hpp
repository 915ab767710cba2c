// An owned POSIX file descriptor, and reads and writes that neither stop short nor stop at a signal.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/result.hpp"

namespace dubfarm {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Opens a file for reading. @return `not_found`, or `io_error` with the system's reason.
[[nodiscard]] Result<Descriptor> open_for_reading(const std::string& path);
/// Reads until `into` is full or the file ends. @return the bytes read.
[[nodiscard]] Result<std::size_t> read_at(const Descriptor& file, std::int64_t offset, std::span<std::byte> into, const std::string& path);
/// Writes all of `bytes`. @return `no_space` or `io_error`.
[[nodiscard]] Result<void> write_at(const Descriptor& file, std::int64_t offset, std::span<const std::byte> bytes, const std::string& path);
/// The error of a failed system call on `path`: ENOENT is `not_found`; ENOSPC, EDQUOT and EFBIG are `no_space`; the rest `io_error`.
[[nodiscard]] Error system_error(int error_number, const std::string& path, std::string_view doing);

}  // namespace dubfarm
