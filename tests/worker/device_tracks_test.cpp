// Chunks whose tracks a device sums have the bytes of the CPU's. The device is the emulated one: the same kernels, loaded as a module, in host memory.
#include "worker/gpu/device_tracks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <optional>

#include "tests/support/command.hpp"
#include "tests/support/local_render.hpp"
#include "tests/support/random_mix.hpp"
#include "worker/gpu/clip_tables.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::worker {
namespace {

using namespace dubfarm::testing;
using ::testing::HasSubstr;
using Samples = std::vector<std::vector<float>>;

const kernels::DeviceModule& module() {
  static const kernels::DeviceModule loaded = kernels::DeviceModule::load(emulated_module()).value();
  return loaded;
}

struct Bench {
  explicit Bench(const PlannedMix& planned, const std::string& store_folder, std::uint64_t memory = std::uint64_t{1} << 30) : store(*Store::open(store_folder)) {
    std::vector<SourceFile> files;
    for (const auto& [digest, file] : planned.plan.sources) files.push_back({digest, file->info, file->stamp});
    sources = std::make_unique<Sources>(files, planned.plan.sample_rate, store);
    irs = std::make_unique<IrCache>(*sources, 64u << 20);
    kernels::Device::Options options;
    options.memory_limit = memory;
    options.slot_bytes = 100'000;  // small, so that copies take many
    options.slots = 2;
    device = kernels::Device::open(module(), options).value();
    tracks = std::make_unique<gpu::DeviceTracks>(*device, *sources, &times);
  }
  Result<RenderedChunk> render(const plan::Chunk& chunk, bool on_device) {
    return render_chunk(chunk.program, *sources, *irs, scratch, cancel, on_device ? tracks.get() : nullptr);
  }
  Samples samples(const plan::Chunk& chunk, bool on_device) {
    const auto rendered = render(chunk, on_device);
    EXPECT_TRUE(rendered.ok()) << rendered.error().message;
    Samples copy;
    if (!rendered.ok()) return copy;
    for (const float* channel : rendered->channels()) copy.emplace_back(channel, channel + rendered->frames);
    return copy;
  }
  kernels::FlushDenormals flush;
  Store store;
  std::unique_ptr<Sources> sources;
  std::unique_ptr<IrCache> irs;
  std::atomic<bool> cancel{false};
  RenderScratch scratch;
  StageTimes times;
  std::unique_ptr<kernels::Device> device;
  std::unique_ptr<gpu::DeviceTracks> tracks;
};

bool same_bytes(const Samples& a, const Samples& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t c = 0; c < a.size(); ++c)
    if (a[c].size() != b[c].size() || std::memcmp(a[c].data(), b[c].data(), a[c].size() * sizeof(float)) != 0) return false;
  return true;
}

TEST(DeviceTracks, ChunksHaveTheBytesOfTheCpu) {
  for (const unsigned seed : {61u, 62u, 63u}) {
    MixFolder folder;
    const PlannedMix planned = plan_mix(folder.mix(random_mix(seed, folder, {.seconds = 2, .tracks = 6})), 20000);
    Bench bench(planned, folder / "store");
    for (std::size_t c = 0; c < planned.plan.chunks.size(); ++c)
      EXPECT_TRUE(same_bytes(bench.samples(planned.plan.chunks[c], true), bench.samples(planned.plan.chunks[c], false))) << "chunk " << c << ", seed " << seed;
    EXPECT_EQ(bench.tracks->left_to_cpu().times, 0u);
    EXPECT_GT(bench.times.bytes(Stage::upload), 0);
    EXPECT_GT(bench.times.bytes(Stage::download), 0);
  }
}

TEST(DeviceTracks, GroupsOfTracksGiveTheSameBytes) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(64, folder, {.seconds = 2, .tracks = 12})));
  std::size_t in_groups = 0;
  for (const std::uint64_t mebibytes : {4, 8, 16, 32}) {
    Bench bench(planned, folder / "store", mebibytes << 20);
    for (const plan::Chunk& chunk : planned.plan.chunks)
      EXPECT_TRUE(same_bytes(bench.samples(chunk, true), bench.samples(chunk, false))) << mebibytes << " MiB";
    EXPECT_LE(bench.device->memory_use().most, mebibytes << 20);
    in_groups += bench.tracks->in_groups();
  }
  EXPECT_GT(in_groups, 0u);  // else nothing was tested
}

TEST(DeviceTracks, AChunkThatTheDeviceHasNoMemoryForIsTheCpus) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(64, folder, {.seconds = 3, .tracks = 4})));
  Bench bench(planned, folder / "store", 200'000);
  const plan::Chunk& chunk = planned.plan.chunks.front();
  EXPECT_TRUE(same_bytes(bench.samples(chunk, true), bench.samples(chunk, false)));
  EXPECT_EQ(bench.tracks->left_to_cpu().times, 1u);
  EXPECT_THAT(bench.tracks->left_to_cpu().why, HasSubstr("MiB more are wanted, the limit is 0 MiB"));
}

