// Chunks that a device renders are those of the CPU. The device is the emulated one: the same kernels, loaded as a module, in host memory.
#include "worker/gpu/device_renderer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <thread>

#include "tests/support/command.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/local_render.hpp"
#include "tests/support/random_mix.hpp"
#include "worker/gpu/clip_tables.hpp"
#include "worker/gpu/staging.hpp"
#include "worker/render_chunk.hpp"
#include "worker/track_routes.hpp"

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
  explicit Bench(const PlannedMix& planned, const std::string& store_folder, std::uint64_t memory = std::uint64_t{1} << 30, int slots = gpu::kStagingSlots) : store(*Store::open(store_folder)) {
    std::vector<SourceFile> files;
    for (const auto& [digest, file] : planned.plan.sources) files.push_back({digest, file->info, file->stamp});
    sources = std::make_unique<Sources>(files, planned.plan.sample_rate, store);
    irs = std::make_unique<IrCache>(*sources, 64u << 20);
    kernels::Device::Options options;
    options.memory_limit = memory;
    options.slot_bytes = 100'000;  // small, so that copies take many
    options.slots = slots;
    device = kernels::Device::open(module(), options).value();
    renderer = std::make_unique<gpu::DeviceRenderer>(*device, *sources, &times);
  }
  Result<RenderedChunk> render(const plan::Chunk& chunk, bool on_device) {
    return render_chunk(chunk.program, *sources, *irs, scratch, cancel, on_device ? renderer.get() : nullptr);
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
  std::unique_ptr<gpu::DeviceRenderer> renderer;
};

bool same_bytes(const Samples& a, const Samples& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t c = 0; c < a.size(); ++c)
    if (a[c].size() != b[c].size() || std::memcmp(a[c].data(), b[c].data(), a[c].size() * sizeof(float)) != 0) return false;
  return true;
}

/// The CPU's bytes where the program has no reverb; else below -120 dBFS of them.
::testing::AssertionResult agree(const program::Program& program, const Samples& on_device, const Samples& on_cpu) {
  if (same_bytes(on_device, on_cpu)) return ::testing::AssertionSuccess();
  if (program.reverbs.empty()) return ::testing::AssertionFailure() << "without a reverb, and not the same bytes";
  if (on_device.size() != on_cpu.size()) return ::testing::AssertionFailure() << "not as many channels";
  for (std::size_t c = 0; c < on_cpu.size(); ++c)
    if (const double db = error_db(on_device[c], std::span<const float>(on_cpu[c])); !(db < -120.0))
      return ::testing::AssertionFailure() << "channel " << c << " differs by " << db << " dBFS";
  return ::testing::AssertionSuccess();
}

TEST(DeviceRenderer, ChunksAreThoseOfTheCpu) {
  std::size_t with_reverbs = 0, without = 0;
  for (const unsigned seed : {61u, 62u}) {
    MixFolder folder;
    const PlannedMix planned = plan_mix(folder.mix(random_mix(seed, folder, {.seconds = 2, .tracks = 6})), 20000);
    Bench bench(planned, folder / "store");
    for (std::size_t c = 0; c < planned.plan.chunks.size(); ++c) {
      const plan::Chunk& chunk = planned.plan.chunks[c];
      EXPECT_TRUE(agree(chunk.program, bench.samples(chunk, true), bench.samples(chunk, false))) << "chunk " << c << ", seed " << seed;
      ++(chunk.program.reverbs.empty() ? without : with_reverbs);
    }
    EXPECT_EQ(bench.renderer->left_to_cpu().times, 0u) << bench.renderer->left_to_cpu().why;
    EXPECT_GT(bench.times.bytes(Stage::upload), 0);
    EXPECT_GT(bench.times.bytes(Stage::convolve), 0);
    EXPECT_GT(bench.times.bytes(Stage::download), 0);
  }
  EXPECT_GT(with_reverbs, 0u);
  EXPECT_GT(without, 0u);
}

