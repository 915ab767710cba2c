// A whole chunk through the worker's path, from files in the page cache to the stem's samples: on the device of the CUDA module, and on all CPU cores. Then
// a print of such chunks, to files of 24 bits, limited, dithered and measured: likewise.
//   whole_chunk --folder FOLDER [--tracks 256] [--seconds 60] [--chunks 10] [--reverbs 8] [--ir-seconds 4] [--threads N] [--device N]
// Tracks are mono files of 24 bits with four bands, a level, a pan and a send each; reverbs go from mono to 5.1. FOLDER gets the material, which takes
// tracks * chunks * seconds * 144 kB (22 GB by default), and keeps it. Every chunk plays other frames: nothing that one measured chunk brought up serves another.
// In flight are all chunks but two at once, each kRounds times, on a renderer of each round's own: what is measured is mostly neither beginning nor end.
// JSON on stdout. Exit status: 0 done, 1 the device's chunk is not below -120 dBFS of the CPU's, or its print has not the CPU's bytes, or the CPU took
// over what was the device's; 2 wrong usage, 3 no device or no room.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/mix/parse.hpp"
#include "common/store/store.hpp"
#include "kernels/device/device.hpp"
#include "kernels/device/isa.hpp"
#include "kernels/device/module.hpp"
#include "scheduler/plan/plan.hpp"
#include "worker/gpu/device_renderer.hpp"
#include "worker/gpu/staging.hpp"
#include "worker/print.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::bench {
namespace {

constexpr int kRate = 48000;
constexpr int kRounds = 3;

struct Options {
  std::string folder;
  int tracks = 256, seconds = 60, chunks = 10, reverbs = 8, threads = static_cast<int>(std::thread::hardware_concurrency()), device = 0;
  double ir_seconds = 4;
};

[[noreturn]] void end(int status, const std::string& message) {
  fmt::print(stderr, "error: {}\n", message);
  std::exit(status);
}
template <class T>
T expect(Result<T> result, int status = 3) {
  if (!result.ok()) end(status, result.error().message);
  return std::move(*result);
}

double seconds_of(const std::function<void()>& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

/// work(i) for i in [0, count), on so many threads.
void spread(int count, int threads, const std::function<void(int)>& work) {
  std::atomic<int> next{0};
  std::vector<std::jthread> all;
  for (int t = 0; t < std::min(threads, count); ++t)
    all.emplace_back([&] {
      for (int i = next++; i < count; i = next++) work(i);
    });
}

/// 24 bits. sample(frame, channel) in [-1, 1).
void write_wav(const std::string& path, int channels, Frames frames, const std::function<double(Frames, int)>& sample) {
  const auto data = static_cast<std::uint32_t>(frames * channels * 3);
  std::vector<unsigned char> bytes(44 + data);
  const auto put = [&](std::size_t at, std::uint32_t value, int size) {
    for (int i = 0; i < size; ++i) bytes[at + static_cast<std::size_t>(i)] = static_cast<unsigned char>(value >> (8 * i));
  };
  std::memcpy(bytes.data(), "RIFF", 4), std::memcpy(bytes.data() + 8, "WAVEfmt ", 8), std::memcpy(bytes.data() + 36, "data", 4);
  put(4, 36 + data, 4), put(16, 16, 4), put(20, 1, 2), put(22, static_cast<std::uint32_t>(channels), 2), put(24, kRate, 4);
  put(28, static_cast<std::uint32_t>(kRate * channels * 3), 4), put(32, static_cast<std::uint32_t>(channels * 3), 2), put(34, 24, 2), put(40, data, 4);
  std::size_t at = 44;
  for (Frames n = 0; n < frames; ++n)
    for (int c = 0; c < channels; ++c, at += 3) put(at, static_cast<std::uint32_t>(static_cast<std::int32_t>(std::lround(sample(n, c) * 8388607))), 3);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) end(3, path + ": cannot be written");
}

/// Noise, uniform in [-1, 1).
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  double next() {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return static_cast<double>(static_cast<std::int64_t>(state_)) * 0x1p-63;
  }

