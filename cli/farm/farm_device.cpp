#include "cli/farm/farm_device.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "worker/gpu/staging.hpp"

namespace dubfarm::cli {
namespace {

constexpr std::chrono::milliseconds kLook{100};   // for a stop, while another job's chunks run
constexpr std::chrono::minutes kTellAgain{1};

}  // namespace

Result<std::unique_ptr<FarmDevice>> FarmDevice::open(const Backend& backend, int threads, worker::StageTimes* times, Log log, std::chrono::milliseconds turn) {
  kernels::Device::Options options;
  options.device = backend.device;
  options.memory_limit = backend.memory_limit;
  options.slots = worker::gpu::kStagingSlots * 2 * threads;  // of as many chunks and as many prints: none ever waits for another's, which might wait for its own
  TRY_ASSIGN(auto device, kernels::Device::open(*backend.module, options));
  return std::unique_ptr<FarmDevice>(new FarmDevice(std::move(device), threads, times, std::move(log), turn));
}

FarmDevice::~FarmDevice() {
  const std::lock_guard lock(mutex_);
  for (auto& [package, left] : left_) tell(left);
  renderer_.reset();
}

bool FarmDevice::may_enter(const std::string& package) const {
  if (is_changing_) return false;
  const auto other = std::find_if(waiting_.begin(), waiting_.end(), [&](const std::string& one) { return one != holder_.package; });
  if (package == holder_.package && renderer_) return other == waiting_.end() || Clock::now() - since_ < turn_;
  return running_ == 0 && (other == waiting_.end() || *other == package);
}

Result<FarmDevice::Turn> FarmDevice::enter(const Job& job, const std::atomic<bool>& stop) {
  std::unique_lock lock(mutex_);
  const auto place = waiting_.insert(waiting_.end(), job.package);
  while (failure_.empty() && !stop && !may_enter(job.package)) changed_.wait_for(lock, kLook);
  waiting_.erase(place);
  if (stop || !failure_.empty()) {
    changed_.notify_all();
    return stop ? fail(Errc::cancelled, "stopped") : fail(Errc::backend_not_built, "{}", failure_);
  }
  return begin(job, lock);
}

std::optional<FarmDevice::Turn> FarmDevice::try_enter(const Job& job) {
  std::unique_lock lock(mutex_);
  if (!failure_.empty() || running_ >= threads_ || !may_enter(job.package) || (renderer_ && job.package != holder_.package)) return std::nullopt;
  return begin(job, lock);
}

/// It may enter.
FarmDevice::Turn FarmDevice::begin(const Job& job, std::unique_lock<std::mutex>& lock) {
  ++running_;
  if (job.package != holder_.package || !renderer_) {
    is_changing_ = true;
    if (const auto left = left_.find(holder_.package); left != left_.end()) left->second.before = left->second.all;
    lock.unlock();
    change_to(job);
    lock.lock();
    is_changing_ = false;
    since_ = Clock::now();
    changed_.notify_all();
  }
  return Turn(*this);
}

/// Nothing runs on the device: what is there is overwritten, and goes back to it.
void FarmDevice::change_to(const Job& job) {
  renderer_.reset();
  device_->forget();
  const std::lock_guard lock(mutex_);
  holder_ = job;
  renderer_ = std::make_unique<worker::gpu::DeviceRenderer>(*device_, *holder_.sources, times_);
}

void FarmDevice::leave() {
  const std::lock_guard lock(mutex_);
  count_left_to_cpu();
  --running_;
  changed_.notify_all();
}

std::string FarmDevice::favoured() const {
  const std::lock_guard lock(mutex_);
  return Clock::now() - since_ < turn_ ? holder_.package : std::string();
}

void FarmDevice::set_failed(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = why;
  changed_.notify_all();
}

std::string FarmDevice::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void FarmDevice::count_left_to_cpu() {
  const worker::gpu::DeviceRenderer::LeftToCpu now = renderer_->left_to_cpu();
  if (now.all() == 0) return;
  Left& left = left_[holder_.package];
  left.job = holder_.number;
  if (left.all.all() == 0) left.all.why = now.why;
  left.all.times = left.before.times + now.times;
  left.all.ranges = left.before.ranges + now.ranges;
  left.all.with_reverbs = left.before.with_reverbs + now.with_reverbs;
  if (left.told == 0 || Clock::now() - left.told_at >= kTellAgain) tell(left);
}

void FarmDevice::tell(Left& left) {
  if (left.all.all() == left.told) return;
  left.told = left.all.all();
  left.told_at = Clock::now();
  log_("warning: " + left.all.text(fmt::format(" of job {}", left.job)));
}

}  // namespace dubfarm::cli
