// The other side of kernels/device/cuda_launch.hpp: the words of a kernel for g++. tests/emulated/emulate.cpp runs them: blocks one after
// another in random order, the threads of a block as fibres that run one at a time, in random order, from barrier to barrier. What it
// finds, besides what the sanitizers find: results that depend on the order of threads (a barrier that is missing), writes past a shared
// array (guard zones), reads of shared memory that nobody wrote (it begins as NaN), threads that wait at different barriers or leave
// before one. What it does not model: memory order between threads of different blocks, asynchronous copies.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <stdexcept>

#include "kernels/device/stream_handle.hpp"

#define DUBFARM_DEVICE inline
#define DUBFARM_KERNEL(threads) [[maybe_unused]] static void
#define DUBFARM_SHARED(type, name, count) \
  type* const name = static_cast<type*>(::dubfarm::kernels::cuda::emulate::shared(#name, __LINE__, sizeof(type) * static_cast<std::size_t>(count)))
#define DUBFARM_LAUNCH(kernel, gx, gy, threads, stream, ...)                                                                       \
  do {                                                                                                                             \
    static_cast<void>(stream);                                                                                                     \
    const auto dubfarm_body = [&] { kernel(__VA_ARGS__); };                                                                        \
    ::dubfarm::kernels::cuda::emulate::launch(#kernel, static_cast<long long>(gx), static_cast<long long>(gy), threads, dubfarm_body); \
  } while (false)

namespace dubfarm::kernels::cuda {

namespace emulate {

/// A kernel that broke the rules: which, where, how.
class Fault : public std::logic_error {
  using std::logic_error::logic_error;
};

/// The order of blocks and threads of all launches to come on this thread.
void set_seed(std::uint64_t seed);

/// Which thread runs.
struct Place {
  int thread = 0, block_x = 0, block_y = 0, grid_x = 1;
};
extern thread_local Place here;

void launch_body(const char* kernel, long long grid_x, long long grid_y, int threads, void (*body)(const void*), const void* context);
template <class Body>
void launch(const char* kernel, long long grid_x, long long grid_y, int threads, const Body& body) {
  launch_body(kernel, grid_x, grid_y, threads, [](const void* context) { (*static_cast<const Body*>(context))(); }, &body);
}

/// The block's array of this name: the first thread that asks makes it.
void* shared(const char* name, int line, std::size_t size_bytes);
/// Puts `bits` in for this thread and takes what the thread `from` of its warp put in; its own where there is no such thread.
std::uint64_t exchange(std::uint64_t bits, int from, int line);
void wait_at(int line);

}  // namespace emulate

inline int thread_index() { return emulate::here.thread; }
inline int block_x() { return emulate::here.block_x; }
inline int block_y() { return emulate::here.block_y; }
inline int grid_x() { return emulate::here.grid_x; }

inline void barrier(std::source_location at = std::source_location::current()) { emulate::wait_at(static_cast<int>(at.line())); }

namespace emulate {
template <class T>
T exchange_value(T value, int from, int line) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = exchange(bits, from, line);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
}  // namespace emulate
template <class T>
T shuffle_down(T value, int by, std::source_location at = std::source_location::current()) {
  const int lane = thread_index() % 32;
  return emulate::exchange_value(value, lane + by < 32 ? lane + by : lane, static_cast<int>(at.line()));
}
template <class T>
T shuffle_xor(T value, int mask, std::source_location at = std::source_location::current()) {
  return emulate::exchange_value(value, (thread_index() % 32) ^ mask, static_cast<int>(at.line()));
}

inline void warp_barrier(std::source_location at = std::source_location::current()) {
  static_cast<void>(emulate::exchange(0, thread_index() % 32, static_cast<int>(at.line())));
}

inline void atomic_max(std::int32_t* at, std::int32_t value) { *at = value > *at ? value : *at; }
inline void atomic_min(std::int64_t* at, std::int64_t value) { *at = value < *at ? value : *at; }
inline void atomic_add(std::int64_t* at, std::int64_t value) { *at += value; }

}  // namespace dubfarm::kernels::cuda
