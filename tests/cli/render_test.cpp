// What a render does besides sounding right: the same bits whatever the order, nothing rendered twice, nothing lost, nothing half written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <filesystem>
#include <random>
#include <set>

#include "tests/support/json_schema.hpp"
#include "tests/support/local_render.hpp"
#include "tests/support/random_mix.hpp"
#include "tests/support/reel.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

Json chunks(const Json& report) { return report.at("chunks"); }
Json rendered(int count, int reused) { return {{"total", count + reused}, {"rendered", count}, {"reused", reused}}; }

/// Paths of the blobs of a store.
std::vector<std::string> blobs(const std::string& store) {
  std::vector<std::string> paths;
  for (const std::string& name : files_below(store + "/blobs")) paths.push_back(store + "/blobs/" + name);
  return paths;
}

std::vector<std::string> partial_files(const std::string& folder) {
  std::vector<std::string> names = files_below(folder);
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".partial"); });
  return names;
}

class Render : public ::testing::Test {
 protected:
  /// Renders into `out`, which must succeed. @return its report.
  Json render(const std::string& out, const std::string& store, std::vector<std::string> more = {}) {
    if (reel_.mix.empty()) reel_.write();
    const CommandResult result = reel_.render(out, store, std::move(more));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.status == 0 ? reel_.report(out) : Json();
  }
  Reel reel_;
};

// ---- the same bits

TEST_F(Render, GivesTheSameFilesOnAnyNumberOfThreads) {
  const Json one = render("one", "store 1", {"--threads", "1"});
  ASSERT_EQ(chunks(one), rendered(9, 0));
  for (const char* threads : {"2", "7"}) {
    const Json many = render(std::string("on ") + threads, std::string("store ") + threads, {"--threads", threads});
    EXPECT_EQ(digests(many), digests(one));
    EXPECT_EQ(many.at("outputs"), one.at("outputs"));
  }
}

TEST(RenderOrder, DoesNotChangeABit) {
  MixFolder folder;
  const std::string path = folder.mix(random_mix(7, folder, {.seconds = 3, .tracks = 6}));
  std::set<std::string> reports;
  for (unsigned order = 0; order < 5; ++order) {
    PlannedMix planned = plan_mix(path, 24000);
    ASSERT_GT(planned.plan.chunks.size(), 20u);
    if (order > 0) shuffle_tasks(planned.plan, order);
    const auto report = render_here(planned, folder / "store " + std::to_string(order), folder / "out", static_cast<int>(1 + order));
    ASSERT_TRUE(report.ok()) << report.error().message;
    Json found = digests(Json::parse(scheduler::report_json(*report)));
    reports.insert(nlohmann::json(found).dump());  // sorted by path: prints were shuffled too
  }
  EXPECT_EQ(reports.size(), 1u);
}

// ---- nothing twice

TEST_F(Render, TheSecondTimeRendersNothing) {
  const Json first = render("out", "store");
  reel_.write();
  const CommandResult second = reel_.render("out", "store");
  ASSERT_EQ(second.status, 0) << second.err;
  EXPECT_THAT(second.out, HasSubstr("\n9 chunks: 0 rendered, 9 reused; 0.0 s of audio in "));
  EXPECT_THAT(second.out, HasSubstr("\nreport: " + reel_.folder / "out/report.json\n"));
  EXPECT_EQ(second.err, "");
  EXPECT_EQ(digests(reel_.report("out")), digests(first));
}

TEST_F(Render, AnotherLanguageRendersOnlyWhatSpeaksIt) {
  EXPECT_EQ(chunks(render("out", "store", {"--version", "en"})), rendered(8, 0));
  EXPECT_EQ(chunks(render("out", "store", {"--version", "fr"})), rendered(1, 7));  // the one line, and nothing else
  EXPECT_EQ(chunks(render("out", "store")), rendered(0, 9));
  EXPECT_EQ(files_below(reel_.folder / "out"), (std::vector<std::string>{"SHA256SUMS", "en/Reel.wav", "fr/Reel.wav", "manifest.json", "report.html", "report.json"}));
}

TEST_F(Render, NamesPathsAndLanguagesAreNotPartOfAChunk) {
  render("out", "store");
  reel_.document["title"] = "Another";
  reel_.document["tracks"][1]["name"] = "Music";
  reel_.document["x-note"] = "the score moved";
  std::filesystem::rename(reel_.folder / "score.wav", reel_.folder / "theme.wav");
  reel_.document["tracks"][1]["clips"][0]["file"] = "theme.wav";
  reel_.document["versions"][1]["name"] = "de";
  reel_.write();
  EXPECT_EQ(chunks(render("out", "store")), rendered(0, 9));
}

