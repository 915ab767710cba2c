// The emulation itself: what it promises to find, it finds.
#include "kernels/device/cuda_launch.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "tests/support/contract.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kThreads = 64;

/// Reverses each block's stretch by way of shared memory. kFault: what is wrong with it.
enum class Planted { nothing, no_barrier, overrun, underrun, early_exit, split_barrier, half_warp };
template <Planted kFault>
DUBFARM_KERNEL(kThreads) reverse(const int* in, int* out) {
  DUBFARM_SHARED(int, tile, kThreads);
  const int t = thread_index(), first = block_x() * kThreads;
  tile[t] = in[first + t];
  if constexpr (kFault == Planted::overrun) {
    int* volatile wide = tile;  // so that the compiler does not find it first
    if (t == 5) wide[kThreads] = 1;
  }
  if constexpr (kFault == Planted::underrun) {
    int* volatile wide = tile;
    if (t == 5) wide[-1] = 1;
  }
  if constexpr (kFault == Planted::early_exit) {
    if (t == 7) return;
  }
  if constexpr (kFault == Planted::split_barrier) {
    if (t < 32) barrier();
    else
      barrier();
  } else if constexpr (kFault != Planted::no_barrier) {
    barrier();
  }
  if constexpr (kFault == Planted::half_warp) {
    if (t % 32 < 16) tile[t] = shuffle_down(tile[t], 1);
  }
  out[first + t] = tile[kThreads - 1 - t];
}

std::vector<int> numbers() {
  std::vector<int> in(3 * kThreads);
  std::iota(in.begin(), in.end(), 1);
  return in;
}
template <Planted kFault>
std::vector<int> run() {
  const std::vector<int> in = numbers();
  std::vector<int> out(in.size(), 0);
  DUBFARM_LAUNCH(reverse<kFault>, 3, 1, kThreads, nullptr, in.data(), out.data());
  return out;
}
/// What a launch is found guilty of; empty: nothing.
template <class Launch>
std::string fault_of(const Launch& launch) {
  try {
    launch();
  } catch (const emulate::Fault& fault) {
    return fault.what();
  }
  return {};
}
std::vector<int> wanted() {
  std::vector<int> want = numbers();
  for (auto at = want.begin(); at != want.end(); at += kThreads) std::reverse(at, at + kThreads);
  return want;
}

TEST(Emulation, GivesOneResultInEveryOrderOfThreads) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    emulate::set_seed(testing::test_seed() + seed);
    EXPECT_EQ(run<Planted::nothing>(), wanted()) << "seed " << testing::test_seed() + seed;
  }
}

TEST(Emulation, ExposesARemovedBarrierInEveryOrderOfThreads) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    emulate::set_seed(testing::test_seed() + seed);
    EXPECT_NE(run<Planted::no_barrier>(), wanted()) << "seed " << testing::test_seed() + seed;
  }
}

#if defined(__SANITIZE_ADDRESS__)
TEST(EmulationDeathTest, ExposesWritesBesideASharedArray) {
  EXPECT_DEATH(run<Planted::overrun>(), "AddressSanitizer: use-after-poison");
  EXPECT_DEATH(run<Planted::underrun>(), "AddressSanitizer: use-after-poison");
}
#else
TEST(Emulation, ExposesWritesBesideASharedArray) {
  EXPECT_NE(fault_of(run<Planted::overrun>).find("wrote past the shared array tile"), std::string::npos);
  EXPECT_NE(fault_of(run<Planted::underrun>).find("wrote before the shared array tile"), std::string::npos);
  EXPECT_EQ(run<Planted::nothing>(), wanted());  // and is none the worse for it
}
#endif

TEST(Emulation, ExposesThreadsThatDoNotMeet) {
  EXPECT_NE(fault_of(run<Planted::early_exit>).find("63 of 64 threads wait at a barrier, the others have ended"), std::string::npos);
  EXPECT_NE(fault_of(run<Planted::split_barrier>).find("threads wait at the barriers of lines"), std::string::npos);
  EXPECT_NE(fault_of(run<Planted::half_warp>).find("16 of the 32 threads of a warp meet in a shuffle"), std::string::npos);
}

