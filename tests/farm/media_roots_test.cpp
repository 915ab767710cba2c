// Named folders: one name, one file, on every machine; and no way out of them.
#include "cli/farm/media_roots.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_folder.hpp"

namespace dubfarm::cli {
namespace {

namespace fs = std::filesystem;

class Roots : public ::testing::Test {
 protected:
  Roots() {
    fs::create_directories(folder_ / "media/film");
    fs::create_directories(folder_ / "elsewhere");
    roots_ = MediaRoots::parse({"media=" + folder_ / "media"}).value();
  }
  testing::TemporaryFolder folder_;
  MediaRoots roots_;
};

TEST_F(Roots, NamesAndPathsMeanEachOther) {
  EXPECT_EQ(*roots_.local("{media}/film/a.wav"), folder_ / "media/film/a.wav");
  EXPECT_EQ(*roots_.local("{media}"), folder_ / "media");
  EXPECT_EQ(*roots_.named(folder_ / "media/film/../a.wav"), "{media}/a.wav");
}

TEST_F(Roots, NothingLeavesThem) {
  EXPECT_EQ(roots_.local("{media}/../x").error().message, "\"{media}/../x\" leaves its root");
  EXPECT_EQ(roots_.local("{other}/x").error().message, "\"{other}/x\": no such root here; the roots are: {media}");
  EXPECT_EQ(roots_.local("/x").error().message, "\"/x\" names no root: write {root}/path; the roots are: {media}");
  EXPECT_EQ(roots_.named("/etc/passwd").error().message, "\"/etc/passwd\" lies in no root; the roots are: {media}");
  EXPECT_EQ(roots_.named(folder_ / "media-too/a.wav").error().message, "\"" + folder_ / "media-too/a.wav" + "\" lies in no root; the roots are: {media}");
}

TEST_F(Roots, ALinkThatLeadsOutLeadsNowhere) {
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "media/out");
  fs::create_directory_symlink(folder_ / "media/film", folder_ / "media/in");
  EXPECT_TRUE(roots_.check(folder_ / "media/film/not/there/yet.wav").ok());
  EXPECT_TRUE(roots_.check(folder_ / "media/in/a.wav").ok());
  EXPECT_EQ(roots_.check(folder_ / "media/out/a.wav").error().message,
            "\"" + folder_ / "media/out/a.wav" + "\" leads out of the roots by a symbolic link; the roots are: {media}");
}

TEST_F(Roots, ArgumentsThatMeanNothingAreNamed) {
  const auto problem = [](std::vector<std::string> arguments) { return MediaRoots::parse(arguments).error().message; };
  EXPECT_EQ(problem({"media"}), "--root \"media\": write name=/folder, the name of lower-case letters, digits and \"_\"");
  EXPECT_EQ(problem({"media=relative"}), "--root \"media=relative\": write name=/folder, the name of lower-case letters, digits and \"_\"");
  EXPECT_EQ(problem({"media=/no/such/folder"}), "--root media: there is no folder \"/no/such/folder\"");
  EXPECT_EQ(problem({"a=/", "a=/"}), "--root a: this root is given twice");
}

}  // namespace
}  // namespace dubfarm::cli