TEST_F(Render, AFaderMoveRendersItsStemAgainWhereItMoves) {
  render("out", "store");
  // The steps sound twice, and were one chunk. The first are over, ring and all, when the fader starts to move.
  reel_.document["tracks"][2]["gain_db"] = Json::parse(R"([["50s", 0], ["65s", -6]])");
  reel_.write();
  EXPECT_EQ(chunks(render("out", "store")), rendered(1, 9));
}

// ---- nothing lost

TEST_F(Render, GoesOnWhereItWasKilled) {
  const Json whole = render("whole", "store whole", {"--threads", "2"});
  const std::string out = reel_.folder / "out", store = reel_.folder / "store";
  std::mt19937 random(11);
  int killed = 0;
  for (int attempt = 0; attempt < 6; ++attempt) {
    const std::size_t goal = blobs(store).size() + random() % 3;  // the moment: so many chunks are there, and a little later
    Command command({"render", reel_.mix, "--out", out, "--store", store, "--threads", "2"});
    while (!command.ends_within(1ms) && blobs(store).size() < goal) continue;
    command.ends_within(std::chrono::milliseconds(random() % 20));
    command.signal(SIGKILL);
    killed += command.result().status == 128 + SIGKILL ? 1 : 0;
    for (const char* name : {"/en/Reel.wav", "/fr/Reel.wav"})  // what stands under a final name is whole
      if (std::filesystem::exists(out + name)) { EXPECT_EQ(file_text(out + name), file_text(reel_.folder / "whole" + name)) << "after attempt " << attempt; }
  }
  EXPECT_GT(killed, 0);
  EXPECT_EQ(digests(render("out", "store", {"--threads", "2"})), digests(whole));
  EXPECT_EQ(partial_files(out), std::vector<std::string>{}) << "what a killed render left behind is taken over";
}

TEST_F(Render, StoppedByCtrlCLeavesNoPartOfAFileAndGoesOnLater) {
  const Json whole = render("whole", "store whole");
  bool was_stopped = false;
  for (int attempt = 0; attempt < 10 && !was_stopped; ++attempt) {
    const std::string out = "out " + std::to_string(attempt), store = "store " + std::to_string(attempt);
    Command command({"render", reel_.mix, "--out", reel_.folder / out, "--store", reel_.folder / store, "--threads", "1"});
    while (!command.ends_within(1ms) && partial_files(reel_.folder / out).empty()) continue;  // until it prints
    command.signal(SIGINT);
    const CommandResult stopped = command.result();
    if (stopped.status == 0) continue;  // it was over before the signal came
    was_stopped = true;
    EXPECT_EQ(stopped.status, 130);
    EXPECT_EQ(stopped.out, "");
    EXPECT_EQ(stopped.err, "error: stopped; what was rendered stays in the store, and a second start goes on from there\n");
    for (const std::string& file : files_below(reel_.folder / out))
      EXPECT_EQ(file_text(reel_.folder / out + "/" + file), file_text(reel_.folder / "whole/" + file)) << file;
    const Json finished = render(out, store);
    EXPECT_EQ(digests(finished), digests(whole));
    EXPECT_GT(chunks(finished).at("reused"), 0);
  }
  EXPECT_TRUE(was_stopped) << "every render was over before the signal reached it";
}

/// RF64: 40 GB of silence, of which the disk holds the header.
void write_long_source(const std::string& path) {
  constexpr std::uint64_t kData = 40'000'000'000;
  std::string header("RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0", 20);
  const auto put = [&](std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) header += static_cast<char>(value >> (8 * i) & 0xFF);
  };
  put(kData + 72, 8), put(kData, 8), put(kData / 2, 8), put(0, 4);
  header += "fmt ", put(16, 4), put(1, 2), put(1, 2), put(48000, 4), put(96000, 4), put(2, 2), put(16, 2);
  header += "data", put(0xFFFFFFFF, 4);
  std::ofstream(path, std::ios::binary) << header;
  std::filesystem::resize_file(path, header.size() + kData);
}

TEST_F(Render, StoppedByCtrlCWhileSourcesAreRead) {
  reel_.write();
  write_long_source(reel_.folder / "score.wav");
  const std::string store = reel_.folder / "store";
  Command command({"render", reel_.mix, "--out", reel_.folder / "out", "--store", store, "--threads", "2"});
  while (!command.ends_within(1ms) && !std::filesystem::exists(store + "/source-digests-1")) continue;
  command.signal(SIGINT);
  const CommandResult stopped = command.result();
  EXPECT_EQ(stopped.status, 130);
  EXPECT_EQ(stopped.err, "error: stopped while the sources were read; those that were read are known to a second start\n");
  EXPECT_FALSE(std::filesystem::exists(reel_.folder / "out"));
}

