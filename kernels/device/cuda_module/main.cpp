// libdubfarm_cuda.so: kernels/device/module_abi.h on NVIDIA GPUs, by the CUDA runtime. No exception leaves it; no call of it allocates on
// the host while a stream runs.
#include <cuda_runtime.h>
#include <cufft.h>
#include <nvtx3/nvToolsExt.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>

#include "kernels/device/module_abi.h"

struct DubfarmContext {
  int device;
};

namespace {

thread_local char error_text[384] = "";

int failed(DubfarmStatus status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(error_text, sizeof(error_text), format, arguments);
  va_end(arguments);
  return status;
}

constexpr auto kContained = static_cast<cudaError_t>(226);  // cudaErrorContained, which not every CUDA 12 names

/// What a status of the runtime means to dubfarm.
DubfarmStatus status_of(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return DUBFARM_OK;
    case cudaErrorMemoryAllocation: return DUBFARM_OUT_OF_MEMORY;
    case cudaErrorNoDevice:
    case cudaErrorStubLibrary:
    case cudaErrorInvalidDevice:
    case cudaErrorNoKernelImageForDevice: return DUBFARM_NO_DEVICE;
    case cudaErrorInsufficientDriver:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorCompatNotSupportedOnDevice: return DUBFARM_DRIVER_TOO_OLD;
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorDeviceUninitialized:
    case cudaErrorDevicesUnavailable:
    case cudaErrorSystemNotReady:
    case cudaErrorAssert:
    case cudaErrorContextIsDestroyed:
    case cudaErrorMpsRpcFailure:
    case cudaErrorMpsClientTerminated:
    case kContained:
    case cudaErrorUnknown: return DUBFARM_DEVICE_LOST;
    default: return DUBFARM_FAILED;
  }
}

int check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return DUBFARM_OK;
  (void)cudaGetLastError();  // an error that is not sticky is told once
  return failed(status_of(error), "%s: %s (%s)", what, cudaGetErrorString(error), cudaGetErrorName(error));
}

/// The runtime's current device belongs to the calling thread.
#define ON_DEVICE(context)                                                                                    \
  do {                                                                                                        \
    const int status_ = check(cudaSetDevice((context)->device), "cannot use the device");                     \
    if (status_ != DUBFARM_OK) return status_;                                                                \
  } while (false)

void version_text(int version, char* text, size_t size) { std::snprintf(text, size, "%d.%d", version / 1000, version % 1000 / 10); }

void probe(DubfarmProbe* probe) {
  std::memset(probe, 0, sizeof(*probe));
  int fft = 0;
  (void)cufftGetVersion(&fft);
  std::snprintf(probe->fft, sizeof(probe->fft), "cufft %d", fft);
  (void)cudaRuntimeGetVersion(&probe->runtime_version);
  (void)cudaDriverGetVersion(&probe->driver_version);
  const cudaError_t error = cudaGetDeviceCount(&probe->device_count);
  (void)cudaGetLastError();
  if (error == cudaSuccess && probe->device_count > 0) return;
  probe->device_count = 0;
  char needed[16], found[16];
  version_text(probe->runtime_version, needed, sizeof(needed));
  version_text(probe->driver_version, found, sizeof(found));
  // Without a driver the runtime says that it is too old; its version is 0 then.
  if (probe->driver_version == 0) {
    probe->status = DUBFARM_NO_DEVICE;
    std::snprintf(probe->message, sizeof(probe->message), "no device: no NVIDIA driver is installed here");
  } else if (error == cudaErrorInsufficientDriver || probe->driver_version / 1000 < probe->runtime_version / 1000) {
    probe->status = DUBFARM_DRIVER_TOO_OLD;
    std::snprintf(probe->message, sizeof(probe->message), "the NVIDIA driver is too old: it knows CUDA %s, this build needs CUDA %s; install a newer driver", found,
                  needed);
  } else {
    probe->status = DUBFARM_NO_DEVICE;
    std::snprintf(probe->message, sizeof(probe->message), "no device: %s", error == cudaSuccess ? "the driver shows none" : cudaGetErrorString(error));
  }
}

int device_info(int device, DubfarmDeviceInfo* info) {
  std::memset(info, 0, sizeof(*info));
  DubfarmProbe found;
  probe(&found);
  if (found.status != DUBFARM_OK) return failed(static_cast<DubfarmStatus>(found.status), "%s", found.message);
  if (device < 0 || device >= found.device_count)
    return failed(DUBFARM_NO_DEVICE, "there is no such device; this machine has %d, counted from 0", found.device_count);
  cudaDeviceProp properties;
  if (const int status = check(cudaGetDeviceProperties(&properties, device), "cannot ask the device"); status != DUBFARM_OK) return status;
  std::snprintf(info->name, sizeof(info->name), "%s", properties.name);
  info->compute_major = properties.major;
  info->compute_minor = properties.minor;
  info->multiprocessors = properties.multiProcessorCount;
  if (const int status = check(cudaDeviceGetPCIBusId(info->bus_id, sizeof(info->bus_id), device), "cannot ask the device"); status != DUBFARM_OK) return status;
  size_t free_bytes = 0, total_bytes = 0;
  if (const int status = check(cudaSetDevice(device), "cannot use the device"); status != DUBFARM_OK) return status;
  if (const int status = check(cudaMemGetInfo(&free_bytes, &total_bytes), "cannot ask for the device's memory"); status != DUBFARM_OK) return status;
  info->free_bytes = free_bytes;
  info->memory_bytes = total_bytes;
  return DUBFARM_OK;
}

