// Plans of a device's transforms, made once and lent to one chunk at a time.
#pragma once
#include <cstddef>
#include <list>
#include <mutex>

#include "common/result.hpp"
#include "kernels/convolve/convolve_cuda.hpp"

namespace dubfarm::worker::gpu {

/// Threads: safe. The few that were lent last are kept.
class FftPlans {
 public:
  explicit FftPlans(const kernels::cuda::FftOperations& fft) : fft_(fft) {}
  ~FftPlans();
  FftPlans(const FftPlans&) = delete;
  FftPlans& operator=(const FftPlans&) = delete;

  struct Plan {
    Frames size = 0;
    bool in_double = false;
    std::size_t work_bytes = 0;
    void* handle = nullptr;
  };
  /// A plan, given back on destruction: not before the stream that uses it has passed.
  class Lent {
   public:
    Lent() = default;
    Lent(FftPlans& owner, const Plan& plan) : owner_(&owner), plan_(plan) {}
    Lent(Lent&& other) noexcept { *this = std::move(other); }
    Lent& operator=(Lent&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(plan_, other.plan_);
      return *this;
    }
    ~Lent() {
      if (owner_ != nullptr) owner_->take_back(plan_);
    }
    const Plan* operator->() const { return &plan_; }

   private:
    FftPlans* owner_ = nullptr;
    Plan plan_;
  };
  /// For transforms of one signal. Errors: Errc::no_space.
  [[nodiscard]] Result<Lent> lend(Frames size, bool in_double);

 private:
  void take_back(const Plan& plan);
  const kernels::cuda::FftOperations& fft_;
  std::mutex mutex_;
  std::list<Plan> idle_;  // the one lent last at the end
};

}  // namespace dubfarm::worker::gpu
