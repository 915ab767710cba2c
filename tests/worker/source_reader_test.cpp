// source_reader: any frames of any source, the same bits however they are asked for, and what is said when a source turns bad.
#include "worker/source_reader.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <thread>

#include "tests/common/media/media_files.hpp"
#include "tests/support/contract.hpp"

namespace dubfarm::worker {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::shared_ptr<const SourceReader> open(const std::string& path) {
  const auto info = media::probe(path);
  EXPECT_TRUE(info.ok()) << info.error().message;
  const auto stamp = media::stamp(path);
  auto reader = SourceReader::open(*info, *stamp);
  EXPECT_TRUE(reader.ok());
  return *reader;
}

/// Reads channels [channels][frames], or dies with the reader's message.
std::vector<std::vector<float>> read(const SourceReader& reader, Frames first, Frames count, const std::vector<int>& channels,
                                     ReadScratch& scratch) {
  std::vector<std::vector<float>> out(channels.size(), std::vector<float>(static_cast<std::size_t>(count), std::nanf("")));
  std::vector<float*> pointers;
  for (auto& channel : out) pointers.push_back(channel.data());
  const auto done = reader.read(first, count, channels, pointers, scratch);
  EXPECT_TRUE(done.ok()) << done.error().message;
  return out;
}

Error error_of(const SourceReader& reader, Frames first, Frames count, int channel, ReadScratch& scratch) {
  std::vector<float> out(static_cast<std::size_t>(count));
  float* const pointer = out.data();
  const auto done = reader.read(first, count, std::span(&channel, 1), std::span(&pointer, 1), scratch);
  EXPECT_FALSE(done.ok());
  return done.ok() ? Error{} : done.error();
}

std::vector<float> music(Frames frames, int channels) {
  std::vector<float> x = testing::noise(static_cast<std::size_t>(frames * channels), 77, 0.1F);
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] += static_cast<float>(0.3 * std::sin(static_cast<double>(i / static_cast<std::size_t>(channels)) * 0.13));
  return x;
}

TEST(SourceReader, GivesWhatLibsndfileGivesInEveryFormat) {
  const TemporaryFolder folder;
  for (const int format : {SF_FORMAT_WAV | SF_FORMAT_PCM_U8, SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_WAV | SF_FORMAT_PCM_24,
                           SF_FORMAT_WAV | SF_FORMAT_PCM_32, SF_FORMAT_WAV | SF_FORMAT_FLOAT, SF_FORMAT_WAV | SF_FORMAT_DOUBLE,
                           SF_FORMAT_RF64 | SF_FORMAT_PCM_24, SF_FORMAT_W64 | SF_FORMAT_PCM_16, SF_FORMAT_AIFF | SF_FORMAT_PCM_S8,
                           SF_FORMAT_AIFF | SF_FORMAT_PCM_24, SF_FORMAT_AIFF | SF_FORMAT_FLOAT, SF_FORMAT_WAV | SF_FORMAT_ULAW,
                           SF_FORMAT_WAV | SF_FORMAT_MS_ADPCM, SF_FORMAT_FLAC | SF_FORMAT_PCM_24, SF_FORMAT_OGG | SF_FORMAT_VORBIS}) {
    const auto path =
        testing::sound(folder.path("source"), format, 48000, 3 - ((format & SF_FORMAT_SUBMASK) == SF_FORMAT_MS_ADPCM), music(9000, 6));
    const auto reader = open(path);
    const int channels = reader->info().channels;
    const std::vector<float> want = testing::samples_of(path);
    ReadScratch scratch;
    std::mt19937 random(5);
    for (int trial = 0; trial < 30; ++trial) {
      const Frames first = static_cast<Frames>(random()) % reader->info().frames;
      const Frames count = static_cast<Frames>(random()) % (reader->info().frames - first + 1);
      const std::vector<int> wanted = trial % 2 == 0 ? std::vector{channels - 1, 0} : std::vector{1};
      const auto got = read(*reader, first, count, wanted, scratch);
      for (std::size_t c = 0; c < wanted.size(); ++c)
        for (Frames n = 0; n < count; ++n)
          ASSERT_EQ(std::bit_cast<std::uint32_t>(got[c][static_cast<std::size_t>(n)]),
                    std::bit_cast<std::uint32_t>(want[static_cast<std::size_t>((first + n) * channels + wanted[c])]))
              << std::hex << format << std::dec << " frame " << first + n;
    }
  }
}

TEST(SourceReader, CodedSourcesHaveTheSameBitsFromAnywhere) {
  const TemporaryFolder folder;
  for (const int format : {SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_OGG | SF_FORMAT_OPUS, SF_FORMAT_FLAC | SF_FORMAT_PCM_16,
                           SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III}) {
    const auto path = testing::sound(folder.path("source"), format, 48000, 2, music(200000, 2));
    const auto reader = open(path);
    ReadScratch scratch;
    const Frames frames = reader->info().frames;
    const auto whole = read(*reader, 0, frames, {0}, scratch);
    std::mt19937 random(6);
    for (int trial = 0; trial < 25; ++trial) {
      const Frames first = static_cast<Frames>(random()) % (frames - 1000);
      const auto part = read(*reader, first, 1000, {0}, scratch);
      ASSERT_EQ(std::memcmp(part[0].data(), whole[0].data() + first, 4000), 0) << std::hex << format << std::dec << " at frame " << first;
    }
  }
}

