// Limiter and follow, through the command.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/local_render.hpp"
#include "tests/support/reel.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;

/// 50 s, chunks of 30 and 20 s: dialogue, music and an effect that strikes at 10 s, across the seam at 30 s and at the very end.
class Limited : public ::testing::Test {
 protected:
  Limited() {
    folder_.sound("voice.wav", white_noise(2, 50 * kFrames, 1, 0.2));
    folder_.sound("score.wav", white_noise(2, 50 * kFrames, 2, 0.2));
    folder_.sound("hit.wav", white_noise(2, kFrames / 2, 3, 0.9));
    mix_ = {{"dubfarm", 1},
            {"title", "Loud"},
            {"sample_rate", kRate},
            {"frame_rate", "25"},
            {"length", "50s"},
            {"buses", {{{"name", "DX"}, {"layout", "stereo"}, {"role", "dialogue"}}, {{"name", "MX"}, {"layout", "stereo"}}, {{"name", "FX"}, {"layout", "stereo"}}}},
            {"tracks",
             {{{"name", "Voice"}, {"bus", "DX"}, {"layout", "stereo"}, {"clips", {{{"file", "voice.wav"}, {"at", 0}}}}},
              {{"name", "Score"}, {"bus", "MX"}, {"layout", "stereo"}, {"clips", {{{"file", "score.wav"}, {"at", 0}}}}},
              {{"name", "Hits"},
               {"bus", "FX"},
               {"layout", "stereo"},
               {"clips", {{{"file", "hit.wav"}, {"at", "10s"}}, {{"file", "hit.wav"}, {"at", "29750ms"}}, {{"file", "hit.wav"}, {"at", "49500ms"}}}}}}},
            {"deliverables",
             {{{"name", "open"}, {"layout", "stereo"}, {"file", "open.wav"}, {"bits", "float"}},
              {{"name", "pm"}, {"layout", "stereo"}, {"file", "pm.wav"}, {"bits", "float"}, {"limiter", {{"ceiling_dbtp", -2}}}},
              {{"name", "stems"}, {"per_bus", true}, {"file", "{bus}.wav"}, {"bits", "float"}, {"follow", "pm"}}}}};
  }
  void render(const std::string& out = "out", const std::string& store = "store", const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"render", folder_.mix(mix_), "--out", folder_ / out, "--store", folder_ / store};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = dubfarm(arguments);
    ASSERT_EQ(result.status, 0) << result.err;
    report_ = Json::parse(file_text(folder_ / out + "/report.json"));
  }
  [[nodiscard]] Signal read(const std::string& name) const { return read_sound(folder_ / "out/" + name).channels; }
  [[nodiscard]] const Json& output(const std::string& deliverable) const {
    for (const Json& o : report_["outputs"])
      if (o["deliverable"] == deliverable) return o;
    throw std::logic_error("no output of " + deliverable);
  }

  static constexpr std::size_t kRate = 48000;
  static constexpr Frames kFrames = kRate;
  MixFolder folder_;
  Json mix_, report_;
};

double gain_at(const Signal& open, const Signal& limited, std::size_t n) { return limited[0][n] / open[0][n]; }

TEST_F(Limited, KeepsTheCeilingAndLeavesTheRestAlone) {
  render();
  const Signal open = read("open.wav"), pm = read("pm.wav");
  EXPECT_GT(output("open")["loudness"]["true_peak_dbtp"], 0);
  EXPECT_LE(output("pm")["loudness"]["true_peak_dbtp"], -2.0);
  EXPECT_GT(output("pm")["loudness"]["true_peak_dbtp"], -2.01) << "no lower than it must";
  std::size_t changed = 0;
  for (std::size_t n = 0; n < open[0].size(); ++n) {
    const bool near_hit = (n > 999 * kRate / 100 && n < 11 * kRate) || (n > 2974 * kRate / 100 && n < 3075 * kRate / 100) || n > 4949 * kRate / 100;
    const bool same = open[0][n] == pm[0][n] && open[1][n] == pm[1][n];
    if (!near_hit) {
      ASSERT_TRUE(same) << n << ": bit for bit where nothing exceeds";
    }
    changed += same ? 0 : 1;
  }
  EXPECT_GT(changed, kRate) << "three hits of half a second";
  EXPECT_NEAR(gain_at(open, pm, 30 * kRate - 1), gain_at(open, pm, 30 * kRate), 0.01) << "no step where chunks meet";
}

TEST_F(Limited, StemsThatFollowAddUpToTheirPrintmaster) {
  render();
  Signal sum = read("DX.wav");
  for (const char* name : {"MX.wav", "FX.wav"}) {
    const Signal stem = read(name);
    for (std::size_t c = 0; c < 2; ++c)
      for (std::size_t n = 0; n < sum[c].size(); ++n) sum[c][n] += stem[c][n];
  }
  EXPECT_LT(difference_db(sum, read("pm.wav")), -136) << "float's rounding";
  EXPECT_GT(difference_db(sum, read("open.wav")), -20) << "the limiter had work to do";
}

TEST_F(Limited, FollowersNeedNoPrintOfTheOneTheyFollow) {
  render();
  const std::string all = file_text(folder_ / "out/FX.wav");
  render("alone", "store", {"--deliverable", "stems", "--reprint"});
  EXPECT_EQ(file_text(folder_ / "alone/FX.wav"), all);
  EXPECT_THAT(files_below(folder_ / "alone"), ::testing::Not(::testing::Contains("pm.wav")));
}

TEST_F(Limited, ThreadsChunksAndTaskOrderChangeNoBit) {
  render();
  const std::string pm = file_text(folder_ / "out/pm.wav"), fx = file_text(folder_ / "out/FX.wav");
  render("one", "store1", {"--threads", "1"});
  EXPECT_EQ(file_text(folder_ / "one/pm.wav"), pm);
  PlannedMix planned = plan_mix(folder_.mix(mix_));
  shuffle_tasks(planned.plan, 3);
  ASSERT_TRUE(render_here(planned, folder_ / "store2", folder_ / "shuffled", 3).ok());
  EXPECT_EQ(file_text(folder_ / "shuffled/pm.wav"), pm);
  EXPECT_EQ(file_text(folder_ / "shuffled/FX.wav"), fx);
}

}  // namespace
}  // namespace dubfarm::cli
