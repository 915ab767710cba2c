#include "tests/support/command.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace dubfarm::testing {
namespace {

constexpr auto kPatience = std::chrono::minutes(2);
constexpr id_t kNobody = 65534;

std::string content_of(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return {};
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  return text;
}

/// In the child: nothing here may allocate. 126: the process could not be made as wished.
[[noreturn]] void become(char* const* arguments, int out, int err, const CommandLimits& limits) {
  const int in = ::open("/dev/null", O_RDONLY);
  if (in < 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(126);
  if (limits.file_bytes) {
    const rlimit limit{*limits.file_bytes, *limits.file_bytes};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(126);
  }
  if (limits.as_nobody && (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) ::_exit(126);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

}  // namespace

Command::Command(const std::vector<std::string>& arguments, const CommandLimits& limits)
    : out_(::memfd_create("stdout", MFD_CLOEXEC)), err_(::memfd_create("stderr", MFD_CLOEXEC)) {
  std::vector<std::string> words = {DUBFARM_EXECUTABLE};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) become(pointers.data(), out_.get(), err_.get(), limits);
  if (pid_ > 0) pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!out_.is_open() || !err_.is_open() || !pidfd_.is_open()) throw std::runtime_error("cannot start " DUBFARM_EXECUTABLE);
}

Command::~Command() {
  if (status_ || pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Command::ends_within(std::chrono::milliseconds timeout) {
  if (status_) return true;
  pollfd process{pidfd_.get(), POLLIN, 0};
  if (::poll(&process, 1, static_cast<int>(timeout.count())) <= 0) return false;
  int status = 0;
  ::waitpid(pid_, &status, 0);
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

void Command::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

CommandResult Command::result() {
  const bool ended = ends_within(kPatience);
  if (!ended) {
    signal(SIGKILL);
    ends_within(kPatience);
  }
  CommandResult result{status_.value_or(-1), content_of(out_.get()), content_of(err_.get())};
  if (!ended) result.err += "\n(the test killed it: it had not ended after two minutes)\n";
  return result;
}

std::string Command::out() const { return content_of(out_.get()); }
std::string Command::err() const { return content_of(err_.get()); }

std::string program_file() { return DUBFARM_EXECUTABLE; }
std::string emulated_module() { return DUBFARM_EMULATED_MODULE; }
std::string stale_module() { return DUBFARM_STALE_MODULE; }

Variable::Variable(const char* name, const std::string& value) : name_(name) {
  if (const char* before = std::getenv(name)) before_ = before;
  ::setenv(name, value.c_str(), 1);
}
Variable::~Variable() {
  if (before_) ::setenv(name_, before_->c_str(), 1);
  else ::unsetenv(name_);
}

FaultyFiles::FaultyFiles(const std::string& rule)
    : preload_("LD_PRELOAD", DUBFARM_FAULTY_FILES), rule_("FAULTY_FILES", rule), sanitizer_("ASAN_OPTIONS", "verify_asan_link_order=0") {}

std::string project_file(const std::string& path) { return DUBFARM_SOURCE_FOLDER "/" + path; }

CommandResult dubfarm(const std::vector<std::string>& arguments, const CommandLimits& limits) { return Command(arguments, limits).result(); }

}  // namespace dubfarm::testing