TEST(Emulation, RefusesBlocksAndGridsThatNoDeviceTakes) {
  const std::vector<int> in = numbers();
  std::vector<int> out(in.size());
  EXPECT_NE(fault_of([&] { DUBFARM_LAUNCH(reverse<Planted::nothing>, 1, 65536, kThreads, nullptr, in.data(), out.data()); }).find("a grid of 1 x 65536 blocks"),
            std::string::npos);
  EXPECT_NE(fault_of([&] { DUBFARM_LAUNCH(reverse<Planted::nothing>, 1, 1, 1025, nullptr, in.data(), out.data()); }).find("1025 threads in a block"),
            std::string::npos);
}

DUBFARM_KERNEL(kThreads) read_unwritten(float* out) {
  DUBFARM_SHARED(float, tile, kThreads);
  if (thread_index() != 3) tile[thread_index()] = 1;
  barrier();
  out[thread_index()] = tile[thread_index()];
}
TEST(Emulation, BeginsSharedMemoryAsNaN) {
  std::vector<float> out(kThreads);
  DUBFARM_LAUNCH(read_unwritten, 1, 1, kThreads, nullptr, out.data());
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i == 3) << i;
}

DUBFARM_KERNEL(kThreads) warp_sums(const int* in, int* sums, std::int32_t* most) {
  int sum = in[thread_index()];
  for (int by = 16; by > 0; by /= 2) sum += shuffle_xor(sum, by);
  int last = in[thread_index()];
  for (int by = 16; by > 0; by /= 2) last = shuffle_down(last, by);
  if (thread_index() % 32 == 0) sums[2 * (thread_index() / 32)] = sum, sums[2 * (thread_index() / 32) + 1] = last;
  atomic_max(most, in[thread_index()]);
}
TEST(Emulation, ShufflesWithinWarps) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    emulate::set_seed(testing::test_seed() + seed);
    const std::vector<int> in = numbers();
    std::vector<int> sums(4);
    std::int32_t most = 0;
    DUBFARM_LAUNCH(warp_sums, 1, 1, kThreads, nullptr, in.data(), sums.data(), &most);
    EXPECT_EQ(sums, (std::vector<int>{528, 32, 1552, 64}));
    EXPECT_EQ(most, 64);
  }
}

/// Reverses each warp's stretch by way of shared memory.
template <Planted kFault>
DUBFARM_KERNEL(kThreads) reverse_warps(const int* in, int* out) {
  DUBFARM_SHARED(int, tile, kThreads);
  const int t = thread_index();
  tile[t] = in[t];
  if constexpr (kFault == Planted::half_warp) {
    if (t % 32 < 16) warp_barrier();
  } else if constexpr (kFault != Planted::no_barrier) {
    warp_barrier();
  }
  out[t] = tile[t / 32 * 32 + 31 - t % 32];
}
template <Planted kFault>
std::vector<int> run_warps() {
  const std::vector<int> in = numbers();
  std::vector<int> out(kThreads, 0);
  DUBFARM_LAUNCH(reverse_warps<kFault>, 1, 1, kThreads, nullptr, in.data(), out.data());
  return out;
}
TEST(Emulation, WarpsMeetAtTheirBarriersAndAreCaughtWithoutThem) {
  std::vector<int> want = numbers();
  want.resize(kThreads);
  for (auto at = want.begin(); at != want.end(); at += 32) std::reverse(at, at + 32);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    emulate::set_seed(testing::test_seed() + seed);
    EXPECT_EQ(run_warps<Planted::nothing>(), want);
    EXPECT_NE(run_warps<Planted::no_barrier>(), want) << "seed " << seed;
  }
  EXPECT_NE(fault_of(run_warps<Planted::half_warp>).find("16 of the 32 threads of a warp meet in a shuffle or at a warp_barrier()"), std::string::npos);
}

TEST(Emulation, EmptyGridsRunNothing) {
  int out = 7;
  DUBFARM_LAUNCH(reverse<Planted::nothing>, 0, 1, kThreads, nullptr, nullptr, &out);
  EXPECT_EQ(out, 7);
}

}  // namespace
}  // namespace dubfarm::kernels::cuda