 private:
  std::uint64_t state_;
};

void write_material(const Options& o) {
  std::filesystem::create_directories(o.folder);
  const Frames frames = static_cast<Frames>(o.seconds) * o.chunks * kRate, taps = std::max<Frames>(1, std::llround(o.ir_seconds * kRate));
  spread(o.tracks + o.reverbs, o.threads, [&](int i) {
    Noise noise(static_cast<std::uint64_t>(i) + 1);
    if (i < o.tracks) write_wav(fmt::format("{}/t{:03}.wav", o.folder, i), 1, frames, [&](Frames, int) { return 0.02 * noise.next(); });
    else write_wav(fmt::format("{}/ir{}.wav", o.folder, i - o.tracks), 6, taps, [&](Frames n, int) { return 0.01 * noise.next() * std::exp(-6.9 * static_cast<double>(n) / static_cast<double>(taps)); });
  });
  std::string mix = fmt::format(R"({{"dubfarm": 1, "sample_rate": {}, "frame_rate": "24", "length": "{}s", "buses": [{{"name": "MIX", "layout": "5.1"}}], "reverbs": [)", kRate, o.seconds * o.chunks);
  for (int r = 0; r < o.reverbs; ++r)
    mix += fmt::format(R"({}{{"name": "R{}", "ir": "ir{}.wav", "bus": "MIX", "layout": "5.1", "predelay": "20ms", "gain_db": -6}})", r > 0 ? ", " : "", r, r);
  mix += "], \"tracks\": [";
  for (int t = 0; t < o.tracks; ++t)
    mix += fmt::format(R"({}{{"name": "T{}", "bus": "MIX", "clips": [{{"file": "t{:03}.wav", "at": 0}}], "gain_db": {}, "pan": {},
      "eq": [{{"type": "lowshelf", "freq": {}, "q": 0.7, "gain_db": 3}}, {{"type": "peak", "freq": {}, "q": 1.2, "gain_db": -4}},
             {{"type": "peak", "freq": 2400, "q": 0.9, "gain_db": 2}}, {{"type": "highshelf", "freq": 8000, "q": 0.7, "gain_db": -3}}]{}}})",
                       t > 0 ? ", " : "", t, t, -(t % 12), t * 37 % 360 - 180, 80 + t % 60, 300 + t,
                       o.reverbs > 0 ? fmt::format(R"(, "sends": [{{"to": "R{}", "gain_db": -12}}])", t % o.reverbs) : "");
  mix += R"(], "deliverables": [{"name": "stem", "layout": "5.1", "file": "stem.wav"}]})";
  std::ofstream(o.folder + "/chunk.mix.json") << mix;
}

using Samples = std::vector<std::vector<float>>;

/// One job's sources, rendered here or there.
class Job {
 public:
  Job(const plan::Plan& plan, const Store& store) : sources_(files_of(plan), plan.sample_rate, store), irs_(sources_, std::size_t{4} << 30) {}
  [[nodiscard]] const worker::Sources& sources() const { return sources_; }
  Samples render(const program::Program& program, worker::RenderScratch& scratch, worker::gpu::DeviceRenderer* device) {
    const kernels::FlushDenormals flush;
    const auto rendered = expect(worker::render_chunk(program, sources_, irs_, scratch, never_, device));
    Samples samples;
    for (const float* channel : rendered.channels()) samples.emplace_back(channel, channel + rendered.frames);
    return samples;
  }

 private:
  static std::vector<worker::SourceFile> files_of(const plan::Plan& plan) {
    std::vector<worker::SourceFile> files;
    for (const auto& [digest, file] : plan.sources) files.push_back({digest, file->info, file->stamp});
    return files;
  }
  worker::Sources sources_;
  worker::IrCache irs_;
  std::atomic<bool> never_{false};
};

