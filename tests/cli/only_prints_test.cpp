// A render of some prints: group by group it gives what one render of everything gives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "cli/local_farm.hpp"
#include "scheduler/plan/print_groups.hpp"
#include "tests/support/local_render.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using ::testing::ElementsAre;

/// Two versions of a printmaster that is normalised, of its stems and of a fold-down; an M&E that both versions share in one file.
class OnlyPrints : public ::testing::Test {
 protected:
  OnlyPrints() {
    for (const char* lang : {"en", "fr"}) folder_.sound(std::string(lang) + ".wav", white_noise(1, 3 * 48000, static_cast<unsigned>(lang[0])));
    folder_.sound("score.wav", white_noise(2, 9 * 48000, 3, 0.05));
    const Json mix = Json::parse(R"({
      "dubfarm": 1, "title": "Groups", "sample_rate": 48000, "frame_rate": "25", "length": "9s",
      "buses": [{"name": "DX", "layout": "mono", "role": "dialogue"}, {"name": "MX", "layout": "stereo", "role": "music"}],
      "tracks": [{"name": "Voice", "bus": "DX", "clips": [{"file": "{lang}.wav", "at": "2s"}]},
                 {"name": "Score", "bus": "MX", "layout": "stereo", "clips": [{"file": "score.wav", "at": 0}]}],
      "versions": [{"name": "en", "set": {"lang": "en"}}, {"name": "fr", "set": {"lang": "fr"}}],
      "deliverables": [
        {"name": "pm", "layout": "stereo", "file": "{version}/pm.wav", "loudness": "ebu-r128", "normalize": "program", "limiter": {"ceiling_dbtp": -1.5}},
        {"name": "stems", "per_bus": true, "file": "{version}/{bus}.wav", "follow": "pm"},
        {"name": "mono", "layout": "mono", "file": "{version}/mono.wav"},
        {"name": "me", "layout": "stereo", "include": ["MX"], "file": "me.wav"}]})");
    planned_ = plan_mix(folder_.mix(mix), Frames{48000});
    specs_ = scheduler::find_specs(*planned_.document);
  }
  scheduler::Report render(const std::string& out, const std::string& store, const std::vector<std::size_t>* only) const {
    const Store opened = Store::open(folder_ / store).value();
    std::atomic<bool> stop{false};
    FarmOptions options;
    options.threads = 2;
    options.output_folder = folder_ / out;
    options.only_prints = only;
    options.specs = &specs_;
    options.stop = &stop;
    return run_locally(*planned_.document, planned_.plan, opened, options).value();
  }
  MixFolder folder_;
  PlannedMix planned_;
  scheduler::SpecTable specs_;
};

TEST_F(OnlyPrints, GroupsHoldWhatSharesAGainAStemSetOrAFile) {
  // en: pm, DX, MX, mono, me; fr the same; the M&E of fr is that of en.
  ASSERT_EQ(planned_.plan.prints.size(), 10u);
  ASSERT_EQ(planned_.plan.prints[9].same_as, 4u);
  EXPECT_THAT(plan::print_groups(*planned_.document, planned_.plan), ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3), ElementsAre(4, 9), ElementsAre(5, 6, 7), ElementsAre(8)));
  for (plan::Print& print : planned_.plan.prints) print.master.reset();
  EXPECT_THAT(plan::print_groups(*planned_.document, planned_.plan), ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3), ElementsAre(4, 9), ElementsAre(5, 6, 7), ElementsAre(8)))
      << "stems that are held against their printmaster stay with it";
}

TEST_F(OnlyPrints, GroupByGroupIsTheSameAsAllAtOnce) {
  const scheduler::Report whole = render("whole", "store", nullptr);
  EXPECT_EQ(whole.chunks_total, planned_.plan.chunks.size());
  std::vector<scheduler::ReportOutput> outputs;
  std::size_t files = 0, number = 0;
  for (const std::vector<std::size_t>& group : plan::print_groups(*planned_.document, planned_.plan)) {
    const scheduler::Report part = render("parts", "store of " + std::to_string(number++), &group);
    ASSERT_EQ(part.outputs.size(), group.size());
    EXPECT_LT(part.chunks_total, whole.chunks_total) << "what only others hear is not rendered";
    EXPECT_EQ(part.chunks_rendered, part.chunks_total);
    files = files_below(folder_ / "parts").size();
    for (std::size_t i = 0; i < group.size(); ++i) {
      scheduler::Report one = whole, other = part;
      one.outputs = {whole.outputs[group[i]]};
      other.outputs = {part.outputs[i]};
      EXPECT_EQ(Json::parse(report_json(other))["outputs"], Json::parse(report_json(one))["outputs"]) << group[i];
    }
  }
  EXPECT_EQ(files, 9u);
  EXPECT_EQ(files_below(folder_ / "parts"), files_below(folder_ / "whole"));
  for (const std::string& file : files_below(folder_ / "whole")) EXPECT_EQ(file_text(folder_ / "parts/" + file), file_text(folder_ / "whole/" + file)) << file;
}

TEST_F(OnlyPrints, AStemAloneTakesItsPrintmastersGainAndIsHeldAgainstNothing) {
  render("whole", "store", nullptr);
  const std::vector<std::size_t> only = {2};
  const scheduler::Report part = render("part", "another", &only);
  EXPECT_THAT(files_below(folder_ / "part"), ElementsAre("en/MX.wav"));
  EXPECT_EQ(file_text(folder_ / "part/en/MX.wav"), file_text(folder_ / "whole/en/MX.wav"));
  ASSERT_EQ(part.versions.size(), 1u);
  EXPECT_EQ(part.versions[0].name, "en");
  const std::vector<std::size_t> copy = {9};
  const scheduler::Report shared = render("part", "another", &copy);
  ASSERT_EQ(shared.outputs.size(), 1u);
  EXPECT_EQ(shared.outputs[0].version, "fr");
  EXPECT_EQ(shared.outputs[0].files[0].path, "me.wav");
  EXPECT_EQ(file_text(folder_ / "part/me.wav"), file_text(folder_ / "whole/me.wav"));
}

}  // namespace
}  // namespace dubfarm::cli