TEST(DeviceRenderer, OnlyTheFinishedChunkComesDown) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(61, folder, {.seconds = 1, .tracks = 4})));
  for (const plan::Chunk& chunk : planned.plan.chunks) {
    Bench bench(planned, folder / "store");
    (void)bench.samples(chunk, true);
    std::int64_t energies = 0;  // a double for each input of a reverb and 65536 frames, at most: what decides the transforms' precision
    for (const program::Reverb& reverb : chunk.program.reverbs) energies += 8 * inputs_of(reverb) * ((chunk.program.length - chunk.program.first_frame()) / 65536 + 2);
    EXPECT_LE(bench.times.bytes(Stage::download), 4 * chunk.program.length * channel_count(chunk.program.layout()) + energies);
  }
}

/// A reverb of two channels in and two out, louder than full scale by far or as it is, the sends beginning late.
Json reverb_mix(const MixFolder& folder, double gain_db) {
  folder.sound("voice.wav", white_noise(1, 72000, 3));
  Signal ir = white_noise(4, 9000, 4);
  for (auto& channel : ir)
    for (std::size_t i = 0; i < channel.size(); ++i) channel[i] *= std::exp(-static_cast<double>(i) / 1500.0);
  std::fill(ir[2].begin(), ir[2].end(), 0.0);  // no path from the right to the left
  folder.sound("hall.wav", ir);
  Json mix = Json::parse(R"({"dubfarm": 1, "sample_rate": 48000, "frame_rate": "24", "length": "2s",
    "buses": [{"name": "DX", "layout": "5.1", "eq": [{"type": "highpass", "freq": 60}], "gain_db": -1}],
    "reverbs": [{"name": "Hall", "ir": "hall.wav", "layout": "stereo", "input": "stereo", "bus": "DX", "predelay": "20ms",
                 "eq": [{"type": "peak", "freq": 900, "q": 1.5, "gain_db": 3}], "gain_db": [["0s", -12], ["2s", -6]]}],
    "tracks": [{"name": "Voice", "bus": "DX", "pan": 20, "clips": [{"file": "voice.wav", "at": "250ms"}],
                "sends": [{"to": "Hall", "gain_db": -10}]}],
    "deliverables": [{"name": "dx", "layout": "5.1", "file": "dx.wav"}]})");
  mix["tracks"][0]["sends"][0]["gain_db"] = gain_db;
  return mix;
}

TEST(DeviceRenderer, ReverbsOfEitherPrecisionStayBelowTheirBudget) {
  for (const double send_db : {-40.0, -10.0, 40.0}) {  // the first is convolved in float32, the last in double
    MixFolder folder;
    const PlannedMix planned = plan_mix(folder.mix(reverb_mix(folder, send_db)), 30000);
    Bench bench(planned, folder / "store");
    for (const plan::Chunk& chunk : planned.plan.chunks) {
      ASSERT_EQ(chunk.program.reverbs.size(), 1u);
      const Samples on_device = bench.samples(chunk, true), on_cpu = bench.samples(chunk, false);
      float loudest = 0;
      for (const auto& channel : on_cpu)
        for (const float v : channel) loudest = std::max(loudest, std::abs(v));
      const double relative = send_db > 0 ? std::max(1.0f, loudest) : 1.0;
      for (std::size_t c = 0; c < on_cpu.size(); ++c)
        EXPECT_LT(error_db(on_device[c], std::span<const float>(on_cpu[c])) - 20 * std::log10(relative), -120.0) << "send " << send_db << " dB, channel " << c;
    }
    EXPECT_EQ(bench.renderer->left_to_cpu().times, 0u) << bench.renderer->left_to_cpu().why;
  }
}

TEST(DeviceRenderer, SpectraStayOnTheDeviceFromChunkToChunk) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(reverb_mix(folder, -10)), 30000);
  Bench bench(planned, folder / "store");
  const plan::Chunk& chunk = planned.plan.chunks.front();
  const Samples first = bench.samples(chunk, true);
  const std::int64_t up = bench.times.bytes(Stage::upload);
  EXPECT_TRUE(same_bytes(bench.samples(chunk, true), first));
  EXPECT_LT(bench.times.bytes(Stage::upload) - up, up / 10);  // neither the response nor the sources went up again: tables alone
}

