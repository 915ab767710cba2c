// A chunk program's samples depend on nothing but the program and its sources.
#include "worker/render_chunk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "kernels/core/math.hpp"
#include "tests/support/local_render.hpp"
#include "tests/support/random_mix.hpp"

namespace dubfarm::worker {
namespace {

using namespace dubfarm::testing;

/// Everything that rendering needs, on one thread.
struct Bench {
  explicit Bench(const PlannedMix& planned, const std::string& store_folder) : store(*Store::open(store_folder)) {
    std::vector<SourceFile> files;
    for (const auto& [digest, file] : planned.plan.sources) files.push_back({digest, file->info, file->stamp});
    sources = std::make_unique<Sources>(files, planned.plan.sample_rate, store);
    irs = std::make_unique<IrCache>(*sources, 64u << 20);
  }
  Result<RenderedChunk> render(const plan::Chunk& chunk) { return render_chunk(chunk.program, *sources, *irs, scratch, cancel); }
  /// [channels][frames]
  std::vector<std::vector<float>> samples(const plan::Chunk& chunk) {
    const auto rendered = render(chunk);
    EXPECT_TRUE(rendered.ok()) << rendered.error().message;
    std::vector<std::vector<float>> copy;
    for (const float* channel : rendered->channels()) copy.emplace_back(channel, channel + rendered->frames);
    return copy;
  }
  kernels::FlushDenormals flush;
  Store store;
  std::unique_ptr<Sources> sources;
  std::unique_ptr<IrCache> irs;
  std::atomic<bool> cancel{false};
  RenderScratch scratch;
};

TEST(RenderScratch, IsClearedOfWhatWasRenderedInIt) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(71, folder, {.seconds = 2, .tracks = 6})));
  Bench bench(planned, folder / "store");
  std::vector<std::vector<float>> before;
  for (const plan::Chunk& chunk : planned.plan.chunks) before = bench.samples(chunk);
  const auto dirty = [&] {  // bytes that are not 0, in what is at hand
    std::size_t count = 0;
    const auto look = [&](const void* memory, std::size_t bytes) {
      const auto* const at = static_cast<const unsigned char*>(memory);
      count += static_cast<std::size_t>(std::count_if(at, at + bytes, [](unsigned char byte) { return byte != 0; }));
    };
    Buffer spare = bench.scratch.pool.take(1, 1000);
    look(spare.channel(0), 1000 * sizeof(float));
    look(bench.scratch.sums.reserve(1), bench.scratch.sums.capacity() * sizeof(double));
    look(bench.scratch.curves.reserve(1), bench.scratch.curves.capacity() * sizeof(double));
    for (auto* const signals : {&bench.scratch.convolve.inputs, &bench.scratch.convolve.outputs})
      for (kernels::AlignedMemory& signal : *signals)
        if (signal.size_bytes() > 0) look(signal.data<std::byte>(), signal.size_bytes());
    return count;
  };
  EXPECT_GT(dirty(), 100'000u);
  bench.scratch.clear();
  EXPECT_EQ(dirty(), 0u);
  std::vector<std::vector<float>> after = bench.samples(planned.plan.chunks.back());
  EXPECT_EQ(after, before);
}

TEST(RenderChunk, GivesTheSameBitsWhateverWasRenderedBefore) {
  for (const unsigned seed : {31u, 32u}) {
    MixFolder folder;
    const PlannedMix planned = plan_mix(folder.mix(random_mix(seed, folder, {.seconds = 3, .tracks = 6})), 20000);
    ASSERT_GT(planned.plan.chunks.size(), 20u);
    Bench used(planned, folder / "store");
    std::vector<std::vector<std::vector<float>>> forward;
    for (const plan::Chunk& chunk : planned.plan.chunks) forward.push_back(used.samples(chunk));
    for (std::size_t c = planned.plan.chunks.size(); c-- > 0;)
      ASSERT_EQ(used.samples(planned.plan.chunks[c]), forward[c]) << "chunk " << c << ", seed " << seed;
    for (std::size_t c = 0; c < planned.plan.chunks.size(); c += 5) {
      Bench fresh(planned, folder / "store");
      ASSERT_EQ(fresh.samples(planned.plan.chunks[c]), forward[c]) << "chunk " << c << ", seed " << seed;
    }
  }
}