TEST(DeviceTracks, AChunkIsLeftToTheCpuWhenTheDeviceItselfHasNoMemoryLeft) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(64, folder, {.seconds = 3, .tracks = 4})));
  const Variable memory("DUBFARM_EMULATED_MEMORY", "300000");
  Bench bench(planned, folder / "store");
  const plan::Chunk& chunk = planned.plan.chunks.front();
  EXPECT_TRUE(same_bytes(bench.samples(chunk, true), bench.samples(chunk, false)));
  EXPECT_THAT(bench.tracks->left_to_cpu().why, HasSubstr("out of memory (cudaErrorMemoryAllocation)"));
}

TEST(DeviceTracks, ALostDeviceIsAnErrorThatSaysSo) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(65, folder, {.seconds = 1, .tracks = 4})));
  const Variable lost("DUBFARM_EMULATED_LOST_AFTER", "1");
  Bench bench(planned, folder / "store");
  const auto rendered = bench.render(planned.plan.chunks.front(), true);
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().message, "device 0: the device failed: unspecified launch failure (cudaErrorLaunchFailure); nothing more can be rendered on it: start "
                                      "again, or render with --backend cpu");
}

TEST(DeviceTracks, ASampleThatIsNoNumberIsNamedAsTheCpuNamesIt) {
  MixFolder folder;
  Signal signal = white_noise(1, 48000, 7);
  signal[0][12345] = std::numeric_limits<double>::quiet_NaN();
  folder.sound("bad.wav", signal, 48000, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
  const PlannedMix planned = plan_mix(folder.mix(Json::parse(R"({"dubfarm": 1, "sample_rate": 48000, "frame_rate": "24", "length": "1s",
    "buses": [{"name": "DX", "layout": "mono"}], "tracks": [{"name": "Bad", "bus": "DX", "clips": [{"file": "bad.wav", "at": 0}]}],
    "deliverables": [{"name": "dx", "layout": "mono", "file": "dx.wav"}]})")));
  Bench bench(planned, folder / "store");
  bool is_named = false;
  for (const plan::Chunk& chunk : planned.plan.chunks) {
    const auto on_device = bench.render(chunk, true), on_cpu = bench.render(chunk, false);
    ASSERT_EQ(on_device.ok(), on_cpu.ok());
    if (on_cpu.ok()) continue;
    EXPECT_EQ(on_device.error().message, on_cpu.error().message);
    is_named = true;
  }
  EXPECT_TRUE(is_named);
}

TEST(DeviceTracks, NothingOfAProjectStaysInMemoryThatGoesBack) {
  MixFolder folder;
  const Variable log("DUBFARM_EMULATED_LOG", folder / "log");
  const PlannedMix planned = plan_mix(folder.mix(random_mix(66, folder, {.seconds = 1, .tracks = 4})));
  {
    Bench bench(planned, folder / "store");
    (void)bench.samples(planned.plan.chunks.front(), true);
    bench.device->forget();
    EXPECT_EQ(bench.device->memory_use().at_hand, 0u);
  }
  EXPECT_THAT(file_text(folder / "log"), HasSubstr(" left 0 dirty 0\n"));
}

TEST(ClipTables, StretchesThatTouchComeUpOnce) {
  MixFolder folder;
  folder.sound("poly.wav", white_noise(2, 96000, 8));
  const PlannedMix planned = plan_mix(folder.mix(Json::parse(R"({"dubfarm": 1, "sample_rate": 48000, "frame_rate": "24", "length": "2s",
    "buses": [{"name": "DX", "layout": "mono"}],
    "tracks": [{"name": "A", "bus": "DX", "clips": [{"file": "poly.wav", "channels": [1], "at": 0}]},
               {"name": "B", "bus": "DX", "clips": [{"file": "poly.wav", "channels": [2], "at": 0}]}],
    "deliverables": [{"name": "dx", "layout": "mono", "file": "dx.wav"}]})")));
  Bench bench(planned, folder / "store");
  const program::Program& program = planned.plan.chunks.front().program;
  const gpu::ClipTables tables = gpu::clip_tables(program, 0, program.tracks.size(), 0, *bench.sources).value();
  ASSERT_EQ(tables.stretches.size(), 1u);
  EXPECT_EQ(tables.stretches[0].bytes, static_cast<std::size_t>(program.length) * 6);
  ASSERT_EQ(tables.clips.size(), 2u);
  EXPECT_EQ(tables.clips[0].offset, 0u);
  EXPECT_EQ(tables.clips[1].offset, 3u);
  EXPECT_EQ(tables.clips[1].entry.stride, 6);
}

}  // namespace
}  // namespace dubfarm::worker