TEST_F(Render, RendersAgainWhatTheStoreLostOrDamaged) {
  const Json whole = render("out", "store");
  const std::vector<std::string> all = blobs(reel_.folder / "store");
  ASSERT_EQ(all.size(), 9u);
  const auto damage = [](const std::string& path, const std::function<void(std::string&)>& change) {
    std::string bytes = file_text(path);
    change(bytes);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  };
  std::filesystem::remove(all[0]);
  std::filesystem::remove(all[8]);
  damage(all[1], [](std::string& b) { b.resize(b.size() / 2); });              // cut short
  damage(all[2], [](std::string& b) { b.clear(); });                           // empty, as a power cut leaves it
  damage(all[3], [](std::string& b) { b[b.size() - 5] ^= 1; });                // one bit of a late sample
  damage(all[4], [](std::string& b) { b[9] ^= 1; });                           // of the header
  damage(all[5], [](std::string& b) { std::fill(b.begin() + static_cast<std::ptrdiff_t>(b.size() / 2), b.end(), '\0'); });
  damage(all[6], [](std::string& b) { b += "more"; });
  const Json again = render("again", "store", {"--reprint"});  // outputs that need no printing would need no chunk
  EXPECT_EQ(digests(again), digests(whole));
  EXPECT_EQ(chunks(again), rendered(8, 1));
  EXPECT_EQ(chunks(render("once more", "store")), rendered(0, 9)) << "the store is whole again";
}

// ---- what is said

TEST_F(Render, ADryRunSaysWhatItWouldDoAndWritesNothing) {
  reel_.write();
  const CommandResult fresh = reel_.render("out", "store", {"--dry-run"});
  EXPECT_EQ(fresh.status, 0);
  EXPECT_EQ(fresh.out, "en/Reel.wav\nfr/Reel.wav\nwould print 2 of 2 outputs, reuse 0; would render 9 of 9 chunks (82.6 s of audio), reuse 0; nothing was written\n");
  EXPECT_EQ(fresh.err, "");
  EXPECT_FALSE(std::filesystem::exists(reel_.folder / "out"));
  EXPECT_FALSE(std::filesystem::exists(reel_.folder / "store"));

  render("out", "store", {"--version", "en"});
  const std::vector<std::string> out = files_below(reel_.folder / "out"), store = blobs(reel_.folder / "store");
  const CommandResult later = reel_.render("out", "store", {"--dry-run", "--json"});
  const Json said = Json::parse(later.out);
  EXPECT_NEAR(said.at("seconds_to_render").get<double>(), 3.05, 0.01) << "the line and what rings after it";
  EXPECT_EQ(said, (Json{{"dry_run", true},
                                          {"chunks", {{"total", 9}, {"to_render", 1}, {"reused", 8}}},
                                          {"seconds_to_render", said.at("seconds_to_render")},
                                          {"prints", {{"total", 2}, {"to_print", 1}, {"reused", 1}}},
                                          {"outputs",
                                           {{{"version", "en"}, {"deliverable", "stereo"}, {"files", {"en/Reel.wav"}}},
                                            {{"version", "fr"}, {"deliverable", "stereo"}, {"files", {"fr/Reel.wav"}}}}}}));
  EXPECT_EQ(files_below(reel_.folder / "out"), out);
  EXPECT_EQ(blobs(reel_.folder / "store"), store);
}

TEST_F(Render, TheReportIsWhatJsonPrintsAndFitsItsSchema) {
  reel_.document["deliverables"].push_back({{"name", "stems"}, {"per_bus", true}, {"file", "{version}/{bus}.wav"}});
  reel_.write();
  const CommandResult result = reel_.render("out", "store", {"--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, file_text(reel_.folder / "out/report.json"));
  EXPECT_EQ(result.err, "");
  const Json report = Json::parse(result.out);
  ASSERT_EQ(report.at("outputs").size(), 8u);
  EXPECT_EQ(report.at("title"), "Reel");
  EXPECT_EQ(report.at("length"), 70 * 48000);
  const Json rules = Json::parse(file_text(project_file("docs/formats/report.schema.json")));
  EXPECT_EQ(misfits(rules, report), "");
  EXPECT_NE(misfits(rules, Json{{"dubfarm", 1}}), "") << "the checker itself";
  EXPECT_EQ(misfits(Json::parse(file_text(project_file("docs/formats/manifest.schema.json"))), Json::parse(file_text(reel_.folder / "out/manifest.json"))), "");
}

}  // namespace
}  // namespace dubfarm::cli
