// The module's transforms: cuFFT.
#include <cuda_runtime.h>
#include <cufft.h>

#include <new>

#include "kernels/convolve/convolve_cuda.hpp"

namespace dubfarm::kernels::cuda {
namespace {

struct Plan {
  cufftHandle forward = 0, inverse = 0;
  bool in_double = false;
};

/// 2^a 3^b 5^c 7^d with a >= 1: the sizes that cuFFT has kernels of its own for.
Frames size_at_least(Frames frames) {
  for (Frames n = frames < 2 ? 2 : frames + frames % 2;; n += 2) {
    Frames rest = n;
    for (const Frames factor : {2, 3, 5, 7})
      while (rest % factor == 0) rest /= factor;
    if (rest == 1) return n;
  }
}

void destroy(void* plan) {
  auto* const both = static_cast<Plan*>(plan);
  if (both == nullptr) return;
  if (both->forward != 0) cufftDestroy(both->forward);
  if (both->inverse != 0) cufftDestroy(both->inverse);
  delete both;
}

bool make(cufftHandle* handle, Frames size, cufftType type, int batch, std::size_t* work_bytes) {
  std::size_t bytes = 0;
  if (cufftCreate(handle) != CUFFT_SUCCESS || cufftSetAutoAllocation(*handle, 0) != CUFFT_SUCCESS ||
      cufftMakePlan1d(*handle, static_cast<int>(size), type, batch, &bytes) != CUFFT_SUCCESS)
    return false;
  if (bytes > *work_bytes) *work_bytes = bytes;
  return true;
}

void* create(Frames size, int batch, bool in_double, std::size_t* work_bytes) {
  auto* const plan = new (std::nothrow) Plan;
  if (plan == nullptr) return nullptr;
  plan->in_double = in_double;
  *work_bytes = 0;  // both directions work in the same memory
  if (make(&plan->forward, size, in_double ? CUFFT_D2Z : CUFFT_R2C, batch, work_bytes) &&
      make(&plan->inverse, size, in_double ? CUFFT_Z2D : CUFFT_C2R, batch, work_bytes))
    return plan;
  destroy(plan);
  (void)cudaGetLastError();  // told by the null; whoever waits for a stream next would take it for a kernel's
  return nullptr;
}

bool use_work(void* plan, void* work) {
  const auto* const both = static_cast<const Plan*>(plan);
  return cufftSetWorkArea(both->forward, work) == CUFFT_SUCCESS && cufftSetWorkArea(both->inverse, work) == CUFFT_SUCCESS;
}

bool forward(void* plan, const void* signals, void* spectra, StreamHandle stream) {
  const auto* const both = static_cast<const Plan*>(plan);
  if (cufftSetStream(both->forward, static_cast<cudaStream_t>(stream)) != CUFFT_SUCCESS) return false;
  void* const in = const_cast<void*>(signals);  // cuFFT's word for it; out of place, a forward transform leaves it as it is
  return (both->in_double ? cufftExecD2Z(both->forward, static_cast<cufftDoubleReal*>(in), static_cast<cufftDoubleComplex*>(spectra))
                          : cufftExecR2C(both->forward, static_cast<cufftReal*>(in), static_cast<cufftComplex*>(spectra))) == CUFFT_SUCCESS;
}

bool inverse(void* plan, void* spectra, void* signals, StreamHandle stream) {
  const auto* const both = static_cast<const Plan*>(plan);
  if (cufftSetStream(both->inverse, static_cast<cudaStream_t>(stream)) != CUFFT_SUCCESS) return false;
  return (both->in_double ? cufftExecZ2D(both->inverse, static_cast<cufftDoubleComplex*>(spectra), static_cast<cufftDoubleReal*>(signals))
                          : cufftExecC2R(both->inverse, static_cast<cufftComplex*>(spectra), static_cast<cufftReal*>(signals))) == CUFFT_SUCCESS;
}

}  // namespace

const FftOperations& fft_operations() {
  static constexpr FftOperations all = {size_at_least, create, destroy, use_work, forward, inverse};
  return all;
}

}  // namespace dubfarm::kernels::cuda
