// `dubfarm plan` and `dubfarm explain`: what a render would do and why, before anything runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/command.hpp"
#include "tests/support/reel.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class PlanVerb : public ::testing::Test {
 protected:
  PlanVerb() { reel_.write(); }
  void render() {
    const CommandResult result = reel_.render("out", "store");
    ASSERT_EQ(result.status, 0) << result.err;
  }
  CommandResult run(const std::string& verb, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {verb, reel_.mix, "--store", reel_.folder / "store"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return dubfarm(arguments);
  }
  Json json(const std::string& verb, std::vector<std::string> more = {}) const {
    more.push_back("--json");
    return Json::parse(run(verb, more).out);
  }
  Reel reel_;
};

TEST_F(PlanVerb, SaysWhatWouldBeRenderedReusedAndShared) {
  const CommandResult fresh = run("plan");
  EXPECT_EQ(fresh.status, 0) << fresh.err;
  EXPECT_THAT(fresh.out, HasSubstr("\n2 files to write; no estimate of the time: this machine has not rendered into this store yet\n"));
  EXPECT_FALSE(std::filesystem::exists(reel_.folder / "store")) << "planning writes nothing";
  const Json before = json("plan");
  const auto stem = [](const Json& plan, const char* version, const char* name) {
    for (const Json& one : plan.at("stems"))
      if (one.at("version") == version && one.at("stem") == name) return one;
    return Json();
  };
  EXPECT_EQ(stem(before, "en", "DX").at("render").at("chunks"), 2);
  EXPECT_EQ(stem(before, "fr", "DX").at("render").at("chunks"), 1);
  EXPECT_EQ(stem(before, "fr", "DX").at("shared").at("chunks"), 1) << "the breath";
  EXPECT_EQ(stem(before, "fr", "MX").at("shared"), stem(before, "en", "MX").at("all"));
  EXPECT_EQ(stem(before, "en", "FX").at("shared").at("chunks"), 1) << "the steps sound twice";
  EXPECT_EQ(before.at("total").at("render").at("chunks"), 9);
  EXPECT_EQ(before.at("estimated_seconds"), nullptr);

  render();
  const Json after = json("plan");
  EXPECT_EQ(after.at("total").at("render").at("chunks"), 0);
  EXPECT_EQ(after.at("total").at("reuse").at("chunks"), 9);
  EXPECT_EQ(after.at("total").at("shared"), before.at("total").at("shared"));
  EXPECT_EQ(after.at("output_files"), 2);
  EXPECT_EQ(run("plan", {"--version", "xx"}).status, 2);
}

TEST_F(PlanVerb, EstimatesByWhatEarlierRendersTook) {
  std::filesystem::create_directories(reel_.folder / "store");
  render();
  const std::string folder = reel_.folder / "store/rates";
  const std::vector<std::string> machines = files_below(folder);
  ASSERT_EQ(machines.size(), 1u) << "a render of this size takes long enough to be timed";
  std::ofstream(folder + "/" + machines[0]) << "dubfarm rates 1\n100 4\n";  // 2 files of 70 s of stereo: 280 channel-seconds
  const Json plan = json("plan", {"--threads", "2"});
  EXPECT_NEAR(plan.at("estimated_seconds").get<double>(), 280.0 / 4 / 2, 1e-6) << "nothing to render, all to print";
  EXPECT_THAT(run("plan", {"--threads", "2"}).out, HasSubstr("\n2 files to write; about 35 s on 2 threads of this machine, by earlier renders\n"));
  reel_.document["tracks"][1]["gain_db"] = -1;
  reel_.write();
  EXPECT_GT(json("plan", {"--threads", "2"}).at("estimated_seconds").get<double>(), 35.5);
}