/// Bytes a second from page-locked memory to the device.
double upload_rate(kernels::Device& device) {
  const kernels::PinnedSlot slot = expect(device.take_slot());
  const kernels::DeviceMemory memory = expect(device.allocate(slot.bytes().size()));
  const kernels::Stream stream = expect(device.create_stream());
  std::memset(slot.bytes().data(), 1, slot.bytes().size());
  constexpr int kCopies = 32;
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < 3; ++run)
    best = std::min(best, seconds_of([&] {
      for (int i = 0; i < kCopies; ++i)
        if (!stream.copy_up(memory.get(), slot.bytes().data(), slot.bytes().size()).ok()) end(3, "the device does not take copies");
      if (!stream.synchronize().ok()) end(3, "the device failed");
    }));
  return static_cast<double>(slot.bytes().size()) * kCopies / best;
}

/// Prints of a programme of one stem, the chunk of `key`, side by side into files of their own.
class Prints {
 public:
  Prints(const Store& store, const program::Key& key, Frames frames, const std::string& folder, int count) : store_(store) {
    worker::PrintSpec spec;
    spec.sample_rate = kRate, spec.length = frames, spec.layout = Layout::surround_51, spec.dither_name = "print";
    worker::PrintStem stem{{{0, frames, key}}, {}};
    stem.matrix.rows = stem.matrix.columns = 6;
    stem.matrix.values.assign(36, 0.0);
    for (std::size_t c = 0; c < 6; ++c) stem.matrix.values[7 * c] = 1;
    spec.stems = {stem};
    spec.levelling.limiter = kernels::LimiterSettings{kRate, -12, 240, 4800, 0x1p-23};
    for (int i = 0; i < count; ++i) {
      spec.files = {{fmt::format("{}/print{}.wav", folder, i), {0, 1, 2, 3, 4, 5}}};
      prints_.push_back(std::make_unique<worker::Print>(spec));
    }
  }
  /// All of them, a thread each. @return seconds for one.
  double run(worker::gpu::DeviceRenderer* device) {
    std::vector<worker::PrintScratch> scratches(prints_.size());
    return seconds_of([&] {
      spread(static_cast<int>(prints_.size()), static_cast<int>(prints_.size()), [&](int i) {
        const kernels::FlushDenormals flush;
        const auto index = static_cast<std::size_t>(i);
        scratches[index].device = device;
        if (expect(prints_[index]->print_range(store_, 0, prints_[index]->spec().length, scratches[index]))) end(3, "a blob is gone");
      });
    }) / static_cast<double>(prints_.size());
  }
  /// SHA-256 of the files, each the same.
  std::string digest() {
    std::string all;
    for (const auto& print : prints_) {
      const std::string one = expect(print->finish(print->spec().bext)).front();
      if (!all.empty() && one != all) end(1, "two prints of one programme differ");
      all = one;
    }
    return all;
  }

 private:
  const Store& store_;
  std::vector<std::unique_ptr<worker::Print>> prints_;
};

double difference_db(const Samples& a, const Samples& b) {
  double worst = 1e-300;
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  for (std::size_t c = 0; c < a.size(); ++c)
    for (std::size_t n = 0; n < a[c].size(); ++n) {
      const double error = std::abs(static_cast<double>(a[c][n]) - static_cast<double>(b[c][n]));
      if (!(error <= worst)) worst = error;
    }
  return std::isnan(worst) ? std::numeric_limits<double>::infinity() : 20 * std::log10(worst);
}

Options parse(int argc, char** argv) {
  Options o;
  const auto number = [](const std::string& word, const char* text) {
    char* last = nullptr;
    const double value = std::strtod(text, &last);
    if (*text == '\0' || *last != '\0' || !(value >= 0)) end(2, fmt::format("{}: \"{}\" is no number", word, text));
    return value;
  };
  const std::map<std::string, int Options::*> counts = {{"--tracks", &Options::tracks}, {"--seconds", &Options::seconds}, {"--chunks", &Options::chunks},
                                                        {"--reverbs", &Options::reverbs}, {"--threads", &Options::threads}, {"--device", &Options::device}};
  for (int i = 1; i < argc; i += 2) {
    const std::string word = argv[i];
    if (i + 1 == argc) end(2, fmt::format("{} needs a value; see the head of tests/bench/gpu/whole_chunk.cpp", word));
    if (word == "--folder") o.folder = argv[i + 1];
    else if (word == "--ir-seconds") o.ir_seconds = number(word, argv[i + 1]);
    else if (const auto found = counts.find(word); found != counts.end()) o.*found->second = static_cast<int>(number(word, argv[i + 1]));
    else end(2, fmt::format("unknown argument \"{}\"; see the head of tests/bench/gpu/whole_chunk.cpp", word));
  }
  if (o.folder.empty()) end(2, "--folder says where the material goes");
  if (o.tracks < 1 || o.seconds < 1 || o.threads < 1 || o.chunks < 3) end(2, "there must be a track, a second, a thread, and three chunks: one to warm up, one alone, one in flight");
  return o;
}

