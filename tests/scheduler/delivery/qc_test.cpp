// Quality control's checks: each limit from both sides, and the sentences word for word.
#include "scheduler/delivery/qc.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dubfarm::scheduler {
namespace {

class QcChecks : public ::testing::Test {
 protected:
  QcChecks() {
    m_.label = "fr stereo";
    m_.frame_rate = *mix::frame_rate_named("24");
    m_.start_frames = 24 * 3600;
    m_.length = m_.expected_frames = 100 * 48000;
    m_.file_frames = {m_.length};
    m_.subblock_frames = 960;
    peaks_.assign(5000, 0.3f);
    m_.channel_peaks = {0.3, 0.2};
    m_.silence = 0x1p-23;
    m_.correlation = 0.6;
    m_.mono_loss_db = 1;
    m_.places = 12;
    settings_.silence = 30 * 48000;
  }
  /// The check of that id.
  Check check(const std::string& id) {
    m_.sample_peaks = peaks_;
    for (const Check& c : qc_checks(m_, settings_))
      if (c.id == id) return c;
    Check none;
    none.id = "none";
    return none;
  }

  QcMaterial m_;
  std::vector<float> peaks_;
  mix::QcSettings settings_;
};

TEST_F(QcChecks, PassWhatIsSound) {
  m_.sample_peaks = peaks_;
  for (const Check& c : qc_checks(m_, settings_)) {
    EXPECT_EQ(c.result, CheckResult::pass) << c.id << ": " << c.sentence;
    EXPECT_FALSE(c.title.empty() || c.measured_text.empty() || c.required_text.empty() || c.sentence.empty()) << c.id;
    EXPECT_TRUE(c.spec.empty());
  }
  EXPECT_EQ(check("qc_clicks").measured_text, "none at 12 places");
}

TEST_F(QcChecks, ALengthThatDiffersFails) {
  m_.file_frames = {m_.length, m_.length - 1};
  EXPECT_EQ(check("qc_length").result, CheckResult::fail);
  EXPECT_EQ(check("qc_length").sentence, "A file of fr stereo has 4799999 samples, and the picture asks for 4800000.");
}

TEST_F(QcChecks, ALengthBetweenVideoFramesIsAWarningAndFailsWhereStrict) {
  m_.length = m_.expected_frames = 100 * 48000 + 5;
  m_.file_frames = {m_.length};
  EXPECT_EQ(check("qc_length").result, CheckResult::warning);
  EXPECT_EQ(check("qc_length").sentence, "fr stereo ends 5 samples after its last whole video frame: the mix's \"length\" is no whole number of frames.");
  settings_.strict = true;
  EXPECT_EQ(check("qc_length").result, CheckResult::fail);
}

TEST_F(QcChecks, SilenceIsMeasuredWhereItIsLongest) {
  std::fill_n(peaks_.begin() + 100, 200, 0.0f);
  std::fill_n(peaks_.begin() + 1000, 1500, 0x1p-23f);  // one step: dither
  EXPECT_EQ(check("qc_silence").result, CheckResult::pass) << "30 s are allowed";
  EXPECT_EQ(check("qc_silence").measured_text, "30.00 s at 01:00:20:00");
  std::fill_n(peaks_.begin() + 1000, 1501, 0.0f);
  EXPECT_EQ(check("qc_silence").result, CheckResult::warning);
  EXPECT_EQ(check("qc_silence").sentence, "fr stereo is silent for 30.0 s from 01:00:20:00.");
  peaks_.assign(5000, 0.0f);
  m_.channel_peaks = {0, 0};
  EXPECT_EQ(check("qc_silence").sentence, "fr stereo is silent from end to end.");
  EXPECT_EQ(check("qc_channels").id, "none") << "that is said once";
}

TEST_F(QcChecks, AnEmptyChannelIsNamedButNotAnEmptyLfe) {
  m_.layout = Layout::surround_51;
  m_.channel_peaks = {0.3, 0.3, 0.3, 0, 0, 0};
  const Check c = check("qc_channels");
  EXPECT_EQ(c.result, CheckResult::warning);
  EXPECT_EQ(c.measured_text, "Ls, Rs empty");
  EXPECT_EQ(c.sentence, "fr stereo has no sound in Ls, Rs.");
}

TEST_F(QcChecks, AFullBandLfeIsSuspect) {
  m_.lfe_hz = 90;
  EXPECT_EQ(check("qc_lfe").result, CheckResult::pass);
  m_.lfe_hz = 1200;
  EXPECT_EQ(check("qc_lfe").sentence,
            "The LFE of fr stereo carries full-band sound (around 1200 Hz): a channel in the wrong place, or a send without a low-pass.");
}

TEST_F(QcChecks, FaultsAreNamedByTimecodeAndChannel) {
  m_.dropouts = {{48000, 480, 0}, {96000, 480, 1}, {98000, 480, 1}, {100000, 480, 0}};
  EXPECT_EQ(check("qc_dropouts").sentence, "The sound of fr stereo drops out at 01:00:01:00 (L), 01:00:02:00 (R), 01:00:02:01 (R) and 1 more.");
  m_.edit_clicks = {{48000, 0, 1}};
  EXPECT_EQ(check("qc_clicks").sentence, "fr stereo may click where a clip begins or ends, at 01:00:01:00 (R): listen there; a short fade mends it.");
  m_.seam_clicks = {{24000, 0, 0}};
  EXPECT_EQ(check("qc_clicks").measured_text, "2: 01:00:00:12 (L), 01:00:01:00 (R)");
  settings_.dropouts = settings_.clicks = false;
  EXPECT_EQ(check("qc_dropouts").id, "none");
  EXPECT_EQ(check("qc_clicks").id, "none");
}

TEST_F(QcChecks, PhaseAndMonoAreHeldAgainstTheDeliverable) {
  m_.correlation = -0.2;
  m_.mono_loss_db = 7.5;
  EXPECT_EQ(check("qc_phase").sentence, "Left and right of fr stereo work against each other (correlation -0.20).");
  EXPECT_EQ(check("qc_mono").sentence, "fr stereo loses 7.5 dB when it is heard in mono.");
  settings_.correlation = -0.5;
  settings_.mono_loss_db = 9;
  EXPECT_EQ(check("qc_phase").result, CheckResult::pass);
  EXPECT_EQ(check("qc_mono").result, CheckResult::pass);
}

}  // namespace
}  // namespace dubfarm::scheduler
