#include "scheduler/http/output_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace dubfarm::http {

Result<Descriptor> open_in_folder(const std::string& folder, const std::string& path) {
  const auto missing = [&] { return fail(Errc::not_found, "{}: no such file", path); };
  if (path.find('\0') != std::string::npos) return missing();
  Descriptor at(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!at.is_open()) return missing();
  for (std::size_t from = 0;;) {
    const std::size_t end = std::min(path.find('/', from), path.size());
    const std::string part = path.substr(from, end - from);
    if (part.empty() || part == "." || part == "..") return missing();
    const bool is_last = end == path.size();
    // O_NONBLOCK: a pipe is opened at once, and then found to be no file.
    at = Descriptor(::openat(at.get(), part.c_str(), is_last ? O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!at.is_open()) {
      if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return missing();
      return system_error(errno, path, "open");
    }
    if (is_last) break;
    from = end + 1;
  }
  struct stat status{};
  if (::fstat(at.get(), &status) != 0 || !S_ISREG(status.st_mode)) return missing();
  return at;
}

}  // namespace dubfarm::http
