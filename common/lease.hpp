// A file that says that a process is at work here, and stops saying so when the process is gone, however it went.
//
// It names the process; a thread touches it every few seconds. Whoever finds it decides: of a process on the same machine the system knows
// whether it still runs; of one elsewhere, the file's age does, by the clock of the file server. No lock of the file system is relied on, since
// not every shared folder has them; a file is made with O_CREAT and O_EXCL, which NFS has had since version 3.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.hpp"

namespace dubfarm {

/// Who holds a lease, as its file says.
struct LeaseHolder {
  std::string host;
  long pid = 0;
  double silent_seconds = 0;  // since it was last touched
};

class Lease {
 public:
  /// Writes the lease `path`, which must be this process's alone, with `body` behind its first lines.
  static Result<Lease> take(const std::string& path, std::string_view body = {});
  /// The same for a name that is everybody's: a lease of a process that is gone is taken over. Nothing where another process holds it.
  static Result<std::optional<Lease>> take_exclusive(const std::string& path);
  /// Removes the file.
  ~Lease();
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;

 private:
  struct State;
  explicit Lease(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The holder of the lease `path` and, where wanted, its body; nothing where there is none or its process is gone.
[[nodiscard]] std::optional<LeaseHolder> lease_holder(const std::string& path, std::string* body = nullptr);

/// "host-pid-number": a name that no other process and no other call in this one gives.
[[nodiscard]] std::string unique_name();

inline constexpr int kLeaseHeartbeatSeconds = 5;
inline constexpr int kLeaseTimeoutSeconds = 60;  // of silence, after which a process on another machine counts as gone

}  // namespace dubfarm
