#include "cli/client/audit.hpp"

#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/client/farm_text.hpp"
#include "scheduler/db/database.hpp"

namespace dubfarm::cli {

using Json = nlohmann::ordered_json;

namespace {

constexpr int kPage = 1000;  // the most that the API hands out at once

int audit_error(const Error& error, const std::string& help) { return report_farm_error({exit_code(error.code), error.message, help, {}, 0, {}}, false); }

Result<db::AuditLine> line_of(const Json& json) {
  try {
    return db::AuditLine{json.at("number"),
                         {json.at("at_ms"), json.at("actor"), json.at("address"), json.at("action"), json.at("object"), json.at("detail"), json.at("allowed")},
                         json.at("hash")};
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::corrupt, "the scheduler's answer is no audit entry: {}", error.what());
  }
}

std::variant<db::AuditCheck, FarmError> chain_by_api(const FarmTarget& target) {
  Answer<FarmClient> connected = FarmClient::connect(target);
  if (auto* error = std::get_if<FarmError>(&connected)) return std::move(*error);
  db::AuditCheck check;
  check.head = db::audit_start();
  for (;;) {
    Answer<Json> page = std::get<FarmClient>(connected).ask("GET", fmt::format("/audit?after={}&limit={}", check.entries, kPage));
    if (auto* error = std::get_if<FarmError>(&page)) {
      if (error->http != 429) return std::move(*error);
      std::this_thread::sleep_for(std::chrono::seconds(1));  // a long log is more than a token may ask for at once
      continue;
    }
    const Json& entries = std::get<Json>(page).at("entries");
    for (const Json& entry : entries) {
      const Result<db::AuditLine> line = line_of(entry);
      if (!line.ok()) return FarmError{exit_code(line.error().code), line.error().message, "use builds of one release", {}, 0, {}};
      if (!db::follow(check, *line)) return check;
    }
    if (entries.empty()) return check;
  }
}

}  // namespace

int run_audit_list(const FarmTarget& target, int limit) {
  Answer<FarmClient> connected = FarmClient::connect(target);
  if (const auto* error = std::get_if<FarmError>(&connected)) return report_farm_error(*error, target.json);
  const Answer<Json> page = std::get<FarmClient>(connected).ask("GET", fmt::format("/audit?limit={}", limit));
  if (const auto* error = std::get_if<FarmError>(&page)) return report_farm_error(*error, target.json);
  if (target.json) fmt::print("{}\n", std::get<Json>(page).dump());
  else fmt::print("{}", audit_table(std::get<Json>(page).at("entries")));
  return kDone;
}

int run_audit_verify(const FarmTarget& target, const std::string& state) {
  db::AuditCheck check;
  if (state.empty()) {
    std::variant<db::AuditCheck, FarmError> followed = chain_by_api(target);
    if (const auto* error = std::get_if<FarmError>(&followed)) return report_farm_error(*error, target.json);
    check = std::move(std::get<db::AuditCheck>(followed));
  } else {
    const std::string path = state + "/farm.db";
    if (::access(path.c_str(), F_OK) != 0) return audit_error(fail(Errc::not_found, "{}: there is no such file", path), "--state names a scheduler's state folder");
    Result<db::Database> database = db::Database::open(path);
    if (!database.ok()) return audit_error(database.error(), "while the scheduler runs, ask it, as an admin: leave --state out");
    Result<db::AuditCheck> followed = database->audit_chain();
    if (!followed.ok()) return audit_error(followed.error(), {});
    check = std::move(*followed);
  }
  const bool is_whole = check.broken_at == 0;
  if (target.json) fmt::print("{}\n", Json{{"whole", is_whole}, {"entries", check.entries}, {"head", check.head}, {"broken_at", check.broken_at}, {"what", check.what}}.dump());
  else if (is_whole) fmt::print("{} entries, none changed or taken out; the last has {}\n", check.entries, check.head);
  else fmt::print("entry {}: {}\n", check.broken_at, check.what);
  return is_whole ? kDone : kCheckFailed;
}

}  // namespace dubfarm::cli
