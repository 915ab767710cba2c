// The emulation's transforms: kernels/fft, brought into cuFFT's order of a real signal's spectrum.
#include <cstring>
#include <vector>

#include "kernels/convolve/convolve_cuda.hpp"
#include "kernels/fft/fft.hpp"

namespace dubfarm::kernels::cuda {
namespace {

struct Plan {
  Frames size = 0;
  int batch = 0;
  bool in_double = false;
  void* work = nullptr;
  [[nodiscard]] std::size_t work_bytes() const { return static_cast<std::size_t>(size) * static_cast<std::size_t>(batch) * (in_double ? 8 : 4); }
};

/// cuFFT leaves its work area in some state: so that nothing else may lie there, this leaves it as NaN. False where none was brought.
bool spoil_work(const Plan& plan) {
  if (plan.work == nullptr) return false;
  std::memset(plan.work, 0xFF, plan.work_bytes());
  return true;
}

/// Where the real part of element j lies in a transform's memory; the imaginary part is 16 places further.
std::size_t place_of(std::size_t j) { return 32 * (j / 16) + j % 16; }

template <class Real>
void run_forward(const Plan& plan, const Real* signals, Real* spectra) {
  const auto fft = fft::DoublePlan::of(static_cast<std::size_t>(plan.size));
  const std::size_t n = fft->size();
  std::vector<double> x(2 * n + 8);
  double* const memory = x.data() + (64 - reinterpret_cast<std::uintptr_t>(x.data()) % 64) % 64 / sizeof(double);
  std::vector<float> high(n), low(n);  // a signal in double is two in float32, transformed apart: the sum of both spectra is its own
  for (int b = 0; b < plan.batch; ++b, signals += n, spectra += n + 2) {
    for (std::size_t part = 0; part < (plan.in_double ? 2 : 1); ++part) {
      for (std::size_t i = 0; i < n; ++i) {
        high[i] = static_cast<float>(signals[i]);
        low[i] = static_cast<float>(static_cast<double>(signals[i]) - static_cast<double>(high[i]));
      }
      fft->forward({part == 0 ? high.data() : low.data(), 0, static_cast<std::ptrdiff_t>(n)}, {}, memory, best_isa());
      for (std::size_t j = 0; j < n; ++j) {
        const std::size_t f = fft->frequency(j);
        if (f > n / 2) continue;
        const Real re = static_cast<Real>(memory[place_of(j)]), im = static_cast<Real>(-memory[place_of(j) + 16]);  // cuFFT turns the other way
        spectra[2 * f] = part == 0 ? re : spectra[2 * f] + re;
        spectra[2 * f + 1] = part == 0 ? im : spectra[2 * f + 1] + im;
      }
    }
  }
}

template <class Real>
void run_inverse(const Plan& plan, const Real* spectra, Real* signals) {
  const auto fft = fft::DoublePlan::of(static_cast<std::size_t>(plan.size));
  const std::size_t n = fft->size();
  std::vector<double> x(2 * n + 8);
  double* const memory = x.data() + (64 - reinterpret_cast<std::uintptr_t>(x.data()) % 64) % 64 / sizeof(double);
  std::vector<float> out(n);
  for (int b = 0; b < plan.batch; ++b, signals += n, spectra += n + 2) {
    for (std::size_t j = 0; j < n; ++j) {
      const std::size_t f = fft->frequency(j), own = f <= n / 2 ? f : n - f;
      memory[place_of(j)] = static_cast<double>(spectra[2 * own]);
      memory[place_of(j) + 16] = static_cast<double>(spectra[2 * own + 1]) * (f <= n / 2 ? -1.0 : 1.0);
    }
    fft->inverse(memory, {out.data(), 0, static_cast<std::ptrdiff_t>(n)}, {}, best_isa());
    for (std::size_t i = 0; i < n; ++i) signals[i] = static_cast<Real>(out[i]);
  }
}

Frames size_at_least(Frames frames) {
  return static_cast<Frames>(fft::size_at_least(frames < static_cast<Frames>(fft::kMinSize) ? fft::kMinSize : static_cast<std::size_t>(frames)));
}
void* create(Frames size, int batch, bool in_double, std::size_t* work_bytes) {
  auto* const plan = new Plan{size, batch, in_double, nullptr};
  *work_bytes = plan->work_bytes();
  return plan;
}
void destroy(void* plan) { delete static_cast<Plan*>(plan); }
bool use_work(void* plan, void* work) {
  static_cast<Plan*>(plan)->work = work;
  return work != nullptr;
}
bool forward(void* plan, const void* signals, void* spectra, StreamHandle) {
  const Plan& own = *static_cast<const Plan*>(plan);
  if (!spoil_work(own)) return false;
  if (own.in_double) run_forward(own, static_cast<const double*>(signals), static_cast<double*>(spectra));
  else run_forward(own, static_cast<const float*>(signals), static_cast<float*>(spectra));
  return true;
}
bool inverse(void* plan, void* spectra, void* signals, StreamHandle) {
  const Plan& own = *static_cast<const Plan*>(plan);
  if (!spoil_work(own)) return false;
  if (own.in_double) run_inverse(own, static_cast<const double*>(spectra), static_cast<double*>(signals));
  else run_inverse(own, static_cast<const float*>(spectra), static_cast<float*>(signals));
  return true;
}

}  // namespace

const FftOperations& fft_operations() {
  static constexpr FftOperations all = {size_at_least, create, destroy, use_work, forward, inverse};
  return all;
}

}  // namespace dubfarm::kernels::cuda
