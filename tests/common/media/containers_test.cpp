// The containers beside plain WAV: written by ranges or encoded, read back by libsndfile and by our own header reader.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <csignal>
#include <cstring>

#include "common/media/ixml.hpp"
#include "common/media/output_file.hpp"
#include "common/media/probe.hpp"
#include "tests/common/media/media_files.hpp"

namespace dubfarm::media {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::be, testing::le, testing::read_file, testing::samples_of, testing::TemporaryFolder;

constexpr Frames kFrames = 20000;

/// Noise that every type holds exactly: 16 bits.
float sample(Frames n, int channel) {
  auto x = static_cast<std::uint32_t>(n * 7919 + channel * 104729 + 1);
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return static_cast<float>(static_cast<std::int16_t>(x)) / 32768;
}
std::string packed(const OutputFormat& format, Frames first, Frames count) {
  std::string bytes;
  const int size = bytes_per_sample(format.type);
  for (Frames n = first; n < first + count; ++n)
    for (int c = 0; c < format.channels; ++c) {
      const float x = sample(n, c);
      bytes += format.type == SampleType::float32 ? le(std::bit_cast<std::uint32_t>(x), 4)
                                                  : le(static_cast<std::uint64_t>(static_cast<std::int64_t>(std::ldexp(x, 8 * size - 1))), size);
    }
  return bytes;
}
std::vector<float> expected(int channels) {
  std::vector<float> all;
  for (Frames n = 0; n < kFrames; ++n)
    for (int c = 0; c < channels; ++c) all.push_back(sample(n, c));
  return all;
}
/// Writes the second half first. @return the error, or "".
std::string write(const std::string& path, const OutputFormat& format) {
  auto file = OutputFile::create(path, format);
  if (!file.ok()) return file.error().message;
  for (const Frames first : {kFrames / 2, Frames{0}}) {
    const std::string bytes = packed(format, first, kFrames / 2);
    if (const auto written = file->write(first, std::as_bytes(std::span(bytes))); !written.ok()) return written.error().message;
  }
  if (const auto hash = file->finish(); !hash.ok()) return hash.error().message;
  return "";
}
OutputFormat format_of(FileFormat container, SampleType type, int channels) {
  OutputFormat format;
  format.container = container;
  format.type = type;
  format.channels = channels;
  format.frames = kFrames;
  format.bext.description = "A title - fr - stereo";
  format.bext.originator = "dubfarm";
  format.bext.time_reference = 172800000;
  return format;
}

TEST(Containers, AiffAndRf64AreReadBackInEveryType) {
  const TemporaryFolder folder;
  for (const FileFormat container : {FileFormat::aiff, FileFormat::rf64})
    for (const SampleType type : {SampleType::int16, SampleType::int24, SampleType::int32, SampleType::float32})
      for (const int channels : {1, 6}) {
        const std::string path = folder / (container == FileFormat::aiff ? "a.aiff" : "a.wav");
        ASSERT_EQ(write(path, format_of(container, type, channels)), "");
        EXPECT_EQ(samples_of(path), expected(channels)) << static_cast<int>(type) << " " << channels;
        EXPECT_EQ(fs::file_size(path), output_file_bytes(format_of(container, type, channels)));
        const auto info = probe(path);
        ASSERT_TRUE(info.ok()) << info.error().message;
        EXPECT_EQ(info->frames, kFrames);
        EXPECT_EQ(info->channels, channels);
        EXPECT_EQ(read_file(path).substr(0, 4), container == FileFormat::aiff ? "FORM" : "RF64") << "short as it is";
      }
}

TEST(Containers, Bw64IsRf64UnderItsOwnName) {
  const TemporaryFolder folder;
  ASSERT_EQ(write(folder / "a.wav", format_of(FileFormat::bw64, SampleType::int24, 2)), "");
  std::string bytes = read_file(folder / "a.wav");
  EXPECT_EQ(bytes.substr(0, 4), "BW64");
  EXPECT_EQ(bytes.substr(12, 4), "ds64");
  const auto info = probe(folder / "a.wav");
  ASSERT_TRUE(info.ok()) << info.error().message;
  EXPECT_EQ(info->frames, kFrames);
  ASSERT_EQ(write(folder / "b.wav", format_of(FileFormat::rf64, SampleType::int24, 2)), "");
  bytes.replace(0, 4, "RF64");  // libsndfile 1.2 does not know the newer name
  EXPECT_EQ(bytes, read_file(folder / "b.wav"));
}

TEST(Containers, FlacDecodesToTheSamplesThatWentIn) {
  const TemporaryFolder folder;
  for (const SampleType type : {SampleType::int16, SampleType::int24})
    for (const int channels : {1, 2, 6}) {
      ASSERT_EQ(write(folder / "a.flac", format_of(FileFormat::flac, type, channels)), "");
      EXPECT_EQ(samples_of(folder / "a.flac"), expected(channels));
      EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1) << "nothing else is left";
      const std::string once = read_file(folder / "a.flac");
      EXPECT_THAT(once, HasSubstr("A title - fr - stereo"));
      EXPECT_THAT(once, HasSubstr("first sample 172800000 after midnight"));
      ASSERT_EQ(write(folder / "a.flac", format_of(FileFormat::flac, type, channels)), "");
      EXPECT_EQ(read_file(folder / "a.flac"), once);
    }
}

