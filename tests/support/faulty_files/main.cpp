// A library to be loaded before all others (LD_PRELOAD): file operations of a process fail, or kill it, where FAULTY_FILES says so.
//
//   FAULTY_FILES=LETTERS:FIRST:COUNT:WHAT:PART   operations w (write), s (sync), r (rename), o (open) on paths that contain PART: number FIRST
//                                                (1 is the first) and the COUNT - 1 after it; WHAT: ENOSPC, EIO or KILL
//
// A write that fails has written half of its bytes; one that kills, too. Syncs, renames and opens have not happened.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Rule {
  char letters[8] = "", what[8] = "", part[256] = "";
  long first = 0, count = 0;
  Rule() {
    const char* text = std::getenv("FAULTY_FILES");
    if (text == nullptr || std::sscanf(text, "%7[^:]:%ld:%ld:%7[^:]:%255s", letters, &first, &count, what, part) != 5) count = 0;
  }
};
const Rule& rule() {
  static const Rule the_rule;
  return the_rule;
}
std::atomic<long> seen{0};

/// 0, or the error with which this operation is to fail; kKill: the process is to end.
constexpr int kKill = -1;
int meet(char operation, const char* path) {
  const Rule& r = rule();
  if (r.count == 0 || std::strchr(r.letters, operation) == nullptr || std::strstr(path, r.part) == nullptr) return 0;
  const long n = ++seen;
  if (n < r.first || n >= r.first + r.count) return 0;
  return std::strcmp(r.what, "KILL") == 0 ? kKill : std::strcmp(r.what, "EIO") == 0 ? EIO : ENOSPC;
}
int meet(char operation, int fd) {
  if (rule().count == 0) return 0;
  char link[32], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = ::readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  return meet(operation, path);
}
int failed(int what) {
  if (what == kKill) {
    ::kill(::getpid(), SIGKILL);
    for (;;) ::pause();
  }
  errno = what;
  return -1;
}

template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

#define REAL(name) static auto* const next = real<decltype(::name)>(#name)

extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
  REAL(write);
  const int what = meet('w', fd);
  if (what == 0) return next(fd, bytes, count);
  [[maybe_unused]] const ssize_t torn = next(fd, bytes, count / 2);
  return failed(what);
}
ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  REAL(pwrite);
  const int what = meet('w', fd);
  if (what == 0) return next(fd, bytes, count, offset);
  [[maybe_unused]] const ssize_t torn = next(fd, bytes, count / 2, offset);
  return failed(what);
}
ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) { return pwrite(fd, bytes, count, offset); }

int fsync(int fd) {
  REAL(fsync);
  const int what = meet('s', fd);
  return what == 0 ? next(fd) : failed(what);
}
int fdatasync(int fd) {
  REAL(fdatasync);
  const int what = meet('s', fd);
  return what == 0 ? next(fd) : failed(what);
}
int rename(const char* from, const char* to) noexcept {
  REAL(rename);
  const int what = meet('r', to);
  return what == 0 ? next(from, to) : failed(what);
}

int open(const char* path, int flags, ...) {
  using Open = int(const char*, int, ...);
  static Open* const next = real<Open>("open");
  va_list list;
  va_start(list, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  const int what = meet('o', path);
  return what == 0 ? next(path, flags, mode) : failed(what);
}
int open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  return open(path, flags, mode);
}
}
