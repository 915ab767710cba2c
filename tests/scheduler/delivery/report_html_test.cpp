// report.html as a document: sound markup, nothing from elsewhere, what fails said first, bounded in size.
#include "scheduler/delivery/report_html.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

namespace dubfarm::scheduler {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// An output of two hours with a curve and three checks, the first of which has `result`.
ReportOutput output(const std::string& version, const std::string& deliverable, CheckResult result) {
  ReportOutput o;
  o.version = version;
  o.deliverable = deliverable;
  o.layout = "5.1";
  o.files = {{version + "/x.wav", std::string(64, 'a'), 1'500'000, {"L", "R", "C", "LFE", "Ls", "Rs"}}};
  o.loudness.integrated_lufs = -21.8;
  Check loudness;
  loudness.id = "loudness";
  loudness.title = "Programme loudness";
  loudness.measured = -21.8;
  loudness.min = -23.2;
  loudness.max = -22.8;
  loudness.measured_text = "-21.8 LUFS";
  loudness.required_text = "-23.2 to -22.8 LUFS";
  loudness.spec = "EBU R 128";
  loudness.edition = "v5.0";
  loudness.section = "section 3";
  loudness.result = result;
  loudness.sentence = "The French 5.1 is 1.2 LU too loud for EBU R 128.";
  o.checks = {loudness, loudness, loudness};
  o.checks[1].result = o.checks[2].result = CheckResult::pass;
  o.checks[2].is_verified = false;
  o.series.step = 960;
  o.series.momentary_lufs.assign(kSeriesPoints, -23.4);
  o.series.short_term_lufs.assign(kSeriesPoints, -22.1);
  o.series.peak_dbfs.assign(kSeriesPoints, -7.5);
  o.peaks = {{48000 * 60, -0.3}};
  return o;
}

Report report_of(std::vector<ReportOutput> outputs) {
  Report report;
  report.mix = "reel.mix.json";
  report.title = "Tom & <Jerry>";
  report.sample_rate = 48000;
  report.length = 48000 * 7200LL;
  report.start_frames = 86400;
  report.outputs = std::move(outputs);
  return report;
}

/// What is wrong with the nesting of tags: "" where every element is closed in its turn.
std::string faults(const std::string& html) {
  const std::set<std::string> empty = {"meta", "br", "rect", "line", "path"};
  const std::string body = html.substr(html.find("</style>") + 8);
  std::vector<std::string> open = {"html", "head"};
  const std::regex tag("<(/?)([a-z0-9]+)[^<>]*?(/?)>");
  for (std::sregex_iterator at(body.begin(), body.end(), tag), end; at != end; ++at) {
    const std::string name = (*at)[2];
    if (empty.contains(name)) continue;
    if ((*at)[1].length() == 0) open.push_back(name);
    else if (open.empty() || open.back() != name) return "</" + name + "> closes <" + (open.empty() ? "" : open.back()) + ">";
    else open.pop_back();
  }
  return open.empty() ? "" : "<" + open.back() + "> stays open";
}

TEST(ReportHtml, IsSoundMarkupWithNothingFromElsewhere) {
  const std::string html = report_html(report_of({output("fr", "printmaster", CheckResult::fail), output("en", "printmaster", CheckResult::pass)}));
  EXPECT_EQ(faults(html), "");
  for (const char* elsewhere : {"http:", "https:", "src=", "<script", "@import", "url("}) EXPECT_THAT(html, Not(HasSubstr(elsewhere))) << elsewhere;
  EXPECT_THAT(html, HasSubstr("<h1>Tom &amp; &lt;Jerry&gt;</h1>"));
  EXPECT_NE(faults("<style></style><p></head>"), "") << "the checker itself";
}

TEST(ReportHtml, SaysWhatFailsInASentenceAndLeadsThere) {
  const std::string html = report_html(report_of({output("en", "printmaster", CheckResult::pass), output("fr", "printmaster", CheckResult::fail)}));
  EXPECT_THAT(html, HasSubstr("1 of 2 outputs must not be delivered as it is."));
  EXPECT_THAT(html, HasSubstr("The French 5.1 is 1.2 LU too loud for EBU R 128. <a class=\"soft\" href=\"#o1\">fr \u00b7 printmaster</a>"));
  EXPECT_THAT(html, HasSubstr("<td class=\"fail\"><a class=\"fail\" href=\"#o1\">"));
  EXPECT_THAT(html, HasSubstr("<article id=\"o1\">"));
  EXPECT_THAT(html, HasSubstr("v5.0, section 3"));
  EXPECT_THAT(html, HasSubstr("second-hand"));
  EXPECT_THAT(html, HasSubstr("EBU R 128 accepts -23.2 to -22.8 LUFS"));
  EXPECT_THAT(html, HasSubstr("true peak \u22120.3 dBTP at 01:01:00:00"));
}

TEST(ReportHtml, TellsWarningsFromFailuresAndFromNoChecks) {
  EXPECT_THAT(report_html(report_of({output("en", "a", CheckResult::warning)})), HasSubstr("Nothing fails. One output is to look at before delivery."));
  EXPECT_THAT(report_html(report_of({output("en", "a", CheckResult::pass), output("en", "b", CheckResult::pass)})),
              HasSubstr("All 2 outputs are what was asked of them."));
  ReportOutput unjudged = output("en", "a", CheckResult::pass);
  unjudged.checks.clear();
  EXPECT_THAT(report_html(report_of({unjudged})), HasSubstr("Measured only: no check was asked of these outputs."));
}

TEST(ReportHtml, ShowsTheLoudnessThatTheVerdictGoesBy) {
  ReportOutput o = output("en", "netflix-51", CheckResult::pass);
  o.loudness.dialogue.emplace().speech_share = 0.3;
  o.loudness.dialogue->loudness_lufs = -27.0;
  o.checks[0].measured = -27.0, o.checks[0].unit = "LKFS", o.checks[0].is_of_dialogue = true;
  const std::string html = report_html(report_of({o}));
  EXPECT_THAT(html, HasSubstr("<small>\u221227.0 LKFS dialogue</small>"));
  EXPECT_THAT(html, HasSubstr("<dt>Dialogue</dt><dd>\u221227.0 <small>LUFS, 30 % speech</small></dd>"));
}

TEST(ReportHtml, FoldsManyWarningsAway) {
  std::vector<ReportOutput> outputs;
  for (int v = 0; v < 9; ++v) outputs.push_back(output("v" + std::to_string(v), "a", CheckResult::warning));
  const std::string html = report_html(report_of(outputs));
  EXPECT_EQ(faults(html), "");
  EXPECT_THAT(html, HasSubstr("<details><summary>9 warnings</summary>"));
  outputs.pop_back();
  EXPECT_THAT(report_html(report_of(outputs)), Not(HasSubstr(" warnings</summary>")));
}

TEST(ReportHtml, ShowsSilenceInWords) {
  ReportOutput silent = output("en", "a", CheckResult::pass);
  silent.loudness = {};
  silent.series.momentary_lufs.assign(kSeriesPoints, std::nullopt);
  silent.series.short_term_lufs = silent.series.peak_dbfs = silent.series.momentary_lufs;
  silent.peaks.clear();
  const std::string html = report_html(report_of({silent}));
  EXPECT_EQ(faults(html), "");
  EXPECT_THAT(html, HasSubstr("\u2212inf <small>(silence)</small>"));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
}

TEST(ReportHtml, StaysSmallForFortyVersionsOfFiveDeliverables) {
  std::vector<ReportOutput> outputs;
  for (int v = 0; v < 40; ++v)
    for (const char* d : {"51", "stereo", "me", "dialogue", "stems"}) outputs.push_back(output("v" + std::to_string(v), d, CheckResult::pass));
  const std::string html = report_html(report_of(std::move(outputs)));
  EXPECT_LT(html.size(), 4'000'000u);
}

TEST(ReportTimecode, IsThatOfTheVideoFrame) {
  Report report = report_of({});
  report.frame_rate = *mix::frame_rate_named("29.97df");
  report.start_frames = 0;
  for (std::int64_t n : {0, 1, 1799, 1800, 17982, 107892}) {
    const Frames at = mix::audio_frames(n, 48000, report.frame_rate);
    EXPECT_EQ(timecode_at(report, at), mix::format_timecode(n, report.frame_rate));
    EXPECT_EQ(timecode_at(report, at + 1000), mix::format_timecode(n, report.frame_rate));
    if (n > 0) {
      EXPECT_EQ(timecode_at(report, at - 1), mix::format_timecode(n - 1, report.frame_rate));
    }
  }
}

}  // namespace
}  // namespace dubfarm::scheduler
