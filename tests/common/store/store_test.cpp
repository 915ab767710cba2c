#include "common/store/store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace dubfarm {
namespace {

program::Key key_named(const char* name) { return program::key_of_bytes(name); }

std::vector<float> ramp(Frames frames, float start) {
  std::vector<float> v(static_cast<std::size_t>(frames));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = start + static_cast<float>(i % 1000) * 1e-3f;
  return v;
}

void flip_byte(const std::string& path, std::int64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  if (offset < 0) { file.seekg(0, std::ios::end); offset += file.tellg(); }
  file.seekg(offset);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(offset);
  file.put(byte);
}

class StoreTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder_;
  Store store_ = Store::open(folder_.path() + "/store").value();
};

TEST_F(StoreTest, GivesBackWhatWasPutAtAnyOffset) {
  const Frames frames = 200'000;  // four segments, the last one short
  const std::vector<float> left = ramp(frames, 0.1f), right = ramp(frames, -0.5f);
  const float* channels[] = {left.data(), right.data()};
  ASSERT_TRUE(store_.put(key_named("a"), 48000, frames, channels).ok());
  ASSERT_TRUE(store_.has(key_named("a")));
  Result<BlobReader> blob = store_.open_blob(key_named("a"));
  ASSERT_TRUE(blob.ok()) << blob.error().message;
  EXPECT_EQ(blob->channels(), 2);
  EXPECT_EQ(blob->frames(), frames);
  EXPECT_EQ(blob->sample_rate(), 48000);
  for (const auto& [first, count] : std::vector<std::pair<Frames, Frames>>{{0, frames}, {65535, 2}, {65536, 65536}, {199'999, 1}, {7, 0}}) {
    std::vector<float> out(static_cast<std::size_t>(count));
    ASSERT_TRUE(blob->read(1, first, count, out.data()).ok());
    EXPECT_TRUE(std::equal(out.begin(), out.end(), right.begin() + first));
  }
}

TEST_F(StoreTest, SegmentsThatWereReadAreNotReadAgain) {
  const Frames frames = 200'000;
  const std::vector<float> left = ramp(frames, 0.1f), right = ramp(frames, -0.5f);
  const float* channels[] = {left.data(), right.data()};
  ASSERT_TRUE(store_.put(key_named("a"), 48000, frames, channels).ok());
  SegmentCache cache(3 * SegmentCache::kFrames * sizeof(float));
  std::vector<float> out(static_cast<std::size_t>(frames));
  BlobReader first = store_.open_blob(key_named("a"), &cache).value(), second = store_.open_blob(key_named("a"), &cache).value();
  ASSERT_TRUE(first.read(1, 0, 2 * SegmentCache::kFrames, out.data()).ok());
  flip_byte(store_.path_of(key_named("a")), -4 * frames + 4);  // in the second channel's first segment, which is known
  ASSERT_TRUE(second.read(1, 0, 2 * SegmentCache::kFrames, out.data()).ok());
  EXPECT_TRUE(std::equal(out.begin(), out.begin() + 2 * SegmentCache::kFrames, right.begin()));
  ASSERT_TRUE(second.read(0, 0, frames, out.data()).ok()) << "four more segments, of which no more than three are kept";
  EXPECT_EQ(out, left);
  const Result<void> anew = first.read(1, 0, 10, out.data());
  ASSERT_FALSE(anew.ok()) << "dropped, and read from the file";
  EXPECT_EQ(anew.error().code, Errc::corrupt);
  EXPECT_TRUE(first.read(1, SegmentCache::kFrames, 10, out.data()).ok()) << "the others are as they were put";
}

TEST_F(StoreTest, SilentChannelsTakeNoRoom) {
  const Frames frames = 100'000;
  const std::vector<float> sound = ramp(frames, 0.1f), silence(static_cast<std::size_t>(frames), -0.0f);
  const float* channels[] = {silence.data(), sound.data(), silence.data()};
  ASSERT_TRUE(store_.put(key_named("quiet"), 48000, frames, channels).ok());
  EXPECT_LT(std::filesystem::file_size(store_.path_of(key_named("quiet"))), 4 * frames + 1000);
  BlobReader blob = store_.open_blob(key_named("quiet")).value();
  EXPECT_TRUE(blob.is_silent(0));
  EXPECT_FALSE(blob.is_silent(1));
  std::vector<float> out(1000, 1.0f);
  ASSERT_TRUE(blob.read(2, 50, 1000, out.data()).ok());
  EXPECT_EQ(out, std::vector<float>(1000, 0.0f));
}

TEST_F(StoreTest, ADamagedSampleIsFoundWhenItIsReadAndOnlyThen) {
  const std::vector<float> samples = ramp(150'000, 0.2f);
  const float* channels[] = {samples.data()};
  ASSERT_TRUE(store_.put(key_named("b"), 48000, 150'000, channels).ok());
  flip_byte(store_.path_of(key_named("b")), -1);
  ASSERT_TRUE(store_.has(key_named("b")));
  BlobReader blob = store_.open_blob(key_named("b")).value();
  std::vector<float> out(150'000);
  EXPECT_TRUE(blob.read(0, 0, 100'000, out.data()).ok());
  const Result<void> read = blob.read(0, 100'000, 50'000, out.data());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Errc::corrupt);
}

TEST_F(StoreTest, ADamagedHeaderOrACutFileIsNoBlob) {
  const std::vector<float> samples = ramp(1000, 0.2f);
  const float* channels[] = {samples.data()};
  for (const std::int64_t at : {0, 9, 17, 25, 33, 41}) {
    ASSERT_TRUE(store_.put(key_named("c"), 48000, 1000, channels).ok());
    flip_byte(store_.path_of(key_named("c")), at);
    EXPECT_FALSE(store_.has(key_named("c"))) << "byte " << at;
  }
  ASSERT_TRUE(store_.put(key_named("d"), 48000, 1000, channels).ok());
  std::filesystem::resize_file(store_.path_of(key_named("d")), 3000);
  EXPECT_FALSE(store_.has(key_named("d")));
  const Result<BlobReader> gone = store_.open_blob(key_named("never put"));
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, Errc::not_found);
}

TEST_F(StoreTest, ManyThreadsPutOneKeyAndItIsWhole) {
  const std::vector<float> samples = ramp(70'000, 0.3f);
  const float* channels[] = {samples.data()};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] { for (int i = 0; i < 20; ++i) EXPECT_TRUE(store_.put(key_named("e"), 48000, 70'000, channels).ok()); });
  }
  std::vector<float> out(70'000);
  ASSERT_TRUE(store_.open_blob(key_named("e")).value().read(0, 0, 70'000, out.data()).ok());
  EXPECT_EQ(out, samples);
  EXPECT_TRUE(std::filesystem::is_empty(store_.folder() + "/tmp"));
}

TEST_F(StoreTest, AStoreOfAnotherVersionIsRefused) {
  std::ofstream(store_.folder() + "/format") << "dubfarm blob store 9\n";
  const Result<Store> newer = Store::open(store_.folder());
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().code, Errc::invalid_input);
  EXPECT_EQ(newer.error().message, store_.folder() + ": this store was made by a newer dubfarm (format 9; dubfarm " DUBFARM_VERSION
            " knows format 1); use that one, or name another folder with --store");
  std::ofstream(store_.folder() + "/format") << "something else\n";
  const Result<Store> other = Store::open(store_.folder());
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().message, store_.folder() +
            ": this is not a store that dubfarm " DUBFARM_VERSION " can use (its format file does not say \"dubfarm blob store 1\"); name another folder with --store");
}

TEST_F(StoreTest, OneThatIsOnlyReadIsNotMade) {
  const Result<Store> opened = Store::open(folder_ / "nowhere", Store::Access::read_only);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().message, folder_ / "nowhere" + ": there is no store here; dubfarm render makes one, and --store names it");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "nowhere"));
}

TEST_F(StoreTest, WritesOnWhereFoldersAreDeletedUnderItsHands) {
  const std::vector<float> samples = ramp(1000, 0.2f);
  const float* channels[] = {samples.data()};
  std::filesystem::remove_all(store_.folder() + "/tmp");
  std::filesystem::remove_all(store_.folder() + "/blobs");
  ASSERT_TRUE(store_.put(key_named("f"), 48000, 1000, channels).ok());
  EXPECT_TRUE(store_.has(key_named("f")));
  EXPECT_TRUE(store_.sync().ok());
}

}  // namespace
}  // namespace dubfarm