int run(const Options& o) {
  const kernels::DeviceModule* const module = expect(kernels::DeviceModule::find());
  const DubfarmProbe probe = module->probe();
  if (probe.status != DUBFARM_OK) end(3, probe.message);
  const DubfarmDeviceInfo info = expect(module->device_info(o.device));
  write_material(o);
  mix::ParseOutcome parsed = mix::parse_mix(expect(mix::read_text_file(o.folder + "/chunk.mix.json")), o.folder + "/chunk.mix.json");
  if (!parsed.document) end(3, parsed.errors.front().message);
  media::DigestCache digests("");
  const plan::MediaOutcome media = plan::gather_media(*parsed.document, plan::selected_versions(*parsed.document, {}), true, o.threads, digests);
  if (!media.errors.empty()) end(3, media.errors.front().message);
  const plan::Plan plan = plan::make_plan(*parsed.document, media.table, {}, module->numeric_profile(info), plan::BoundaryPolicy::grid(static_cast<Frames>(o.seconds) * kRate));
  if (plan.chunks.size() < 3) end(3, "the plan has too few chunks");
  const auto program = [&](std::size_t chunk) -> const program::Program& { return plan.chunks[chunk].program; };
  const Store store = expect(Store::open(o.folder + "/store"));
  Job job(plan, store);

  kernels::Device::Options device_options;
  device_options.device = o.device;
  device_options.memory_limit = info.free_bytes / 10 * 9;
  device_options.slots = worker::gpu::kStagingSlots * std::max(o.threads, o.chunks);  // none ever waits for another's
  const auto device = expect(kernels::Device::open(*module, device_options));
  const double upload = upload_rate(*device);
  worker::StageTimes times;
  std::vector<std::unique_ptr<worker::gpu::DeviceRenderer>> renderers;
  for (int r = 0; r < kRounds; ++r) renderers.push_back(std::make_unique<worker::gpu::DeviceRenderer>(*device, job.sources(), &times));
  worker::RenderScratch scratch;
  const double first = seconds_of([&] { (void)job.render(program(0), scratch, renderers.front().get()); });  // with plans and spectra
  const std::int64_t up_before = times.bytes(worker::Stage::upload);
  Samples on_device;
  const double alone = seconds_of([&] { on_device = job.render(program(1), scratch, renderers.front().get()); });
  const double bytes = static_cast<double>(times.bytes(worker::Stage::upload) - up_before), pcie = bytes / upload;
  for (int r = 1; r < kRounds; ++r) (void)job.render(program(0), scratch, renderers[static_cast<std::size_t>(r)].get());
  const int flying = static_cast<int>(plan.chunks.size()) - 2, in_all = kRounds * flying;
  std::vector<worker::RenderScratch> scratches(static_cast<std::size_t>(in_all));
  const double together = seconds_of([&] {
    spread(in_all, flying, [&](int i) {
      (void)job.render(program(static_cast<std::size_t>(i % flying) + 2), scratches[static_cast<std::size_t>(i)], renderers[static_cast<std::size_t>(i / flying)].get());
    });
  }) / in_all;
  scratches.clear();
  std::size_t left = 0;
  std::string why;
  const auto count_left = [&](const worker::gpu::DeviceRenderer& renderer) {
    const auto now = renderer.left_to_cpu();
    left += now.all();
    if (why.empty()) why = now.why;
  };
  for (const auto& renderer : renderers) count_left(*renderer);
  renderers.clear();

  // Prints, of the first chunk that was measured.
  std::vector<const float*> stem;
  for (const std::vector<float>& channel : on_device) stem.push_back(channel.data());
  if (const Result<void> put = store.put(plan.chunks[1].key, kRate, static_cast<Frames>(on_device.front().size()), stem); !put.ok()) end(3, put.error().message);
  const auto print = [&](worker::gpu::DeviceRenderer* on) {
    (void)Prints(store, plan.chunks[1].key, static_cast<Frames>(on_device.front().size()), o.folder, 1).run(on);  // memory, plans, page cache
    Prints prints(store, plan.chunks[1].key, static_cast<Frames>(on_device.front().size()), o.folder, o.threads);
    const double took = prints.run(on);
    return std::pair(took, prints.digest());
  };
  const auto printer = std::make_unique<worker::gpu::DeviceRenderer>(*device, job.sources(), &times);
  const auto [print_s, print_digest] = print(printer.get());
  count_left(*printer);
  const auto [cpu_print_s, cpu_print_digest] = print(nullptr);
  const bool same_print = print_digest == cpu_print_digest;
  const std::string table = times.table(first * kRounds + alone + together * in_all, 1);

  // The CPU: as many of the same chunk at once as there are threads, the spectra prepared before.
  Samples on_cpu = job.render(program(1), scratch, nullptr);
  scratches = std::vector<worker::RenderScratch>(static_cast<std::size_t>(o.threads));
  const double cpu = seconds_of([&] {
    spread(o.threads, o.threads, [&](int i) { (void)job.render(program(1), scratches[static_cast<std::size_t>(i)], nullptr); });
  }) / o.threads;
  const double error = difference_db(on_device, on_cpu);

  fmt::print(stderr, "{}", table);
  fmt::print("{{\"device\": \"{}\", \"tracks\": {}, \"bands\": 4, \"reverbs\": {}, \"ir_seconds\": {}, \"seconds\": {}, \"layout\": \"5.1\",\n"
             " \"bytes_up\": {:.0f}, \"upload_gbps\": {:.2f}, \"pcie_s\": {:.5f}, \"first_chunk_s\": {:.4f},\n"
             " \"alone\": {{\"chunk_s\": {:.4f}, \"times_pcie\": {:.2f}}}, \"in_flight\": {{\"chunks\": {}, \"chunk_s\": {:.4f}, \"times_pcie\": {:.2f}}},\n"
             " \"cpu\": {{\"isa\": \"{}\", \"threads\": {}, \"chunk_s\": {:.4f}}}, \"times_as_fast_as_cpu\": {:.2f}, \"difference_db\": {:.1f}, \"left_to_cpu\": {},\n"
             " \"print\": {{\"side_by_side\": {}, \"device_s\": {:.4f}, \"cpu_s\": {:.4f}, \"times_as_fast_as_cpu\": {:.2f}, \"same_bytes\": {}}}}}\n",
             info.name, o.tracks, o.reverbs, o.ir_seconds, o.seconds, bytes, upload / 1e9, pcie, first, alone, alone / pcie, flying, together, together / pcie,
             kernels::name_of(kernels::best_isa()), o.threads, cpu, cpu / together, error, left, o.threads, print_s,
             cpu_print_s, cpu_print_s / print_s, same_print);
  if (left > 0) fmt::print(stderr, "error: {} chunks or ranges were left to the CPU: {}\n", left, why);
  if (!same_print) fmt::print(stderr, "error: the device's print has not the CPU's bytes\n");
  if (!(error < -120)) fmt::print(stderr, "error: the device's chunk is {:.1f} dBFS from the CPU's, -120 is allowed\n", error);
  return left == 0 && same_print && error < -120 ? 0 : 1;
}

}  // namespace
}  // namespace dubfarm::bench

int main(int argc, char** argv) { return dubfarm::bench::run(dubfarm::bench::parse(argc, argv)); }
