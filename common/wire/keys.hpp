// CURVE keys (RFC 26 of the ZeroMQ project): who the scheduler is, and which workers it lets in. A folder of small text files:
//
//   <folder>/scheduler.key        the scheduler's pair; secret, 0600
//   <folder>/scheduler.pub        its public half
//   <folder>/workers/NAME.key     a worker's pair and the scheduler's public key: to be moved to that worker; secret, 0600
//   <folder>/workers/NAME.pub     the worker's public half: whoever stands here is let in
//   <folder>/workers/NAME.revoked one that was, and is let in no more
//
// Keys are 32 bytes, written as 40 characters of Z85 (RFC 32).
#pragma once
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.hpp"

namespace dubfarm::wire {

struct KeyPair {
  std::string public_key, secret_key;  // Z85, 40 characters each
};
/// A new pair. Errors: Errc::internal where libzmq was built without CURVE.
[[nodiscard]] dubfarm::Result<KeyPair> new_key_pair();

/// What a worker starts with.
struct WorkerKey {
  std::string name;
  KeyPair pair;
  std::string scheduler;  // its public key: a scheduler that cannot prove it is not spoken to
};

/// Makes the scheduler's pair in `folder` (made if it is not there, 0700). Errors: Errc::invalid_input where there is one already.
[[nodiscard]] dubfarm::Result<KeyPair> make_scheduler_key(const std::string& folder);
/// Errors: not_found; invalid_input where it cannot be understood, or others than its owner may read it.
[[nodiscard]] dubfarm::Result<KeyPair> read_scheduler_key(const std::string& folder);

/// Makes a worker's pair, lets it in, and leaves its file at `path` (empty: workers/NAME.key in the folder). @return that path.
/// Errors: invalid_input for a name that is no file name or is taken; what read_scheduler_key says.
[[nodiscard]] dubfarm::Result<std::string> make_worker_key(const std::string& folder, const std::string& name, const std::string& path);
/// Errors: as read_scheduler_key.
[[nodiscard]] dubfarm::Result<WorkerKey> read_worker_key(const std::string& path);

struct AllowedWorker {
  std::string name, public_key;
  bool is_revoked = false;
};
/// Every worker of a folder, revoked ones too, by name. Errors: not_found where there is no such folder; invalid_input for a file that
/// cannot be understood.
[[nodiscard]] dubfarm::Result<std::vector<AllowedWorker>> workers_of(const std::string& folder);
/// A scheduler at work closes its sessions within a second. Errors: not_found, with the names that there are.
[[nodiscard]] dubfarm::Result<void> revoke_worker(const std::string& folder, const std::string& name);

/// Who is let in, as the folder says now: it is read again when it was not for a quarter of a second (a key that is not known: 20 ms). Where it cannot be read, nobody is
/// let in who was not before. Threads: safe.
class AllowList {
 public:
  explicit AllowList(std::string folder) : folder_(std::move(folder)) {}
  /// The worker's name; nothing where the key is not allowed.
  [[nodiscard]] std::optional<std::string> name_of(const std::string& public_key);
  /// What stands in the way of reading the folder; empty where all is well.
  [[nodiscard]] std::string problem();

 private:
  void refresh(std::chrono::milliseconds age);
  std::string folder_;
  std::mutex mutex_;
  std::map<std::string, std::string> names_;  // by public key
  std::string problem_;
  std::optional<std::chrono::steady_clock::time_point> read_at_;
};

}  // namespace dubfarm::wire
