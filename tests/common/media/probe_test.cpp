// probe: what opens, and what a person is told about a file that does not.
#include "common/media/probe.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cmath>

#include "tests/common/media/media_files.hpp"

namespace dubfarm::media {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::be, testing::chunk, testing::le, testing::pcm_format, testing::riff, testing::TemporaryFolder;

/// The message of a refusal, without the path that it must begin with.
std::string refusal(const std::string& path, Errc code = Errc::invalid_input) {
  const auto info = probe(path);
  if (info.ok()) return "opened";
  EXPECT_EQ(info.error().code, code);
  EXPECT_TRUE(info.error().message.starts_with(path + ": ")) << info.error().message;
  return info.error().message.substr(path.size() + 2);
}
std::string refusal_of_bytes(const std::string& bytes) {
  const TemporaryFolder folder;
  return refusal(folder.file("reel.wav", bytes));
}

struct Kind {
  int format;
  bool raw;
};

TEST(Probe, KnowsEveryContainerAndSampleFormat) {
  const TemporaryFolder folder;
  const Kind kinds[] = {
      {SF_FORMAT_WAV | SF_FORMAT_PCM_U8, true},  {SF_FORMAT_WAV | SF_FORMAT_PCM_16, true},   {SF_FORMAT_WAV | SF_FORMAT_PCM_24, true},
      {SF_FORMAT_WAV | SF_FORMAT_PCM_32, true},  {SF_FORMAT_WAV | SF_FORMAT_FLOAT, true},    {SF_FORMAT_WAV | SF_FORMAT_DOUBLE, true},
      {SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, true}, {SF_FORMAT_WAVEX | SF_FORMAT_FLOAT, true}, {SF_FORMAT_RF64 | SF_FORMAT_PCM_24, true},
      {SF_FORMAT_W64 | SF_FORMAT_PCM_24, true},  {SF_FORMAT_W64 | SF_FORMAT_FLOAT, true},    {SF_FORMAT_AIFF | SF_FORMAT_PCM_S8, true},
      {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, true}, {SF_FORMAT_AIFF | SF_FORMAT_PCM_24, true},  {SF_FORMAT_AIFF | SF_FORMAT_FLOAT, true},
      {SF_FORMAT_AIFF | SF_FORMAT_DOUBLE, true}, {SF_FORMAT_AIFF | SF_ENDIAN_LITTLE | SF_FORMAT_PCM_16, true},
      {SF_FORMAT_WAV | SF_ENDIAN_BIG | SF_FORMAT_PCM_24, true}, {SF_FORMAT_WAV | SF_FORMAT_ULAW, false},
      {SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, false}, {SF_FORMAT_FLAC | SF_FORMAT_PCM_24, false}, {SF_FORMAT_OGG | SF_FORMAT_VORBIS, false},
      {SF_FORMAT_CAF | SF_FORMAT_PCM_24, false}};
  const std::vector<float> samples(2 * 4040, 0.25F);
  for (const Kind& kind : kinds) {
    const std::string path = testing::sound(folder.path("source"), kind.format, 48000, 2, samples);
    const auto info = probe(path);
    ASSERT_TRUE(info.ok()) << std::hex << kind.format << ": " << info.error().message;
    EXPECT_EQ(info->path, path);
    EXPECT_EQ(info->sample_rate, 48000);
    EXPECT_EQ(info->channels, 2);
    EXPECT_EQ(info->pcm.has_value(), kind.raw) << std::hex << kind.format;
    const bool rounds_up_to_blocks = (kind.format & SF_FORMAT_SUBMASK) == SF_FORMAT_IMA_ADPCM;
    if (rounds_up_to_blocks) EXPECT_GE(info->frames, 4040);
    else EXPECT_EQ(info->frames, 4040) << std::hex << kind.format;
    if (!kind.raw) continue;
    const std::string bytes = testing::read_file(path);  // the offset is where the first sample is: all samples are alike
    const auto size = static_cast<std::size_t>(bytes_per_sample(info->pcm->format));
    const auto at = static_cast<std::size_t>(info->pcm->data_offset);
    EXPECT_EQ(bytes.substr(at, size), bytes.substr(at + (2 * 4040 - 1) * size, size)) << std::hex << kind.format;
    EXPECT_NE(bytes.substr(at - size, size), bytes.substr(at, size)) << std::hex << kind.format;
  }
}

TEST(Probe, ReadsBw64AndRf64BySizesOf64Bits) {
  const TemporaryFolder folder;
  const std::string data(3 * 2 * 100, '\1');
  for (const std::string_view id : {"RF64", "BW64"}) {
    const std::string ds64 = chunk("ds64", le(0, 8) + le(data.size(), 8) + le(100, 8) + le(0, 4));
    const auto path = folder.file("x.wav", riff(ds64 + pcm_format(2, 48000, 24) + "data" + le(0xFFFFFFFF, 4) + data, id));
    const auto info = probe(path);
    ASSERT_TRUE(info.ok()) << info.error().message;
    EXPECT_EQ(*info, (SourceInfo{path, 48000, 2, 100, PcmLayout{SampleFormat::s24le, 12 + 36 + 24 + 8}}));
  }
  const std::string lying = chunk("ds64", le(0, 8) + le(std::uint64_t{1} << 63, 8) + le(0, 8) + le(0, 4));
  EXPECT_THAT(refusal_of_bytes(riff(lying + pcm_format(2, 48000, 24) + "data" + le(0xFFFFFFFF, 4) + data, "RF64")),
              HasSubstr("is truncated"));
}

TEST(Probe, SaysHowMuchOfATruncatedFileIsThere) {
  const std::string whole = riff(pcm_format(1, 48000, 24) + chunk("data", std::string(3 * 144000, '\1')));
  EXPECT_EQ(refusal_of_bytes(whole.substr(0, 44 + 3 * 96000 + 1)),
            "the header promises 144000 frames (432000 bytes of data) but the file ends after 96000; the file is truncated: copy it again");
  EXPECT_THAT(refusal_of_bytes(whole.substr(0, 44)), HasSubstr("but the file ends after 0"));
  EXPECT_EQ(refusal_of_bytes(whole.substr(0, 40)), "it has no data chunk, so no samples; the file is truncated: copy it again");
  EXPECT_THAT(refusal_of_bytes(whole.substr(0, 30)), HasSubstr("truncated"));
}

TEST(Probe, NoticesTruncationInEveryContainer) {
  const TemporaryFolder folder;
  const std::vector<float> samples = [] {
    std::vector<float> noise(48000);
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<float>(std::sin(static_cast<double>(i * i % 7919)));
    return noise;
  }();
  for (const int format : {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_RF64 | SF_FORMAT_PCM_24, SF_FORMAT_W64 | SF_FORMAT_PCM_24,
                           SF_FORMAT_AIFF | SF_FORMAT_PCM_24, SF_FORMAT_WAV | SF_FORMAT_IMA_ADPCM, SF_FORMAT_FLAC | SF_FORMAT_PCM_24}) {
    const auto path = testing::sound(folder.path("cut"), format, 48000, 1, samples);
    ASSERT_TRUE(probe(path).ok());
    std::filesystem::resize_file(path, std::filesystem::file_size(path) * 2 / 3);
    EXPECT_THAT(refusal(path), EndsWith("the file is truncated: copy it again")) << std::hex << format;
  }
}

TEST(Probe, RefusesWhatARecorderLeftUnfinished) {
  const std::string samples(6000, '\x81');
  EXPECT_THAT(refusal_of_bytes(riff(pcm_format(1, 48000, 24) + "data" + le(0, 4) + samples)),
              HasSubstr("the recorder was stopped before it wrote the length"));
  EXPECT_THAT(refusal_of_bytes(riff(pcm_format(1, 48000, 24) + "data" + le(0xFFFFFFFF, 4) + samples)), HasSubstr("was never written"));
  EXPECT_THAT(refusal_of_bytes(riff(pcm_format(1, 48000, 24) + "data" + le(3000, 4) + samples)),
              HasSubstr("3000 bytes that belong to no chunk"));
}

TEST(Probe, RefusesASourceWithoutSamples) {
  EXPECT_EQ(refusal_of_bytes(riff(pcm_format(1, 48000, 24) + chunk("data", ""))), "it has no samples");
  EXPECT_EQ(refusal_of_bytes(riff(pcm_format(1, 48000, 24) + chunk("data", "") + chunk("LIST", "INFO"))), "it has no samples");
  EXPECT_THAT(refusal_of_bytes(riff(pcm_format(2, 48000, 24) + chunk("data", "abcde"))), HasSubstr("it has no samples"));
  EXPECT_EQ(refusal_of_bytes(""), "the file is empty");
}

TEST(Probe, RefusesADamagedHeader) {
  const std::string data = chunk("data", std::string(600, '\1'));
  EXPECT_THAT(refusal_of_bytes(riff(pcm_format(0, 48000, 24) + data)), HasSubstr("0 channels"));
  EXPECT_THAT(refusal_of_bytes(riff(pcm_format(1, 0, 24) + data)), HasSubstr("a sample rate of 0 Hz"));
  EXPECT_THAT(refusal_of_bytes(riff(pcm_format(1, 48000, 0) + data)), HasSubstr("0 bits"));
  EXPECT_THAT(refusal_of_bytes(riff(pcm_format(1, 48000, 16, 3) + data)), HasSubstr("16 bits per float"));
  EXPECT_THAT(refusal_of_bytes(riff(data)), HasSubstr("before any fmt chunk"));
  EXPECT_THAT(refusal_of_bytes(riff(chunk("fmt ", std::string(10, '\1')) + data)), HasSubstr("10 bytes"));
  std::string format = pcm_format(2, 48000, 24);
  format[8 + 12] = 5;
  EXPECT_THAT(refusal_of_bytes(riff(format + data)), HasSubstr("blocks of 5 bytes, but 2 channels of 24 bits take 6"));
  EXPECT_THAT(refusal_of_bytes(riff(pcm_format(2, 48000, 24) + data, "RF64")), HasSubstr("without the ds64 chunk"));
  EXPECT_THAT(refusal_of_bytes("it was a dark and stormy night"), HasSubstr("cannot be read as sound"));
}

TEST(Probe, RefusesAiffWhoseChunksDisagree) {
  const std::string common = be(1, 2) + be(500, 4) + be(16, 2) + be(0x400E, 2) + be(0xBB80000000000000, 8);  // 48000 Hz
  const auto aiff = [&](std::size_t sound_bytes) {
    const std::string body = "AIFFCOMM" + be(18, 4) + common + "SSND" + be(8 + sound_bytes, 4) + be(0, 8) + std::string(sound_bytes, '\1');
    return "FORM" + be(body.size(), 4) + body;
  };
  const TemporaryFolder folder;
  const auto info = probe(folder.file("whole.aif", aiff(1000)));
  ASSERT_TRUE(info.ok()) << info.error().message;
  EXPECT_EQ(info->frames, 500);
  EXPECT_EQ(info->sample_rate, 48000);
  EXPECT_EQ(info->pcm, (PcmLayout{SampleFormat::s16be, 54}));
  EXPECT_THAT(refusal(folder.file("short.aif", aiff(800))),
              HasSubstr("promises 500 frames (1000 bytes of data) but the file ends after 400"));
  EXPECT_THAT(refusal(folder.file("padded.aif", aiff(800) + "JUNK" + be(400, 4) + std::string(400, '\0'))),
              HasSubstr("its SSND chunk holds 800 bytes"));
}

TEST(Probe, ToleratesWhatDoesNoHarm) {
  const TemporaryFolder folder;
  const std::string odd(3 * 5, '\1');
  const std::string head = pcm_format(1, 48000, 24) + "data" + le(15, 4) + odd;
  for (const std::string& tail :
       {std::string(), std::string(1, '\0'), std::string("\0LIST\4\0\0\0INFO", 13), std::string("LIST\4\0\0\0INFO", 12),
        std::string("\0LIST\xFF\0\0\0cut short", 18), std::string(500, '\0')}) {
    const auto info = probe(folder.file("x.wav", riff(head + tail)));
    ASSERT_TRUE(info.ok()) << info.error().message;
    EXPECT_EQ(info->frames, 5);
  }
  const auto odd_chunk =
      probe(folder.file("x.wav", riff("note" + le(3, 4) + "abc" + pcm_format(1, 48000, 24) + chunk("data", odd))));  // no pad byte
  ASSERT_TRUE(odd_chunk.ok()) << odd_chunk.error().message;
}

TEST(Probe, NamesWhatIsNotThereOrIsNoFile) {
  const TemporaryFolder folder;
  EXPECT_THAT(refusal(folder.path("absent.wav"), Errc::not_found), HasSubstr("No such file"));
  EXPECT_THAT(refusal(folder.path("")), HasSubstr("no regular file"));
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(refusal(folder.path("pipe")), HasSubstr("no regular file"));  // and does not wait for a writer
}

}  // namespace
}  // namespace dubfarm::media
