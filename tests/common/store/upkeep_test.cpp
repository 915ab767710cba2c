// A store's upkeep: the longest unused goes first, in two steps, and never what a running job needs.
#include "common/store/upkeep.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace dubfarm {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBlobBytes = 40 + 8 + 4000;

class Upkeep : public ::testing::Test {
 protected:
  /// Blob `n`, used `hours` ago.
  program::Key put(int n, int hours) {
    const program::Key key = program::key_of_bytes("blob " + std::to_string(n));
    const std::vector<float> samples(1000, 0.25f);
    const float* channels[] = {samples.data()};
    EXPECT_TRUE(store_.put(key, 48000, 1000, channels).ok());
    const timespec then{::time(nullptr) - hours * 3600L, 0};
    const timespec times[2] = {then, then};
    EXPECT_EQ(::utimensat(AT_FDCWD, store_.path_of(key).c_str(), times, 0), 0);
    return key;
  }
  [[nodiscard]] bool lies_in_store(const program::Key& key) const { return fs::exists(store_.path_of(key)); }
  [[nodiscard]] bool lies_in_trash(const program::Key& key) const { return fs::exists(store_.trash_path_of(key)); }
  testing::TemporaryFolder folder_;
  Store store_ = Store::open(folder_ / "store").value();
};

TEST_F(Upkeep, SaysWhatIsThere) {
  put(1, 3);
  put(2, 1);
  std::ofstream(store_.folder() + "/tmp/left over") << "12345";
  const Lease job = store_.pin({}).value();
  ASSERT_TRUE(set_store_limit(store_, 5000).ok());
  const StoreStatus status = store_status(store_).value();
  EXPECT_EQ(status.blobs, 2u);
  EXPECT_EQ(status.blob_bytes, 2 * kBlobBytes);
  EXPECT_NEAR(status.oldest_use_seconds, 3 * 3600, 60);
  EXPECT_EQ(status.unfinished_bytes, 5u);
  EXPECT_EQ(status.limit_bytes, 5000u);
  ASSERT_EQ(status.jobs.size(), 1u);
  EXPECT_EQ(status.jobs[0].pid, ::getpid());
}

TEST_F(Upkeep, WithoutALimitNothingIsEvicted) {
  const program::Key key = put(1, 1000);
  EXPECT_EQ(collect(store_, std::nullopt)->moved_blobs, 0u);
  EXPECT_EQ(collect(store_, kBlobBytes)->moved_blobs, 0u) << "nor on the limit";
  EXPECT_TRUE(lies_in_store(key));
}

TEST_F(Upkeep, TheLongestUnusedGoesToTheTrashFirstUntilNineTenthsAreLeft) {
  std::vector<program::Key> keys;
  for (int n = 0; n < 10; ++n) keys.push_back(put(n, n + 1));
  const Collected done = collect(store_, 9 * kBlobBytes).value();
  EXPECT_EQ(done.moved_blobs, 2u);
  EXPECT_EQ(done.blob_bytes, 8 * kBlobBytes);
  for (std::size_t n = 0; n < 10; ++n) {
    EXPECT_EQ(lies_in_store(keys[n]), n < 8) << n;
    EXPECT_EQ(lies_in_trash(keys[n]), n >= 8) << n;
  }
}

TEST_F(Upkeep, WhatIsAskedForComesBackFromTheTrash) {
  const program::Key key = put(1, 5);
  ASSERT_EQ(collect(store_, 1)->moved_blobs, 1u);
  ASSERT_TRUE(lies_in_trash(key));
  EXPECT_TRUE(store_.has(key));
  EXPECT_TRUE(lies_in_store(key));
  EXPECT_FALSE(lies_in_trash(key));
}

TEST_F(Upkeep, TheTrashIsEmptiedAfterTheGraceTimeOnly) {
  const program::Key key = put(1, 5);
  ASSERT_EQ(collect(store_, 1)->moved_blobs, 1u);
  EXPECT_EQ(collect(store_, 1)->deleted_files, 0u);
  EXPECT_TRUE(lies_in_trash(key));
  EXPECT_EQ(collect(store_, 1, 0)->deleted_bytes, kBlobBytes);
  EXPECT_FALSE(lies_in_trash(key));
  EXPECT_FALSE(store_.has(key));
}

