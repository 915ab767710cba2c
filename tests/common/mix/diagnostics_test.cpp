#include <gtest/gtest.h>

#include "tests/common/mix/mix_text.hpp"

namespace dubfarm::mix {
namespace {

TEST(Diagnostics, ShowTheLineAndPointAtThePlace) {
  const std::string text = "{\n\n\n\n\n\n\n\n\n\n\n\n\n  \"bus\": \"FX_BED2\"\n}";
  const std::vector<Diagnostic> errors{
      {"unknown bus \"FX_BED2\"", "did you mean \"FX_BED_2\"?", {"/tracks/3/bus", 14, 10}, "not declared in \"buses\""}};
  EXPECT_EQ(format_diagnostics(text, "reel2.mix.json", errors),
            "error: unknown bus \"FX_BED2\"\n"
            "  --> reel2.mix.json:14:10  at /tracks/3/bus\n"
            "   |\n"
            "14 |   \"bus\": \"FX_BED2\"\n"
            "   |          ^^^^^^^^^ not declared in \"buses\"\n"
            "help: did you mean \"FX_BED_2\"?\n");
}

TEST(Diagnostics, KeepTabsAndCountCharactersSoThatCaretsStandUnderThePlace) {
  const std::vector<Diagnostic> errors{{"m", "", {"/a", 1, 6}, ""}};
  EXPECT_EQ(format_diagnostics("\t\"\xC3\xA9\":12,\r\n", "f", errors),
            "error: m\n --> f:1:6  at /a\n  |\n1 | \t\"\xC3\xA9\":12,\n  | \t    ^^\n");
}

TEST(Diagnostics, ShowALongLineAroundThePlace) {
  const std::string text = "[" + std::string(500, '1') + ",true," + std::string(500, '2') + "]";
  const std::string shown = format_diagnostics(text, "f", std::vector<Diagnostic>{{"m", "", {"/1", 1, 503}, ""}});
  EXPECT_EQ(shown, "error: m\n --> f:1:503  at /1\n  |\n1 | ..." + std::string(59, '1') + ",true," + std::string(55, '2') + "...\n  | " +
                       std::string(63, ' ') + "^^^^\n");
}

TEST(Diagnostics, PrintTheFirstFiftyOfTenThousand) {
  std::string tracks;
  for (int i = 0; i < 10000; ++i)
    tracks += (i > 0 ? ",\n" : "") + std::string("{\"name\": \"T") + std::to_string(i) + "\", \"bus\": \"QQ\"}";
  const std::string text = MixText{.tracks = tracks}.text();
  const ParseOutcome outcome = parse_mix(text, "f");
  ASSERT_EQ(outcome.errors.size(), 10000U);
  const std::string shown = format_diagnostics(text, "f", outcome.errors);
  std::size_t blocks = 0;
  for (std::size_t at = shown.find("error: "); at != std::string::npos; at = shown.find("error: ", at + 1)) ++blocks;
  EXPECT_EQ(blocks, 50U);
  EXPECT_TRUE(shown.ends_with("\nand 9950 more\n"));
}

TEST(Diagnostics, AsJsonAreAListForScripts) {
  EXPECT_EQ(diagnostics_json({}), "[]\n");
  EXPECT_EQ(diagnostics_json(std::vector<Diagnostic>{{"a \"b\"", "h", {"/x", 3, 4}, "n"}}),
            "[\n  {\"message\": \"a \\\"b\\\"\", \"help\": \"h\", \"pointer\": \"/x\", \"line\": 3, \"column\": 4}\n]\n");
}

}  // namespace
}  // namespace dubfarm::mix
