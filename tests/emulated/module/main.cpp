// libdubfarm_cuda_emulated.so: kernels/device/module_abi.h in host memory, with the kernels of the emulation. The program under test loads
// it with DUBFARM_CUDA_MODULE and renders on it as it would on a GPU. It calls itself "cuda-emulated" wherever a name is seen.
//
// The environment makes it a worse device, one fault at a time:
//   DUBFARM_EMULATED_DEVICES=N       so many devices (default 1)
//   DUBFARM_EMULATED_DRIVER=V        a driver for CUDA V (13000: 13.0) on a module that needs 13.0
//   DUBFARM_EMULATED_MEMORY=BYTES    of each device (default 1 GiB); more cannot be allocated
//   DUBFARM_EMULATED_LOST_AFTER=N    the device is lost at the Nth wait for a stream
//   DUBFARM_EMULATED_WRONG_COPY=N    the Nth copy down and all after it bring a number that is wrong (its highest bit of mantissa), in the middle
//   DUBFARM_EMULATED_LOG=FILE        at its end each device says there what was allocated, left and given back dirty (bytes that are not 0)
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "kernels/device/module_abi.h"

struct DubfarmContext {
  int device = 0;
  std::mutex mutex;
  std::map<void*, std::size_t> memory, pinned;  // what is given out
  std::size_t in_use = 0, most = 0, dirty = 0, allocations = 0;
  long long waits = 0, copies_down = 0;
  bool is_lost = false;
};