TEST(SourceReader, ServesManyThreadsAtOnce) {
  const TemporaryFolder folder;
  const std::shared_ptr<const SourceReader> readers[] = {
      open(testing::sound(folder.path("a.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_24, 48000, 2, music(50000, 2))),
      open(testing::sound(folder.path("b.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 48000, 2, music(50000, 2)))};
  ReadScratch scratch;
  const auto want = read(*readers[0], 0, 50000, {1}, scratch);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      ReadScratch own;
      std::mt19937 random(t);
      for (int trial = 0; trial < 40; ++trial) {
        const Frames first = static_cast<Frames>(random() % 49000);
        const auto got = read(*readers[trial % 2], first, 1000, {1}, own);
        EXPECT_EQ(std::memcmp(got[0].data(), want[0].data() + first, 4000), 0);
      }
    });
  for (auto& thread : threads) thread.join();
}

TEST(SourceReader, MoreSourcesThanMayBeOpenAtOnce) {
  const TemporaryFolder folder;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{std::min<rlim_t>(before.rlim_max, 4200), before.rlim_max};  // the pool itself keeps at most 4096
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto path = testing::sound(folder.path("a.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, music(10, 1));
  const auto info = media::probe(path);
  const auto stamp = media::stamp(path);
  std::vector<std::shared_ptr<const SourceReader>> readers;
  ReadScratch scratch;
  for (int i = 0; i < 10000; ++i) {
    readers.push_back(*SourceReader::open(*info, *stamp));
    read(*readers.back(), 0, 10, {0}, scratch);
  }
  read(*readers.front(), 0, 10, {0}, scratch);
  const auto open_files = std::distance(fs::directory_iterator("/proc/self/fd"), {});
  EXPECT_LE(open_files, 4200);
  readers.clear();
  EXPECT_LT(std::distance(fs::directory_iterator("/proc/self/fd"), {}), open_files);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(SourceReader, NoticesASourceThatChanges) {
  const TemporaryFolder folder;
  for (const int format : {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16}) {
    const auto path = testing::sound(folder.path("dx"), format, 48000, 1, music(5000, 1));
    const auto info = media::probe(path);
    const auto stamp = media::stamp(path);
    const auto early = SourceReader::open(*info, *stamp), later = SourceReader::open(*info, *stamp);
    ASSERT_TRUE(early.ok() && later.ok());
    ReadScratch scratch;
    read(**early, 0, 100, {0}, scratch);
    EXPECT_TRUE((*early)->verify_unchanged().ok());
    fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(3));
    EXPECT_THAT((*early)->verify_unchanged().error().message, HasSubstr("dx: the file was changed after it was planned"));
    EXPECT_THAT(error_of(**later, 0, 100, 0, scratch).message, HasSubstr("was changed after it was planned"));
    EXPECT_EQ(SourceReader::open(*info, *stamp).error().code, Errc::invalid_input);
    fs::remove(path);
    EXPECT_EQ((*early)->verify_unchanged().error().code, Errc::not_found);
  }
}

TEST(SourceReader, NoticesASourceThatIsCutWhileItIsRead) {
  const TemporaryFolder folder;
  const auto path = testing::sound(folder.path("dx.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, music(5000, 1));
  const auto reader = open(path);
  ReadScratch scratch;
  read(*reader, 0, 100, {0}, scratch);
  fs::resize_file(path, static_cast<std::uintmax_t>(reader->info().pcm->data_offset) + 2 * 3000);
  read(*reader, 0, 3000, {0}, scratch);  // the descriptor is open: what is there is still read
  EXPECT_THAT(error_of(*reader, 2900, 200, 0, scratch).message, HasSubstr("dx.wav: the file ends at frame 3000 of 5000"));
}

TEST(SourceReader, NamesTheFrameAndChannelThatAreNoNumbers) {
  const TemporaryFolder folder;
  for (const int type : {SF_FORMAT_WAV, SF_FORMAT_CAF}) {  // raw and by libsndfile
    std::vector<float> samples = music(100000, 2);
    samples[2 * 70001 + 1] = std::numeric_limits<float>::quiet_NaN();
    samples[2 * 500] = -std::numeric_limits<float>::infinity();
    const auto reader = open(testing::sound(folder.path("dx.wav"), type | SF_FORMAT_FLOAT, 48000, 2, samples));
    EXPECT_EQ(reader->info().pcm.has_value(), type == SF_FORMAT_WAV);
    ReadScratch scratch;
    EXPECT_THAT(error_of(*reader, 1000, 99000, 1, scratch).message, HasSubstr("dx.wav: frame 70001, channel 2 is not a number"));
    EXPECT_THAT(error_of(*reader, 0, 1000, 0, scratch).message, HasSubstr("dx.wav: frame 500, channel 1 is infinite"));
    read(*reader, 1000, 60000, {0, 1}, scratch);
  }
}

TEST(SourceReader, SaysWhereACodedSourceIsDamaged) {
  const TemporaryFolder folder;
  const auto path = testing::sound(folder.path("dx.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 48000, 1, music(100000, 1));
  const auto info = media::probe(path);
  fs::resize_file(path, fs::file_size(path) / 2);
  const auto reader = SourceReader::open(*info, *media::stamp(path));
  ReadScratch scratch;
  EXPECT_THAT(error_of(**reader, 0, 100000, 0, scratch).message, HasSubstr("dx.flac: it cannot be decoded past frame"));
}

TEST(SourceReader, RefusesFramesAndChannelsThatTheSourceLacks) {
  const TemporaryFolder folder;
  const auto reader = open(testing::sound(folder.path("dx.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 48000, 1, music(100, 1)));
  ReadScratch scratch;
  EXPECT_EQ(error_of(*reader, 99, 2, 0, scratch).code, Errc::internal);
  EXPECT_EQ(error_of(*reader, -1, 2, 0, scratch).code, Errc::internal);
  EXPECT_EQ(error_of(*reader, 0, 1, 1, scratch).code, Errc::internal);
}

}  // namespace
}  // namespace dubfarm::worker
