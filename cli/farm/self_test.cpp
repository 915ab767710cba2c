#include "cli/farm/self_test.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "common/mix/parse.hpp"
#include "common/sha256.hpp"
#include "common/store/store.hpp"
#include "kernels/device/isa.hpp"
#include "scheduler/plan/media_table.hpp"
#include "scheduler/plan/plan.hpp"
#include "worker/ir_cache.hpp"
#include "worker/render_chunk.hpp"
#include "worker/sources.hpp"

namespace dubfarm::cli {
namespace {

/// Goes with kNumericProfile: whatever changes a bit changes both.
constexpr std::string_view kExpected = "49aefce52aadd43caaeb6eaae13c21f2eabb8b9707443abb7f96c454fc0231d1";

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
    path_ = (std::filesystem::temp_directory_path() / "dubfarm-self-test-XXXXXX").string();
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
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

}  // namespace

Result<std::string> self_test_sum() {
  const Folder folder;
  if (folder.path().empty()) return fail(Errc::io_error, "self-test: no temporary folder can be made; set TMPDIR to a folder that can be written");
  const auto write = [&](const char* name, const std::string& bytes) { std::ofstream(folder.path() + "/" + name, std::ios::binary) << bytes; };
  write("noise.wav", noise_file(1, 40'000, 1, false));
  write("room.wav", noise_file(2, 4'000, 2, true));
  mix::ParseOutcome parsed = mix::parse_mix(kMix, folder.path() + "/self-test.mix.json");
  if (!parsed.document) return fail(Errc::internal, "self-test: {}", parsed.errors.front().message);
  media::DigestCache digests("");
  const std::vector<std::size_t> versions = {0};
  const plan::MediaOutcome media = plan::gather_media(*parsed.document, versions, true, 1, digests);
  if (!media.errors.empty()) return fail(Errc::io_error, "self-test: {}", media.errors.front().message);
  const plan::Plan plan = plan::make_plan(*parsed.document, media.table, {}, worker::kNumericProfile);
  TRY_ASSIGN(const Store store, Store::open(folder.path() + "/store"));
  std::vector<worker::SourceFile> files;
  for (const auto& [digest, file] : plan.sources) files.push_back({digest, file->info, file->stamp});
  const worker::Sources sources(std::move(files), plan.sample_rate, store);
  worker::IrCache irs(sources, std::size_t{64} << 20);
  worker::RenderScratch scratch;
  const std::atomic<bool> go_on{false};
  const kernels::FlushDenormals flush;
  Sha256 hash;
  for (const plan::Chunk& chunk : plan.chunks) {
    TRY_ASSIGN(const worker::RenderedChunk rendered, worker::render_chunk(chunk.program, sources, irs, scratch, go_on));
    for (const float* channel : rendered.channels()) hash.update(std::as_bytes(std::span(channel, static_cast<std::size_t>(rendered.frames))));
  }
  return hash.hex();
}

Result<void> self_test() {
  TRY_ASSIGN(const std::string sum, self_test_sum());
  if (sum != kExpected)
    return fail(Errc::internal, "self-test: this machine renders {} where \"{}\" gives {}; its processor or its build is faulty, and it takes no work", sum, worker::kNumericProfile, kExpected);
  return {};
}

}  // namespace dubfarm::cli
