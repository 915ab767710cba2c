#include "common/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace dubfarm {

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Error system_error(int error_number, const std::string& path, std::string_view doing) {
  const std::string reason = std::generic_category().message(error_number);
  switch (error_number) {
    case ENOENT: case ENOTDIR: return fail(Errc::not_found, "{}: cannot {}: {}", path, doing, reason);
    case ENOSPC: return fail(Errc::no_space, "{}: cannot {}: {}; free some space and start again", path, doing, reason);
    case EDQUOT: return fail(Errc::no_space, "{}: cannot {}: {}; the quota is used up", path, doing, reason);
    case EFBIG:
      return fail(Errc::no_space, "{}: cannot {}: {}; the file system or a limit (ulimit -f) allows no larger file", path, doing, reason);
    default: return fail(Errc::io_error, "{}: cannot {}: {}", path, doing, reason);
  }
}

Result<Descriptor> open_for_reading(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // O_NONBLOCK: a FIFO must not hang us
  if (fd < 0) return system_error(errno, path, "open for reading");
  return Descriptor(fd);
}

Result<std::size_t> read_at(const Descriptor& file, std::int64_t offset, std::span<std::byte> into, const std::string& path) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(file.get(), into.data() + done, into.size() - done, offset + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, path, "read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> write_at(const Descriptor& file, std::int64_t offset, std::span<const std::byte> bytes, const std::string& path) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::pwrite(file.get(), bytes.data() + done, bytes.size() - done, offset + static_cast<std::int64_t>(done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_error(errno, path, "write");
    done += static_cast<std::size_t>(put);
  }
  return {};
}

}  // namespace dubfarm
