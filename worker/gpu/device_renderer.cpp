#include "worker/gpu/device_renderer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "worker/gpu/device_range.hpp"
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
  if (left_to_cpu_.why.empty()) left_to_cpu_.why = why.message;
  ++left_to_cpu_.times;
  if (!program.reverbs.empty()) ++left_to_cpu_.with_reverbs;
}

void DeviceRenderer::leave_range_to_cpu(const Error& why) {
  const std::lock_guard lock(mutex_);
  if (left_to_cpu_.why.empty()) left_to_cpu_.why = why.message;
  ++left_to_cpu_.ranges;
}

std::string DeviceRenderer::LeftToCpu::text(std::string_view whose) const {
  std::string what;
  if (times > 0) what = fmt::format(" rendered {} of the chunks{}", times, whose);
  if (with_reverbs > 0) what += fmt::format(" ({} with reverbs, which differ from the device's below -120 dBFS)", with_reverbs);
  if (ranges > 0) what += fmt::format("{} printed {} of the ranges of outputs{}", times > 0 ? " and" : "", ranges, times > 0 ? "" : whose);
  return fmt::format("the CPU{}, for which the device had no memory: {}", what, why);
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

template <class Work>
Result<PrintedRange> DeviceRenderer::work_out(const Store& store, const PrintSpec& spec, const Levelling& levelling, Frames first, Frames count, PrintScratch& scratch,
                                              const Work& work) {
  TRY_ASSIGN(const kernels::Stream stream, device_.create_stream());
  Aside aside(device_);  // outlives what is allocated
  SourceScratch no_sources;
  const std::atomic<bool> no_cancel{false};
  Workbench bench{device_, operations_, residents_, sources_, no_sources, times_, stream, no_cancel};
  DeviceRange range(bench, store, scratch, spec, levelling, first, count);
  const std::uint64_t bytes = range.bytes(), limit = device_.memory_use().limit;
  if (bytes > limit) return fail(Errc::no_space, "a range of a print takes {} MiB of device memory, the limit is {} MiB", (bytes >> 20) + 1, limit >> 20);
  aside.set(bytes);
  Result<PrintedRange> done = work(range);
  const Result<void> passed = bench.settle();  // nothing may still run in memory that goes back
  if (done.ok() && !passed.ok()) return passed.error();
  return done;
}

Result<PrintedRange> DeviceRenderer::print(const Store& store, const PrintSpec& spec, Frames first, Frames count, PrintScratch& scratch) {
  return work_out(store, spec, spec.levelling, first, count, scratch, [](DeviceRange& range) { return range.print(); });
}

Result<PrintedRange> DeviceRenderer::measure(const Store& store, const PrintSpec& spec, const Levelling& levelling, Frames first, Frames count, PrintScratch& scratch) {
  return work_out(store, spec, levelling, first, count, scratch, [](DeviceRange& range) { return range.measure(); });
}

}  // namespace dubfarm::worker::gpu
