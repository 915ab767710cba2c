// A farm for one test: a scheduler in this process or one of its own, workers as processes, on loopback with keys; gone when the test ends.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/farm/farm_service.hpp"
#include "tests/support/command.hpp"
#include "tests/support/mix_folder.hpp"
#include "tests/support/reel.hpp"

namespace dubfarm::testing {

class FarmFolder {
 public:
  /// Keys, a store, and the roots {media} (the reel's folder) and {out}. Nothing runs yet.
  explicit FarmFolder(Reel& reel);
  /// @param listen  where; empty: any free port, or the one of last time.
  void start_scheduler(farm::Settings settings = quick());
  void stop_scheduler() { service_.reset(); }
  [[nodiscard]] cli::FarmService& service() { return *service_; }
  /// Timers a fifth of the usual: dead after a second.
  [[nodiscard]] static farm::Settings quick();

  /// Starts `dubfarm worker`. `name` is made known with a key where it has none.
  std::unique_ptr<Command> worker(const std::string& name, std::vector<std::string> more = {});
  [[nodiscard]] std::string key_of(const std::string& name);

  /// @return the job. Throws where the submission is refused.
  http::JobId submit(const std::string& out, const std::string& version = "*", const std::string& profile = "");
  /// Waits until the job is over, a minute at most, or `until` says so. @return its view then.
  http::JobView wait(http::JobId job, const std::function<bool(const http::JobView&)>& until = {});
  /// {path: SHA-256} of what the job left below out/.
  [[nodiscard]] Json digests_of(const std::string& out) const;
  [[nodiscard]] std::string log() const;

  Reel& reel;
  TemporaryFolder folder;  // keys/, store/, out/, state/
  std::string endpoint = "tcp://127.0.0.1:*";

 private:
  cli::MediaRoots roots_;
  std::optional<Store> store_;
  std::unique_ptr<cli::FarmService> service_;
};

}  // namespace dubfarm::testing
