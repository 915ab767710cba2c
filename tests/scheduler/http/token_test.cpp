#include "scheduler/http/token.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dubfarm::http {
namespace {

using std::chrono::hours;
const WallTime kNow = WallTime(hours(24 * 365 * 50));

NewToken token(const std::vector<Grant>& grants = {{Role::viewer, "*"}}, std::optional<WallTime> expires = std::nullopt) {
  return make_token("night-shift", grants, kNow, expires).value();
}
std::string error_of(std::string_view grants) {
  const Result<std::vector<Grant>> parsed = parse_grants(grants);
  return parsed.ok() ? "" : parsed.error().message;
}

TEST(Token, IsKnownByItsIdAndKeptAsAHash) {
  const NewToken made = token();
  ASSERT_EQ(token_id(made.text), made.record.id);
  EXPECT_TRUE(is_token(made.record, made.text));
  EXPECT_EQ(made.text.find(std::string(made.record.sha256.begin(), made.record.sha256.end())), std::string::npos);
}

TEST(Token, IsAnotherEveryTime) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(seen.insert(token().text).second);
}

TEST(Token, WithAnyOtherDigitIsNotTheToken) {
  const NewToken made = token();
  for (std::size_t i = 21; i < made.text.size(); ++i) {
    std::string other = made.text;
    other[i] = other[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(is_token(made.record, other)) << i;
  }
}

TEST(Token, WhatHasNotItsFormHasNoId) {
  const std::string good = token().text;
  EXPECT_FALSE(token_id(""));
  EXPECT_FALSE(token_id(good.substr(1)));
  EXPECT_FALSE(token_id(good + "0"));
  EXPECT_FALSE(token_id("DFT_" + good.substr(4)));
  std::string upper = good;
  upper[4] = 'A';
  EXPECT_FALSE(token_id(upper));
}

TEST(Token, AllowsWhatItsGrantsSayAndNothingElse) {
  const TokenRecord record = token({{Role::submitter, "film"}, {Role::viewer, "series"}}).record;
  EXPECT_TRUE(may(record, Role::viewer, "film"));
  EXPECT_TRUE(may(record, Role::submitter, "film"));
  EXPECT_FALSE(may(record, Role::admin, "film"));
  EXPECT_TRUE(may(record, Role::viewer, "series"));
  EXPECT_FALSE(may(record, Role::submitter, "series"));
  EXPECT_FALSE(may(record, Role::viewer, "other"));
  EXPECT_FALSE(may(record, Role::viewer, "*"));
  EXPECT_TRUE(may(token({{Role::admin, "*"}}).record, Role::submitter, "other"));
}

TEST(Token, EndsWhenItExpiresOrIsRevoked) {
  TokenRecord record = token({{Role::viewer, "*"}}, kNow + hours(1)).record;
  EXPECT_TRUE(is_valid_at(record, kNow));
  EXPECT_FALSE(is_valid_at(record, kNow + hours(1)));
  record.expires.reset();
  record.revoked = kNow;
  EXPECT_FALSE(is_valid_at(record, kNow));
}

TEST(Grants, AreReadAsTheyAreWritten) {
  const std::vector<Grant> grants{{Role::submitter, "film-2"}, {Role::viewer, "*"}};
  EXPECT_EQ(grants_text(grants), "submitter:film-2,viewer:*");
  EXPECT_EQ(parse_grants("submitter:film-2,viewer:*").value(), grants);
}

TEST(Grants, SayWhatIsWrong) {
  EXPECT_EQ(error_of("owner:film"), "\"owner:film\": a role is viewer, submitter or admin, with a project after a colon, as in submitter:film or viewer:*");
  EXPECT_EQ(error_of(""), "\"\": a role is viewer, submitter or admin, with a project after a colon, as in submitter:film or viewer:*");
  EXPECT_EQ(error_of("viewer"), "\"viewer\": after the colon stands a project (letters, digits, \"-\", \"_\", \".\") or * for all");
  EXPECT_EQ(error_of("viewer:a/b"), "\"viewer:a/b\": after the colon stands a project (letters, digits, \"-\", \"_\", \".\") or * for all");
  EXPECT_EQ(error_of("viewer:a,admin:a"), "\"admin:a\": the project a has a role already");
  EXPECT_EQ(make_token("two words", {{Role::viewer, "*"}}, kNow).error().message,
            "a token's name is 1 to 64 letters, digits, \"-\", \"_\" or \".\", not \"two words\"");
  EXPECT_EQ(make_token("n", {}, kNow).error().message, "a token without a role may do nothing; give it one, as in viewer:*");
}

}  // namespace
}  // namespace dubfarm::http
