// The `dubfarm` command as a user runs it: another process, its output, its exit status, and what a signal does to it.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/descriptor.hpp"

namespace dubfarm::testing {

struct CommandResult {
  int status = -1;  // exit status; 128 + signal where one ended it
  std::string out, err;
};

/// What the process is allowed. Root stays root unless `as_nobody`.
struct CommandLimits {
  std::optional<std::size_t> file_bytes;  // RLIMIT_FSIZE
  bool as_nobody = false;                 // uid and gid 65534, no privileges; needs root
};

/// One run of an executable. Killed on destruction if it still runs.
class Command {
 public:
  /// Starts DUBFARM_EXECUTABLE with `arguments`, stdin empty, stdout and stderr captured.
  explicit Command(const std::vector<std::string>& arguments, const CommandLimits& limits = {});
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  /// Waits for the end of the process, `timeout` at most. @return whether it has ended.
  bool ends_within(std::chrono::milliseconds timeout);
  void signal(int number) const;
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// What it has said so far.
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;
  /// Waits for the end. One that has not ended after two minutes is killed, and says so in `err`.
  CommandResult result();

 private:
  pid_t pid_ = -1;
  Descriptor pidfd_, out_, err_;
  std::optional<int> status_;
};

/// The whole path of a file of the project, such as "docs/mix-format.md".
std::string project_file(const std::string& path);

/// The program that Command runs.
std::string program_file();

/// The device module that runs kernels in host memory, for DUBFARM_CUDA_MODULE; and one that belongs to another build.
std::string emulated_module();
std::string stale_module();

/// A variable of the environment for this process and the commands that it starts, as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value);
  ~Variable();
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

/// While it lives, processes that are started have file operations that fail. @param rule  as tests/support/faulty_files says.
class FaultyFiles {
 public:
  explicit FaultyFiles(const std::string& rule);

 private:
  Variable preload_, rule_, sanitizer_;
};

/// Runs `dubfarm arguments...` to its end.
CommandResult dubfarm(const std::vector<std::string>& arguments, const CommandLimits& limits = {});

}  // namespace dubfarm::testing