TEST(RenderChunk, GivesTheSameBitsInAnyCompany) {
  for (const unsigned seed : {31u, 34u, 35u}) {
    MixFolder folder;
    const PlannedMix planned = plan_mix(folder.mix(random_mix(seed, folder, {.seconds = 3, .tracks = 6})), 20000);
    const std::vector<plan::Chunk>& chunks = planned.plan.chunks;
    Bench bench(planned, folder / "store");
    std::vector<std::vector<std::vector<float>>> alone;
    for (const plan::Chunk& chunk : chunks) alone.push_back(bench.samples(chunk));
    for (const std::size_t company : {2u, 3u, 7u})
      for (std::size_t first = 0; first < chunks.size(); first += company) {
        std::vector<const program::Program*> programs;  // of whatever lengths and pre-rolls
        for (std::size_t c = first; c < std::min(first + company, chunks.size()); ++c) programs.push_back(&chunks[c].program);
        const auto rendered = render_chunks(programs, *bench.sources, *bench.irs, bench.scratch, bench.cancel);
        ASSERT_TRUE(rendered.ok()) << rendered.error().message;
        for (std::size_t i = 0; i < programs.size(); ++i) {
          std::vector<std::vector<float>> samples;
          for (const float* channel : (*rendered)[i].channels()) samples.emplace_back(channel, channel + (*rendered)[i].frames);
          ASSERT_EQ(samples, alone[first + i]) << "chunk " << first + i << " of seed " << seed << " in a company of " << company;
        }
      }
  }
}

TEST(RenderChunk, FewTracksJoinABatchAndManyDoNot) {
  program::Program few;
  few.length = 48000;
  few.buses.resize(1);
  few.tracks.resize(4);
  program::Program many = few, longer = few;
  many.tracks.resize(13);
  longer.length = 80000;
  const program::Program* const batch[] = {&few, &few, &few};
  EXPECT_TRUE(joins_batch(batch, few));                            // 16 lanes
  EXPECT_FALSE(joins_batch(std::span(batch, 1), many));            // 17
  EXPECT_FALSE(joins_batch(std::span(batch, 1), longer));
}

TEST(RenderChunk, ChunksOfAConvertedSourceJoinWithoutASeam) {
  MixFolder folder;
  folder.sound("cd.wav", white_noise(2, 3 * 44100, 1), 44100);
  const std::string path = folder.mix(Json::parse(R"({"dubfarm": 1, "sample_rate": 48000, "frame_rate": "24", "length": "3s",
    "buses": [{"name": "MX", "layout": "stereo"}],
    "tracks": [{"name": "Score", "bus": "MX", "layout": "stereo", "clips": [{"file": "cd.wav", "at": 777, "in": 5, "gain_db": -3}],
                "gain_db": [[0, -20], ["3s", 0]]}],
    "deliverables": [{"name": "mx", "layout": "stereo", "file": "mx.wav"}]})"));
  const auto joined = [&](Frames chunk_frames) {
    const PlannedMix planned = plan_mix(path, chunk_frames);
    Bench bench(planned, folder / "store");
    std::vector<std::vector<float>> all(2);
    for (const plan::Placement& p : planned.plan.timelines[0].placements)
      for (std::size_t c = 0; const auto& channel : bench.samples(planned.plan.chunks[p.chunk])) {
        EXPECT_EQ(static_cast<Frames>(all[c].size()), p.first);
        all[c].insert(all[c].end(), channel.begin(), channel.end());
        ++c;
      }
    return all;
  };
  const auto whole = joined(3 * 48000);
  ASSERT_EQ(whole[0].size(), 144000u);
  EXPECT_NE(whole[0][100000], 0);
  for (const Frames chunk_frames : {1000, 4096, 31111}) EXPECT_EQ(joined(chunk_frames), whole) << chunk_frames;
}

TEST(RenderChunk, StopsWhenItIsCancelled) {
  MixFolder folder;
  const PlannedMix planned = plan_mix(folder.mix(random_mix(33, folder, {.seconds = 1, .tracks = 4})));
  Bench bench(planned, folder / "store");
  bench.cancel = true;
  const auto rendered = bench.render(planned.plan.chunks.front());
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().code, Errc::cancelled);
}

}  // namespace
}  // namespace dubfarm::worker