TEST(Containers, AFlacFileThatIsNotFinishedLeavesNothing) {
  const TemporaryFolder folder;
  {
    auto file = OutputFile::create(folder / "a.flac", format_of(FileFormat::flac, SampleType::int24, 2));
    ASSERT_TRUE(file.ok()) << file.error().message;
    EXPECT_FALSE(fs::exists(folder / "a.flac"));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Containers, ADiskThatIsFullWhileFlacIsEncodedIsNoSpace) {
  const TemporaryFolder folder;
  const OutputFormat format = format_of(FileFormat::flac, SampleType::int16, 2);
  auto file = OutputFile::create(folder / "a.flac", format);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const std::string bytes = packed(format, 0, kFrames);
  ASSERT_TRUE(file->write(0, std::as_bytes(std::span(bytes))).ok());
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{30000, 30000};  // of the encoded file; noise does not shrink
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);
    const auto done = file->finish();
    ::_exit(done.ok() ? 1 : done.error().code != Errc::no_space ? 2 : done.error().message.find("a.flac.partial") == std::string::npos ? 3 : 0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
  EXPECT_FALSE(fs::exists(folder / "a.flac"));
}

TEST(Containers, AiffSaysWhatItCannotHold) {
  const TemporaryFolder folder;
  OutputFormat format = format_of(FileFormat::aiff, SampleType::int24, 6);
  format.frames = 300'000'000;
  const auto file = OutputFile::create(folder / "a.aiff", format);
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.error().message, HasSubstr("a.aiff: an AIFF file of 5400000"));
  EXPECT_THAT(file.error().message, HasSubstr(" bytes was asked for; it can hold 4294967295: write \"format\": \"wav\", or \"split\": \"mono\""));
}

TEST(Ixml, NamesTracksFrameRateAndTime) {
  IxmlInfo info;
  info.project = "Cats & <Dogs>";
  info.frame_rate = *mix::frame_rate_named("29.97df");
  info.time_reference = (std::uint64_t{3} << 32) + 7;
  info.tracks = {"L", "LFE"};
  const std::string xml = ixml_text(info);
  for (const char* part : {"<PROJECT>Cats &amp; &lt;Dogs&gt;</PROJECT>", "<TIMECODE_RATE>30000/1001</TIMECODE_RATE>", "<TIMECODE_FLAG>DF</TIMECODE_FLAG>",
                           "<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>3</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>",
                           "<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>7</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>", "<TRACK_COUNT>2</TRACK_COUNT>",
                           "<INTERLEAVE_INDEX>2</INTERLEAVE_INDEX>\n<NAME>LFE</NAME>"})
    EXPECT_THAT(xml, HasSubstr(part));
}

TEST(Ixml, StandsBeforeTheSamplesOnEvenBytes) {
  const TemporaryFolder folder;
  OutputFormat format = format_of(FileFormat::wav, SampleType::int16, 1);
  format.ixml = "<BWFXML>odd</BWFXML> ";
  ASSERT_EQ(format.ixml.size() % 2, 1u);
  ASSERT_EQ(write(folder / "a.wav", format), "");
  const std::string bytes = read_file(folder / "a.wav");
  EXPECT_THAT(bytes, HasSubstr("iXML" + le(format.ixml.size(), 4) + format.ixml + '\0' + "data"));
  EXPECT_EQ(bytes.size(), output_file_bytes(format));
  EXPECT_EQ(samples_of(folder / "a.wav"), expected(1));
}

}  // namespace
}  // namespace dubfarm::media
