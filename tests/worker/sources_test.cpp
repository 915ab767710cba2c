// Sources at the job's rate: converted once, kept, and the same samples whoever asks for whichever frames.
#include "worker/sources.hpp"

#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>
#include <numbers>
#include <random>
#include <thread>

#include "tests/support/mix_folder.hpp"

namespace dubfarm::worker {
namespace {

using testing::MixFolder;
constexpr int kFloat = SF_FORMAT_WAV | SF_FORMAT_FLOAT;

class ConvertedSource : public ::testing::Test {
 protected:
  /// 14 s at 44.1 kHz, several pieces at 48 kHz. A sine of 1 kHz on the left, noise on the right.
  ConvertedSource() {
    testing::Signal samples = testing::white_noise(2, kSourceFrames, 5);
    for (Frames n = 0; n < kSourceFrames; ++n)
      samples[0][static_cast<std::size_t>(n)] = 0.5 * std::sin(2 * std::numbers::pi * 1000 * static_cast<double>(n) / 44100);
    folder_.sound("source.wav", samples, 44100, kFloat);
    const std::string path = folder_ / "source.wav";
    file_ = {*media::digest_file(path), *media::probe(path), *media::stamp(path)};
  }
  [[nodiscard]] Sources sources(int rate = 48000) const { return {{file_}, rate, store_}; }
  /// One channel of [first, first + count).
  std::vector<float> read(const Sources& sources, int channel, Frames first, Frames count, SourceScratch& scratch) const {
    std::vector<float> samples(static_cast<std::size_t>(count), std::nanf(""));
    float* const out = samples.data();
    const Result<void> done = sources.read(file_.digest, first, count, std::span(&channel, 1), std::span(&out, 1), scratch);
    EXPECT_TRUE(done.ok()) << done.error().message;
    return samples;
  }
  /// Blobs of the store with the time when each was written.
  [[nodiscard]] std::map<std::string, std::filesystem::file_time_type> blobs() const {
    std::map<std::string, std::filesystem::file_time_type> times;
    for (const std::string& name : testing::files_below(folder_ / "store/blobs"))
      times[name] = std::filesystem::last_write_time(folder_ / "store/blobs/" + name);
    return times;
  }

  static constexpr Frames kSourceFrames = 14 * 44100, kFrames = 14 * 48000;
  MixFolder folder_;
  SourceFile file_;
  Store store_ = *Store::open(folder_ / "store");
};

TEST_F(ConvertedSource, KeepsPitchLevelAndPlace) {
  SourceScratch scratch;
  const Sources all = sources();
  const std::vector<float> left = read(all, 0, 0, kFrames, scratch);
  double worst = 0;
  for (Frames n = 2000; n < kFrames - 2000; ++n)
    worst = std::max(worst, std::abs(static_cast<double>(left[static_cast<std::size_t>(n)]) -
                                     0.5 * std::sin(2 * std::numbers::pi * static_cast<double>(n) / 48)));
  EXPECT_LT(20 * std::log10(worst), -120);
}

TEST_F(ConvertedSource, HasTheSameSamplesWhereverReadingBegins) {
  SourceScratch scratch;
  const Sources all = sources();
  const std::vector<float> whole = read(all, 1, 0, kFrames, scratch);
  std::mt19937 random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const Frames first = static_cast<Frames>(random()) % kFrames;
    const Frames count = 1 + static_cast<Frames>(random()) % std::min<Frames>(kFrames - first, 300000);
    SourceScratch fresh;
    const std::vector<float> part = read(all, 1, first, count, trial % 2 == 0 ? scratch : fresh);
    ASSERT_EQ(std::memcmp(part.data(), whole.data() + first, part.size() * sizeof(float)), 0) << "from " << first;
  }
}

TEST_F(ConvertedSource, IsConvertedOnceForAllThreadsAndRenders) {
  const Sources all = sources();
  std::vector<std::vector<float>> found(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < found.size(); ++t)
      threads.emplace_back([&, t] {
        SourceScratch scratch;
        found[t] = read(all, 1, 0, kFrames, scratch);
      });
  }
  for (const auto& samples : found) EXPECT_EQ(samples, found[0]);
  const auto converted = blobs();
  ASSERT_EQ(static_cast<Frames>(converted.size()), media::piece_count(kSourceFrames, 44100, 48000));

