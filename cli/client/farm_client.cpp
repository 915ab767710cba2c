#include "cli/client/farm_client.hpp"

#include <fcntl.h>
#include <httplib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "common/descriptor.hpp"

namespace dubfarm::cli {

using Json = nlohmann::ordered_json;

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string default_token_file() {
  if (const std::string config = environment("XDG_CONFIG_HOME"); !config.empty()) return config + "/dubfarm/token";
  if (const std::string home = environment("HOME"); !home.empty()) return home + "/.config/dubfarm/token";
  return "";
}

FarmError bad(int status, std::string message, std::string help) { return {status, std::move(message), std::move(help), {}, 0, {}}; }

Answer<std::string> read_token(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return bad(kBadInput, fmt::format("{}: cannot be read: {}", path, std::strerror(errno)), "dubfarm tokens create makes a token");
  struct stat status{};
  if (::fstat(file.get(), &status) != 0 || (status.st_mode & 077) != 0)
    return bad(kBadInput, fmt::format("{}: others than its owner may read this token (mode {:o})", path, status.st_mode & 0777), fmt::format("chmod 600 {}", path));
  std::string text(256, '\0');
  const Result<std::size_t> got = read_at(file, 0, std::as_writable_bytes(std::span(text)), path);
  if (!got.ok()) return bad(kCannotRun, got.error().message, {});
  text.resize(*got);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  if (!text.starts_with("dft_") || text.find_first_of(" \r\n") != std::string::npos)
    return bad(kBadInput, fmt::format("{}: holds no token", path), "a token is one line that starts with dft_");
  return text;
}

}  // namespace

int report_farm_error(const FarmError& error, bool json) {
  if (json && !error.body.empty()) {
    fmt::print("{}", error.body);
    return error.status;
  }
  fmt::print(stderr, "error: {}\n", error.message);
  for (const std::string& problem : error.problems) fmt::print(stderr, "  {}\n", problem);
  if (!error.help.empty()) fmt::print(stderr, "help: {}\n", error.help);
  return error.status;
}

