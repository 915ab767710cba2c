// digest: the identity of a source and when it may be remembered.
#include "common/media/digest.hpp"

#include <xxhash.h>

#include <chrono>
#include <thread>

#include "tests/common/media/media_files.hpp"

namespace dubfarm::media {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;

void age(const std::string& path, int seconds) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::seconds(seconds));
}

std::string digest_of(DigestCache& cache, const std::string& path) {
  const auto digest = cache.digest(path);
  EXPECT_TRUE(digest.ok());
  return digest.ok() ? digest->hex() : digest.error().message;
}

/// Changes the content behind a stamp that stays the same, as nothing but a test would.
void replace_secretly(const std::string& path, const std::string& bytes) {
  const auto time = fs::last_write_time(path);
  ASSERT_EQ(fs::file_size(path), bytes.size());
  std::fstream(path, std::ios::binary | std::ios::in | std::ios::out).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  fs::last_write_time(path, time);
}

TEST(Digest, IsXxh3Of128BitsOverTheBytesAndTheLength) {
  const TemporaryFolder folder;
  for (const std::size_t size : {0UL, 1UL, 1000UL, 262144UL, 262145UL, 1000000UL}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 13);
    const auto digest = digest_file(folder.file("x", bytes));
    ASSERT_TRUE(digest.ok());
    const std::string message = bytes + testing::le(size, 8);
    const XXH128_hash_t want = XXH3_128bits(message.data(), message.size());
    EXPECT_EQ(digest->hex(), fmt::format("{:016x}{:016x}", want.high64, want.low64));
  }
}

TEST(DigestCache, RemembersAcrossRunsAndLooksAgainWhenTheStampChanges) {
  const TemporaryFolder folder;
  const auto source = folder.file("dx.wav", "one");
  age(source, 60);
  std::string first;
  {
    DigestCache cache(folder.path("cache"));
    first = digest_of(cache, source);
    EXPECT_EQ(first, digest_file(source)->hex());
  }
  replace_secretly(source, "two");
  DigestCache cache(folder.path("cache"));
  EXPECT_EQ(digest_of(cache, source), first) << "it was read again though the stamp is the same";
  age(source, 30);
  EXPECT_EQ(digest_of(cache, source), digest_file(source)->hex());
  EXPECT_NE(digest_of(cache, source), first);
}

TEST(DigestCache, StopsReadingWhenItIsTold) {
  const TemporaryFolder folder;
  std::ofstream(folder.path("a.wav")) << "abc";
  std::atomic<bool> stop = true;
  DigestCache cache(folder.path("cache"), &stop);
  const Result<Digest> stopped = cache.digest(folder.path("a.wav"));
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code, Errc::cancelled);
  EXPECT_EQ(stopped.error().message, folder.path("a.wav") + ": stopped while it was read");
  stop = false;
  EXPECT_TRUE(cache.digest(folder.path("a.wav")).ok());
}

TEST(DigestCache, DoesNotTrustAFileWrittenJustNow) {
  const TemporaryFolder folder;
  const auto source = folder.file("dx.wav", "one");
  age(source, 0);
  DigestCache cache(folder.path("cache"));
  const std::string first = digest_of(cache, source);
  replace_secretly(source, "two");
  EXPECT_NE(digest_of(cache, source), first);
  age(source, -3600);  // a clock ahead of ours
  const std::string ahead = digest_of(cache, source);
  replace_secretly(source, "six");
  EXPECT_NE(digest_of(cache, source), ahead);
}

TEST(DigestCache, IgnoresDamagedLines) {
  const TemporaryFolder folder;
  const auto source = folder.file("dx.wav", "one");
  age(source, 60);
  std::string want;
  {
    DigestCache cache(folder.path("cache"));
    want = digest_of(cache, source);
  }
  const std::string file = folder.path("cache/source-digests-1"), lines = testing::read_file(file);
  ASSERT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1);
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    std::string damaged = lines;
    damaged[i] = damaged[i] == '7' ? '8' : '7';
    std::ofstream(file, std::ios::trunc) << damaged << "\n\n" << std::string(100000, 'x');
    DigestCache cache(folder.path("cache"));
    ASSERT_EQ(digest_of(cache, source), want) << "byte " << i;
  }
}

TEST(DigestCache, DropsStaleLinesWhenTheyAreMost) {
  const TemporaryFolder folder;
  const auto source = folder.file("dx.wav", "one");
  {
    DigestCache cache(folder.path("cache"));
    for (int i = 0; i < 1100; ++i) {
      age(source, 5000 + i);
      digest_of(cache, source);
    }
  }
  const std::string file = folder.path("cache/source-digests-1");
  EXPECT_GT(fs::file_size(file), 100000U);
  const std::string known = digest_file(source)->hex();
  DigestCache cache(folder.path("cache"));
  EXPECT_LT(fs::file_size(file), 200U);
  replace_secretly(source, "two");
  EXPECT_EQ(digest_of(cache, source), known);
}

TEST(DigestCache, WorksWithoutAFolderThatCanBeWritten) {
  const TemporaryFolder folder;
  const auto source = folder.file("dx.wav", "one");
  age(source, 60);
  const std::string want = digest_file(source)->hex();
  DigestCache memory(""), blocked(source + "/cache");
  EXPECT_EQ(digest_of(memory, source), want);
  EXPECT_EQ(digest_of(blocked, source), want);
}

TEST(DigestCache, GivesManyThreadsAndTwoCachesTheSameAnswer) {
  const TemporaryFolder folder;
  std::vector<std::string> sources;
  for (int i = 0; i < 20; ++i) {
    sources.push_back(folder.file(fmt::format("{}.wav", i), std::string(100000, static_cast<char>(i))));
    age(sources.back(), 60);
  }
  DigestCache one(folder.path("cache")), other(folder.path("cache"));
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (const auto& source : sources) EXPECT_EQ((t % 2 == 0 ? one : other).digest(source)->hex(), digest_file(source)->hex());
    });
  for (auto& thread : threads) thread.join();
}

TEST(FileStamp, ChangesWithContentAndNamesWhatIsMissing) {
  const TemporaryFolder folder;
  const auto source = folder.file("dx.wav", "one");
  age(source, 60);
  const auto before = stamp(source);
  ASSERT_TRUE(before.ok());
  EXPECT_EQ(before->size_bytes, 3);
  const auto same = stamp(source);
  EXPECT_EQ(*before, *same);
  age(source, 59);
  EXPECT_NE(*before, *stamp(source));
  EXPECT_EQ(stamp(folder.path("absent")).error().code, Errc::not_found);
  EXPECT_EQ(stamp(folder.path("")).error().code, Errc::invalid_input);
}

}  // namespace
}  // namespace dubfarm::media
