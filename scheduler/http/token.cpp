#include "scheduler/http/token.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>

#include "common/hex.hpp"

namespace dubfarm::http {
namespace {

constexpr std::string_view kPrefix = "dft_";
constexpr std::size_t kIdDigits = 16, kSecretDigits = 64;

std::array<std::uint8_t, 32> sha256_of_text(std::string_view text) {
  std::array<std::uint8_t, 32> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Result<NewToken> make_token(const std::string& name, const std::vector<Grant>& grants, WallTime now, std::optional<WallTime> expires) {
  if (!is_plain_name(name)) return fail(Errc::invalid_input, "a token's name is 1 to 64 letters, digits, \"-\", \"_\" or \".\", not \"{}\"", name);
  if (grants.empty()) return fail(Errc::invalid_input, "a token without a role may do nothing; give it one, as in viewer:*");
  std::array<std::uint8_t, 8> id{};
  std::array<std::uint8_t, 32> secret{};
  if (RAND_bytes(id.data(), id.size()) != 1 || RAND_bytes(secret.data(), secret.size()) != 1)
    return fail(Errc::io_error, "the system's random source does not answer");
  NewToken token;
  token.record = {to_hex(id), name, {}, grants, now, expires, std::nullopt};
  token.text = std::string(kPrefix) + token.record.id + "_" + to_hex(secret);
  token.record.sha256 = sha256_of_text(token.text);
  return token;
}

std::optional<std::string> token_id(std::string_view text) {
  if (text.size() != kPrefix.size() + kIdDigits + 1 + kSecretDigits || !text.starts_with(kPrefix)) return std::nullopt;
  const std::string_view id = text.substr(kPrefix.size(), kIdDigits);
  if (!is_hex(id) || text[kPrefix.size() + kIdDigits] != '_' || !is_hex(text.substr(kPrefix.size() + kIdDigits + 1))) return std::nullopt;
  return std::string(id);
}

bool is_token(const TokenRecord& record, std::string_view text) {
  const std::array<std::uint8_t, 32> digest = sha256_of_text(text);
  return CRYPTO_memcmp(digest.data(), record.sha256.data(), digest.size()) == 0;
}

bool is_valid_at(const TokenRecord& record, WallTime now) { return !record.revoked && (!record.expires || now < *record.expires); }

bool may(const TokenRecord& record, Role role, std::string_view project) {
  return std::any_of(record.grants.begin(), record.grants.end(), [&](const Grant& g) { return g.role >= role && (g.project == "*" || g.project == project); });
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
  });
}

std::string grants_text(const std::vector<Grant>& grants) {
  std::string text;
  for (const Grant& g : grants) text += fmt::format("{}{}:{}", text.empty() ? "" : ",", name_of(g.role), g.project);
  return text;
}

Result<std::vector<Grant>> parse_grants(std::string_view text) {
  std::vector<Grant> grants;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string_view part = text.substr(at, end - at);
    at = end + 1;
    const std::size_t colon = part.find(':');
    const std::optional<Role> role = role_of(part.substr(0, colon));
    if (!role) return fail(Errc::invalid_input, "\"{}\": a role is viewer, submitter or admin, with a project after a colon, as in submitter:film or viewer:*", part);
    const std::string_view project = colon == std::string_view::npos ? std::string_view{} : part.substr(colon + 1);
    if (project != "*" && !is_plain_name(project))
      return fail(Errc::invalid_input, "\"{}\": after the colon stands a project (letters, digits, \"-\", \"_\", \".\") or * for all", part);
    if (std::any_of(grants.begin(), grants.end(), [&](const Grant& g) { return g.project == project; }))
      return fail(Errc::invalid_input, "\"{}\": the project {} has a role already", part, project);
    grants.push_back({*role, std::string(project)});
  }
  return grants;
}

}  // namespace dubfarm::http