  const Sources later = sources();
  SourceScratch scratch;
  EXPECT_EQ(read(later, 1, 0, kFrames, scratch), found[0]);
  EXPECT_EQ(blobs(), converted) << "taken from the store, not written again";
}

TEST_F(ConvertedSource, IsConvertedAgainWhereTheStoreLostIt) {
  std::vector<float> whole;
  {
    SourceScratch scratch;
    whole = read(sources(), 1, 0, kFrames, scratch);
  }
  const auto names = testing::files_below(folder_ / "store/blobs");
  ASSERT_GT(names.size(), 2u);
  std::string bytes = testing::file_text(folder_ / "store/blobs/" + names[0]);
  bytes[bytes.size() - 9] ^= 4;
  folder_.text("store/blobs/" + names[0], bytes);
  std::filesystem::remove(folder_ / "store/blobs/" + names[1]);
  SourceScratch scratch;
  EXPECT_EQ(read(sources(), 1, 0, kFrames, scratch), whole);
  EXPECT_EQ(testing::files_below(folder_ / "store/blobs"), names);
  EXPECT_NE(testing::file_text(folder_ / "store/blobs/" + names[0]), bytes) << "the damaged piece is whole again";
}

TEST_F(ConvertedSource, IsAnImpulseResponseOfTheLengthThatWasPlanned) {
  SourceScratch scratch;
  const auto response = sources().impulse_response(file_.digest, scratch);
  ASSERT_TRUE(response.ok());
  ASSERT_EQ(response->size(), 2u);
  EXPECT_EQ(static_cast<Frames>(response->front().size()), media::converted_length(kSourceFrames, 44100, 48000));
}

TEST_F(ConvertedSource, IsRefusedOnceItHasChanged) {
  const Sources all = sources();
  SourceScratch scratch;
  read(all, 0, 0, 100, scratch);
  EXPECT_TRUE(all.verify_unchanged(std::span(&file_.digest, 1)).ok());
  folder_.sound("source.wav", testing::white_noise(2, 1000, 5), 44100, kFloat);
  const Result<void> checked = all.verify_unchanged(std::span(&file_.digest, 1));
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code, Errc::invalid_input);
  EXPECT_EQ(checked.error().message, folder_ / "source.wav: the file was changed after it was planned; start again once it is no longer written to");
}

/// Ogg Vorbis: libsndfile's seeks in it are not exact, so it is decoded forward, and kept.
class DecodedSource : public ConvertedSource {
 protected:
  DecodedSource() {
    folder_.sound("source.ogg", testing::white_noise(2, kSourceFrames, 6), 44100, SF_FORMAT_OGG | SF_FORMAT_VORBIS);
    const std::string path = folder_ / "source.ogg";
    file_ = {*media::digest_file(path), *media::probe(path), *media::stamp(path)};
    for (const auto& channel : testing::read_sound(path).channels) decoded_.emplace_back(channel.begin(), channel.end());
  }
  [[nodiscard]] std::vector<float> expected(int channel, Frames first, Frames count) const {
    const auto from = decoded_[static_cast<std::size_t>(channel)].begin() + first;
    return {from, from + count};
  }
  [[nodiscard]] static Frames pieces() { return media::piece_count(kSourceFrames, 44100, 44100); }
  std::vector<std::vector<float>> decoded_;
};

TEST_F(DecodedSource, HasTheSamplesOfADecodingFromTheStartWhereverReadingBegins) {
  const Sources all = sources(44100);
  std::mt19937 random(4);
  SourceScratch scratch;
  for (int trial = 0; trial < 100; ++trial) {
    const Frames first = static_cast<Frames>(random()) % kSourceFrames;
    const Frames count = 1 + static_cast<Frames>(random()) % std::min<Frames>(kSourceFrames - first, 200000);
    SourceScratch fresh;
    ASSERT_EQ(read(all, trial % 2, first, count, trial % 3 == 0 ? fresh : scratch), expected(trial % 2, first, count)) << "from " << first;
  }
}

