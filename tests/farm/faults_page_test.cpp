// docs/faults.md says which test holds against which fault. Here it is held against the tests.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "tests/support/command.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::testing {
namespace {

TEST(Faults, EveryTestThatThePageNamesIsThere) {
  std::set<std::string> there;
  const std::regex declared("\\nTEST(?:_F|_P)?\\((\\w+), (\\w+)\\)");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(project_file("tests"))) {
    if (!entry.path().string().ends_with("_test.cpp")) continue;
    const std::string text = file_text(entry.path());
    for (std::sregex_iterator found(text.begin(), text.end(), declared), end; found != end; ++found) there.insert((*found)[1].str() + "." + (*found)[2].str());
  }
  const std::string page = file_text(project_file("docs/faults.md"));
  const std::regex named("`([A-Z]\\w+\\.[A-Z]\\w+)`");
  std::size_t count = 0;
  for (std::sregex_iterator found(page.begin(), page.end(), named), end; found != end; ++found, ++count) {
    if ((*found)[1] == "Suite.Name") continue;
    EXPECT_TRUE(there.contains((*found)[1])) << "docs/faults.md names " << (*found)[1] << ", and there is no such test";
  }
  EXPECT_GT(count, 40u);
}

}  // namespace
}  // namespace dubfarm::testing