std::string url_encoded(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-_.~/").find(c) != std::string_view::npos;
    if (is_plain) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

struct FarmClient::State {
  std::string server;
  std::unique_ptr<httplib::Client> http;
  httplib::Headers headers;

  [[nodiscard]] FarmError unreachable(httplib::Error error) const {
    if (error == httplib::Error::SSLServerVerification)
      return bad(kCannotRun, fmt::format("{}: its certificate is not one that this machine trusts", server), "name the authority that signed it with --ca FILE or DUBFARM_CA");
    if (error == httplib::Error::SSLConnection) return bad(kCannotRun, fmt::format("{}: does not speak TLS", server), "an address that starts with http:// is without");
    return bad(kCannotRun, fmt::format("{}: the scheduler cannot be reached ({})", server, error == httplib::Error::Connection ? "no connection" : httplib::to_string(error)), "is it running, and is --server or DUBFARM_SERVER its address?");
  }
  /// What an answer that is not 2xx says.
  [[nodiscard]] static FarmError refusal(int status, const std::string& body) {
    FarmError error{status == 429 || status >= 500 ? kCannotRun : kBadInput, fmt::format("the scheduler answered {}", status), {}, {}, status, {}};
    const Json json = Json::parse(body, nullptr, false);
    if (!json.is_object() || !json.contains("error") || !json["error"].is_object()) return error;
    error.body = body;
    const Json& said = json["error"];
    error.message = said.value("message", error.message);
    error.help = said.value("help", "");
    for (const Json& p : said.value("problems", Json::array())) {
      std::string line;
      if (p.contains("line")) line = fmt::format("line {}, column {}: ", p.value("line", 0), p.value("column", 0));
      line += p.value("message", "");
      if (const std::string pointer = p.value("pointer", ""); !pointer.empty()) line += fmt::format("  (at {})", pointer);
      error.problems.push_back(line);
      if (const std::string help = p.value("help", ""); !help.empty()) error.problems.push_back("  help: " + help);
    }
    return error;
  }
};

FarmClient::FarmClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
FarmClient::FarmClient(FarmClient&&) noexcept = default;
FarmClient::~FarmClient() = default;

Answer<FarmClient> FarmClient::connect(const FarmTarget& target) {
  auto state = std::make_unique<State>();
  state->server = !target.server.empty() ? target.server : !environment("DUBFARM_SERVER").empty() ? environment("DUBFARM_SERVER") : "http://127.0.0.1:7461";
  while (state->server.ends_with('/')) state->server.pop_back();
  if (!state->server.starts_with("http://") && !state->server.starts_with("https://"))
    return bad(kBadInput, fmt::format("\"{}\" is not the address of a scheduler", state->server), "it looks like https://farm.example:7461");
  std::string token = target.token_file.empty() ? environment("DUBFARM_TOKEN") : "";
  if (token.empty()) {
    const std::string path = target.token_file.empty() ? default_token_file() : target.token_file;
    if (target.token_file.empty() && (path.empty() || ::access(path.c_str(), F_OK) != 0))
      return bad(kBadInput, "no token for the farm", fmt::format("put one into {} (mode 600) or into DUBFARM_TOKEN; dubfarm tokens create makes it", path.empty() ? "a file, named with --token-file," : path));
    Answer<std::string> read = read_token(path);
    if (auto* error = std::get_if<FarmError>(&read)) return std::move(*error);
    token = std::get<std::string>(std::move(read));
  }
  if (token.find_first_of("\r\n") != std::string::npos) return bad(kBadInput, "the token in DUBFARM_TOKEN has more than one line", {});
  state->http = std::make_unique<httplib::Client>(state->server);
  if (!state->http->is_valid()) return bad(kBadInput, fmt::format("\"{}\" is not the address of a scheduler", state->server), "it looks like https://farm.example:7461");
  const std::string ca = target.ca.empty() ? environment("DUBFARM_CA") : target.ca;
  if (!ca.empty()) {
    if (::access(ca.c_str(), R_OK) != 0) return bad(kBadInput, fmt::format("{}: cannot be read: {}", ca, std::strerror(errno)), "--ca names a file of certificates in PEM");
    state->http->set_ca_cert_path(ca.c_str());
  }
  state->http->set_connection_timeout(10);
  state->http->set_read_timeout(300);  // a submission is answered when its document is checked
  state->http->set_write_timeout(60);
  state->http->set_keep_alive(true);
  state->http->set_tcp_nodelay(true);
  state->headers = {{"Authorization", "Bearer " + token}};
  return FarmClient(std::move(state));
}

Answer<Json> FarmClient::ask(const std::string& method, const std::string& path, const Json* body, const std::string& idempotency_key) {
  const std::string target = "/api/v1" + path, text = body == nullptr ? "" : body->dump(-1, ' ', false, Json::error_handler_t::replace);
  httplib::Headers headers = state_->headers;
  if (!idempotency_key.empty()) headers.emplace("Idempotency-Key", idempotency_key);
  const auto once = [&]() -> httplib::Result {
    if (method == "GET") return state_->http->Get(target, headers);
    if (method == "PUT") return state_->http->Put(target, headers, text, "application/json");
    if (method == "DELETE") return state_->http->Delete(target, headers);
    return state_->http->Post(target, headers, text, "application/json");
  };
  // What may be sent twice is tried again: the connection may have been kept too long, or the scheduler be starting.
  const int tries = method == "GET" || !idempotency_key.empty() ? 3 : 1;
  httplib::Result result = once();
  for (int i = 1; i < tries && !result && result.error() != httplib::Error::SSLServerVerification; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300 * i));
    result = once();
  }
  if (!result) return state_->unreachable(result.error());
  if (result->status < 200 || result->status > 299) return State::refusal(result->status, result->body);
  Json json = Json::parse(result->body, nullptr, false);
  if (json.is_discarded()) return bad(kCannotRun, fmt::format("{}: answers, but not as a dubfarm scheduler does", state_->server), "is --server or DUBFARM_SERVER its address?");
  return json;
}

Answer<bool> FarmClient::download(const std::string& path, std::uint64_t from, const std::function<bool(std::string_view)>& on_bytes) {
  httplib::Headers headers = state_->headers;
  if (from > 0) headers.emplace("Range", fmt::format("bytes={}-", from));
  int status = 0;
  std::string refused;
  bool stopped = false;
  const httplib::Result result = state_->http->Get(
      "/api/v1" + path, headers,
      [&](const httplib::Response& response) {
        status = response.status;
        return true;
      },
      [&](const char* bytes, std::size_t count) {
        if (status != 200 && status != 206) {
          refused.append(bytes, count);
          return refused.size() < 65536;
        }
        stopped = !on_bytes(std::string_view(bytes, count));
        return !stopped;
      });
  if (stopped) return false;
  if (status != 0 && status != 200 && status != 206) return State::refusal(status, refused);
  if (!result) return state_->unreachable(result.error());
  if (from > 0 && status == 200) return bad(kCannotRun, fmt::format("{}: does not send parts of files", state_->server), {});
  return true;
}

}  // namespace dubfarm::cli