TEST(DeviceRenderer, SourcesThatSeveralProgramsPlayComeUpOnce) {
  MixFolder folder;
  folder.sound("voice.wav", white_noise(1, 192000, 3));
  folder.sound("slow.wav", white_noise(2, 44100 * 4, 4), 44100);  // converted here
  Json mix = Json::parse(R"({"dubfarm": 1, "sample_rate": 48000, "frame_rate": "24", "length": "4s",
    "buses": [{"name": "DX", "layout": "mono", "eq": [{"type": "highpass", "freq": 80}]}, {"name": "MX", "layout": "stereo"}],
    "tracks": [{"name": "Voice", "bus": "DX", "clips": [{"file": "voice.wav", "at": 0}], "eq": [{"type": "peak", "freq": 900, "q": 1, "gain_db": 2}]},
               {"name": "Again", "bus": "MX", "clips": [{"file": "voice.wav", "at": 0}]},
               {"name": "Slow", "bus": "MX", "clips": [{"file": "slow.wav", "at": 0}], "eq": [{"type": "peak", "freq": 700, "q": 1, "gain_db": 2}]}],
    "deliverables": [{"name": "dx", "layout": "stereo", "file": "dx.wav"}]})");
  const PlannedMix planned = plan_mix(folder.mix(mix), 48000);
  Bench bench(planned, folder / "store");
  std::int64_t asked = 0;
  for (const plan::Chunk& chunk : planned.plan.chunks) {
    EXPECT_TRUE(agree(chunk.program, bench.samples(chunk, true), bench.samples(chunk, false)));
    const gpu::ClipTables tables = gpu::clip_tables(chunk.program, 0, chunk.program.tracks.size(), chunk.program.first_frame(), *bench.sources).value();
    for (const gpu::SourceStretch& stretch : tables.stretches) asked += static_cast<std::int64_t>(stretch.bytes);
  }
  // The voice once (24 bits) and the other once (a channel of float32), whatever chunk or stem asks, with which pre-roll.
  const std::int64_t whole = 192000 * 3 + 192000 * 4;
  EXPECT_GT(asked, whole + 192000 * 3);  // and pre-rolls
  EXPECT_EQ(bench.times.bytes(Stage::read), whole);
  EXPECT_EQ(bench.times.spared(), asked - whole);
  EXPECT_THAT(bench.times.table(1, 1), HasSubstr("\nnot uploaded: "));
}

TEST(DeviceRenderer, ResidentsMakeRoom) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(62, folder, {.seconds = 1, .tracks = 8})), 20000);
  std::vector<Samples> roomy;
  {
    Bench bench(planned, folder / "store");
    for (const plan::Chunk& chunk : planned.plan.chunks) roomy.push_back(bench.samples(chunk, true));
  }
  for (const std::uint64_t mebibytes : {6, 16}) {
    Bench bench(planned, folder / "store", mebibytes << 20);
    for (std::size_t c = 0; c < planned.plan.chunks.size(); ++c) {
      const std::size_t left = bench.renderer->left_to_cpu().times;
      const Samples tight = bench.samples(planned.plan.chunks[c], true);
      // The device's own bytes, unless there was no room for the reverbs at all.
      EXPECT_TRUE(bench.renderer->left_to_cpu().times > left || same_bytes(tight, roomy[c])) << mebibytes << " MiB";
      EXPECT_LE(bench.renderer->residents().bytes(), (mebibytes << 20) / 4);
    }
    EXPECT_LE(bench.device->memory_use().most, mebibytes << 20);
    EXPECT_LT(bench.renderer->left_to_cpu().times, planned.plan.chunks.size()) << bench.renderer->left_to_cpu().why;
  }
}

TEST(DeviceRenderer, GroupsOfTracksGiveTheSameBytes) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(64, folder, {.seconds = 1, .tracks = 12})));
  std::size_t in_groups = 0;
  for (const std::uint64_t mebibytes : {4, 8, 16, 32}) {
    Bench bench(planned, folder / "store", mebibytes << 20);
    for (const plan::Chunk& chunk : planned.plan.chunks)
      EXPECT_TRUE(agree(chunk.program, bench.samples(chunk, true), bench.samples(chunk, false))) << mebibytes << " MiB";
    EXPECT_LE(bench.device->memory_use().most, mebibytes << 20);
    in_groups += bench.renderer->in_groups();
  }
  EXPECT_GT(in_groups, 0u);  // else nothing was tested
}

