#include "cli/farm/self_test.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "common/mix/parse.hpp"
#include "common/sha256.hpp"
#include "common/store/store.hpp"
#include "kernels/device/isa.hpp"
#include "scheduler/plan/media_table.hpp"
#include "scheduler/plan/plan.hpp"
#include "worker/gpu/device_renderer.hpp"
#include "worker/ir_cache.hpp"
#include "worker/print.hpp"
#include "worker/render_chunk.hpp"
#include "worker/sources.hpp"

namespace dubfarm::cli {
namespace {

constexpr const char* kMix = R"({"dubfarm": 1, "title": "Self-test", "sample_rate": 48000, "frame_rate": "25", "length": 48000,
  "buses": [{"name": "FX", "layout": "5.1"}],
  "reverbs": [{"name": "Room", "ir": "room.wav", "bus": "FX", "layout": "stereo", "gain_db": -9}],
  "tracks": [{"name": "A", "bus": "FX", "pan": 20, "gain_db": -3, "clips": [{"file": "noise.wav", "at": 1000, "fade_in": {"length": 480}}],
              "eq": [{"type": "highpass", "freq": 90}, {"type": "peak", "freq": 2500, "gain_db": 4, "q": 1.2}], "sends": [{"to": "Room"}]}],
  "deliverables": [{"name": "m", "layout": "5.1", "file": "{title}.wav"}]})";

/// A mono or stereo WAV of 16-bit noise from a linear congruential generator (Numerical Recipes' constants): the same everywhere.
std::string noise_file(int channels, std::uint32_t frames, std::uint32_t seed, bool decays) {
  const auto channel_count = static_cast<std::uint16_t>(channels);
  const std::uint32_t bytes = frames * channel_count * 2;
  std::string file = "RIFF";
  const auto put = [&](auto value) { file.append(reinterpret_cast<const char*>(&value), sizeof value); };
  put(36 + bytes);
  file += "WAVEfmt ";
  put(std::uint32_t{16});
  put(std::uint16_t{1});
  put(channel_count);
  put(std::uint32_t{48000});
  put(std::uint32_t{48000} * channel_count * 2);
  put(static_cast<std::uint16_t>(channel_count * 2));
  put(std::uint16_t{16});
  file += "data";
  put(bytes);
  std::uint32_t state = seed;
  for (std::uint32_t n = 0; n < frames; ++n)
    for (int c = 0; c < channels; ++c) {
      state = state * 1664525u + 1013904223u;
      const auto sample = static_cast<std::int16_t>(static_cast<std::int32_t>(state >> 16) - 32768);
      put(static_cast<std::int16_t>(decays ? sample / static_cast<std::int32_t>(2 + n / 8) : sample / 4));
    }
  return file;
}

