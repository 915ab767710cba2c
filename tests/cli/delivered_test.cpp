// Outputs that are there already are not printed again; whatever could make them others than a full render's is noticed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "tests/support/command.hpp"
#include "tests/support/json_schema.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::cli {
namespace {

namespace fs = std::filesystem;
using namespace dubfarm::testing;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kRate = 48000;

/// Two versions of a printmaster that is normalised, of its stems and of a mono fold-down; an M&E that both share in one file, normalised too.
class Delivered : public ::testing::Test {
 protected:
  Delivered() {
    for (const char* lang : {"en", "fr"}) folder_.sound(std::string(lang) + ".wav", white_noise(1, 3 * kRate, static_cast<unsigned>(lang[0])));
    folder_.sound("score.wav", white_noise(2, 9 * kRate, 3, 0.05));
    mix_ = Json::parse(R"({
      "dubfarm": 1, "title": "Again", "sample_rate": 48000, "frame_rate": "25", "start": "01:00:00:00", "length": "9s",
      "buses": [{"name": "DX", "layout": "mono", "role": "dialogue"}, {"name": "MX", "layout": "stereo", "role": "music"}],
      "tracks": [{"name": "Voice", "bus": "DX", "clips": [{"file": "{lang}.wav", "at": "2s"}]},
                 {"name": "Score", "bus": "MX", "layout": "stereo", "clips": [{"file": "score.wav", "at": 0}]}],
      "versions": [{"name": "en", "set": {"lang": "en"}}, {"name": "fr", "set": {"lang": "fr"}}],
      "deliverables": [
        {"name": "pm", "layout": "stereo", "file": "{version}/pm.wav", "loudness": "ebu-r128", "normalize": "program", "limiter": {"ceiling_dbtp": -2.5}},
        {"name": "stems", "per_bus": true, "file": "{version}/{bus}.wav", "follow": "pm"},
        {"name": "mono", "layout": "mono", "file": "{version}/mono.wav", "bits": 16},
        {"name": "me", "layout": "stereo", "include": ["MX"], "file": "me.wav", "kind": "me", "loudness": "ebu-r128", "normalize": "program"}]})");
  }
  Json render(const std::string& out = "out", const std::vector<std::string>& more = {}, const std::string& store = "store") {
    std::vector<std::string> arguments = {"render", folder_.mix(mix_), "--out", folder_ / out, "--store", folder_ / store};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = dubfarm(arguments);
    EXPECT_LE(result.status, 1) << result.err;
    EXPECT_THAT(result.err, Not(HasSubstr("warning")));
    if (result.status > 1) return Json();
    Json report = Json::parse(file_text(folder_ / out + "/report.json"));
    EXPECT_EQ(misfits(Json::parse(file_text(project_file("docs/formats/report.schema.json"))), report), "");
    EXPECT_EQ(partials(out), 0u);
    return report;
  }
  [[nodiscard]] std::size_t partials(const std::string& out) const {
    const std::vector<std::string> files = files_below(folder_ / out);
    return static_cast<std::size_t>(std::count_if(files.begin(), files.end(), [](const std::string& file) { return file.ends_with(".partial"); }));
  }
  static Json prints(std::size_t printed, std::size_t reused) { return {{"total", printed + reused}, {"printed", printed}, {"reused", reused}}; }
  /// The same render from nothing gives the same bytes and says the same of them.
  void expect_as_from_nothing(const Json& report, const std::string& out = "out") {
    const std::string full = "full " + std::to_string(++fulls_);
    const Json whole = render(full, {}, "store of " + full);
    EXPECT_EQ(whole.at("prints").at("reused"), 0);
    EXPECT_EQ(report.at("outputs"), whole.at("outputs"));
    for (const Json& output : whole.at("outputs"))
      for (const Json& file : output.at("files")) {
        const std::string path = file.at("path");
        EXPECT_EQ(file_text(folder_ / out + "/" + path), file_text(folder_ / full + "/" + path)) << path;
      }
  }
  [[nodiscard]] std::string path(const std::string& file) const { return folder_ / "out/" + file; }
  void flip_byte(const std::string& file) const {
    std::string bytes = file_text(path(file));
    bytes[bytes.size() / 2] ^= 1;
    std::ofstream(path(file), std::ios::binary) << bytes;
  }
  /// Every record of a print in the store, given to `change`, which returns what it becomes.
  void for_records(const std::function<std::string(std::string)>& change) const {
    for (const std::string& name : files_below(folder_ / "store/prints")) {
      const std::string record = folder_ / "store/prints/" + name, text = file_text(record);
      std::ofstream(record, std::ios::binary) << change(text);
    }
  }
  MixFolder folder_;
  Json mix_;
  int fulls_ = 0;
};
constexpr std::size_t kOutputs = 10, kFiles = 9;

