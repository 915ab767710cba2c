// Talks to a scheduler's HTTP API, for the verbs that ask the farm.
#pragma once
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

#include "cli/exit_code.hpp"
#include "common/result.hpp"

namespace dubfarm::cli {

/// How a verb was told where the farm is.
struct FarmTarget {
  std::string server;      // --server; empty: $DUBFARM_SERVER, else http://127.0.0.1:7461
  std::string token_file;  // --token-file; empty: $DUBFARM_TOKEN is the token, else ~/.config/dubfarm/token has it
  std::string ca;          // --ca: certificates to trust, in PEM; empty: $DUBFARM_CA, else the system's
  bool json = false;
};

/// What went wrong with a request, with the exit status that the verb ends with.
struct FarmError {
  int status = kCannotRun;  // exit status: 2 what was asked cannot be, 3 the farm cannot be reached or does not let one in
  std::string message, help;
  std::vector<std::string> problems;  // further lines, as "line 4, column 2: ..."
  int http = 0;                       // 0: no answer
  std::string body;                   // of the answer: JSON; may be empty
};
/// Prints it on stderr, or with `json` its body on stdout; returns its exit status.
int report_farm_error(const FarmError& error, bool json);

template <class T>
using Answer = std::variant<T, FarmError>;

class FarmClient {
 public:
  /// Reads the token. Errors: an address that is none, a token file that others may read, no token at all.
  static Answer<FarmClient> connect(const FarmTarget& target);
  FarmClient(FarmClient&&) noexcept;
  ~FarmClient();

  /// GET, POST, PUT or DELETE below /api/v1. A GET that finds nobody is tried again, twice.
  [[nodiscard]] Answer<nlohmann::ordered_json> ask(const std::string& method, const std::string& path, const nlohmann::ordered_json* body = nullptr,
                                                   const std::string& idempotency_key = {});
  /// Gets a file from byte `from` on. @param on_bytes  gets them in order; false stops.
  [[nodiscard]] Answer<bool> download(const std::string& path, std::uint64_t from, const std::function<bool(std::string_view)>& on_bytes);

 private:
  struct State;
  explicit FarmClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A path's steps made fit for an address; slashes stay.
[[nodiscard]] std::string url_encoded(std::string_view path);

}  // namespace dubfarm::cli
