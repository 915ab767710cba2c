// The lists that stand beside a delivery: written, read back, and refused where they are not what dubfarm writes.
#include "scheduler/delivery/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dubfarm::scheduler {
namespace {

const std::string kA(64, 'a'), kB(64, 'b');

Report report_of_two() {
  Report report;
  report.title = "Night";
  report.sample_rate = 48000;
  report.length = 96000;
  ReportOutput& en = report.outputs.emplace_back();
  en.version = "en";
  en.deliverable = "stereo";
  en.layout = "stereo";
  en.files = {{"en/Night.wav", kB, 1000, {"L", "R"}}};
  ReportOutput& me = report.outputs.emplace_back(en);
  me.deliverable = "me";
  me.files = {{"Night ME.wav", kA, 2000, {"L", "R"}}};
  report.outputs.push_back(me);  // the same file for another language
  report.outputs.back().version = "fr";
  return report;
}

TEST(Manifest, NamesEveryFileOnceByPath) {
  const Manifest manifest = manifest_of(report_of_two());
  ASSERT_EQ(manifest.files.size(), 2u);
  EXPECT_EQ(manifest.files[0].path, "Night ME.wav");
  EXPECT_EQ(manifest.files[0].version, "en");
  EXPECT_EQ(manifest.files[1].bytes, 1000u);
}

TEST(Manifest, IsReadBackAsItWasWritten) {
  const Manifest manifest = manifest_of(report_of_two());
  const auto again = parse_manifest(manifest_json(manifest), "m");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(manifest_json(*again), manifest_json(manifest));
  EXPECT_EQ(again->files[1].channels, (std::vector<std::string>{"L", "R"}));
}

TEST(Manifest, KeepsTheFilesOfAnEarlierRunThatAreStillDelivered) {
  Manifest earlier = manifest_of(report_of_two()), now = earlier;
  now.files.erase(now.files.begin());
  now.files[0].sha256 = kA;
  earlier.files.push_back({"old.wav", kB, 5, "en", "old", std::nullopt, "mono", {"M"}});
  const std::vector<std::string> delivered = {"Night ME.wav", "en/Night.wav"};
  carry_over(now, earlier, delivered);
  ASSERT_EQ(now.files.size(), 2u) << "old.wav is no output any more";
  EXPECT_EQ(now.files[0].path, "Night ME.wav");
  EXPECT_EQ(now.files[1].sha256, kA) << "what was rendered now stands";
}

TEST(Manifest, RefusesWhatItIsNot) {
  const auto message = [](std::string_view text) {
    const auto manifest = parse_manifest(text, "out/manifest.json");
    return manifest.ok() ? "read" : manifest.error().message;
  };
  EXPECT_EQ(message("{"), "out/manifest.json: not JSON; render again, or fetch the file again");
  EXPECT_EQ(message("{}"),
            "out/manifest.json: not a manifest of version 1: \"dubfarm_manifest\" is missing or of another kind; render again, or fetch the file again");
  EXPECT_EQ(message(R"({"dubfarm_manifest": 1, "files": [{"path": "../x", "sha256": ")" + kA + R"("}]})"),
            "out/manifest.json: names the file \"../x\": \"..\" climbs out of the output folder");
  EXPECT_EQ(message(R"({"dubfarm_manifest": 1, "files": [{"path": "x"}]})"),
            "out/manifest.json: not a manifest: \"sha256\" is missing or of another kind; render again, or fetch the file again");
}

TEST(Sums, AreTheLinesThatSha256sumChecks) {
  EXPECT_EQ(sha256sums_text({{"b/x y.wav", kB}, {"a.wav", kA}}), kA + "  a.wav\n" + kB + "  b/x y.wav\n");
}

TEST(Sums, AreReadInTextAndBinaryMode) {
  const auto sums = parse_sha256sums(kA + "  a.wav\n\n" + kB + " *b c.wav", "S");
  ASSERT_TRUE(sums.ok()) << sums.error().message;
  EXPECT_THAT(*sums, ::testing::ElementsAre(FileSum{"a.wav", kA}, FileSum{"b c.wav", kB}));
}

TEST(Sums, SayWhichLineIsWrong) {
  const auto message = [](const std::string& text) {
    const auto sums = parse_sha256sums(text, "SHA256SUMS");
    return sums.ok() ? "read" : sums.error().message;
  };
  EXPECT_EQ(message(kA + "  a.wav\nnonsense\n"),
            "SHA256SUMS:2: not a line of 64 hexadecimal digits, two spaces and a path; render again, or fetch the file again");
  EXPECT_EQ(message(kA + "  /etc/passwd\n"), "SHA256SUMS:1: names the file \"/etc/passwd\": it is absolute; it counts from the output folder");
  EXPECT_EQ(message(kA + "  a.wav\n" + kB + "  a.wav\n"), "SHA256SUMS:2: a second, other sum for \"a.wav\"");
}

TEST(ReportSums, AreThoseOfItsFiles) {
  const auto sums = parse_report_sums(report_json(report_of_two()), "report.json");
  ASSERT_TRUE(sums.ok()) << sums.error().message;
  EXPECT_THAT(*sums, ::testing::ElementsAre(FileSum{"en/Night.wav", kB}, FileSum{"Night ME.wav", kA}, FileSum{"Night ME.wav", kA}));
  EXPECT_EQ(parse_report_sums("[]", "r").error().message,
            "r: not a report: \"outputs\" is missing or of another kind; render again, or fetch the file again");
}

}  // namespace
}  // namespace dubfarm::scheduler