TEST(DeviceRenderer, AChunkThatTheDeviceHasNoMemoryForIsTheCpus) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(64, folder, {.seconds = 3, .tracks = 4})));
  Bench bench(planned, folder / "store", 200'000);
  for (const plan::Chunk& chunk : planned.plan.chunks) EXPECT_TRUE(same_bytes(bench.samples(chunk, true), bench.samples(chunk, false)));
  const auto left = bench.renderer->left_to_cpu();
  EXPECT_EQ(left.times, planned.plan.chunks.size());
  EXPECT_EQ(left.with_reverbs, static_cast<std::size_t>(std::count_if(planned.plan.chunks.begin(), planned.plan.chunks.end(),
                                                                      [](const plan::Chunk& chunk) { return !chunk.program.reverbs.empty(); })));
  EXPECT_GT(left.with_reverbs, 0u);
}

TEST(DeviceRenderer, AChunkIsLeftToTheCpuWhenTheDeviceItselfHasNoMemoryLeft) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(64, folder, {.seconds = 3, .tracks = 4})));
  const Variable memory("DUBFARM_EMULATED_MEMORY", "300000");
  Bench bench(planned, folder / "store");
  const plan::Chunk& chunk = planned.plan.chunks.front();
  EXPECT_TRUE(same_bytes(bench.samples(chunk, true), bench.samples(chunk, false)));
  EXPECT_THAT(bench.renderer->left_to_cpu().why, HasSubstr("out of memory (cudaErrorMemoryAllocation)"));
}

TEST(DeviceRenderer, ReverbsThatTheLimitHasNoRoomForAreTheCpus) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(reverb_mix(folder, -10)));
  Bench bench(planned, folder / "store", 3u << 20);
  EXPECT_TRUE(same_bytes(bench.samples(planned.plan.chunks.front(), true), bench.samples(planned.plan.chunks.front(), false)));
  EXPECT_EQ(bench.renderer->left_to_cpu().with_reverbs, 1u);
  EXPECT_THAT(bench.renderer->left_to_cpu().why, HasSubstr("the reverbs of a chunk take "));
  EXPECT_THAT(bench.renderer->left_to_cpu().why, HasSubstr(" MiB of device memory, the limit is 3 MiB"));
}

/// Several threads, as many chunks in flight, under a limit that holds few of them.
TEST(DeviceRenderer, ManyChunksInFlightGiveTheSameBytes) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(63, folder, {.seconds = 2, .tracks = 6})), 20000);
  std::vector<Samples> alone;
  {
    Bench bench(planned, folder / "store");
    for (const plan::Chunk& chunk : planned.plan.chunks) alone.push_back(bench.samples(chunk, true));
  }
  Bench bench(planned, folder / "store", 40u << 20, 4 * gpu::kStagingSlots);
  std::atomic<std::size_t> next{0}, differing{0};
  const auto work = [&] {
    const kernels::FlushDenormals flush;
    RenderScratch scratch;
    for (std::size_t c = next++; c < planned.plan.chunks.size(); c = next++) {
      const auto rendered = render_chunk(planned.plan.chunks[c].program, *bench.sources, *bench.irs, scratch, bench.cancel, bench.renderer.get());
      Samples copy;
      if (rendered.ok())
        for (const float* channel : rendered->channels()) copy.emplace_back(channel, channel + rendered->frames);
      if (!same_bytes(copy, alone[c])) ++differing;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) threads.emplace_back(work);
  }
  EXPECT_EQ(differing, 0u);
  EXPECT_EQ(bench.renderer->left_to_cpu().times, 0u) << bench.renderer->left_to_cpu().why;
  EXPECT_LE(bench.device->memory_use().most, 40u << 20);
}

