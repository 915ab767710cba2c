#include "cli/client/tokens.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "cli/client/farm_text.hpp"
#include "cli/farm/farm_views.hpp"
#include "scheduler/db/database.hpp"
#include "scheduler/http/token.hpp"
#include "scheduler/http/views_json.hpp"

namespace dubfarm::cli {

using Json = nlohmann::ordered_json;

namespace {

int token_error(const Error& error, const std::string& help = {}) { return report_farm_error({exit_code(error.code), error.message, help, {}, 0, {}}, false); }

/// "30d", "12h", "90m" as seconds.
Result<std::int64_t> span_of(const std::string& text) {
  constexpr std::int64_t kLongest = 10LL * 365 * 86400;
  std::int64_t count = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && digits < 9 && text[digits] >= '0' && text[digits] <= '9'; ++digits) count = 10 * count + (text[digits] - '0');
  const std::string unit = text.substr(digits);
  const std::int64_t seconds = unit == "d" ? 86400 : unit == "h" ? 3600 : unit == "m" ? 60 : unit == "s" ? 1 : 0;
  if (digits == 0 || seconds == 0 || count == 0 || count > kLongest / seconds)
    return fail(Errc::invalid_input, "--expires \"{}\": write a whole number and d, h, m or s, as in 30d; ten years at most", text);
  return count * seconds;
}

/// The database of a scheduler's state folder, where there is one.
Result<db::Database> open_state(const std::string& state) {
  const std::string path = state + "/farm.db";
  if (::access(path.c_str(), F_OK) != 0 && ::access(state.c_str(), F_OK) != 0) return fail(Errc::not_found, "{}: there is no such folder", state);
  return db::Database::open(path);
}

Result<void> store(db::Database& database, const http::TokenRecord& token, const std::string& action) {
  const std::array<farm::Row, 2> rows{token_row(token), farm::AuditEntry{unix_ms(std::chrono::system_clock::now()), "operator", "", action, "token " + token.id,
                                                                      token.name + " " + http::grants_text(token.grants), true}};
  return database.apply(rows);
}

void print_made(const Json& token, bool json) {
  if (json) {
    fmt::print("{}\n", token.dump());
    return;
  }
  fmt::print("{}\n", token.value("secret", ""));
  fmt::print(stderr, "token {} for {}; this is the only time it is shown. Put it into ~/.config/dubfarm/token, mode 600.\n", token.value("id", ""), token.value("name", ""));
}

/// Asks the API once.
Answer<Json> ask_once(const FarmTarget& target, const std::string& method, const std::string& path, const Json* body = nullptr) {
  Answer<FarmClient> connected = FarmClient::connect(target);
  if (auto* error = std::get_if<FarmError>(&connected)) return std::move(*error);
  return std::get<FarmClient>(connected).ask(method, path, body);
}

}  // namespace

int run_tokens_create(const TokensOptions& options) {
  std::optional<std::int64_t> seconds;
  if (!options.expires.empty()) {
    const Result<std::int64_t> span = span_of(options.expires);
    if (!span.ok()) return token_error(span.error());
    seconds = *span;
  }
  if (options.state.empty()) {
    Json body{{"name", options.name}, {"grants", options.grants}};
    if (seconds) body["expires_in_seconds"] = *seconds;
    const Answer<Json> made = ask_once(options.target, "POST", "/tokens", &body);
    if (const auto* error = std::get_if<FarmError>(&made)) return report_farm_error(*error, options.target.json);
    print_made(std::get<Json>(made), options.target.json);
    return kDone;
  }
  const Result<std::vector<http::Grant>> grants = http::parse_grants(options.grants);
  if (!grants.ok()) return token_error(grants.error());
  const http::WallTime now = std::chrono::system_clock::now();
  const Result<http::NewToken> made = http::make_token(options.name, *grants, now, seconds ? std::optional(now + std::chrono::seconds(*seconds)) : std::nullopt);
  if (!made.ok()) return token_error(made.error());
  Result<db::Database> database = open_state(options.state);
  if (!database.ok()) return token_error(database.error(), "while the scheduler runs, an admin makes tokens through it: leave --state out");
  if (const Result<void> stored = store(*database, made->record, "token.create"); !stored.ok()) return token_error(stored.error());
  Json json = http::token_json(made->record);
  json["secret"] = made->text;
  print_made(json, options.target.json);
  return kDone;
}

int run_tokens_list(const TokensOptions& options) {
  Json list;
  if (options.state.empty()) {
    const Answer<Json> answer = ask_once(options.target, "GET", "/tokens");
    if (const auto* error = std::get_if<FarmError>(&answer)) return report_farm_error(*error, options.target.json);
    list = std::get<Json>(answer).at("tokens");
  } else {
    Result<db::Database> database = open_state(options.state);
    if (!database.ok()) return token_error(database.error(), "while the scheduler runs, ask it: leave --state out");
    const Result<std::vector<farm::Token>> rows = database->tokens();
    if (!rows.ok()) return token_error(rows.error());
    list = Json::array();
    for (const farm::Token& row : *rows) list.push_back(http::token_json(token_record(row)));
  }
  if (options.target.json) fmt::print("{}\n", Json{{"tokens", list}}.dump());
  else fmt::print("{}", tokens_table(list));
  return kDone;
}

int run_tokens_revoke(const TokensOptions& options) {
  if (options.state.empty()) {
    const Answer<Json> answer = ask_once(options.target, "DELETE", "/tokens/" + url_encoded(options.id));
    if (const auto* error = std::get_if<FarmError>(&answer)) return report_farm_error(*error, options.target.json);
    if (options.target.json) fmt::print("{}\n", std::get<Json>(answer).dump());
    else fmt::print("token {} is revoked\n", options.id);
    return kDone;
  }
  Result<db::Database> database = open_state(options.state);
  if (!database.ok()) return token_error(database.error(), "while the scheduler runs, ask it: leave --state out");
  const Result<std::vector<farm::Token>> rows = database->tokens();
  if (!rows.ok()) return token_error(rows.error());
  for (farm::Token row : *rows) {
    if (row.id != options.id) continue;
    if (row.revoked_ms == 0) row.revoked_ms = unix_ms(std::chrono::system_clock::now());
    const std::array<farm::Row, 2> changed{row, farm::AuditEntry{row.revoked_ms, "operator", "", "token.revoke", "token " + row.id, row.name, true}};
    if (const Result<void> stored = database->apply(changed); !stored.ok()) return token_error(stored.error());
    if (options.target.json) fmt::print("{}\n", http::token_json(token_record(row)).dump());
    else fmt::print("token {} is revoked\n", options.id);
    return kDone;
  }
  return token_error(fail(Errc::not_found, "there is no token {}", options.id), "dubfarm tokens list shows them");
}

}  // namespace dubfarm::cli
