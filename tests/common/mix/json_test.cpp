#include "common/mix/json.hpp"

#include <gtest/gtest.h>

namespace dubfarm::mix {
namespace {

JsonNode read(std::string_view text) {
  auto parsed = parse_json(text);
  if (const auto* error = std::get_if<JsonError>(&parsed)) {
    ADD_FAILURE() << error->message;
    return {};
  }
  return std::get<JsonNode>(std::move(parsed));
}

/// "line:column pointer: message", or "valid".
std::string refusal(std::string_view text) {
  const auto parsed = parse_json(text);
  const auto* error = std::get_if<JsonError>(&parsed);
  if (error == nullptr) return "valid";
  return std::to_string(error->spot.line) + ":" + std::to_string(error->spot.column) + " " + error->pointer + ": " + error->message;
}

std::string spot(const JsonSpot& at) { return std::to_string(at.line) + ":" + std::to_string(at.column); }

TEST(Json, KeepsMembersInDocumentOrderAndKnowsWhereEachKeyAndValueStands) {
  const JsonNode root = read("{\n  \"b\": [1, -2.5,\n \"x\"], // \"c\": 3,\n  /* \"d\" */ \"a\" : { } , \"e\":true}");
  ASSERT_EQ(root.members.size(), 3U);
  EXPECT_EQ(root.members[0].key, "b");
  EXPECT_EQ(spot(root.members[0].spot), "2:3");
  EXPECT_EQ(spot(root.members[0].value.spot), "2:8");
  EXPECT_EQ(spot(root.members[0].value.items[1].spot), "2:12");
  EXPECT_EQ(spot(root.members[0].value.items[2].spot), "3:2");
  EXPECT_EQ(root.members[1].key, "a");
  EXPECT_EQ(spot(root.members[1].spot), "4:13");
  EXPECT_EQ(spot(root.members[1].value.spot), "4:19");
  EXPECT_EQ(spot(root.members[2].value.spot), "4:29");
  EXPECT_TRUE(root.members[2].value.boolean);
}

TEST(Json, CountsColumnsInCharactersNotInBytes) {
  const JsonNode root = read("[\"h\xC3\xA4\xE2\x82\xAC\xF0\x9F\x8E\xAC\", 1]");
  EXPECT_EQ(spot(root.items[1].spot), "1:10");
}

TEST(Json, SkipsAByteOrderMarkAndTakesLineEndsOfEitherKind) {
  EXPECT_EQ(spot(read("\xEF\xBB\xBF[1]").items[0].spot), "1:2");
  EXPECT_EQ(spot(read("[\r\n  1]").items[0].spot), "2:3");
}

TEST(Json, KeepsWholeNumbersExactlyAndTellsThemFromOthers) {
  const JsonNode root = read("[9007199254740993, -9223372036854775808, 9223372036854775807, 9223372036854775808, 1.0, 1e2]");
  EXPECT_EQ(root.items[0].integer, 9007199254740993);
  EXPECT_EQ(root.items[1].integer, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(root.items[2].integer, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(root.items[2].type, JsonType::integer);
  EXPECT_EQ(root.items[3].type, JsonType::real);
  EXPECT_EQ(root.items[4].type, JsonType::real);
  EXPECT_EQ(root.items[5].real, 100.0);
  EXPECT_EQ(root.items[0].real, 9007199254740992.0);
}

TEST(Json, AStringMayLookLikeACommentOrHoldBracketsAndEscapedQuotes) {
  const JsonNode root = read(R"(["// no", "a\"]//\\", 7])");
  EXPECT_EQ(root.items[0].string, "// no");
  EXPECT_EQ(root.items[1].string, "a\"]//\\");
  EXPECT_EQ(spot(root.items[2].spot), "1:23");
}

TEST(Json, SaysWhereATextStopsBeingJson) {
  EXPECT_EQ(refusal(""), "1:1 : not JSON: unexpected end of input; expected '[', '{', or a literal");
  EXPECT_EQ(refusal("{\"a\": 1,\n}"), "2:1 : not JSON: unexpected '}'; expected string literal");
  EXPECT_EQ(refusal("{\"a\":1 2}"), "1:8 : not JSON: unexpected number literal; expected '}'");
  EXPECT_EQ(refusal("[1,,2]"), "1:4 : not JSON: unexpected ','; expected '[', '{', or a literal");
  EXPECT_EQ(refusal("{\"a\":[0, {\"b\":"), "1:15 /a/1: not JSON: unexpected end of input; expected '[', '{', or a literal");
  EXPECT_EQ(refusal("{} x"), "1:4 : not JSON: invalid literal; expected end of input");
  EXPECT_EQ(refusal("/* open"), "1:1 : not JSON: invalid comment; missing closing '*/'");
  EXPECT_EQ(refusal("{'a': 1}"), "1:2 : not JSON: invalid literal; expected string literal");
}

TEST(Json, RefusesTheSameKeyTwiceInOneObjectOnly) {
  EXPECT_EQ(refusal("{\"a\": {\"b\": 1,\n \"b\": 2}}"), "2:2 /a/b: the key \"b\" stands twice in one object, first on line 1");
  EXPECT_EQ(refusal("{\"a\": {\"b\": 1}, \"b\": {\"a\": 2}}"), "valid");
}

TEST(Json, RefusesWhatADoubleCannotHoldAndWhatIsNotUtf8) {
  EXPECT_EQ(refusal("[1, 1e999]"), "1:5 : a number is beyond the range of a double (about 1.8e308)");
  EXPECT_NE(refusal("[\"\xFF\"]").find("1:2 : not JSON: invalid string: ill-formed UTF-8 byte"), std::string::npos);
  EXPECT_EQ(refusal(std::string_view("{}\n\0", 4)), "2:1 : not JSON: a NUL byte stands in the text");
}

TEST(Json, NestsToItsLimitAndNoDeeper) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_EQ(refusal(nested(kMaxJsonDepth)), "valid");
  EXPECT_NE(refusal(nested(kMaxJsonDepth + 1)).find("1:65 /0/0/0"), std::string::npos);
  EXPECT_NE(refusal(nested(1000000)).find("more than 64 deep"), std::string::npos);
}

TEST(Json, HoldsNoMoreValuesThanItsLimitCountingEveryListAndObject) {
  EXPECT_TRUE(std::holds_alternative<JsonNode>(parse_json("{\"a\": [1, 2]}", 4)));
  const auto parsed = parse_json("{\"a\": [1, 2]}", 3);
  ASSERT_TRUE(std::holds_alternative<JsonError>(parsed));
  EXPECT_EQ(std::get<JsonError>(parsed).message, "the document has more than 3 values");
  EXPECT_EQ(spot(std::get<JsonError>(parsed).spot), "1:11");
}

TEST(Json, PointersEscapeTildeAndSlash) {
  EXPECT_EQ(pointer_to("/a", "b/c~d"), "/a/b~1c~0d");
  EXPECT_EQ(pointer_to("", std::size_t{7}), "/7");
}

}  // namespace
}  // namespace dubfarm::mix