TEST_F(DecodedSource, IsDecodedOnceForAllThreadsAndRenders) {
  ASSERT_GE(pieces(), 3);
  const Sources all = sources(44100);
  SourceScratch first;
  read(all, 0, 100, 1, first);
  EXPECT_EQ(blobs().size(), 1u) << "no further than what is read";
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        SourceScratch scratch;
        EXPECT_EQ(read(all, t % 2, 0, kSourceFrames, scratch), expected(t % 2, 0, kSourceFrames));
      });
  }
  const auto kept = blobs();
  EXPECT_EQ(static_cast<Frames>(kept.size()), pieces());
  const Sources later = sources(44100);
  SourceScratch scratch;
  read(later, 0, 0, 1, scratch);  // opens the file
  std::filesystem::remove(folder_ / "source.ogg");
  EXPECT_EQ(read(later, 1, 0, kSourceFrames, scratch), expected(1, 0, kSourceFrames)) << "taken from the store, not decoded";
  EXPECT_EQ(blobs(), kept);
}

TEST_F(DecodedSource, KeepsWhatComesByOnTheWayToALaterPiece) {
  const Sources all = sources(44100);
  SourceScratch scratch;
  EXPECT_EQ(read(all, 0, kSourceFrames - 10, 10, scratch), expected(0, kSourceFrames - 10, 10));
  EXPECT_EQ(static_cast<Frames>(blobs().size()), pieces());
  std::filesystem::remove(folder_ / "source.ogg");
  SourceScratch fresh;
  EXPECT_EQ(read(all, 0, 0, kSourceFrames, fresh), expected(0, 0, kSourceFrames));
}

TEST_F(DecodedSource, IsDecodedAgainWhereTheStoreLostIt) {
  const Sources all = sources(44100);
  {
    SourceScratch scratch;
    read(all, 0, 0, kSourceFrames, scratch);
  }
  const auto names = testing::files_below(folder_ / "store/blobs");
  for (const std::string& name : names) {
    std::string bytes = testing::file_text(folder_ / "store/blobs/" + name);
    bytes[bytes.size() - 9] ^= 4;
    folder_.text("store/blobs/" + name, bytes);
  }
  SourceScratch scratch;
  EXPECT_EQ(read(all, 1, 0, kSourceFrames, scratch), expected(1, 0, kSourceFrames));
  for (const std::string& name : names) std::filesystem::remove(folder_ / "store/blobs/" + name);
  SourceScratch fresh;
  EXPECT_EQ(read(all, 1, 0, kSourceFrames, fresh), expected(1, 0, kSourceFrames));
}

TEST_F(DecodedSource, IsConvertedFromWhatIsKept) {
  const Sources all = sources(48000);
  SourceScratch scratch;
  const std::vector<float> whole = read(all, 0, 0, kFrames, scratch);
  EXPECT_EQ(static_cast<Frames>(blobs().size()), pieces() + media::piece_count(kSourceFrames, 44100, 48000));
  SourceScratch fresh;
  const std::vector<float> part = read(sources(48000), 0, 300'000, 200'000, fresh);
  EXPECT_EQ(std::memcmp(part.data(), whole.data() + 300'000, part.size() * sizeof(float)), 0);
  const auto converted = media::convert_piece(
      [&](Frames at, Frames n, std::span<float* const> to) -> Result<void> {
        for (std::size_t c = 0; c < to.size(); ++c) std::copy_n(decoded_[c].data() + at, n, to[c]);
        return {};
      }, 44100, 48000, 2, kSourceFrames, 1);
  ASSERT_TRUE(converted.ok());
  const Frames begin = media::piece_length(44100, 48000);
  EXPECT_EQ(std::memcmp(converted->front().data(), whole.data() + begin, converted->front().size() * sizeof(float)), 0);
}

}  // namespace
}  // namespace dubfarm::worker
