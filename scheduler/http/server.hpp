// The scheduler's HTTP server: the API of docs/formats/openapi.json, the dashboard, /healthz and /metrics. Denies what no token allows,
// and bounds what any client can make it hold: bytes, threads, time.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "scheduler/http/farm_gate.hpp"

namespace dubfarm::http {

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address or a name of this machine
  int port = 0;                    // 0: any that is free
  std::string tls_certificate, tls_key;  // PEM files, the chain in the first; both or neither
  bool insecure = false;           // plain HTTP beyond this machine, where tokens can be read on the way
  int connections = 256;           // at once; further ones wait to be taken
  int connections_per_address = 96;
  int event_streams = 96;
  std::chrono::milliseconds header_deadline{10'000}, idle{30'000};
  double requests_per_second = 50, request_burst = 200;  // of a token; an address without one has a fifth of it
};

/// A row of the route table, for the test that holds the OpenAPI file against it.
struct RouteName {
  std::string method, path;  // "GET", "/api/v1/jobs/{job}"
};
[[nodiscard]] std::vector<RouteName> route_names();

class Server {
 public:
  /// Binds and serves on threads of its own until it is destroyed. `gate` outlives it.
  /// Errors: invalid_input (plain HTTP beyond loopback, one of certificate and key without the other, a key that others may read, ones that do
  /// not fit); io_error (the address cannot be bound).
  static Result<std::unique_ptr<Server>> start(FarmGate& gate, const ServerOptions& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] int port() const;
  /// "https://127.0.0.1:7461"
  [[nodiscard]] std::string url() const;

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dubfarm::http
