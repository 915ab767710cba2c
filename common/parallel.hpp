// The same work on many items, over several threads.
#pragma once
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace dubfarm {

/// Calls work(i) for every i below `count`, on up to `threads` threads, the calling one among them; returns when all are done. Items start
/// in ascending order; `work` must be safe to call from several threads at once.
template <class Work>
void parallel_for(std::size_t count, int threads, Work&& work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(i);
  };
  std::vector<std::jthread> helpers;
  for (int t = 1; t < threads && static_cast<std::size_t>(t) < count; ++t) helpers.emplace_back(run);
  run();
}

}  // namespace dubfarm
