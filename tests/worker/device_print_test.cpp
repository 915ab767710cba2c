// Prints that a device works out are those of the CPU: the bytes of the files, and every figure. The device is the emulated one.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <numeric>
#include <thread>

#include "kernels/device/device.hpp"
#include "kernels/loudness/loudness.hpp"
#include "tests/support/command.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/temporary_folder.hpp"
#include "worker/gain_measure.hpp"
#include "worker/gpu/device_renderer.hpp"
#include "worker/gpu/staging.hpp"
#include "worker/print.hpp"

namespace dubfarm::worker {
namespace {

using namespace dubfarm::testing;

constexpr int kRate = 17000;  // small groups
constexpr Layout kLayout = Layout::surround_51;

const kernels::DeviceModule& module() {
  static const kernels::DeviceModule loaded = kernels::DeviceModule::load(emulated_module()).value();
  return loaded;
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void expect_equal(const PrintMeasurement& device, const PrintMeasurement& cpu) {
  EXPECT_EQ(device.energy, cpu.energy);
  EXPECT_EQ(device.speech_energy, cpu.speech_energy);
  EXPECT_EQ(device.m_energy, cpu.m_energy);
  EXPECT_TRUE(device.peaks == cpu.peaks);
  EXPECT_TRUE(device.subblock_peaks == cpu.subblock_peaks);
  EXPECT_EQ(device.sums, cpu.sums);
  EXPECT_EQ(device.clipped_samples, cpu.clipped_samples);
  EXPECT_EQ(device.limiter.limited_frames, cpu.limiter.limited_frames);
  EXPECT_TRUE(device == cpu);
}

/// Two stems in a store, the second of speech and stereo, in chunks of uneven length with silence between them; too loud now and then.
class DevicePrint : public ::testing::Test {
 protected:
  DevicePrint() : store_(*Store::open(folder_.path("store"))) {
    Matrix plain;
    plain.rows = plain.columns = kChannels;
    plain.values.assign(kChannels * kChannels, 0.0);
    for (int c = 0; c < kChannels; ++c) plain.values[static_cast<std::size_t>(c * kChannels + c)] = 1;
    stems_.push_back(stem(0, plain, 0));
    Matrix dialogue;
    dialogue.rows = kChannels, dialogue.columns = 2;
    dialogue.values.assign(kChannels * 2, 0.0);
    dialogue.values[2 * 2] = 0.7, dialogue.values[2 * 2 + 1] = 0.7, dialogue.values[0] = 0.3;
    stems_.push_back(stem(1, dialogue, 9000));
    stems_.back().is_speech = true;
    open_device(std::uint64_t{1} << 30);
  }
  void open_device(std::uint64_t memory, int threads = 1) {
    renderer_.reset();
    kernels::Device::Options options;
    options.memory_limit = memory;
    options.slot_bytes = 100'000;  // small, so that copies take many
    options.slots = gpu::kStagingSlots * threads;
    device_ = kernels::Device::open(module(), options).value();
    renderer_ = std::make_unique<gpu::DeviceRenderer>(*device_, sources_, &times_);
  }
  PrintStem stem(std::uint64_t s, const Matrix& matrix, Frames at) {
    PrintStem made{{}, matrix};
    for (std::uint64_t k = 0; at < kLength; ++k) {
      const Frames length = std::min<Frames>(kLength - at, 20000 + 7777 * static_cast<Frames>(k));
      std::vector<std::vector<float>> channels;
      std::vector<const float*> rows;
      for (int c = 0; c < matrix.columns; ++c) {
        channels.push_back(noise(static_cast<std::size_t>(length), 100 * s + 10 * k + static_cast<std::uint64_t>(c), 0.3f));
        for (std::size_t n = 0; n < channels.back().size(); ++n) channels.back()[n] *= n % 11000 < 200 ? 4.0f : c == 4 ? 0.0f : 1.0f;
      }
      if (matrix.columns > 4) std::fill(channels[4].begin(), channels[4].end(), 0.0f);  // silent: not stored
      for (auto& channel : channels) rows.push_back(channel.data());
      const program::Key key = program::key_of_bytes("chunk " + std::to_string(100 * s + k));
      EXPECT_TRUE(store_.put(key, kRate, length, rows).ok());
      made.placements.push_back({at, length, key});
      at += length + 3000;
    }
    return made;
  }
  PrintSpec spec() {
    PrintSpec spec;
    spec.sample_rate = kRate;
    spec.length = kLength;
    spec.layout = kLayout;
    spec.stems = stems_;
    spec.dither_name = "theatrical";
    std::vector<int> every(kChannels);
    std::iota(every.begin(), every.end(), 0);
    spec.files = {{"", every}};
    return spec;
  }
  PrintScratch scratch(bool on_device) {
    PrintScratch scratch;
    if (on_device) scratch.device = renderer_.get();
    return scratch;
  }
  /// Prints in ranges of `groups` groups.
  std::unique_ptr<Print> print(PrintSpec spec, Frames groups, bool on_device) {
    for (std::size_t f = 0; f < spec.files.size(); ++f) spec.files[f].path = path(f, on_device);
    auto print = std::make_unique<Print>(spec);
    PrintScratch memory = scratch(on_device);
    const Frames step = groups * kernels::group_frames(kRate);
    for (Frames first = 0; first < spec.length; first += step) {
      const auto lost = print->print_range(store_, first, std::min(step, spec.length - first), memory);
      EXPECT_TRUE(lost.ok() && !*lost) << (lost.ok() ? "lost blobs" : lost.error().message);
    }
    EXPECT_TRUE(print->finish(spec.bext).ok());
    return print;
  }
  [[nodiscard]] std::string path(std::size_t file, bool on_device) const {
    return folder_.path(std::string(on_device ? "device" : "cpu") + std::to_string(file) + ".wav");
  }
  /// @return the CPU's
  PrintMeasurement compare(const PrintSpec& spec, Frames groups) {
    const auto on_cpu = print(spec, 3, false), on_device = print(spec, groups, true);
    expect_equal(on_device->measurement(), on_cpu->measurement());
    for (std::size_t f = 0; f < spec.files.size(); ++f) EXPECT_TRUE(contents(path(f, true)) == contents(path(f, false))) << "file " << f;
    EXPECT_EQ(on_device->qc().pairs.size(), on_cpu->qc().pairs.size());
    EXPECT_EQ(on_device->qc().dropouts, on_cpu->qc().dropouts);
    EXPECT_EQ(on_device->qc().clicks, on_cpu->qc().clicks);
    return on_cpu->measurement();
  }

  static constexpr int kChannels = 6;
  static constexpr Frames kLength = 5 * kRate + 123;
  kernels::FlushDenormals flush_;
  TemporaryFolder folder_;
  Store store_;
  std::vector<PrintStem> stems_;
  Sources sources_{{}, kRate, store_};
  StageTimes times_;
  std::unique_ptr<kernels::Device> device_;
  std::unique_ptr<gpu::DeviceRenderer> renderer_;
  double gain_ = 1.25;
};

TEST_F(DevicePrint, HasTheBytesAndFiguresOfTheCpuInEverySampleType) {
  for (const mix::SampleType type : {mix::SampleType::int16, mix::SampleType::int24, mix::SampleType::float32}) {
    PrintSpec one = spec();
    one.sample_type = type;
    one.dither = type != mix::SampleType::int16;
    EXPECT_GT(compare(one, 1).clipped_samples, type == mix::SampleType::float32 ? -1 : 0);
  }
  EXPECT_EQ(renderer_->left_to_cpu().ranges, 0u);
  EXPECT_GT(times_.bytes(Stage::print), 0);
  EXPECT_GT(times_.bytes(Stage::write), 0);
}

TEST_F(DevicePrint, LimitsGatesAndSplitsAsTheCpuDoes) {
  PrintSpec one = spec();
  one.levelling.gain_linear = &gain_;
  one.levelling.limiter = kernels::LimiterSettings{kRate, -3.0, 100, 1000, 1e-7};
  one.extra_meters = {true, true};
  one.qc = QcSpec{0x1p-22f, {20000, 23000}, {9000}};
  one.leader = 1000;
  one.files = {{"", {1, 0}}, {"", {2}}, {"", {5, 3, 4}}};
  for (const Frames groups : {1, 2}) {
    const PrintMeasurement measured = compare(one, groups);
    EXPECT_GT(measured.limiter.max_reduction_db, 3);
    EXPECT_GT(measured.limiter.limited_frames, 100);
  }
}

TEST_F(DevicePrint, FollowsTheCurveOfAnotherSum) {
  PrintSpec one = spec();
  one.levelling.gain_linear = &gain_;
  one.levelling.limiter = kernels::LimiterSettings{kRate, -3.0, 100, 1000, 1e-7};
  one.levelling.key = stems_;
  one.levelling.key_layout = kLayout;
  one.stems = {stems_[1]};
  one.extra_meters.speech = true;
  one.dither_chain = PrintSpec::DitherChain{"a", "b", false};
  EXPECT_GT(compare(one, 1).limiter.limited_frames, 100);
}

TEST_F(DevicePrint, MeasuresRoundsAsTheCpuDoes) {
  PrintSpec one = spec();
  one.levelling.limiter = kernels::LimiterSettings{kRate, -3.0, 100, 1000, 1e-7};
  one.extra_meters = {true, true};
  GainMeasure on_cpu(one), on_device(one);
  PrintScratch cpu = scratch(false), device = scratch(true);
  for (const double gain : {0.0, 1.25, 0.1}) {
    if (gain != 0)
      for (GainMeasure* measure : {&on_cpu, &on_device}) measure->begin_round(gain);
    const Frames step = 2 * kernels::group_frames(kRate);
    for (Frames first = 0; first < kLength; first += step)
      for (const bool is_device : {false, true}) {
        const auto lost = (is_device ? on_device : on_cpu).measure_range(store_, first, std::min(step, kLength - first), is_device ? device : cpu);
        EXPECT_TRUE(lost.ok() && !*lost);
      }
    expect_equal(on_device.measurement(), on_cpu.measurement());
  }
  EXPECT_EQ(renderer_->left_to_cpu().ranges, 0u);
}

TEST_F(DevicePrint, ManyRangesInFlightGiveTheSameBytes) {
  open_device(std::uint64_t{1} << 30, 3);
  PrintSpec one = spec();
  one.levelling.gain_linear = &gain_;
  one.levelling.limiter = kernels::LimiterSettings{kRate, -3.0, 100, 1000, 1e-7};
  const auto on_cpu = print(one, 3, false);
  one.files[0].path = path(0, true);
  Print print(one);
  const Frames step = kernels::group_frames(kRate);
  std::atomic<Frames> next{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        const kernels::FlushDenormals flush;
        PrintScratch memory = scratch(true);
        for (Frames first = next.fetch_add(step); first < kLength; first = next.fetch_add(step)) {
          const auto lost = print.print_range(store_, first, std::min(step, kLength - first), memory);
          EXPECT_TRUE(lost.ok() && !*lost);
        }
      });
  }
  EXPECT_TRUE(print.finish(one.bext).ok());
  expect_equal(print.measurement(), on_cpu->measurement());
  EXPECT_TRUE(contents(path(0, true)) == contents(path(0, false)));
  EXPECT_EQ(renderer_->left_to_cpu().ranges, 0u);
}

TEST_F(DevicePrint, SumsInBatchesWhereTheDeviceIsSmall) {
  open_device(std::uint64_t{40} << 20);  // a megabyte at a time, of two and a half
  compare(spec(), 2);
  EXPECT_EQ(renderer_->left_to_cpu().ranges, 0u) << renderer_->left_to_cpu().why;
}

TEST_F(DevicePrint, IsTheCpusWhereTheDeviceHasNoMemory) {
  open_device(std::uint64_t{4} << 20);
  compare(spec(), 2);
  EXPECT_EQ(renderer_->left_to_cpu().ranges, 2u);
  EXPECT_NE(renderer_->left_to_cpu().why.find("a range of a print takes"), std::string::npos) << renderer_->left_to_cpu().why;
}

TEST_F(DevicePrint, NamesBlobsThatAreGoneOrDamaged) {
  PrintSpec one = spec();
  one.files[0].path = folder_.path("lost.wav");
  Print print(one);
  PrintScratch memory = scratch(true);
  const auto& gone = stems_[1].placements[1];
  store_.discard(gone.key);
  std::optional<LostBlobs> lost = print.print_range(store_, 0, kLength, memory).value();
  ASSERT_TRUE(lost && lost->keys.size() == 1);
  EXPECT_EQ(lost->keys[0], gone.key);
  {
    std::fstream blob(store_.path_of(stems_[0].placements[1].key), std::ios::in | std::ios::out | std::ios::binary);
    blob.seekp(-1000, std::ios::end);
    blob.write("damaged", 7);
  }
  one.stems = {stems_[0]};
  one.files[0].path = folder_.path("damaged.wav");
  Print second(one);
  lost = second.print_range(store_, 0, kLength, memory).value();
  ASSERT_TRUE(lost && !lost->keys.empty());
  EXPECT_EQ(lost->keys[0], stems_[0].placements[1].key);
}

}  // namespace
}  // namespace dubfarm::worker
