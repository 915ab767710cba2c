#include "worker/link/crew.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "kernels/device/isa.hpp"

namespace dubfarm::worker {
namespace {

constexpr std::chrono::milliseconds kMoment{10};  // until a runner that chose none is asked again

}  // namespace

Crew::Crew(TaskRunner& runner, std::size_t threads, std::function<void()> wake) : runner_(runner), wake_(std::move(wake)) {
  for (std::size_t t = 0; t < threads; ++t) threads_.emplace_back([this] { work(); });
}

Crew::~Crew() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
    for (const auto& batch : running_) batch->control.stop = true;
  }
  changed_.notify_all();
}

void Crew::add(AssignedTask task) {
  {
    const std::lock_guard lock(mutex_);
    const auto same = [&](const AssignedTask& other) { return other.lease.lease() == task.lease.lease(); };
    if (std::any_of(waiting_.begin(), waiting_.end(), same)) return;
    for (const auto& batch : running_)
      if (std::any_of(batch->tasks.begin(), batch->tasks.end(), same)) return;
    waiting_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void Crew::drop(std::uint64_t lease) {
  const std::lock_guard lock(mutex_);
  if (std::erase_if(waiting_, [&](const AssignedTask& task) { return task.lease.lease() == lease; }) > 0) return;
  for (const auto& batch : running_) {
    for (std::size_t i = 0; i < batch->tasks.size(); ++i)
      if (batch->tasks[i].lease.lease() == lease) batch->is_dropped[i] = true;
    bool all = true;
    for (std::size_t i = 0; i < batch->tasks.size(); ++i) all = all && (batch->is_dropped[i] || batch->is_over[i]);
    if (all) batch->control.stop = true;
  }
}

void Crew::give_back(const AssignedTask& task) {
  wire::Result& result = results_.emplace_back();
  *result.mutable_lease() = task.lease;
  result.set_outcome(wire::RELEASED);
}

void Crew::release(bool running) {
  const std::lock_guard lock(mutex_);
  for (const AssignedTask& task : waiting_) give_back(task);
  waiting_.clear();
  if (!running) return;
  // Given back at once, not when the thread gets to see it: nobody should wait for a lease to run out.
  for (const auto& batch : running_) {
    batch->control.stop = true;
    for (std::size_t i = 0; i < batch->tasks.size(); ++i) {
      if (!batch->is_over[i] && !batch->is_dropped[i]) give_back(batch->tasks[i]);
      batch->is_dropped[i] = true;
    }
  }
}

std::vector<Crew::Held> Crew::held() const {
  const std::lock_guard lock(mutex_);
  std::vector<Held> held;
  for (const AssignedTask& task : waiting_) held.push_back({task.lease, 0});
  for (const auto& batch : running_)
    for (std::size_t i = 0; i < batch->tasks.size(); ++i)
      if (!batch->is_over[i] && !batch->is_dropped[i]) held.push_back({batch->tasks[i].lease, std::clamp(batch->control.done.load(), 0.0f, 1.0f)});
  return held;
}

std::size_t Crew::held_count() const { return held().size(); }

std::vector<wire::Result> Crew::take_results() {
  const std::lock_guard lock(mutex_);
  return std::exchange(results_, {});
}

void Crew::work() {
  const kernels::FlushDenormals flush;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 5);  // this thread and those it starts: the link's comes first
  std::unique_lock lock(mutex_);
  while (true) {
    ++free_threads_;
    changed_.wait(lock, [&] { return is_closing_ || !waiting_.empty(); });
    --free_threads_;
    if (is_closing_) return;
    const std::vector<std::size_t> chosen = runner_.company(waiting_, free_threads_);
    if (chosen.empty()) {
      changed_.wait_for(lock, kMoment);
      continue;
    }
    const auto batch = std::make_shared<Batch>();
    for (std::size_t i = chosen.size(); i-- > 0;) {
      batch->tasks.insert(batch->tasks.begin(), std::move(waiting_[chosen[i]]));
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(chosen[i]));
    }
    batch->is_over.resize(batch->tasks.size());
    batch->is_dropped.resize(batch->tasks.size());
    running_.push_back(batch);
    lock.unlock();
    runner_.run(batch->tasks, batch->control, [&](std::size_t index, wire::Result result) {
      {
        const std::lock_guard guard(mutex_);
        const bool was_over = batch->is_over[index];
        batch->is_over[index] = true;
        if (was_over || batch->is_dropped[index]) return;
        *result.mutable_lease() = batch->tasks[index].lease;
        results_.push_back(std::move(result));
      }
      wake_();
    });
    lock.lock();
    std::erase(running_, batch);
    bool is_short = false;
    for (std::size_t i = 0; i < batch->tasks.size(); ++i)
      if (!batch->is_over[i] && !batch->is_dropped[i]) give_back(batch->tasks[i]), is_short = true;
    if (is_short) {  // whoever is woken may ask at once
      lock.unlock();
      wake_();
      lock.lock();
    }
  }
}

}  // namespace dubfarm::worker
