// How long each stage of a render was busy and how much went through it: what `--profile` prints.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dubfarm::worker {

/// In the order of the way that samples take. A CPU's rendering is one stage; on a device its parts are told apart.
enum class Stage { read, upload, decode, eq, sum, convolve, download, render, write, print };
inline constexpr int kStages = 10;
[[nodiscard]] std::string_view name_of(Stage stage);

/// Times add up over threads and streams. Threads: safe.
class StageTimes {
 public:
  void add(Stage stage, double seconds, std::int64_t bytes) {
    seconds_[static_cast<std::size_t>(stage)].fetch_add(static_cast<std::int64_t>(seconds * 1e9), std::memory_order_relaxed);
    bytes_[static_cast<std::size_t>(stage)].fetch_add(bytes, std::memory_order_relaxed);
  }
  /// Counts bytes of sources that did not go up to a device, because they were there.
  void spare(std::int64_t bytes) { spared_.fetch_add(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t spared() const { return spared_.load(); }
  [[nodiscard]] double seconds(Stage stage) const { return static_cast<double>(seconds_[static_cast<std::size_t>(stage)].load()) * 1e-9; }
  [[nodiscard]] std::int64_t bytes(Stage stage) const { return bytes_[static_cast<std::size_t>(stage)].load(); }

  /// A table, a line a stage that was used: busy seconds, share of the wall time times `threads`, bytes, bytes a second; what was spared, if
  /// anything; and the stage that took longest, named as the bottleneck.
  [[nodiscard]] std::string table(double wall_seconds, int threads) const;

 private:
  std::atomic<std::int64_t> seconds_[kStages] = {};  // nanoseconds
  std::atomic<std::int64_t> bytes_[kStages] = {};
  std::atomic<std::int64_t> spared_{0};
};

/// Adds the time of its life to a stage. Null times: none is kept.
class StageTimer {
 public:
  StageTimer(StageTimes* times, Stage stage, std::int64_t bytes = 0) : times_(times), stage_(stage), bytes_(bytes), began_(Clock::now()) {}
  ~StageTimer() {
    if (times_ != nullptr) times_->add(stage_, std::chrono::duration<double>(Clock::now() - began_).count(), bytes_);
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  StageTimes* times_;
  Stage stage_;
  std::int64_t bytes_;
  Clock::time_point began_;
};

}  // namespace dubfarm::worker
