// Results that wait for their acknowledgement: they outlive the worker's process, and nothing else does.
#include "worker/link/result_box.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/command.hpp"
#include "tests/support/mix_folder.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dubfarm::worker {
namespace {

wire::Result result_of(std::uint64_t lease, const std::string& digest = std::string(16, 'd')) {
  wire::Result result;
  result.mutable_lease()->set_lease(lease);
  result.mutable_lease()->set_job(3);
  result.mutable_lease()->set_task(7);
  result.set_outcome(wire::DONE);
  result.set_digest(digest);
  return result;
}

TEST(ResultBox, GivesBackToTheNextProcessWhatWasNotAcknowledged) {
  const testing::TemporaryFolder folder;
  {
    ResultBox box = ResultBox::open(folder / "box").value();
    ASSERT_TRUE(box.put(result_of(1)).ok());
    ASSERT_TRUE(box.put(result_of(0xabc)).ok());
    box.acknowledged(1);
    box.acknowledged(77);  // never heard of
  }
  EXPECT_EQ(testing::files_below(folder / "box"), std::vector<std::string>{"0000000000000abc.result"});
  const ResultBox again = ResultBox::open(folder / "box").value();
  ASSERT_EQ(again.results().size(), 1u);
  EXPECT_EQ(again.results().at(0xabc).SerializeAsString(), result_of(0xabc).SerializeAsString());
}

TEST(ResultBox, KeepsTheLastWordOfALease) {
  const testing::TemporaryFolder folder;
  ResultBox box = ResultBox::open(folder / "box").value();
  ASSERT_TRUE(box.put(result_of(5, std::string(16, 'a'))).ok());
  ASSERT_TRUE(box.put(result_of(5, std::string(16, 'b'))).ok());
  EXPECT_EQ(ResultBox::open(folder / "box").value().results().at(5).digest(), std::string(16, 'b'));
}

TEST(ResultBox, ThrowsAwayWhatCannotBeUnderstoodAndLeavesOtherFilesAlone) {
  const testing::TemporaryFolder folder;
  {
    ResultBox box = ResultBox::open(folder / "box").value();
    for (std::uint64_t lease = 1; lease <= 3; ++lease) ASSERT_TRUE(box.put(result_of(lease)).ok());
  }
  std::string torn = testing::file_text(folder / "box/0000000000000001.result");
  folder.file("box/0000000000000001.result", torn.substr(0, torn.size() / 2));
  torn[torn.size() - 3] = static_cast<char>(torn[torn.size() - 3] ^ 1);
  folder.file("box/0000000000000002.result", torn);
  folder.file("box/0000000000000009.result", "");
  folder.file("box/notes.txt", "mine");
  const ResultBox box = ResultBox::open(folder / "box").value();
  ASSERT_EQ(box.results().size(), 1u);
  EXPECT_TRUE(box.results().contains(3));
  EXPECT_EQ(testing::files_below(folder / "box"), (std::vector<std::string>{"0000000000000003.result", "notes.txt"}));
}

TEST(ResultBox, ThatCannotBeWrittenKeepsResultsInMemoryAndSaysSo) {
  const testing::TemporaryFolder folder;
  ResultBox box = ResultBox::open(folder / "box").value();
  std::filesystem::remove_all(folder / "box");
  const Result<void> put = box.put(result_of(1));
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().message, folder / "box/0000000000000001.result.partial: cannot write this file: No such file or directory");
  EXPECT_TRUE(box.results().contains(1));
  box.acknowledged(1);
  EXPECT_TRUE(box.results().empty());
}

TEST(ResultBox, OpensNoFolderThatIsAFile) {
  const testing::TemporaryFolder folder;
  folder.file("box", "a file");
  EXPECT_FALSE(ResultBox::open(folder / "box").ok());
}

}  // namespace
}  // namespace dubfarm::worker
