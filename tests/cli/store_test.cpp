// The store as a user meets it: its verbs, a limit, loss in the middle of a render, several renders at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "common/store/upkeep.hpp"
#include "tests/support/command.hpp"
#include "tests/support/reel.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

namespace fs = std::filesystem;

class StoreVerbs : public ::testing::Test {
 protected:
  StoreVerbs() { reel_.write(); }
  Json render(const std::string& out, std::vector<std::string> more = {}) {
    const CommandResult result = reel_.render(out, "store", std::move(more));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.status == 0 ? reel_.report(out) : Json();
  }
  CommandResult store(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "store");
    arguments.insert(arguments.end(), {"--store", store_});
    return dubfarm(arguments);
  }
  [[nodiscard]] std::size_t blobs() const { return files_below(store_ + "/blobs").size(); }
  Reel reel_;
  std::string store_ = reel_.folder / "store";
};

TEST_F(StoreVerbs, StatusSaysWhatIsThere) {
  render("out");
  const CommandResult said = store({"status"});
  EXPECT_EQ(said.status, 0) << said.err;
  EXPECT_THAT(said.out, StartsWith("store      " + store_ + "\nblobs      9 ("));
  EXPECT_THAT(said.out, HasSubstr(", the one used longest ago 0 minutes ago\nlimit      none\n"));
  const Json json = Json::parse(store({"status", "--json"}).out);
  EXPECT_EQ(json.at("blobs").at("count"), 9);
  EXPECT_EQ(json.at("limit_bytes"), nullptr);
  EXPECT_EQ(json.at("jobs"), Json::array()) << "the render has let go";
  EXPECT_EQ(files_below(store_ + "/jobs"), std::vector<std::string>{});
}

TEST_F(StoreVerbs, GcGivesUpRecordsOfPrintsThatAreGoneAndARenderTakesThemBack) {
  const Json first = render("out");
  ASSERT_EQ(first.at("prints").at("printed"), 2);
  const auto age = [&](int days) {
    for (const std::string& name : files_below(store_ + "/prints")) fs::last_write_time(store_ + "/prints/" + name, fs::file_time_type::clock::now() - 24h * days);
  };
  const auto records = [&](const std::string& folder) { return files_below(store_ + "/" + folder).size(); };
  age(300);
  EXPECT_EQ(Json::parse(store({"gc", "--json"}).out).at("print_records_moved_to_trash"), 0) << "the files stand";
  fs::rename(reel_.folder / "out", reel_.folder / "moved");
  age(6);
  EXPECT_EQ(Json::parse(store({"gc", "--json"}).out).at("print_records_moved_to_trash"), 0) << "perhaps the disk is not mounted";
  age(8);
  EXPECT_THAT(store({"gc"}).out, HasSubstr("\n2 records of prints moved to the trash: their files are gone, or nobody asked for them\n"));
  EXPECT_EQ(records("prints"), 0u);
  EXPECT_EQ(records("trash"), 2u);
  EXPECT_EQ(Json::parse(store({"status", "--json"}).out).at("trash").at("count"), 0) << "records are no blobs";

  fs::rename(reel_.folder / "moved", reel_.folder / "out");
  EXPECT_EQ(render("out").at("prints").at("reused"), 2) << "the trash still has them";
  EXPECT_EQ(records("prints"), 2u);
  EXPECT_EQ(Json::parse(store({"gc", "--json"}).out).at("print_records_moved_to_trash"), 0) << "they were asked for a moment ago";
  age(366);
  store({"gc"});
  EXPECT_EQ(records("trash"), 2u) << "nobody asked for a year";
  ASSERT_TRUE(collect(Store::open(store_).value(), std::nullopt, 0).ok());
  EXPECT_EQ(records("trash"), 0u);
  EXPECT_EQ(render("out").at("prints").at("printed"), 2);
}

TEST_F(StoreVerbs, AStoreThatIsNotThereIsNotMade) {
  for (const std::vector<std::string>& verb : std::vector<std::vector<std::string>>{{"status"}, {"verify"}, {"gc"}, {"lose", "--percent", "5"}}) {
    const CommandResult said = store(verb);
    EXPECT_EQ(said.status, 2);
    EXPECT_EQ(said.err, "error: " + store_ + ": there is no store here; dubfarm render makes one, and --store names it\n");
    EXPECT_FALSE(fs::exists(store_));
  }
  EXPECT_EQ(store({"lose", "--percent", "101"}).status, 2);
}

TEST_F(StoreVerbs, VerifyFindsDamageAndTheNextRenderMendsIt) {
  const Json whole = render("out");
  EXPECT_THAT(store({"verify"}).out, MatchesRegex("9 blobs \\([0-9.]+ MiB\\) read: all sound\n"));
  const std::string victim = store_ + "/blobs/" + files_below(store_ + "/blobs")[3];
  std::string bytes = file_text(victim);
  bytes[bytes.size() - 9] ^= 4;
  std::ofstream(victim, std::ios::binary) << bytes;
  const CommandResult found = store({"verify"});
  EXPECT_EQ(found.status, 1);
  EXPECT_THAT(found.out, StartsWith(victim + ": the samples of channel "));
  EXPECT_THAT(found.out, HasSubstr("1 damaged and removed; the next render makes them again\n"));
  EXPECT_EQ(blobs(), 8u);
  const Json again = render("out", {"--reprint"});
  EXPECT_EQ(digests(again), digests(whole));
  EXPECT_EQ(again.at("chunks").at("rendered"), 1);
}

