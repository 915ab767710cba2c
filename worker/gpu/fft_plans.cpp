#include "worker/gpu/fft_plans.hpp"

#include <algorithm>

namespace dubfarm::worker::gpu {
namespace {

constexpr std::size_t kIdle = 16;  // what they hold is their tables: about as much as one signal each

}  // namespace

FftPlans::~FftPlans() {
  for (const Plan& plan : idle_) fft_.destroy(plan.handle);
}

Result<FftPlans::Lent> FftPlans::lend(Frames size, bool in_double) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](const Plan& p) { return p.size == size && p.in_double == in_double; });
  if (found != idle_.rend()) {
    const Plan plan = *found;
    idle_.erase(std::next(found).base());
    return Lent(*this, plan);
  }
  Plan plan{size, in_double};
  plan.handle = fft_.create(size, 1, in_double, &plan.work_bytes);
  while (plan.handle == nullptr && !idle_.empty()) {  // the others' tables may be in the way
    fft_.destroy(idle_.front().handle);
    idle_.pop_front();
    plan.handle = fft_.create(size, 1, in_double, &plan.work_bytes);
  }
  if (plan.handle == nullptr) return fail(Errc::no_space, "the device has no memory for a transform of {} frames", size);
  return Lent(*this, plan);
}

void FftPlans::take_back(const Plan& plan) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(plan);
  if (idle_.size() <= kIdle) return;
  fft_.destroy(idle_.front().handle);
  idle_.pop_front();
}

}  // namespace dubfarm::worker::gpu