class Folder {
 public:
  Folder() {
    std::error_code nowhere;  // what TMPDIR names is no folder
    const std::filesystem::path parent = std::filesystem::temp_directory_path(nowhere);
    path_ = (parent / "dubfarm-self-test-XXXXXX").string();
    if (nowhere || ::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The mix, planned, with all that renders it.
struct SelfTest {
  Folder folder;
  std::unique_ptr<mix::Document> document;
  plan::MediaOutcome media;
  plan::Plan plan;
  std::unique_ptr<Store> store;
  std::unique_ptr<worker::Sources> sources;
  std::unique_ptr<worker::IrCache> irs;
  worker::RenderScratch scratch;
  const std::atomic<bool> go_on{false};
};

Result<std::unique_ptr<SelfTest>> prepare(const std::string& mix) {
  auto test = std::make_unique<SelfTest>();
  const std::string& path = test->folder.path();
  if (path.empty()) return fail(Errc::io_error, "self-test: no temporary folder can be made; set TMPDIR to a folder that can be written");
  const auto write = [&](const char* name, const std::string& bytes) { std::ofstream(path + "/" + name, std::ios::binary) << bytes; };
  write("noise.wav", noise_file(1, 40'000, 1, false));
  write("room.wav", noise_file(2, 4'000, 2, true));
  mix::ParseOutcome parsed = mix::parse_mix(mix, path + "/self-test.mix.json");
  if (!parsed.document) return fail(Errc::internal, "self-test: {}", parsed.errors.front().message);
  test->document = std::make_unique<mix::Document>(std::move(*parsed.document));
  media::DigestCache digests("");
  const std::vector<std::size_t> versions = {0};
  test->media = plan::gather_media(*test->document, versions, true, 1, digests);
  if (!test->media.errors.empty()) return fail(Errc::io_error, "self-test: {}", test->media.errors.front().message);
  test->plan = plan::make_plan(*test->document, test->media.table, {}, worker::kNumericProfile);
  TRY_ASSIGN(Store store, Store::open(path + "/store"));
  test->store = std::make_unique<Store>(std::move(store));
  std::vector<worker::SourceFile> files;
  for (const auto& [digest, file] : test->plan.sources) files.push_back({digest, file->info, file->stamp});
  test->sources = std::make_unique<worker::Sources>(std::move(files), test->plan.sample_rate, *test->store);
  test->irs = std::make_unique<worker::IrCache>(*test->sources, std::size_t{64} << 20);
  return test;
}

/// The greatest difference that the device may make where there is a reverb: -120 dBFS.
constexpr double kReverbBudget = 1e-6;
constexpr const char* kFaulty = "the device, its driver or this build is faulty, and the worker takes no work; start it with --backend cpu until that is found";

Result<void> compare(const worker::RenderedChunk& on_cpu, const std::vector<std::vector<float>>& on_device, bool has_reverb) {
  double worst = 0;
  const std::vector<const float*> cpu = on_cpu.channels();
  for (std::size_t c = 0; c < on_device.size(); ++c)
    for (std::size_t n = 0; n < on_device[c].size(); ++n) {
      const float expected = cpu[c][n], seen = on_device[c][n];
      if (!has_reverb && std::bit_cast<std::uint32_t>(expected) != std::bit_cast<std::uint32_t>(seen))
        return fail(Errc::internal, "self-test: without a reverb the device renders {} in channel {}, frame {}, where the CPU renders {}; {}", seen, c, n, expected, kFaulty);
      const double difference = std::abs(static_cast<double>(seen) - static_cast<double>(expected));
      worst = std::max(worst, std::isfinite(seen) ? difference : std::numeric_limits<double>::infinity());
    }
  if (worst >= kReverbBudget)
    return fail(Errc::internal, "self-test: with a reverb the device differs from the CPU by {:.1f} dBFS, it must stay below -120; {}", 20 * std::log10(worst), kFaulty);
  return {};
}

/// The first quarter of a second of a chunk, printed loud, limited and dithered: the same file and figures wherever it is done.
Result<void> compare_prints(const SelfTest& test, const plan::Chunk& chunk, const worker::RenderedChunk& rendered, worker::gpu::DeviceRenderer& renderer) {
  TRY(test.store->put(chunk.key, test.plan.sample_rate, rendered.frames, rendered.channels()));
  const double gain = 4;
  worker::PrintSpec spec;
  spec.length = std::min<Frames>(rendered.frames, test.plan.sample_rate / 4);
  spec.layout = chunk.program.layout();
  worker::PrintStem& stem = spec.stems.emplace_back();
  stem.placements = {{0, rendered.frames, chunk.key}};
  stem.matrix = conversion_matrix(spec.layout, spec.layout);
  spec.levelling.gain_linear = &gain;
  spec.levelling.limiter = kernels::LimiterSettings{};
  spec.extra_meters = {false, true};
  spec.dither_name = "self-test";
  std::string sums[2];
  worker::PrintMeasurement measured[2];
  for (const int on_device : {0, 1}) {
    spec.files = {{fmt::format("{}/print{}.wav", test.folder.path(), on_device), {}}};
    for (int c = 0; c < channel_count(spec.layout); ++c) spec.files[0].channels.push_back(c);
    worker::Print print(spec);
    worker::PrintScratch scratch;
    if (on_device != 0) scratch.device = &renderer;
    TRY_ASSIGN(const std::optional<worker::LostBlobs> lost, print.print_range(*test.store, 0, spec.length, scratch));
    if (lost) return fail(Errc::io_error, "self-test: {}: the blob was damaged as soon as it was written; look after the disk of TMPDIR", test.store->path_of(chunk.key));
    measured[on_device] = print.measurement();
    TRY_ASSIGN(const std::vector<std::string> digests, print.finish(spec.bext));
    sums[on_device] = digests[0];
  }
  if (sums[0] != sums[1]) return fail(Errc::internal, "self-test: the device prints other samples than the CPU; {}", kFaulty);
  if (measured[0] != measured[1]) return fail(Errc::internal, "self-test: the device measures another loudness, or other peaks, than the CPU; {}", kFaulty);
  return {};
}

Result<void> compare_with_cpu(kernels::Device& device, const std::string& mix) {
  TRY_ASSIGN(const std::unique_ptr<SelfTest> test, prepare(mix));
  worker::gpu::DeviceRenderer renderer(device, *test->sources, nullptr);
  for (const plan::Chunk& chunk : test->plan.chunks) {
    TRY_ASSIGN(const worker::RenderedChunk on_cpu, worker::render_chunk(chunk.program, *test->sources, *test->irs, test->scratch, test->go_on));
    std::vector<std::vector<float>> on_device(on_cpu.channels().size(), std::vector<float>(static_cast<std::size_t>(chunk.program.length)));
    std::vector<float*> stem;
    for (std::vector<float>& channel : on_device) stem.push_back(channel.data());
    if (const Result<void> done = renderer.render(chunk.program, stem, test->scratch.sources, test->go_on); !done.ok())
      return fail(done.error().code, "self-test: {}{}", done.error().message,
                  done.error().code == Errc::no_space ? "; give the worker more with --device-memory, or start it with --backend cpu" : "");
    TRY(compare(on_cpu, on_device, !chunk.program.reverbs.empty()));
    if (chunk.program.reverbs.empty()) TRY(compare_prints(*test, chunk, on_cpu, renderer));  // prints hear blobs, whatever made them: once
  }
  return {};
}

}  // namespace

Result<std::string> self_test_sum() {
  TRY_ASSIGN(const std::unique_ptr<SelfTest> test, prepare(kMix));
  const kernels::FlushDenormals flush;
  Sha256 hash;
  for (const plan::Chunk& chunk : test->plan.chunks) {
    TRY_ASSIGN(const worker::RenderedChunk rendered, worker::render_chunk(chunk.program, *test->sources, *test->irs, test->scratch, test->go_on));
    for (const float* channel : rendered.channels()) hash.update(std::as_bytes(std::span(channel, static_cast<std::size_t>(rendered.frames))));
  }
  return hash.hex();
}

Result<void> self_test_device(kernels::Device& device) {
  const kernels::FlushDenormals flush;
  nlohmann::json dry = nlohmann::json::parse(kMix);
  dry.erase("reverbs");
  for (nlohmann::json& track : dry["tracks"]) track.erase("sends");
  Result<void> done = compare_with_cpu(device, dry.dump());
  if (done.ok()) done = compare_with_cpu(device, kMix);
  device.forget();
  return done;
}

Result<void> self_test(std::string_view expected) {
  TRY_ASSIGN(const std::string sum, self_test_sum());
  if (sum != expected)
    return fail(Errc::internal, "self-test: this machine renders {} where \"{}\" gives {}; its processor or its build is faulty, and it takes no work", sum, worker::kNumericProfile, expected);
  return {};
}

}  // namespace dubfarm::cli
