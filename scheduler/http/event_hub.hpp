// What changed, for whoever watches: not a queue of messages but, for each thing, the number of its last change. A watcher says which number
// it has seen and gets every thing that changed since, once; it may be slow, or come back after an hour, and misses nothing.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace dubfarm::http {

struct Subject {
  enum class Kind : std::uint8_t { job, worker, farm, log };
  Kind kind = Kind::farm;
  std::string id;  // job: its number; worker: its id; farm, log: empty
  friend auto operator<=>(const Subject&, const Subject&) = default;
};

/// Threads: everything may be called from any thread; changed() never waits for a watcher.
class EventHub {
 public:
  struct Changes {
    std::uint64_t last = 0;         // the number to ask with next time
    std::vector<Subject> subjects;  // in the order of their last change
  };

  void changed(const Subject& subject);
  /// What changed after `seen`; waits up to `patience` for something to. Empty subjects: nothing did, or the hub is closed.
  [[nodiscard]] Changes since(std::uint64_t seen, std::chrono::milliseconds patience);
  /// The number of the last change.
  [[nodiscard]] std::uint64_t last() const;
  /// Wakes every watcher and keeps them from waiting again.
  void close();
  [[nodiscard]] bool is_closed() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::uint64_t last_ = 0;
  bool closed_ = false;
  std::map<Subject, std::uint64_t> number_of_;
  std::map<std::uint64_t, Subject> by_number_;
};

}  // namespace dubfarm::http
