// output_file: outputs that others can read, that appear whole or not at all, and whose bytes are the same every time.
#include "common/media/output_file.hpp"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <csignal>
#include <cstring>
#include <thread>

#include "common/media/probe.hpp"
#include "tests/common/media/media_files.hpp"

namespace dubfarm::media {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::le, testing::read_file, testing::TemporaryFolder;

constexpr SampleType kTypes[] = {SampleType::int16, SampleType::int24, SampleType::int32, SampleType::float32};

/// A ramp that every type holds exactly, and its bytes.
float ramp(Frames n, int channel) { return static_cast<float>((n * 7 + channel * 1000) % 32768 - 16384) / 32768; }
std::string ramp_bytes(const OutputFormat& format, Frames first, Frames count) {
  std::string bytes;
  for (Frames n = first; n < first + count; ++n)
    for (int c = 0; c < format.channels; ++c) {
      const float x = ramp(n, c);
      const int size = bytes_per_sample(format.type);
      bytes += format.type == SampleType::float32
                   ? le(std::bit_cast<std::uint32_t>(x), 4)
                   : le(static_cast<std::uint64_t>(static_cast<std::int64_t>(std::ldexp(x, 8 * size - 1))), size);
    }
  return bytes;
}
Result<void> write_ramp(OutputFile& file, const OutputFormat& format, Frames first, Frames count) {
  const std::string bytes = ramp_bytes(format, first, count);
  return file.write(first, std::as_bytes(std::span(bytes)));
}
std::string sha256(const std::string& bytes) {
  unsigned char digest[32];
  EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr);
  std::string hex;
  for (const unsigned char b : digest) hex += fmt::format("{:02x}", b);
  return hex;
}
std::string print(const std::string& path, const OutputFormat& format) {
  auto file = OutputFile::create(path, format);
  EXPECT_TRUE(file.ok()) << file.error().message;
  EXPECT_TRUE(write_ramp(*file, format, 0, format.frames).ok());
  const auto hash = file->finish();
  EXPECT_TRUE(hash.ok());
  return *hash;
}
std::size_t entries(const TemporaryFolder& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder.path("")), {}));
}

TEST(OutputFile, LibsndfileReadsBackEveryTypeInRiffAndRf64) {
  const TemporaryFolder folder;
  for (const SampleType type : kTypes)
    for (const int channels : {1, 2, 6, 12})
      for (const std::uint64_t limit : {0xFFFFFFFFULL, 1000ULL}) {
        const OutputFormat format{.sample_rate = 96000,
                               .channels = channels,
                               .type = type,
                               .frames = 333,
                               .bext = {},
                               .channel_mask = {},
                               .riff_limit_bytes = limit};
        const auto path = folder.path("out.wav");
        const std::string hash = print(path, format);
        const std::string bytes = read_file(path);
        EXPECT_EQ(hash, sha256(bytes));
        EXPECT_EQ(bytes.size(), output_file_bytes(format));
        EXPECT_EQ(bytes.size() % 2, 0U);
        EXPECT_EQ(bytes.substr(0, 4), limit == 1000 ? "RF64" : "RIFF");
        const auto info = probe(path);
        ASSERT_TRUE(info.ok()) << info.error().message;
        EXPECT_EQ(info->frames, 333);
        EXPECT_EQ(info->channels, channels);
        EXPECT_EQ(info->sample_rate, 96000);
        EXPECT_TRUE(info->pcm.has_value()) << "libsndfile and our walker see it differently";
        const std::vector<float> samples = testing::samples_of(path);
        for (Frames n = 0; n < 333; ++n)
          for (int c = 0; c < channels; ++c) ASSERT_EQ(samples[static_cast<std::size_t>(n * channels + c)], ramp(n, c));
      }
}

