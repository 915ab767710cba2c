#include "common/io.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace dubfarm {

Result<void> read_exactly_at(const Descriptor& file, std::int64_t offset, std::span<std::byte> into, const std::string& path) {
  TRY_ASSIGN(const std::size_t got, read_at(file, offset, into, path));
  if (got < into.size()) return fail(Errc::corrupt, "{}: ends {} bytes too early", path, into.size() - got);
  return {};
}

Result<void> make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return system_error(error.value(), path, "make this folder");
  return {};
}

Result<void> write_file_atomically(const std::string& path, std::string_view text) {
  const std::string temporary = fmt::format("{}.{}.partial", path, ::getpid());
  const auto write = [&]() -> Result<void> {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file.is_open()) return system_error(errno, temporary, "write this file");
    TRY(write_at(file, 0, std::as_bytes(std::span(text.data(), text.size())), temporary));
    if (::fsync(file.get()) != 0) return system_error(errno, temporary, "sync this file");
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error(errno, path, "move the finished file here");
    return {};
  };
  Result<void> written = write();
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

}  // namespace dubfarm
