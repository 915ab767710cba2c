// Bearer tokens: how they are made, recognised, and what they allow. A token is 256 random bits, so a plain SHA-256 of it is safe to keep:
// there is no dictionary to try. Its first part is not secret; it says which record to compare with.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "scheduler/http/farm_gate.hpp"

namespace dubfarm::http {

struct NewToken {
  std::string text;  // "dft_<16 hexadecimal digits>_<64 hexadecimal digits>": shown once, kept nowhere
  TokenRecord record;
};
/// Draws a token from the system's random source. Errors: invalid_input (no name or grants); io_error (no random source).
[[nodiscard]] Result<NewToken> make_token(const std::string& name, const std::vector<Grant>& grants, WallTime now, std::optional<WallTime> expires = std::nullopt);
/// The id in a token's text; nothing where it does not have a token's form.
[[nodiscard]] std::optional<std::string> token_id(std::string_view text);
/// Compares in a time that does not depend on the bytes.
[[nodiscard]] bool is_token(const TokenRecord& record, std::string_view text);
[[nodiscard]] bool is_valid_at(const TokenRecord& record, WallTime now);
/// Whether the grants allow what needs `role` in `project`; project "*": in all of them.
[[nodiscard]] bool may(const TokenRecord& record, Role role, std::string_view project);
/// Letters, digits, "-", "_" and ".", 1 to 64 of them, no "." in front: what projects and tokens may be called.
[[nodiscard]] bool is_plain_name(std::string_view name);

}  // namespace dubfarm::http