TEST_F(Upkeep, WhatARunningJobNeedsIsNeitherMovedNorDeleted) {
  const program::Key old = put(1, 50), needed = put(2, 100), in_trash = put(3, 200);
  ASSERT_EQ(collect(store_, 2 * kBlobBytes + 1600)->moved_blobs, 1u);
  ASSERT_TRUE(lies_in_trash(in_trash));
  const program::Key keys[] = {needed, in_trash};
  {
    const Lease job = store_.pin(keys).value();
    const Collected done = collect(store_, 1, 0).value();
    EXPECT_EQ(done.moved_blobs, 1u);
    EXPECT_EQ(done.pinned_bytes, kBlobBytes);
    EXPECT_TRUE(lies_in_trash(old));
    EXPECT_TRUE(lies_in_store(needed));
    EXPECT_TRUE(lies_in_trash(in_trash));
  }
  EXPECT_EQ(collect(store_, 1, 0)->moved_blobs, 1u) << "the job is over";
  EXPECT_FALSE(lies_in_store(needed));
}

TEST_F(Upkeep, APinOfAProcessThatIsGonePinsNothing) {
  const program::Key key = put(1, 5);
  std::ofstream(store_.folder() + "/jobs/elsewhere-1-0") << "dubfarm lease 1\nhost elsewhere\nspace another/boot\nprocess 1 1\n" + key.hex() + "\n";
  EXPECT_EQ(collect(store_, 1)->moved_blobs, 0u) << "it was touched a moment ago";
  const timespec then[2] = {{::time(nullptr) - 3600, 0}, {::time(nullptr) - 3600, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (store_.folder() + "/jobs/elsewhere-1-0").c_str(), then, 0), 0);
  EXPECT_EQ(collect(store_, 1)->moved_blobs, 1u);
  EXPECT_FALSE(fs::exists(store_.folder() + "/jobs/elsewhere-1-0"));
}

TEST_F(Upkeep, UseIsNoticedButAtMostOnceAnHour) {
  const program::Key recent = put(1, 0), old = put(2, 5);
  const auto before = fs::last_write_time(store_.path_of(recent));
  EXPECT_TRUE(store_.has(recent) && store_.has(old));
  EXPECT_EQ(fs::last_write_time(store_.path_of(recent)), before);
  EXPECT_LT(store_status(store_)->oldest_use_seconds, 60) << "the old one counts as used now";
}

TEST_F(Upkeep, VerifyRemovesWhatIsDamagedAndNamesIt) {
  const program::Key sound = put(1, 5), cut = put(2, 5), flipped = put(3, 5);
  fs::resize_file(store_.path_of(cut), 100);
  {
    std::fstream file(store_.path_of(flipped), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(2000);
    file.put('!');
  }
  const Verified verified = verify_store(store_).value();
  EXPECT_EQ(verified.blobs, 3u);
  ASSERT_EQ(verified.damaged.size(), 2u);
  EXPECT_TRUE(std::any_of(verified.damaged.begin(), verified.damaged.end(), [&](const std::string& m) { return m == store_.path_of(cut) + ": not a whole blob"; }));
  EXPECT_TRUE(lies_in_store(sound));
  EXPECT_FALSE(lies_in_store(cut) || lies_in_store(flipped));
  EXPECT_TRUE(verify_store(store_)->damaged.empty());
  EXPECT_GT(store_status(store_)->oldest_use_seconds, 4 * 3600) << "to look after a blob is not to use it";
}

TEST_F(Upkeep, LosesSoManyOfAHundredTheSameForASeed) {
  const auto lose = [&](double percent, std::uint64_t seed) {
    std::vector<program::Key> keys;
    for (int n = 0; n < 40; ++n) keys.push_back(put(n, 1));
    EXPECT_EQ(lose_blobs(store_, percent, seed).value(), static_cast<std::uint64_t>(40 * percent / 100));
    std::vector<bool> left;
    for (const program::Key& key : keys) left.push_back(lies_in_store(key));
    return left;
  };
  EXPECT_EQ(lose(10, 1), lose(10, 1));
  EXPECT_NE(lose(10, 1), lose(10, 2));
  lose(0, 1);
  lose(100, 1);
}

TEST(StoreSize, IsWrittenAsPeopleDo) {
  EXPECT_EQ(parse_size("200G").value(), std::uint64_t{200} << 30);
  EXPECT_EQ(parse_size("1.5T").value(), std::uint64_t{3} << 39);
  EXPECT_EQ(parse_size("12345").value(), 12345u);
  EXPECT_EQ(parse_size("64K").value(), 65536u);
  for (const char* text : {"", "G", "-1G", "0", "5X", "5GB", "1e40", "nan", "five"}) {
    const Result<std::uint64_t> size = parse_size(text);
    ASSERT_FALSE(size.ok()) << text;
    EXPECT_EQ(size.error().message, fmt::format("\"{}\" is no size; write 200G, 1.5T, 700M or a number of bytes", text));
  }
}

}  // namespace
}  // namespace dubfarm