const char* last_error() { return error_text; }

int open(int device, DubfarmContext** context) {
  DubfarmDeviceInfo info;
  if (const int status = device_info(device, &info); status != DUBFARM_OK) return status;
  if (info.compute_major < 7 || (info.compute_major == 7 && info.compute_minor < 5))
    return failed(DUBFARM_NO_DEVICE, "%s has compute capability %d.%d; 7.5 (Turing) is the first that this build has code for", info.name, info.compute_major,
                  info.compute_minor);
  // Threads that wait for the device leave their processor to those that read, hash and write; by default they would spin. device_info()
  // made the device this thread's.
  if (const int status = check(cudaSetDeviceFlags(cudaDeviceScheduleBlockingSync), "cannot use the device"); status != DUBFARM_OK) return status;
  *context = new (std::nothrow) DubfarmContext{device};
  return *context != nullptr ? DUBFARM_OK : failed(DUBFARM_FAILED, "out of memory");
}

void close(DubfarmContext* context) { delete context; }

int memory(DubfarmContext* context, uint64_t* free_bytes, uint64_t* total_bytes) {
  ON_DEVICE(context);
  size_t free_size = 0, total_size = 0;
  const int status = check(cudaMemGetInfo(&free_size, &total_size), "cannot ask for the device's memory");
  *free_bytes = free_size;
  *total_bytes = total_size;
  return status;
}

int allocate(DubfarmContext* context, size_t bytes, void** memory_out) {
  ON_DEVICE(context);
  return check(cudaMalloc(memory_out, bytes), "cannot allocate memory on the device");
}

void release(DubfarmContext* context, void* memory_in) {
  if (cudaSetDevice(context->device) == cudaSuccess) (void)cudaFree(memory_in);
}

int allocate_pinned(DubfarmContext* context, size_t bytes, void** memory_out) {
  ON_DEVICE(context);
  return check(cudaHostAlloc(memory_out, bytes, cudaHostAllocPortable), "cannot allocate page-locked memory");
}

void release_pinned(DubfarmContext* context, void* memory_in) {
  if (cudaSetDevice(context->device) == cudaSuccess) (void)cudaFreeHost(memory_in);
}

cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }

int create_stream(DubfarmContext* context, void** stream) {
  ON_DEVICE(context);
  return check(cudaStreamCreateWithFlags(reinterpret_cast<cudaStream_t*>(stream), cudaStreamNonBlocking), "cannot create a stream");
}

void destroy_stream(DubfarmContext* context, void* stream) {
  if (cudaSetDevice(context->device) == cudaSuccess) (void)cudaStreamDestroy(stream_of(stream));
}

int synchronize(DubfarmContext* context, void* stream) {
  ON_DEVICE(context);
  if (const int status = check(cudaGetLastError(), "a kernel could not be started"); status != DUBFARM_OK) return status;
  return check(cudaStreamSynchronize(stream_of(stream)), "the device failed");
}

int copy_up(DubfarmContext* context, void* stream, void* device, const void* host, size_t bytes) {
  ON_DEVICE(context);
  return check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream_of(stream)), "cannot copy to the device");
}

int copy_down(DubfarmContext* context, void* stream, void* host, const void* device, size_t bytes) {
  ON_DEVICE(context);
  return check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream_of(stream)), "cannot copy from the device");
}

int copy_within(DubfarmContext* context, void* stream, void* to, const void* from, size_t bytes) {
  ON_DEVICE(context);
  return check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_of(stream)), "cannot copy on the device");
}

int fill(DubfarmContext* context, void* stream, void* device, int byte, size_t bytes) {
  ON_DEVICE(context);
  return check(cudaMemsetAsync(device, byte, bytes, stream_of(stream)), "cannot fill the device's memory");
}

int create_event(DubfarmContext* context, void** event) {
  ON_DEVICE(context);
  return check(cudaEventCreateWithFlags(reinterpret_cast<cudaEvent_t*>(event), cudaEventBlockingSync), "cannot create an event");
}

void destroy_event(DubfarmContext* context, void* event) {
  if (cudaSetDevice(context->device) == cudaSuccess) (void)cudaEventDestroy(event_of(event));
}

int record(DubfarmContext* context, void* event, void* stream) {
  ON_DEVICE(context);
  return check(cudaEventRecord(event_of(event), stream_of(stream)), "cannot record an event");
}

int wait(DubfarmContext* context, void* stream, void* event) {
  ON_DEVICE(context);
  return check(cudaStreamWaitEvent(stream_of(stream), event_of(event)), "cannot wait for an event");
}

int wait_for(DubfarmContext* context, void* event) {
  ON_DEVICE(context);
  return check(cudaEventSynchronize(event_of(event)), "the device failed");
}

int elapsed_ms(DubfarmContext* context, void* from, void* to, float* ms) {
  ON_DEVICE(context);
  return check(cudaEventElapsedTime(ms, event_of(from), event_of(to)), "cannot tell the time between two events");
}

void range_push(const char* name) { (void)nvtxRangePushA(name); }
void range_pop() { (void)nvtxRangePop(); }

constexpr const char* kKind = "cuda";

}  // namespace

#include "kernels/device/module_table.hpp"
