#include "common/io.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace dubfarm {

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

Error system_error(std::string_view path, std::string_view what, int error_number) {
  const Errc code = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG ? Errc::no_space
                    : error_number == ENOENT                                                  ? Errc::not_found
                                                                                              : Errc::io_error;
  return fail(code, "{}: {}: {}", path, what, std::strerror(error_number));
}

Result<void> write_all_at(int fd, std::span<const std::byte> data, std::int64_t offset, std::string_view path) {
  while (!data.empty()) {
    const ssize_t written = ::pwrite(fd, data.data(), data.size(), offset);
    if (written < 0) {
      if (errno == EINTR) continue;
      return system_error(path, fmt::format("cannot write {} bytes", data.size()), errno);
    }
    data = data.subspan(static_cast<std::size_t>(written));
    offset += written;
  }
  return {};
}

Result<void> read_exactly_at(int fd, std::span<std::byte> data, std::int64_t offset, std::string_view path) {
  while (!data.empty()) {
    const ssize_t got = ::pread(fd, data.data(), data.size(), offset);
    if (got < 0) {
      if (errno == EINTR) continue;
      return system_error(path, "cannot read", errno);
    }
    if (got == 0) return fail(Errc::corrupt, "{}: ends at byte {}, {} bytes too early", path, offset, data.size());
    data = data.subspan(static_cast<std::size_t>(got));
    offset += got;
  }
  return {};
}

Result<void> make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return system_error(path, "cannot make this folder", error.value());
  return {};
}

Result<void> write_file_atomically(const std::string& path, std::string_view text) {
  const std::string temporary = fmt::format("{}.{}.partial", path, ::getpid());
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return system_error(temporary, "cannot write this file", errno);
  Result<void> written = write_all_at(fd.get(), std::as_bytes(std::span(text.data(), text.size())), 0, temporary);
  if (written.ok() && ::fsync(fd.get()) != 0) written = system_error(temporary, "cannot sync", errno);
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) written = system_error(path, "cannot move the finished file here", errno);
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

}  // namespace dubfarm
