#include "worker/gpu/device_renderer.hpp"

#include <algorithm>

#include "worker/gpu/reverbs_and_buses.hpp"
#include "worker/gpu/track_sums.hpp"
#include "worker/gpu/workbench.hpp"
#include "worker/track_routes.hpp"

namespace dubfarm::worker::gpu {
namespace {

/// Memory set aside for a call, given back with it.
class Aside {
 public:
  explicit Aside(kernels::Device& device) : device_(device) {}
  ~Aside() { device_.give_back(bytes_); }
  void set(std::uint64_t bytes) { device_.set_aside(bytes_ = bytes); }
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

 private:
  kernels::Device& device_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

DeviceRenderer::DeviceRenderer(kernels::Device& device, const Sources& sources, StageTimes* times)
    : device_(device), sources_(sources), times_(times), operations_(*static_cast<const kernels::cuda::Operations*>(device.table().operations)),
      residents_(device, device.memory_use().limit / 4), plans_(*operations_.fft) {}

void DeviceRenderer::leave_to_cpu(const program::Program& program, const Error& why) {
  const std::lock_guard lock(mutex_);
  if (left_to_cpu_.times++ == 0) left_to_cpu_.why = why.message;
  if (!program.reverbs.empty()) ++left_to_cpu_.with_reverbs;
}

DeviceRenderer::LeftToCpu DeviceRenderer::left_to_cpu() const {
  const std::lock_guard lock(mutex_);
  return left_to_cpu_;
}

Result<void> DeviceRenderer::render(const program::Program& program, std::span<float* const> stem, SourceScratch& scratch, const std::atomic<bool>& cancel) {
  TRY_ASSIGN(const kernels::Stream stream, device_.create_stream());
  const std::uint64_t limit = device_.memory_use().limit;
  const SumLayout layout(program);
  std::size_t group = std::max<std::size_t>(1, program.tracks.size());
  const auto after_tracks = [&](const TrackSums& tracks, bool in_double) {
    const std::uint64_t bytes = static_cast<std::uint64_t>(tracks.frames()) * sizeof(float) * static_cast<std::uint64_t>(layout.sums) +
                                ReverbsAndBuses::bytes_of(program, *operations_.fft, in_double);
    return bytes + bytes / 8;  // blocks are rounded up
  };
  for (;;) {
    Aside aside(device_);  // outlives what is allocated
    Workbench bench{device_, operations_, residents_, sources_, scratch, times_, stream, cancel};
    TrackSums tracks(bench, program, layout);
    if (!program.reverbs.empty())
      if (const std::uint64_t least = after_tracks(tracks, false); least > limit)
        return fail(Errc::no_space, "the reverbs of a chunk take {} MiB of device memory, the limit is {} MiB", (least >> 20) + 1, limit >> 20);
    while (group > 1 && tracks.bytes_of(group) > limit / 2) group = (group + 1) / 2;  // half: another chunk's copies overlap with this one's kernels
    aside.set(std::min(limit, std::max(tracks.bytes_of(group), after_tracks(tracks, true))));
    const Result<void> summed = tracks.run(group);
    if (!summed.ok()) {
      (void)stream.synchronize();  // nothing may still run in memory that goes back
      if (summed.error().code != Errc::no_space || group == 1) return summed.error();
      group = (group + 1) / 2;
      continue;
    }
    if (group < program.tracks.size()) ++in_groups_;
    ReverbsAndBuses rest(bench, irs_, plans_, program, layout, tracks);
    const auto finish = [&]() -> Result<void> {
      TRY(rest.run());
      for (std::size_t c = 0; c < stem.size(); ++c)
        TRY(bench.staging.download(stem[c], rest.stem(static_cast<int>(c)), static_cast<std::size_t>(program.length) * sizeof(float)));
      TRY(bench.settle());
      return rest.count_times();
    };
    const Result<void> done = finish();
    if (!done.ok()) (void)stream.synchronize();
    bench.clear();
    return done;
  }
}

}  // namespace dubfarm::worker::gpu