namespace {

constexpr int kRuntime = 13000;
constexpr std::size_t kAlignment = 256;
thread_local std::string error_text;

long long setting(const char* name, long long otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr && *text != '\0' ? std::atoll(text) : otherwise;
}
std::size_t memory_bytes() { return static_cast<std::size_t>(setting("DUBFARM_EMULATED_MEMORY", 1LL << 30)); }

int failed(DubfarmStatus status, std::string text) {
  error_text = std::move(text);
  return status;
}
int lost() { return failed(DUBFARM_DEVICE_LOST, "the device failed: unspecified launch failure (cudaErrorLaunchFailure)"); }

void probe(DubfarmProbe* probe) {
  std::memset(probe, 0, sizeof(*probe));
  (void)std::snprintf(probe->fft, sizeof(probe->fft), "fft-on-cpu");
  probe->runtime_version = kRuntime;
  probe->driver_version = static_cast<int>(setting("DUBFARM_EMULATED_DRIVER", kRuntime));
  probe->device_count = static_cast<int>(setting("DUBFARM_EMULATED_DEVICES", 1));
  if (probe->driver_version < kRuntime) {
    probe->device_count = 0;
    probe->status = DUBFARM_DRIVER_TOO_OLD;
    (void)std::snprintf(probe->message, sizeof(probe->message), "the NVIDIA driver is too old: it knows CUDA %d.%d, this build needs CUDA %d.%d; install a newer driver",
                  probe->driver_version / 1000, probe->driver_version % 1000 / 10, kRuntime / 1000, kRuntime % 1000 / 10);
  } else if (probe->device_count == 0) {
    probe->status = DUBFARM_NO_DEVICE;
    (void)std::snprintf(probe->message, sizeof(probe->message), "no device: the driver shows none");
  }
}

int device_info(int device, DubfarmDeviceInfo* info) {
  DubfarmProbe found;
  probe(&found);
  if (found.status != DUBFARM_OK) return failed(static_cast<DubfarmStatus>(found.status), found.message);
  if (device < 0 || device >= found.device_count)
    return failed(DUBFARM_NO_DEVICE, "there is no such device; this machine has " + std::to_string(found.device_count) + ", counted from 0");
  std::memset(info, 0, sizeof(*info));
  (void)std::snprintf(info->name, sizeof(info->name), "Emulated GPU %d", device);
  (void)std::snprintf(info->bus_id, sizeof(info->bus_id), "0000:%02d:00.0", device);
  info->compute_major = 9;
  info->multiprocessors = 1;
  info->memory_bytes = info->free_bytes = memory_bytes();
  return DUBFARM_OK;
}

const char* last_error() { return error_text.c_str(); }

int open(int device, DubfarmContext** context) {
  DubfarmDeviceInfo info;
  if (const int status = device_info(device, &info); status != DUBFARM_OK) return status;
  *context = new DubfarmContext;
  (*context)->device = device;
  return DUBFARM_OK;
}

void close(DubfarmContext* context) {
  if (const char* path = std::getenv("DUBFARM_EMULATED_LOG"); path != nullptr)
    if (std::FILE* file = std::fopen(path, "a")) {
      (void)std::fprintf(file, "device %d waited %lld allocated %zu most %zu left %zu dirty %zu\n", context->device, context->waits, context->allocations, context->most,
                   context->memory.size() + context->pinned.size(), context->dirty);
      (void)std::fclose(file);
    }
  delete context;
}

int memory(DubfarmContext* context, uint64_t* free_bytes, uint64_t* total_bytes) {
  const std::lock_guard lock(context->mutex);
  *total_bytes = memory_bytes();
  *free_bytes = *total_bytes - std::min(static_cast<std::size_t>(*total_bytes), context->in_use);
  return DUBFARM_OK;
}

/// Exactly `bytes` long, so that the sanitizers see what runs over; of no use until written.
void* poisoned(std::size_t bytes) {
  void* const at = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  if (at != nullptr) std::memset(at, 0xFF, bytes);
  return at;
}

int allocate(DubfarmContext* context, size_t bytes, void** out) {
  const std::lock_guard lock(context->mutex);
  if (context->in_use + bytes > memory_bytes()) return failed(DUBFARM_OUT_OF_MEMORY, "cannot allocate memory on the device: out of memory (cudaErrorMemoryAllocation)");
  *out = poisoned(bytes);
  context->memory[*out] = bytes;
  context->in_use += bytes;
  context->most = std::max(context->most, context->in_use);
  ++context->allocations;
  return DUBFARM_OK;
}

/// Counts what somebody's audio may have left behind.
void give_back(DubfarmContext* context, std::map<void*, std::size_t>& given, void* memory) {
  const auto found = given.find(memory);
  if (found == given.end()) {
    (void)std::fprintf(stderr, "emulated device: memory is given back that was not given out\n");
    std::abort();
  }
  const auto* const bytes = static_cast<const unsigned char*>(memory);
  context->dirty += static_cast<std::size_t>(std::count_if(bytes, bytes + found->second, [](unsigned char b) { return b != 0; }));
  given.erase(found);
  std::free(memory);
}

void release(DubfarmContext* context, void* memory_in) {
  const std::lock_guard lock(context->mutex);
  context->in_use -= context->memory[memory_in];
  give_back(context, context->memory, memory_in);
}

int allocate_pinned(DubfarmContext* context, size_t bytes, void** out) {
  const std::lock_guard lock(context->mutex);
  *out = poisoned(bytes);
  context->pinned[*out] = bytes;
  return DUBFARM_OK;
}
void release_pinned(DubfarmContext* context, void* memory_in) {
  const std::lock_guard lock(context->mutex);
  give_back(context, context->pinned, memory_in);
}

int create_stream(DubfarmContext*, void** stream) {
  *stream = new char;
  return DUBFARM_OK;
}
void destroy_stream(DubfarmContext*, void* stream) { delete static_cast<char*>(stream); }

int synchronize(DubfarmContext* context, void*) {
  const std::lock_guard lock(context->mutex);
  const long long after = setting("DUBFARM_EMULATED_LOST_AFTER", 0);
  if (++context->waits == after) context->is_lost = true;
  return context->is_lost ? lost() : DUBFARM_OK;
}

/// Copies stay within what was given out, as they must on a device.
bool is_inside(DubfarmContext* context, const void* at, std::size_t bytes) {
  const std::lock_guard lock(context->mutex);
  auto block = context->memory.upper_bound(const_cast<void*>(at));
  if (block == context->memory.begin()) return false;
  --block;
  return static_cast<const char*>(at) + bytes <= static_cast<const char*>(block->first) + block->second;
}
int illegal() { return failed(DUBFARM_DEVICE_LOST, "cannot copy: an illegal memory access was encountered (cudaErrorIllegalAddress)"); }

int copy_up(DubfarmContext* context, void*, void* device, const void* host, size_t bytes) {
  if (context->is_lost) return lost();
  if (!is_inside(context, device, bytes)) return illegal();
  std::memcpy(device, host, bytes);
  return DUBFARM_OK;
}
int copy_down(DubfarmContext* context, void*, void* host, const void* device, size_t bytes) {
  if (context->is_lost) return lost();
  if (!is_inside(context, device, bytes)) return illegal();
  std::memcpy(host, device, bytes);
  const std::lock_guard lock(context->mutex);
  if (const long long wrong = setting("DUBFARM_EMULATED_WRONG_COPY", 0); ++context->copies_down >= wrong && wrong > 0)
    static_cast<unsigned char*>(host)[bytes / 8 * 4 + 2] ^= 0x40;
  return DUBFARM_OK;
}
int copy_within(DubfarmContext* context, void*, void* to, const void* from, size_t bytes) {
  if (context->is_lost) return lost();
  if (!is_inside(context, to, bytes) || !is_inside(context, from, bytes)) return illegal();
  std::memcpy(to, from, bytes);
  return DUBFARM_OK;
}
int fill(DubfarmContext* context, void*, void* device, int byte, size_t bytes) {
  if (context->is_lost) return lost();
  if (!is_inside(context, device, bytes)) return illegal();
  std::memset(device, byte, bytes);
  return DUBFARM_OK;
}

using Clock = std::chrono::steady_clock;
int create_event(DubfarmContext*, void** event) {
  *event = new Clock::time_point;
  return DUBFARM_OK;
}
void destroy_event(DubfarmContext*, void* event) { delete static_cast<Clock::time_point*>(event); }
int record(DubfarmContext*, void* event, void*) {
  *static_cast<Clock::time_point*>(event) = Clock::now();
  return DUBFARM_OK;
}
int wait(DubfarmContext*, void*, void*) { return DUBFARM_OK; }
int wait_for(DubfarmContext* context, void*) { return context->is_lost ? lost() : DUBFARM_OK; }
int elapsed_ms(DubfarmContext*, void* from, void* to, float* ms) {
  *ms = std::chrono::duration<float, std::milli>(*static_cast<Clock::time_point*>(to) - *static_cast<Clock::time_point*>(from)).count();
  return DUBFARM_OK;
}

void range_push(const char*) {}
void range_pop() {}

constexpr const char* kKind = "cuda-emulated";

}  // namespace

#include "kernels/device/module_table.hpp"