TEST(OutputFile, AFileBeyondFourGibibytesSaysItsLengthIn64Bits) {
  const TemporaryFolder folder;
  const Frames frames = 300'000'000;  // 5.4e9 bytes, as a hole
  const OutputFormat format{.channels = 6, .type = SampleType::int24, .frames = frames};
  const auto header = wav_header(format);
  ASSERT_TRUE(header.ok());
  const auto path = folder.file("long.wav", {reinterpret_cast<const char*>(header->data()), header->size()});
  fs::resize_file(path, output_file_bytes(format));
  const auto info = probe(path);
  ASSERT_TRUE(info.ok()) << info.error().message;
  EXPECT_EQ(info->frames, frames);
  EXPECT_TRUE(info->pcm.has_value());
  EXPECT_EQ(info->pcm->data_offset, static_cast<std::int64_t>(header->size()));
}

TEST(OutputFile, BecomesRf64ExactlyWhenTheRiffSizeNoLongerFits) {
  OutputFormat format{.channels = 1, .type = SampleType::int16, .frames = 0};
  const auto header_bytes = output_file_bytes(format);
  format.frames = static_cast<Frames>((0xFFFFFFFEULL + 8 - header_bytes) / 2);
  EXPECT_EQ(std::memcmp(wav_header(format)->data(), "RIFF\xFE\xFF\xFF\xFF", 8), 0);
  ++format.frames;
  EXPECT_EQ(std::memcmp(wav_header(format)->data(), "RF64\xFF\xFF\xFF\xFF", 8), 0);
  EXPECT_EQ(wav_header(format)->size(), header_bytes);
}

TEST(OutputFile, BextHoldsWhatEbuTech3285Asks) {
  const TemporaryFolder folder;
  OutputFormat format{.frames = 10};
  format.bext = {.description = "Reel 2, French",
                 .originator = "dubfarm",
                 .originator_reference = "job 7",
                 .origination_date = "",
                 .origination_time = "",
                 .time_reference = 172800000,
                 .loudness_value_lufs = -23.04,
                 .loudness_range_lu = 12.345,
                 .max_true_peak_dbtp = -1.005,
                 .max_momentary_lufs = std::nullopt,
                 .max_short_term_lufs = -std::numeric_limits<double>::infinity()};
  print(folder.path("x.wav"), format);
  SF_INFO info{};
  SNDFILE* file = sf_open(folder.path("x.wav").c_str(), SFM_READ, &info);
  ASSERT_NE(file, nullptr);
  SF_BROADCAST_INFO bext{};
  ASSERT_EQ(sf_command(file, SFC_GET_BROADCAST_INFO, &bext, sizeof bext), SF_TRUE);
  sf_close(file);
  EXPECT_STREQ(bext.description, "Reel 2, French");
  EXPECT_STREQ(bext.originator, "dubfarm");
  EXPECT_STREQ(bext.originator_reference, "job 7");
  EXPECT_EQ(bext.origination_date[0], '\0');
  EXPECT_EQ(bext.time_reference_low, 172800000U);
  EXPECT_EQ(bext.time_reference_high, 0U);
  EXPECT_EQ(bext.version, 2);
  EXPECT_EQ(bext.loudness_value, -2304);
  EXPECT_EQ(bext.loudness_range, 1235);  // 12.345 is a little more in binary
  EXPECT_EQ(bext.max_true_peak_level, -100);
  EXPECT_EQ(bext.max_momentary_loudness, 0x7FFF);
  EXPECT_EQ(bext.max_shortterm_loudness, 0x7FFF);
}

TEST(OutputFile, CutsTextAtACharacter) {
  OutputFormat format;
  format.bext.originator = std::string(31, 'a') + "\u00e9";  // its second byte would be the 33rd
  format.bext.originator_reference = std::string(30, 'b') + "\u00e9";
  const auto header = wav_header(format);
  const std::string bytes(reinterpret_cast<const char*>(header->data()), header->size());
  const auto at = bytes.find("bext") + 8 + 256;
  EXPECT_EQ(bytes.substr(at, 32), std::string(31, 'a') + '\0');
  EXPECT_EQ(bytes.substr(at + 32, 32), format.bext.originator_reference);
}

