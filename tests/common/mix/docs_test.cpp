// The documentation says what the parser does: the schema has the parser's keys, and every example is a valid mix.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/mix/json.hpp"
#include "common/mix/keys.hpp"
#include "common/mix/resolve.hpp"
#include "tests/common/mix/mix_text.hpp"
#include "tests/support/command.hpp"

namespace dubfarm::mix {
namespace {

std::string docs_file(const char* name) {
  const auto text = read_text_file(testing::project_file(std::string("docs/") + name));
  EXPECT_TRUE(text.ok()) << text.error().message;
  return text.ok() ? *text : "";
}

/// The blocks between ```jsonc and ```.
std::vector<std::string> examples(const std::string& page) {
  const std::string fence = "```jsonc\n";
  std::vector<std::string> out;
  for (std::size_t begin = page.find(fence); begin != std::string::npos; begin = page.find(fence, begin)) {
    begin += fence.size();
    const std::size_t end = page.find("\n```", begin);
    out.push_back(page.substr(begin, end - begin));
  }
  return out;
}

TEST(Documentation, TheSchemaKnowsTheKeysThatTheParserKnows) {
  const auto parsed_schema = parse_json(docs_file("mix.schema.json"));
  ASSERT_TRUE(std::holds_alternative<JsonNode>(parsed_schema)) << std::get<JsonError>(parsed_schema).message;
  const JsonNode* defs = std::get<JsonNode>(parsed_schema).find("$defs");
  ASSERT_NE(defs, nullptr);
  for (const KeySet& object : kObjects) {
    std::string name(object.object);
    std::replace(name.begin(), name.end(), ' ', '_');
    const JsonNode* def = defs->find(name);
    ASSERT_NE(def, nullptr) << name;
    std::vector<std::string> keys;
    for (const JsonMember& member : def->find("properties")->members) keys.push_back(member.key);
    EXPECT_THAT(keys, ::testing::UnorderedElementsAreArray(object.keys.begin(), object.keys.end())) << name;
    ASSERT_NE(def->find("additionalProperties"), nullptr) << name;
    EXPECT_EQ(def->find("additionalProperties")->type, JsonType::boolean) << name;
  }
}

TEST(Documentation, EveryExampleOfTheMixFormatIsValid) {
  const auto all = examples(docs_file("mix-format.md"));
  EXPECT_EQ(all.size(), 3U);
  for (const std::string& example : all) EXPECT_EQ(mistakes(example), "valid") << example;
}

TEST(Documentation, TheLastExampleWritesTheFilesThatItSays) {
  const auto all = examples(docs_file("mix-format.md"));
  ASSERT_FALSE(all.empty());
  const ParseOutcome outcome = parse_mix(all.back(), "night.mix.json");
  ASSERT_TRUE(outcome.document.has_value());
  std::vector<std::string> paths;
  for (const OutputPlan& plan : outputs(*outcome.document))
    for (const OutputFile& file : plan.files) paths.push_back(file.path);
  EXPECT_THAT(paths, ::testing::Contains("fr/stems/Night Train_fr_MX.wav"));
  EXPECT_THAT(paths, ::testing::Contains("discrete/Night Train.LFE.wav"));
  EXPECT_EQ(std::count(paths.begin(), paths.end(), "Night Train_MX_51.wav"), 2) << "two versions of one render";
}

}  // namespace
}  // namespace dubfarm::mix
