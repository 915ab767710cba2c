// `dubfarm verify`: a delivery that is whole passes; one altered sample, a file less, a file more, a list that was changed fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/reel.hpp"

namespace dubfarm::cli {
namespace {

namespace fs = std::filesystem;
using namespace dubfarm::testing;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Verify : public ::testing::Test {
 protected:
  /// A delivery of two files, rendered once.
  static void SetUpTestSuite() {
    rendered_ = new Reel;
    rendered_->write();
    ASSERT_EQ(rendered_->render("out", "store").status, 0);
  }
  static void TearDownTestSuite() {
    delete rendered_;
    rendered_ = nullptr;
  }
  Verify() { fs::copy(rendered_->folder / "out", out(), fs::copy_options::recursive); }
  [[nodiscard]] std::string out() const { return folder_ / "out"; }
  [[nodiscard]] CommandResult verify(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"verify", out()});
    return dubfarm(more);
  }
  void replace(const std::string& name, const std::string& from, const std::string& to) const {
    std::string text = file_text(out() + "/" + name);
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << name;
    text.replace(at, from.size(), to);
    std::ofstream(out() + "/" + name, std::ios::binary) << text;
  }

  static Reel* rendered_;
  TemporaryFolder folder_;
};
Reel* Verify::rendered_ = nullptr;

TEST_F(Verify, PassesWhatWasDelivered) {
  const CommandResult result = verify();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, StartsWith("5 files, ")) << "two outputs, two reports, manifest.json";
  EXPECT_THAT(result.out, HasSubstr(" MB: all as they were delivered\n"));
  EXPECT_EQ(result.err, "");
  const Json json = Json::parse(verify({"--json", "--threads", "1"}).out);
  EXPECT_EQ(json["pass"], true);
  EXPECT_EQ(json["files"], 5);
  EXPECT_EQ(json["problems"], Json::array());
}

TEST_F(Verify, AgreesWithSha256sum) {
  const std::string list = file_text(out() + "/SHA256SUMS");
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), 5);
  EXPECT_EQ(std::system(("cd '" + out() + "' && sha256sum -c --quiet --strict SHA256SUMS").c_str()), 0);
}

TEST_F(Verify, FindsOneAlteredSample) {
  std::string bytes = file_text(out() + "/en/Reel.wav");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  std::ofstream(out() + "/en/Reel.wav", std::ios::binary) << bytes;
  const CommandResult result = verify();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, ::testing::MatchesRegex("altered: en/Reel.wav: its SHA-256 begins [0-9a-f]+, that of the delivered file [0-9a-f]+; "
                                                  "fetch it again, or render again\n1 of 5 files are not as they were delivered\n"));
  const Json json = Json::parse(verify({"--json"}).out);
  EXPECT_EQ(json["pass"], false);
  EXPECT_EQ(json["problems"][0]["path"], "en/Reel.wav");
  EXPECT_EQ(json["problems"][0]["kind"], "altered");
}

TEST_F(Verify, FindsWhatIsMissingShortOrExtra) {
  fs::remove(out() + "/fr/Reel.wav");
  fs::resize_file(out() + "/en/Reel.wav", 1000);
  std::ofstream(out() + "/fr/Reel (copy).wav") << "x";
  const CommandResult result = verify();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, ::testing::MatchesRegex(
                              "altered: en/Reel.wav: it has 1000 bytes, the delivered file had [0-9]+; fetch it again, or render again\n"
                              "extra: fr/Reel .copy..wav: no file of this name was delivered; take it out of the folder\n"
                              "missing: fr/Reel.wav: it was delivered and is not there; fetch it again, or render again\n"
                              "3 of 5 files are not as they were delivered\n"));
}

TEST_F(Verify, IsNotTakenInByAListThatWasChangedToo) {
  std::string bytes = file_text(out() + "/en/Reel.wav");
  const Json report = Json::parse(file_text(out() + "/report.json"));
  const std::string delivered = report["outputs"][0]["files"][0]["sha256"], other(64, '0');
  replace("SHA256SUMS", delivered, other);
  const CommandResult result = verify();
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.out, HasSubstr("disagrees: en/Reel.wav: its SHA-256 begins " + delivered.substr(0, 16) + " in manifest.json and 0000000000000000 in SHA256SUMS\n"));
  EXPECT_THAT(result.out, HasSubstr(" in report.json and 0000000000000000 in SHA256SUMS\n"));
}

TEST_F(Verify, NeedsAListOfSums) {
  fs::remove(out() + "/SHA256SUMS");
  EXPECT_EQ(verify().status, 2);
  EXPECT_EQ(verify().err, "error: " + out() + ": no SHA256SUMS here; name the folder that `dubfarm render --out` wrote\n");
  EXPECT_EQ(dubfarm({"verify", out() + "/nowhere"}).err, "error: " + out() + "/nowhere: no folder of this name\n");
  std::ofstream(out() + "/SHA256SUMS") << "what\n";
  const CommandResult result = verify({"--json"});
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(Json::parse(result.out)["error"], out() + "/SHA256SUMS:1: not a line of 64 hexadecimal digits, two spaces and a path; render again, or fetch "
                                                      "the file again");
}

TEST_F(Verify, KnowsTheOutputsThatALaterRenderLeftAlone) {
  ASSERT_EQ(dubfarm({"render", rendered_->mix, "--out", out(), "--store", rendered_->folder / "store", "--version", "fr"}).status, 0);
  const CommandResult result = verify();
  EXPECT_EQ(result.status, 0) << result.out;
  EXPECT_THAT(result.out, StartsWith("5 files, "));
}

}  // namespace
}  // namespace dubfarm::cli