TEST_F(StoreVerbs, DamageFoundWhilePrintingIsCountedAndNoted) {
  render("out");
  const std::string victim = store_ + "/blobs/" + files_below(store_ + "/blobs")[3];
  std::string bytes = file_text(victim);
  bytes[bytes.size() - 9] ^= 4;
  std::ofstream(victim, std::ios::binary) << bytes;
  const CommandResult again = reel_.render("again", "store", {"--reprint"});
  EXPECT_EQ(again.err, "note: 1 of the chunks that the store should have were missing or damaged; they were rendered again\n");
  EXPECT_EQ(reel_.report("again").at("lost_chunks"), 1);
}

TEST_F(StoreVerbs, ALimitHoldsFromThenOnAndEvictsWhatWasUsedLongestAgo) {
  const Json whole = render("out");
  EXPECT_THAT(store({"gc"}).out, HasSubstr("\nthe store has no limit; --limit 200G sets one\n"));
  EXPECT_EQ(store({"gc", "--limit", "5GB"}).err, "error: --limit: \"5GB\" is no size; write 200G, 1.5T, 700M or a number of bytes\n");
  EXPECT_EQ(blobs(), 9u);
  const CommandResult done = store({"gc", "--limit", "4M", "--json"});
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_LE(Json::parse(done.out).at("blob_bytes"), 4 << 20);
  EXPECT_LT(blobs(), 9u);
  EXPECT_EQ(Json::parse(store({"status", "--json"}).out).at("limit_bytes"), 4 << 20);
  EXPECT_EQ(digests(render("again", {"--reprint"})), digests(whole)) << "what it needs comes back from the trash, or is rendered again";
  EXPECT_LE(Json::parse(store({"status", "--json"}).out).at("blobs").at("bytes"), 4 << 20) << "and goes again when the render is over";
  render("again", {"--store-limit", "none"});
  EXPECT_EQ(Json::parse(store({"status", "--json"}).out).at("limit_bytes"), nullptr);
  const CommandResult refused = reel_.render("again", "store", {"--store-limit", "much"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_EQ(refused.err, "error: --store-limit: \"much\" is no size; write 200G, 1.5T, 700M or a number of bytes\n");
}

TEST_F(StoreVerbs, LosingATenthInTheMiddleOfARenderChangesNoByte) {
  const Json whole = render("whole");
  fs::remove_all(store_);
  int hits = 0;
  for (int attempt = 0; attempt < 4; ++attempt) {
    const std::string out = "out " + std::to_string(attempt);
    Command command({"render", reel_.mix, "--out", reel_.folder / out, "--store", store_, "--threads", "1", "--reprint"});
    for (int seed = 1; !command.ends_within(2ms); ++seed) {
      if (!fs::exists(store_ + "/format") || blobs() < 3) continue;
      hits += store({"lose", "--percent", "10", "--seed", std::to_string(seed)}).status == 0 ? 1 : 0;
    }
    const CommandResult result = command.result();
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(digests(reel_.report(out)), digests(whole));
    store({"lose", "--percent", "40", "--seed", std::to_string(attempt)});
  }
  EXPECT_GT(hits, 0);
}

TEST_F(StoreVerbs, DeletedUnderARendersHandsItIsMadeAgain) {
  const Json whole = render("whole");
  fs::remove_all(store_);
  Command command({"render", reel_.mix, "--out", reel_.folder / "out", "--store", store_, "--threads", "1"});
  while (!command.ends_within(1ms) && (!fs::exists(store_ + "/format") || blobs() < 4)) continue;
  std::error_code ignored;
  for (const char* part : {"/blobs", "/tmp", "/trash", "/jobs", "/format"}) fs::remove_all(store_ + part, ignored);
  const CommandResult result = command.result();
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(digests(reel_.report("out")), digests(whole));
}

TEST_F(StoreVerbs, RendersAtOnceIntoOneStoreGiveTheSameBits) {
  const Json whole = render("whole");
  fs::remove_all(store_);
  {
    std::vector<std::unique_ptr<Command>> commands;
    for (int i = 0; i < 3; ++i)
      commands.push_back(std::make_unique<Command>(
          std::vector<std::string>{"render", reel_.mix, "--out", reel_.folder / ("out " + std::to_string(i)), "--store", store_, "--threads", "2"}));
    for (const auto& command : commands) {
      const CommandResult result = command->result();
      EXPECT_EQ(result.status, 0) << result.err;
    }
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(digests(reel_.report("out " + std::to_string(i))), digests(whole));
  EXPECT_EQ(blobs(), 9u);
  EXPECT_EQ(store({"verify"}).status, 0);
}

TEST_F(StoreVerbs, ASecondRenderIntoOneOutputFolderIsRefusedWhileTheFirstRuns) {
  const std::string out = reel_.folder / "out";
  bool was_refused = false;
  for (int attempt = 0; attempt < 10 && !was_refused; ++attempt) {
    fs::remove_all(store_);
    Command first({"render", reel_.mix, "--out", out, "--store", store_, "--threads", "1"});
    while (!first.ends_within(1ms) && !fs::exists(out + "/.dubfarm-render")) continue;
    const CommandResult second = dubfarm({"render", reel_.mix, "--out", out, "--store", reel_.folder / "store 2"});
    EXPECT_EQ(first.result().status, 0);
    if (second.status == 0) continue;  // the first was over before it looked
    was_refused = true;
    EXPECT_EQ(second.status, 3);
    EXPECT_THAT(second.err, MatchesRegex("error: " + out + ": another render \\(process [0-9]+ on [^ ]+\\) writes into this folder; wait until it has ended\n"
                                         "help: name a folder that you may write with --out\n"));
  }
  EXPECT_TRUE(was_refused);
  EXPECT_FALSE(fs::exists(out + "/.dubfarm-render"));
}

}  // namespace
}  // namespace dubfarm::cli