TEST(OutputFile, StatesAChannelMaskOnlyForItsOwnOrder) {
  const auto mask = [](OutputFormat format) {
    const auto header = wav_header(format);
    const std::string bytes(reinterpret_cast<const char*>(header->data()), header->size());
    return bytes.substr(bytes.find("fmt ") + 8 + 20, 4);
  };
  EXPECT_EQ(mask({.channels = 6}), le(0x3F, 4));
  EXPECT_EQ(mask({.channels = 6, .bext = {}, .channel_mask = 0}), le(0, 4));  // film order
  EXPECT_EQ(mask({.channels = 8}), le(0, 4));
  EXPECT_EQ(mask({.channels = 3}), le(0, 4));
}

TEST(OutputFile, NothingIsSeenUnderTheFinalNameBeforeItIsFinished) {
  const TemporaryFolder folder;
  const OutputFormat format{.frames = 1000};
  {
    auto file = OutputFile::create(folder.path("deep/er/out.wav"), format);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(write_ramp(*file, format, 0, 1000).ok());
    EXPECT_FALSE(fs::exists(folder.path("deep/er/out.wav")));
    EXPECT_EQ(fs::file_size(folder.path("deep/er/out.wav.partial")), output_file_bytes(format));
    auto moved = std::move(*file);
    EXPECT_TRUE(fs::exists(folder.path("deep/er/out.wav.partial")));
    ASSERT_TRUE(moved.finish().ok());
  }
  EXPECT_TRUE(fs::exists(folder.path("deep/er/out.wav")));
  EXPECT_FALSE(fs::exists(folder.path("deep/er/out.wav.partial")));
}

TEST(OutputFile, ADiscardedFileLeavesTheOldOneUntouched) {
  const TemporaryFolder folder;
  const auto path = folder.file("out.wav", "yesterday's");
  const OutputFormat format{.frames = 1000};
  {
    auto file = OutputFile::create(path, format);
    ASSERT_TRUE(write_ramp(*file, format, 0, 500).ok());
  }
  EXPECT_EQ(read_file(path), "yesterday's");
  EXPECT_EQ(entries(folder), 1U);
  print(path, format);
  EXPECT_EQ(read_file(path).substr(0, 4), "RIFF");
  EXPECT_EQ(entries(folder), 1U);
}

TEST(OutputFile, RangesInAnyOrderFromManyThreadsGiveTheSameBytes) {
  const TemporaryFolder folder;
  const OutputFormat format{.channels = 5, .type = SampleType::int24, .frames = 10001};
  const std::string want = print(folder.path("one.wav"), format);
  for (int run = 0; run < 2; ++run) {
    auto file = OutputFile::create(folder.path("many.wav"), format);
    ASSERT_TRUE(file.ok());
    std::vector<std::thread> threads;
    for (int t = 3; t >= 0; --t)
      threads.emplace_back([&, t] {
        for (Frames first = t * 100; first < format.frames; first += 400)
          EXPECT_TRUE(write_ramp(*file, format, first, std::min<Frames>(100, format.frames - first)).ok());
      });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(*file->finish(), want);
  }
}

TEST(OutputFile, MetadataMayComeAfterTheSamples) {
  const TemporaryFolder folder;
  OutputFormat format{.frames = 100};
  auto file = OutputFile::create(folder.path("late.wav"), format);
  ASSERT_TRUE(write_ramp(*file, format, 0, 100).ok());
  format.bext.loudness_value_lufs = -23;
  file->set_bext(format.bext);
  EXPECT_EQ(*file->finish(), print(folder.path("early.wav"), format));
}