TEST(DeviceRenderer, ALostDeviceIsAnErrorThatSaysSoWheneverItIsLost) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(reverb_mix(folder, -10)), 30000);
  int losses = 0;
  for (bool is_lost = true; is_lost; ++losses) {  // at each wait of a chunk in turn, until it has no more
    const Variable lost("DUBFARM_EMULATED_LOST_AFTER", std::to_string(losses + 1));
    Bench bench(planned, folder / "store");
    const auto rendered = bench.render(planned.plan.chunks.front(), true);
    is_lost = !rendered.ok();
    if (!is_lost) break;
    EXPECT_EQ(rendered.error().message, "device 0: the device failed: unspecified launch failure (cudaErrorLaunchFailure); nothing more can be rendered on it: start "
                                        "again, or render with --backend cpu") << "at wait " << losses + 1;
    EXPECT_EQ(bench.renderer->left_to_cpu().times, 0u);
  }
  EXPECT_GE(losses, 3);  // after the tracks, for the energies, at the end
}

TEST(DeviceRenderer, AStopIsHeard) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(reverb_mix(folder, -10)), 30000);
  Bench bench(planned, folder / "store");
  bench.cancel = true;
  const auto rendered = bench.render(planned.plan.chunks.front(), true);
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().code, Errc::cancelled);
  bench.cancel = false;
  EXPECT_TRUE(bench.render(planned.plan.chunks.front(), true).ok());
}

TEST(DeviceRenderer, ASampleThatIsNoNumberIsNamedAsTheCpuNamesIt) {
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

TEST(DeviceRenderer, NothingOfAProjectStaysInMemoryThatGoesBack) {
  MixFolder folder;
  const Variable log("DUBFARM_EMULATED_LOG", folder / "log");
  const PlannedMix planned = plan_mix(folder.mix(reverb_mix(folder, -10)));
  {
    Bench bench(planned, folder / "store");
    (void)bench.samples(planned.plan.chunks.front(), true);
    EXPECT_GT(bench.renderer->residents().bytes(), 0u);
    bench.renderer.reset();  // the job is over
    bench.device->forget();
    EXPECT_EQ(bench.device->memory_use().at_hand, 0u);
    EXPECT_EQ(bench.device->memory_use().in_use, 0u);
  }
  EXPECT_THAT(file_text(folder / "log"), HasSubstr(" left 0 dirty 0\n"));
}

/// One device, two projects: whatever the second one is given to work in, nothing of the first one's lies in it.
TEST(DeviceRenderer, TheNextProjectFindsNothingOfTheOneBefore) {
  MixFolder folder;
  const Variable log("DUBFARM_EMULATED_LOG", folder / "log");
  const PlannedMix first = plan_mix(folder.mix(reverb_mix(folder, -10)));
  {
    Bench bench(first, folder / "store");
    (void)bench.samples(first.plan.chunks.front(), true);
    bench.renderer.reset();
    bench.device->forget();
    MixFolder other;
    const PlannedMix second = plan_mix(other.mix(random_mix(66, other, {.seconds = 1, .tracks = 4})));
    Bench next(second, other / "store");
    next.renderer = std::make_unique<gpu::DeviceRenderer>(*bench.device, *next.sources, &next.times);
    const plan::Chunk& chunk = second.plan.chunks.front();
    EXPECT_TRUE(agree(chunk.program, next.samples(chunk, true), next.samples(chunk, false)));
  }
  EXPECT_THAT(file_text(folder / "log"), ::testing::Not(::testing::ContainsRegex("dirty [1-9]")));
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
  const std::byte* const base = nullptr;
  std::int64_t bad[2] = {};
  const gpu::PlacedStretch placed{base, tables.stretches[0].first, tables.stretches[0].count}, longer{base, placed.first - 10, placed.count + 10};
  EXPECT_EQ(tables.placed_clips(std::span(&placed, 1), bad)[0].samples, base);
  EXPECT_EQ(tables.placed_clips(std::span(&placed, 1), bad)[1].samples, base + 3);
  EXPECT_EQ(tables.placed_clips(std::span(&longer, 1), bad)[1].samples, base + 60 + 3);
  EXPECT_EQ(tables.clips[1].entry.stride, 6);
}

}  // namespace
}  // namespace dubfarm::worker