TEST_F(Delivered, UnchangedTheyAreNotPrintedAgain) {
  const Json first = render();
  EXPECT_EQ(first.at("prints"), prints(kOutputs, 0));
  std::map<std::string, fs::file_time_type> times;
  for (const Json& output : first.at("outputs"))
    for (const Json& file : output.at("files")) times[file.at("path")] = fs::last_write_time(path(file.at("path")));
  ASSERT_EQ(times.size(), kFiles);
  const Json again = render();
  EXPECT_EQ(again.at("prints"), prints(0, kOutputs));
  EXPECT_EQ(again.at("outputs"), first.at("outputs")) << "readings, curves and checks, those of gains and stem nulls too";
  for (const auto& [file, time] : times) EXPECT_EQ(fs::last_write_time(path(file)), time) << file;
  EXPECT_EQ(render("out", {"--reprint"}).at("prints"), prints(kOutputs, 0));
  EXPECT_EQ(render("out", {"--verify-outputs"}).at("prints"), prints(0, kOutputs));
  EXPECT_EQ(dubfarm({"verify", folder_ / "out"}).status, 0);
}

TEST_F(Delivered, IntoAnotherFolderTheyAreCopied) {
  const Json first = render();
  const Json copied = render("other");
  EXPECT_EQ(copied.at("prints"), prints(0, kOutputs));
  EXPECT_EQ(copied.at("outputs"), first.at("outputs"));
  EXPECT_EQ(dubfarm({"verify", folder_ / "other"}).status, 0);
  fs::remove_all(folder_ / "out");
  EXPECT_EQ(render("third").at("prints"), prints(0, kOutputs)) << "where they were copied to is known";
  fs::remove_all(folder_ / "other");
  fs::remove_all(folder_ / "third");
  EXPECT_EQ(render("fourth").at("prints"), prints(kOutputs, 0));
}

TEST_F(Delivered, AnAlteredCopyIsNotCopiedOn) {
  render();
  flip_byte("fr/pm.wav");
  const Json report = render("other");
  EXPECT_EQ(report.at("prints"), prints(1, kOutputs - 1));
  expect_as_from_nothing(report, "other");
}

TEST_F(Delivered, WhatWasAlteredOrDeletedIsPrintedAgainAndNothingElse) {
  const Json first = render();
  flip_byte("en/mono.wav");
  fs::remove(path("fr/MX.wav"));
  fs::resize_file(path("fr/pm.wav"), 1000);
  const Json again = render();
  EXPECT_EQ(again.at("prints"), prints(3, kOutputs - 3));
  EXPECT_EQ(again.at("outputs"), first.at("outputs"));
  expect_as_from_nothing(again);
}

TEST_F(Delivered, ATouchedFileIsHashedAndStays) {
  render();
  const timespec times[] = {{0, UTIME_NOW}, {1'700'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path("en/pm.wav").c_str(), times, 0), 0);
  EXPECT_EQ(render().at("prints"), prints(0, kOutputs));
  fs::copy_file(path("me.wav"), path("copy"));
  fs::rename(path("copy"), path("me.wav"));
  EXPECT_EQ(render().at("prints"), prints(0, kOutputs)) << "restored from a backup";
}

TEST_F(Delivered, AnAlterationThatNoStampShowsIsFoundByHash) {
  render();
  flip_byte("en/mono.wav");
  struct stat now {};
  ASSERT_EQ(::stat(path("en/mono.wav").c_str(), &now), 0);
  for_records([&](const std::string& text) {
    if (text.find("/en/mono.wav") == std::string::npos) return text;
    Json record = Json::parse(text);
    Json& place = record["files"][0]["places"][0];
    place["inode"] = now.st_ino, place["mtime_ns"] = now.st_mtim.tv_sec * 1'000'000'000 + now.st_mtim.tv_nsec;
    place["ctime_ns"] = now.st_ctim.tv_sec * 1'000'000'000 + now.st_ctim.tv_nsec;
    return record.dump();
  });
  EXPECT_EQ(render().at("prints"), prints(0, kOutputs)) << "trusted";
  const Json found = render("out", {"--verify-outputs"});
  EXPECT_EQ(found.at("prints"), prints(1, kOutputs - 1));
  expect_as_from_nothing(found);
}

TEST_F(Delivered, ChunksThatOnlyTheyNeedAreNotRendered) {
  render();
  fs::remove_all(folder_ / "store/blobs");
  const Json again = render();
  EXPECT_EQ(again.at("chunks").at("rendered"), 0);
  EXPECT_EQ(again.at("lost_chunks"), 0);
  EXPECT_EQ(again.at("prints"), prints(0, kOutputs));
  fs::remove(path("en/mono.wav"));
  const Json mono = render();
  EXPECT_EQ(mono.at("prints"), prints(1, kOutputs - 1));
  EXPECT_GT(mono.at("chunks").at("rendered"), 0);
  EXPECT_LT(mono.at("chunks").at("rendered"), mono.at("chunks").at("total")) << "the French voice is not heard in it";
}