TEST(OutputFile, TakesOverWhatACrashLeftAndRefusesWhatAnotherWrites) {
  const TemporaryFolder folder;
  const OutputFormat format{.frames = 100};
  const std::string want = print(folder.path("clean.wav"), format);
  folder.file("out.wav.partial", std::string(100000, 'x'));
  EXPECT_EQ(print(folder.path("out.wav"), format), want);

  auto file = OutputFile::create(folder.path("busy.wav"), format);
  ASSERT_TRUE(file.ok());
  const auto second = OutputFile::create(folder.path("busy.wav"), format);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error().message, HasSubstr("another process is writing this output"));
  ASSERT_TRUE(write_ramp(*file, format, 0, 100).ok());
  EXPECT_EQ(*file->finish(), want);
}

TEST(OutputFile, FramesNotWrittenAreSilence) {
  const TemporaryFolder folder;
  folder.file("x.wav.partial", std::string(5000, 'x'));
  auto file = OutputFile::create(folder.path("x.wav"), {.channels = 1, .frames = 1000});
  ASSERT_TRUE(file->finish().ok());
  for (const float x : testing::samples_of(folder.path("x.wav"))) ASSERT_EQ(x, 0.0F);
}

TEST(OutputFile, RefusesRangesOutsideTheFile) {
  const TemporaryFolder folder;
  const OutputFormat format{.frames = 100};
  auto file = OutputFile::create(folder.path("x.wav"), format);
  EXPECT_FALSE(write_ramp(*file, format, 99, 2).ok());
  EXPECT_FALSE(write_ramp(*file, format, -1, 1).ok());
  const std::byte half[3] = {};
  EXPECT_FALSE(file->write(0, half).ok());
}

TEST(OutputFile, NamesTheFolderOrNameThatCannotBe) {
  const TemporaryFolder folder;
  const auto error = [](const std::string& path, OutputFormat format = {}) {
    const auto file = OutputFile::create(path, format);
    EXPECT_FALSE(file.ok());
    return file.ok() ? Error{} : file.error();
  };
  const auto blocked = folder.file("plain", "a file");
  EXPECT_THAT(error(blocked + "/out.wav").message, HasSubstr("plain"));
  const Error too_long = error(folder.path(std::string(250, 'n')));
  EXPECT_EQ(too_long.code, Errc::invalid_input);
  EXPECT_THAT(too_long.message, HasSubstr("258 bytes with \".partial\", 255 are allowed"));
  EXPECT_THAT(error("/proc/dubfarm/out.wav").message, HasSubstr("/proc/dubfarm: cannot make this folder"));
  fs::create_directory(folder.path("taken.wav"));
  EXPECT_THAT(error(folder.path("taken.wav")).message, HasSubstr("a folder of this name"));
  EXPECT_THAT(error(folder.path("x.wav"), {.channels = 0}).message, HasSubstr("x.wav: a WAV file of 0 channels"));
  EXPECT_THAT(error(folder.path("x.wav"), {.sample_rate = 0}).message, HasSubstr("0 Hz"));
  EXPECT_FALSE(fs::exists(folder.path("x.wav.partial")));
}

/// Runs `body` in a child that may not write files beyond 100,000 bytes; its exit status is the answer.
template <class Body>
int in_a_small_world(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100000, 100000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(body());
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(OutputFile, SaysBeforeRenderingThatThereIsNoSpaceAndHowMuchIsNeeded) {
  const TemporaryFolder folder;
  const OutputFormat format{.frames = 1'000'000};
  const int answer = in_a_small_world([&] {
    const auto file = OutputFile::create(folder.path("big.wav"), format);
    if (file.ok()) return 1;
    if (file.error().code != Errc::no_space) return 2;
    const auto& message = file.error().message;
    if (message.find("big.wav") == std::string::npos ||
        message.find(std::to_string(output_file_bytes(format)) + " bytes") == std::string::npos)
      return 3;
    return 0;
  });
  EXPECT_EQ(answer, 0);
  EXPECT_EQ(entries(folder), 0U);
  EXPECT_EQ(in_a_small_world([&] { return OutputFile::create(folder.path("small.wav"), {.frames = 1000}).ok() ? 0 : 1; }), 0);
}

}  // namespace
}  // namespace dubfarm::media
