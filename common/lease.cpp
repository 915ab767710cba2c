#include "common/lease.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "common/io.hpp"

namespace dubfarm {
namespace {

constexpr std::string_view kFirstLine = "dubfarm lease 1";

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  std::string text(name);
  for (char& c : text)
    if (c == '/' || c == ' ' || c == '\n') c = '_';
  return text.empty() ? "unknown" : text;
}

/// Where process numbers mean the same: this boot of this machine, this namespace of processes.
std::string process_space() {
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  char target[64] = {};
  const ssize_t size = ::readlink("/proc/self/ns/pid", target, sizeof target - 1);
  return boot + "/" + std::string(target, size > 0 ? static_cast<std::size_t>(size) : 0);
}

/// When a process started, in clock ticks since boot; empty where there is none. A number that is used again has another start.
std::string start_of(long pid) {
  std::string stat;
  std::getline(std::ifstream(fmt::format("/proc/{}/stat", pid)), stat);
  const std::size_t name_end = stat.rfind(')');  // the name may hold spaces
  if (name_end == std::string::npos) return {};
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field, state;
  fields >> state;
  for (int i = 4; i <= 22 && fields >> field; ++i) continue;  // proc(5): the 22nd field is starttime
  return state == "Z" || state == "X" ? std::string() : field;
}

std::string first_lines() {
  return fmt::format("{}\nhost {}\nspace {}\nprocess {} {}\n", kFirstLine, host_name(), process_space(), ::getpid(), start_of(::getpid()));
}

/// @return false where there is a file of this name.
Result<bool> write_new(const std::string& path, std::string_view body) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.is_open() && errno == EEXIST) return false;
  if (!file.is_open()) return system_error(errno, path, "write this file");
  const std::string text = first_lines() + std::string(body);
  TRY(write_at(file, 0, std::as_bytes(std::span(text.data(), text.size())), path));
  return true;
}

struct LeaseFile {
  LeaseHolder holder;
  std::string space, started, text, body;
};

std::optional<LeaseFile> read_lease(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  LeaseFile file;
  file.text.assign(std::istreambuf_iterator<char>(in), {});
  std::istringstream lines(file.text);
  std::string first, word;
  std::getline(lines, first);
  if (first != kFirstLine) return file;  // not written yet, or damaged: its age decides
  lines >> word >> file.holder.host >> word >> file.space >> word >> file.holder.pid >> file.started;
  lines.ignore(1);
  file.body.assign(std::istreambuf_iterator<char>(lines), {});
  return file;
}

/// By the file server's clock: a file made now beside it shows what time it is there.
double silent_seconds(const std::string& path) {
  struct stat then {}, now {};
  if (::stat(path.c_str(), &then) != 0) return 0;  // it went away this moment
  const std::string probe = path + "." + unique_name();
  const Descriptor file(::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.is_open() && ::fstat(file.get(), &now) == 0) ::unlink(probe.c_str());
  else ::clock_gettime(CLOCK_REALTIME, &now.st_mtim);  // a folder that only may be read
  return static_cast<double>(now.st_mtim.tv_sec - then.st_mtim.tv_sec) + 1e-9 * static_cast<double>(now.st_mtim.tv_nsec - then.st_mtim.tv_nsec);
}

bool is_alive(LeaseFile& file, const std::string& path) {
  file.holder.silent_seconds = silent_seconds(path);
  if (!file.started.empty() && file.space == process_space()) return start_of(file.holder.pid) == file.started;
  return file.holder.silent_seconds < kLeaseTimeoutSeconds;
}

}  // namespace

struct Lease::State {
  std::string path;
  std::mutex mutex;
  std::condition_variable wake;
  bool ends = false;
  std::thread heart;

  explicit State(std::string of) : path(std::move(of)) {
    heart = std::thread([this] {
      std::unique_lock lock(mutex);
      while (!wake.wait_for(lock, std::chrono::seconds(kLeaseHeartbeatSeconds), [this] { return ends; })) ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
    });
  }
  ~State() {
    {
      const std::lock_guard lock(mutex);
      ends = true;
    }
    wake.notify_all();
    heart.join();
    ::unlink(path.c_str());
  }
};

Lease::Lease(std::unique_ptr<State> state) : state_(std::move(state)) {}
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&&) noexcept = default;
Lease::~Lease() = default;

Result<Lease> Lease::take(const std::string& path, std::string_view body) {
  TRY_ASSIGN(const bool is_new, write_new(path, body));
  if (!is_new) return fail(Errc::io_error, "{}: this lease is held already", path);
  return Lease(std::make_unique<State>(path));
}

Result<std::optional<Lease>> Lease::take_exclusive(const std::string& path) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    TRY_ASSIGN(const bool is_new, write_new(path, {}));
    if (is_new) return std::optional<Lease>(Lease(std::make_unique<State>(path)));
    std::optional<LeaseFile> other = read_lease(path);
    if (!other) continue;  // it went away this moment
    if (is_alive(*other, path)) return std::optional<Lease>();
    // Its process is gone. Of several that find that out, one at a time looks again and removes it: what it removes is then what it read.
    const std::string takeover = path + ".takeover";
    TRY_ASSIGN(const bool is_mine, write_new(takeover, {}));
    if (is_mine) {
      if (std::optional<LeaseFile> still = read_lease(path); still && !is_alive(*still, path)) ::unlink(path.c_str());
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      if (std::optional<LeaseFile> by = read_lease(takeover); !by || is_alive(*by, takeover)) continue;  // else it died at it
    }
    ::unlink(takeover.c_str());
  }
  return fail(Errc::io_error, "{}: cannot take this lease; other processes keep taking it", path);
}

std::optional<LeaseHolder> lease_holder(const std::string& path, std::string* body) {
  std::optional<LeaseFile> file = read_lease(path);
  if (!file || !is_alive(*file, path)) return std::nullopt;
  if (body != nullptr) *body = std::move(file->body);
  return file->holder;
}

std::string unique_name() {
  static std::atomic<std::uint64_t> counter{0};
  return fmt::format("{}-{}-{}", host_name(), ::getpid(), counter.fetch_add(1));
}

}  // namespace dubfarm
