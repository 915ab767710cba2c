// The device of a farm's worker, and whose turn it is on it: memory that held one job's audio is overwritten before another job's comes.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "cli/backend.hpp"
#include "kernels/device/device.hpp"
#include "worker/gpu/device_renderer.hpp"
#include "worker/sources.hpp"

namespace dubfarm::cli {

/// Jobs are told apart by their packages, which do not name a project. Threads: safe from many; as many chunks are in flight as threads have a turn, all of
/// one job. Where another job waits a turn ends after kTurn, when what runs has ended: what is on the device (sources, spectra of impulse responses) is of use
/// to one job alone, and each change loses it.
class FarmDevice {
 public:
  using Log = std::function<void(const std::string&)>;
  static constexpr std::chrono::milliseconds kTurn{5000};

  /// @param threads  that render on it at once.
  /// @param times    may be null; outlives this, as the backend's module does.
  /// @param log      lines for people; called from any thread that has a turn.
  /// Errors: Errc::backend_not_built where the device cannot be opened.
  [[nodiscard]] static Result<std::unique_ptr<FarmDevice>> open(const Backend& backend, int threads, worker::StageTimes* times, Log log,
                                                                std::chrono::milliseconds turn = kTurn);
  ~FarmDevice();
  FarmDevice(const FarmDevice&) = delete;
  FarmDevice& operator=(const FarmDevice&) = delete;

  struct Job {
    std::string package;
    std::uint64_t number = 0;  // for people
    std::shared_ptr<const worker::Sources> sources;
  };
  /// One thread's share of a job's turn, as long as it lives.
  class Turn {
   public:
    explicit Turn(FarmDevice& of) : of_(&of) {}
    Turn(Turn&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (of_ != nullptr) of_->leave();
    }
    [[nodiscard]] worker::gpu::DeviceRenderer& renderer() const { return *of_->renderer_; }

   private:
    FarmDevice* of_;
  };
  /// Waits until the device works for this job. Errors: Errc::cancelled soon after `stop` is set; Errc::backend_not_built once the device failed.
  [[nodiscard]] Result<Turn> enter(const Job& job, const std::atomic<bool>& stop);
  /// A share of the job's turn if the device is its own now, or nobody's, and not all threads have one: for work that the CPU can do as well, which
  /// neither waits for the device nor takes it from another job.
  [[nodiscard]] std::optional<Turn> try_enter(const Job& job);
  /// The package whose chunks go first, because its turn lasts; empty: any.
  [[nodiscard]] std::string favoured() const;

  /// The device failed: no turn begins any more.
  void set_failed(const std::string& why);
  /// Why nothing can be rendered on it any more; empty: it can.
  [[nodiscard]] std::string failure() const;
  [[nodiscard]] kernels::Device& device() { return *device_; }

 private:
  using Clock = std::chrono::steady_clock;
  FarmDevice(std::unique_ptr<kernels::Device> device, int threads, worker::StageTimes* times, Log log, std::chrono::milliseconds turn)
      : threads_(threads), times_(times), log_(std::move(log)), turn_(turn), device_(std::move(device)) {}
  [[nodiscard]] bool may_enter(const std::string& package) const;
  Turn begin(const Job& job, std::unique_lock<std::mutex>& lock);
  void leave();
  void change_to(const Job& job);
  struct Left {
    worker::gpu::DeviceRenderer::LeftToCpu all, before;  // before: in earlier turns
    std::uint64_t job = 0;
    std::size_t told = 0;
    Clock::time_point told_at;
  };
  /// What the CPU took over is said once for a job, and then once a minute at most.
  void count_left_to_cpu();
  void tell(Left& left);

  const int threads_;
  worker::StageTimes* const times_;
  const Log log_;
  const std::chrono::milliseconds turn_;
  const std::unique_ptr<kernels::Device> device_;
  mutable std::mutex mutex_;  // guards what follows; holder's renderer is changed without it, while is_changing_
  std::condition_variable changed_;
  std::list<std::string> waiting_;  // packages, in order of arrival
  Job holder_;
  std::unique_ptr<worker::gpu::DeviceRenderer> renderer_;  // the holder's
  Clock::time_point since_;
  int running_ = 0;
  bool is_changing_ = false;
  std::string failure_;
  std::map<std::string, Left> left_;  // by package, of those that the CPU took chunks over from
};

}  // namespace dubfarm::cli
