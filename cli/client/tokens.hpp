// `dubfarm tokens create|list|revoke`, on a scheduler's state folder or through its API.
#pragma once
#include <string>

#include "cli/client/farm_client.hpp"

namespace dubfarm::cli {

struct TokensOptions {
  FarmTarget target;
  std::string state;    // the scheduler's state folder; empty: through the API
  std::string name, id;
  std::string grants = "viewer:*";
  std::string expires;  // "30d", "12h"; empty: never
};
[[nodiscard]] int run_tokens_create(const TokensOptions& options);
[[nodiscard]] int run_tokens_list(const TokensOptions& options);
[[nodiscard]] int run_tokens_revoke(const TokensOptions& options);

}  // namespace dubfarm::cli