TEST_F(PlanVerb, ExplainsWhatIsNewReusedChangedAndLost) {
  for (const Json& chunk : json("explain")) EXPECT_EQ(chunk.at("status"), "new");
  render();
  for (const Json& chunk : json("explain")) EXPECT_EQ(chunk.at("status"), "reused");
  EXPECT_THAT(run("explain", {"--stem", "DX", "--version", "fr", "--at", "01:00:06:00"}).out, "fr  DX  01:00:05:00 - 01:00:08:01  reused\n");
  EXPECT_THAT(run("explain", {"--stem", "DX", "--version", "fr", "--at", "01:00:20:00"}).out, "fr  DX  01:00:20:00  silence: nothing to render\n");

  std::string line = Json::parse(run("explain", {"--stem", "DX", "--version", "fr", "--at", "01:00:06:00", "--json"}).out).at(0).at("key");
  std::filesystem::remove(reel_.folder / "store/blobs/" + line.substr(0, 2) + "/" + line);
  EXPECT_THAT(run("explain", {"--stem", "DX", "--version", "fr", "--at", "01:00:06:00"}).out,
              "fr  DX  01:00:05:00 - 01:00:08:01  renders: its key was seen, but its blob is not in the store any more\n");

  reel_.document["tracks"][0]["clips"][1]["gain_db"] = -2;
  reel_.document["tracks"][2]["gain_db"] = Json::parse(R"([["50s", 0], ["65s", -6]])");
  reel_.document["versions"].push_back({{"name", "de"}});
  reel_.write();
  EXPECT_EQ(run("explain").err, "");
  EXPECT_THAT(run("explain", {"--stem", "DX", "--version", "en"}).out,
              MatchesRegex("en  DX  01:00:05:00 - 01:00:08:01  reused\n"
                           "en  DX  01:00:40:00 - 01:00:42:01  renders: track \"Voice\": clip breath.wav at 01:00:40:00 changed its gain\n"));
  EXPECT_THAT(run("explain", {"--stem", "FX", "--version", "en", "--at", "01:01:02:00"}).out,
              HasSubstr("renders: track \"Steps\": the automation of its level changed at 01:00:50:00\n"));
  EXPECT_THAT(run("explain", {"--stem", "DX", "--version", "de", "--at", "01:00:41:00"}).out,
              HasSubstr("renders: new; this mix was not rendered into this store before, or not this version and stem of it\n"));
}

TEST_F(PlanVerb, ExplainsAChangedChangeListByWhatItWas) {
  const auto change_list = [&](int cut_s) {  // cuts a second out, then goes on
    reel_.folder.text("changes.json", Json::array({{{"new", 0}, {"old", 0}, {"length", cut_s * 48000}},
                                                   {{"new", cut_s * 48000}, {"old", (cut_s + 1) * 48000}, {"length", (60 - cut_s) * 48000}}}).dump());
  };
  change_list(41);
  reel_.document["versions"].push_back({{"name", "v2"}, {"recut", "changes.json"}});
  reel_.write();
  render();
  const std::vector<std::string> here = {"--version", "v2", "--stem", "DX"};
  EXPECT_THAT(run("explain", here).out, MatchesRegex("(v2  DX  [^\n]*  reused\n)+"));
  change_list(40);  // the breath at 40 s begins a second into its source now
  EXPECT_THAT(run("explain", here).out, HasSubstr("renders: track \"Voice\": clip breath.wav at 01:00:39:23 moved by -48000 samples")) << "the old list is known, though its file is another now";
}

TEST_F(PlanVerb, AnUnreadableRecordIsAsNone) {
  render();
  const std::string record = reel_.folder / "store/plans/" + files_below(reel_.folder / "store/plans").at(0);
  for (const char* text : {"", "{", "[]", "{\"dubfarm_plan_record\": 2}", "{\"dubfarm_plan_record\": 1, \"media\": [5]}", "{\"dubfarm_plan_record\": 1, \"keys\": [\"x\"]}",
                           "{\"dubfarm_plan_record\": 1, \"mix\": 3}"}) {
    std::ofstream(record) << text;
    const CommandResult said = run("explain", {"--stem", "DX", "--at", "01:00:06:00"});
    EXPECT_EQ(said.status, 0) << text << said.err;
    EXPECT_THAT(said.out, HasSubstr("reused\n"));
  }
}

TEST_F(PlanVerb, RefusesWhatItCannotFind) {
  EXPECT_EQ(run("explain", {"--stem", "NO"}).err, "error: no stem matches --stem \"NO\"\n");
  EXPECT_THAT(run("explain", {"--at", "sometime"}).err, MatchesRegex("error: --at: .*sometime.*\n"));
  EXPECT_EQ(run("explain", {"--at", "sometime"}).status, 2);
  EXPECT_EQ(run("explain", {"--version", "xx"}).err, "error: no output matches --version \"xx\" --deliverable \"*\"\n");
}

TEST_F(PlanVerb, ALostChunkIsCountedByTheNextRender) {
  render();
  const CommandResult lost = dubfarm({"store", "lose", "--percent", "20", "--store", reel_.folder / "store"});
  EXPECT_EQ(lost.out, "2 blobs deleted\n");
  const CommandResult again = reel_.render("out", "store", {"--reprint"});
  EXPECT_EQ(again.err, "note: 2 of the chunks that the store should have were missing or damaged; they were rendered again\n");
  EXPECT_EQ(reel_.report("out").at("lost_chunks"), 2);
}

}  // namespace
}  // namespace dubfarm::cli