TEST_F(Delivered, EveryChangeThatReachesTheBytesOrTheReportIsSeen) {
  render();
  const std::vector<std::pair<std::string, std::function<void(Json&)>>> changes = {
      {"bits", [](Json& mix) { mix["deliverables"][2]["bits"] = 24; }},
      {"dither", [](Json& mix) { mix["deliverables"][2]["dither"] = "none"; }},
      {"name, which dither depends on", [](Json& mix) { mix["deliverables"][2]["name"] = "single"; }},
      {"level", [](Json& mix) { mix["deliverables"][2]["mix"] = {{"DX", -1}}; }},
      {"split", [](Json& mix) { mix["deliverables"][0]["split"] = "mono", mix["deliverables"][0]["file"] = "{version}/pm.{channel}.wav"; }},
      {"spec", [](Json& mix) { mix["deliverables"][0]["loudness"] = "op-59"; }},
      {"limiter", [](Json& mix) { mix["deliverables"][0]["limiter"]["ceiling_dbtp"] = -3; }},
      {"what is measured", [](Json& mix) { mix["deliverables"][2]["measure"] = {{"from", "1s"}, {"to", "8s"}}; }},
      {"quality control", [](Json& mix) { mix["deliverables"][2]["qc"] = {{"strict", true}}; }},
      {"title", [](Json& mix) { mix["title"] = "Another"; }},
      {"start", [](Json& mix) { mix["start"] = "10:00:00:00"; }},
      {"container", [](Json& mix) { mix["deliverables"][2]["format"] = "flac", mix["deliverables"][2]["file"] = "{version}/mono.flac"; }},
      {"leader", [](Json& mix) { mix["deliverables"][2]["leader"] = {{"length", "4s"}}; }},
      {"a version's name", [](Json& mix) { mix["versions"][1]["name"] = "de"; }},
      {"a line", [](Json& mix) { mix["tracks"][0]["clips"][0]["gain_db"] = -2; }},
      {"length", [](Json& mix) { mix["length"] = "8s"; }},
  };
  const Json before = mix_;
  for (const auto& [what, change] : changes) {
    SCOPED_TRACE(what);
    mix_ = before;
    change(mix_);
    const Json report = render();
    if (report.is_null()) continue;
    EXPECT_GT(report.at("prints").at("printed"), 0);
    expect_as_from_nothing(report);
  }
  mix_ = before;
  const Json back = render();
  expect_as_from_nothing(back);
}

TEST_F(Delivered, ARenamedFileIsACopy) {
  const Json first = render();
  mix_["deliverables"][2]["file"] = "{version}/{title}-mono.wav";
  const Json renamed = render();
  EXPECT_EQ(renamed.at("prints"), prints(0, kOutputs));
  EXPECT_EQ(file_text(path("fr/Again-mono.wav")), file_text(path("fr/mono.wav")));
  expect_as_from_nothing(renamed);
}

TEST_F(Delivered, RecordsThatCannotBeReadAreNone) {
  const Json first = render();
  for (const char* text : {"", "{", "[]", "{\"dubfarm_print_record\": 2}", "{\"dubfarm_print_record\": 1}", "{\"dubfarm_print_record\": 1, \"files\": [5]}"}) {
    for_records([&](const std::string&) { return std::string(text); });
    const Json again = render();
    EXPECT_EQ(again.at("prints"), prints(kOutputs, 0)) << text;
    EXPECT_EQ(again.at("outputs"), first.at("outputs"));
  }
  for_records([](std::string record) { return record.substr(0, record.size() / 2); });
  EXPECT_EQ(render().at("prints"), prints(kOutputs, 0));
}

TEST_F(Delivered, AFolderInTheWayIsAnError) {
  render();
  fs::create_directories(folder_ / "other/me.wav");
  const CommandResult result = dubfarm({"render", folder_.mix(mix_), "--out", folder_ / "other", "--store", folder_ / "store"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.err, "error: " + (folder_ / "other/me.wav") + ": a folder of this name stands in the way of the output\n");
}

TEST_F(Delivered, ADryRunSaysWhatWouldBePrinted) {
  render();
  fs::remove(path("fr/mono.wav"));
  const CommandResult dry = dubfarm({"render", folder_.mix(mix_), "--out", folder_ / "out", "--store", folder_ / "store", "--dry-run"});
  EXPECT_THAT(dry.out, HasSubstr("would print 1 of 10 outputs, reuse 9; would render 0 of "));
  fs::remove_all(folder_ / "store/blobs");
  const CommandResult json = dubfarm({"render", folder_.mix(mix_), "--out", folder_ / "out", "--store", folder_ / "store", "--dry-run", "--json"});
  const Json said = Json::parse(json.out);
  EXPECT_EQ(said.at("prints"), (Json{{"total", 10}, {"to_print", 1}, {"reused", 9}}));
  const Json real = render();
  EXPECT_EQ(said.at("chunks").at("to_render"), real.at("chunks").at("rendered"));
}

}  // namespace
}  // namespace dubfarm::cli
