#include "scheduler/http/server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <condition_variable>
#include <deque>
#include <thread>

#include "scheduler/http/api.hpp"
#include "scheduler/http/connection.hpp"
#include "scheduler/http/token.hpp"

namespace dubfarm::http {
namespace serving {  // named, as Server::State has some of it

using Clock = std::chrono::steady_clock;

/// A thread for each connection, up to a number; beyond it, accepting waits.
class ConnectionThreads : public httplib::TaskQueue {
 public:
  explicit ConnectionThreads(int most) : most_(static_cast<std::size_t>(most)) {}
  void enqueue(std::function<void()> serve) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return busy_ + queue_.size() < most_ || is_over_; });
    queue_.push_back(std::move(serve));
    if (threads_.size() < busy_ + queue_.size()) threads_.emplace_back([this] { work(); });
    changed_.notify_all();
  }
  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return !queue_.empty() || is_over_; });
      if (queue_.empty()) return;
      const std::function<void()> serve = std::move(queue_.front());
      queue_.pop_front();
      ++busy_;
      lock.unlock();
      serve();
      lock.lock();
      --busy_;
      changed_.notify_all();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  std::size_t busy_ = 0, most_;
  bool is_over_ = false;
  std::vector<std::thread> threads_;
};

/// What was found out about a request before its body was read.
struct Prepared {
  const Route* route = nullptr;
  std::vector<std::string> parts;
  std::optional<TokenRecord> token;
  bool by_ticket = false;
};

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

std::string_view message_of(int status) {
  switch (status) {
    case 400: return "this is not an HTTP request that can be understood";
    case 408: return "the request's header took too long";
    case 411: return "a body needs a Content-Length";
    case 413: return "the body is longer than this request may have";
    case 414: return "the address is longer than 8192 bytes";
    case 415: return "a compressed body is not taken";
    case 431: return "the header is longer than 32 KiB or has more than 100 lines";
    case 503: return "too many connections from this address";
    default: return "the request failed";
  }
}
std::string_view code_of(int status) {
  switch (status) {
    case 404: return "not_found";
    case 408: return "timeout";
    case 413: case 414: case 431: return "too_large";
    case 500: return "internal";
    case 503: return "unavailable";
    default: return "bad_request";
  }
}

void answer_raw(Connection& connection, int status) {
  const std::string body = error_body(code_of(status), std::string(message_of(status)));
  const std::string text = fmt::format("HTTP/1.1 {} Refused\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n"
                                       "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n{}", status, body.size(), body);
  connection.write(text.data(), text.size());
}

/// Takes in a little of what the client still sends, so that the answer is not thrown away with a connection reset.
void close_gently(int fd) {
  ::shutdown(fd, SHUT_WR);
  const timeval patience{0, 200'000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  char ignored[4096];
  for (int i = 0; i < 256 && ::recv(fd, ignored, sizeof ignored, 0) > 0; ++i) {}
  ::close(fd);
}

struct ContextEnd {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
struct SessionEnd {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};

class Listener : public httplib::Server {
 public:
  Listener(Api& api, const ServerOptions& options, SSL_CTX* tls, const std::atomic<bool>& stopping) : api_(api), options_(options), tls_(tls), stopping_(stopping) {
    limits_.header = options.header_deadline;
    limits_.handshake = options.header_deadline;
    limits_.idle = options.idle;
    new_task_queue = [most = options.connections]() -> httplib::TaskQueue* { return new ConnectionThreads(most); };  // the library deletes it
    // Not SO_REUSEPORT, which is the library's choice: two servers would share the port and each answer some of the requests.
    set_socket_options([](socket_t fd) {
      const int yes = 1;
      ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    set_keep_alive_timeout(std::chrono::duration_cast<std::chrono::seconds>(options.idle).count());
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) { return before_body(request, response); });
    const auto serve = [this](const httplib::Request& request, httplib::Response& response) { answer(request, response); };
    constexpr const char* kAny = "[\\s\\S]*";  // before_body() has found the route
    Post(kAny, serve), Put(kAny, serve), Delete(kAny, serve);
    set_error_handler(httplib::Server::Handler([](const httplib::Request&, httplib::Response& response) {
      if (response.body.empty()) response.set_content(error_body(code_of(response.status), std::string(message_of(response.status))), "application/json");
    }));
    set_exception_handler([](const httplib::Request& request, httplib::Response& response, std::exception_ptr thrown) {
      std::string what = "not known";
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& error) {
        what = error.what();
      } catch (...) {
      }
      fmt::print(stderr, "ERROR http.exception request=\"{} {}\" what=\"{}\"\n", request.method, request.path, what);
      response.status = 500;
      response.set_content(error_body("internal", "the scheduler failed to answer this; its log says more"), "application/json");
    });
    set_post_routing_handler([this](const httplib::Request&, httplib::Response& response) { add_headers(response); });
  }

  [[nodiscard]] int bind(const std::string& host, int port) {
    const int bound = port == 0 ? bind_to_any_port(host) : bind_to_port(host, port) ? port : -1;
    if (bound > 0) ::listen(svr_sock_, 128);  // the library asks for five
    return bound;
  }

 private:
  bool process_and_close_socket(socket_t fd) override {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    const int yes = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    const std::unique_ptr<SSL, SessionEnd> ssl(tls_ != nullptr ? SSL_new(tls_) : nullptr);
    if (ssl) SSL_set_fd(ssl.get(), fd);
    Connection connection(fd, ssl.get(), limits_, stopping_);
    std::string address;
    int port = 0;
    connection.get_remote_ip_and_port(address, port);
    address = network_of(address);
    if (count(address, 1) > options_.connections_per_address) {
      if (!ssl) answer_raw(connection, 503);
    } else if (connection.shake_hands()) {
      serve(connection);
      if (ssl) SSL_shutdown(ssl.get());
    }
    count(address, -1);
    close_gently(fd);
    return true;
  }

  void serve(Connection& connection) {
    for (;;) {
      switch (connection.read_header()) {
        case Connection::Header::complete: break;
        case Connection::Header::closed: return;
        case Connection::Header::slow: return answer_raw(connection, 408);
        case Connection::Header::malformed: return answer_raw(connection, 400);
        case Connection::Header::too_large: return answer_raw(connection, 431);
        case Connection::Header::body_too_large: return answer_raw(connection, 413);
        case Connection::Header::length_required: return answer_raw(connection, 411);
        case Connection::Header::encoding_refused: return answer_raw(connection, 415);
      }
      bool closed = false;
      prepared().reset();
      const bool ok = process_request(connection, false, closed, [](httplib::Request&) {});
      if (!ok || closed || stopping_ || !connection.is_request_consumed()) return;
    }
  }

  int count(const std::string& address, int change) {
    const std::lock_guard lock(counted_mutex_);
    int& number = counted_[address];
    number += change;
    api_.connections += change;
    const int now = number;
    if (now == 0) counted_.erase(address);
    return now;
  }

  static std::optional<Prepared>& prepared() {  // of the request that this thread is serving
    static thread_local std::optional<Prepared> of_thread;
    return of_thread;
  }

  HandlerResponse before_body(const httplib::Request& request, httplib::Response& response) {
    std::optional<Prepared> found = let_in(request, response);
    if (!found) return HandlerResponse::Handled;
    prepared() = std::move(found);
    if (request.method == "POST" || request.method == "PUT" || request.method == "DELETE") return HandlerResponse::Unhandled;  // its body is read first
    answer(request, response);
    return HandlerResponse::Handled;
  }

  /// Finds the route and who asks; answers and returns nothing where there is none, or the token does not allow it.
  std::optional<Prepared> let_in(const httplib::Request& request, httplib::Response& response) {
    Found found = find_route(request.method, request.path);
    Prepared ready{found.route, std::move(found.parts), std::nullopt, false};
    Call call{api_, request, response, ready.parts, std::nullopt};
    const std::string network = network_of(request.remote_addr);
    const Clock::time_point now = Clock::now();
    const auto busy = [&] {
      response.set_header("Retry-After", "1");
      call.refuse(429, "rate_limited", "too many requests", "wait a second and go on more slowly");
      return std::nullopt;
    };
    const std::string authorization = request.get_header_value("Authorization");
    const std::string text = authorization.starts_with("Bearer ") ? authorization.substr(7) : std::string();
    if (const std::optional<std::string> id = token_id(text)) ready.token = api_.gate.token(*id);
    if (ready.token && (!is_token(*ready.token, text) || !is_valid_at(*ready.token, std::chrono::system_clock::now()))) ready.token.reset();
    const bool was_given = !authorization.empty();
    if (!ready.token && found.route != nullptr && found.route->access == Access::ticket && request.has_param("ticket")) {
      const std::optional<std::string> holder = api_.tickets.holder(request.get_param_value("ticket"), std::strtoull(ready.parts.front().c_str(), nullptr, 10), now);
      if (holder) ready.token = api_.gate.token(*holder);
      if (ready.token && !is_valid_at(*ready.token, std::chrono::system_clock::now())) ready.token.reset();
      ready.by_ticket = ready.token.has_value();
    }
    if (!(ready.token ? api_.by_token.take(ready.token->id, now) : api_.by_address.take(network, now))) return busy();
    call.token = ready.token;
    if (found.route == nullptr) {
      if (found.other_method) call.refuse(405, "method_not_allowed", fmt::format("{} is not for {}", request.method, request.path.substr(0, 200)));
      else call.refuse(404, "not_found", fmt::format("there is nothing at {}", request.path.substr(0, 200)), "the API is described at /api/v1/openapi.json");
      return std::nullopt;
    }
    if (found.route->access == Access::open) return ready;
    if (!ready.token) {
      response.set_header("WWW-Authenticate", "Bearer realm=\"dubfarm\"");
      if (was_given) api_.log_denied(request, "", "the token is not known, has expired or was revoked");
      call.refuse(401, "unauthenticated", was_given ? "this token is not known, has expired or was revoked" : "this needs a token",
                  "send the header \"Authorization: Bearer dft_...\"; an admin makes tokens with dubfarm tokens create");
      return std::nullopt;
    }
    if (found.route->access == Access::farm_viewer && !call.allows(Role::viewer, "*")) return std::nullopt;
    if (found.route->access == Access::farm_admin && !call.allows(Role::admin, "*")) return std::nullopt;
    return ready;
  }

  void answer(const httplib::Request& request, httplib::Response& response) {
    Prepared ready = std::move(prepared()).value();
    const Route& route = *ready.route;
    Call call{api_, request, response, std::move(ready.parts), std::move(ready.token), ready.by_ticket};
    route.handler(call);
    const std::lock_guard lock(api_.counted_mutex);
    ++api_.requests[{fmt::format("{} {}", route.method, route.path), response.status < 0 ? 200 : response.status}];
  }

  void add_headers(httplib::Response& response) const {
    const auto add = [&](const char* name, const char* value) {
      if (!response.has_header(name)) response.set_header(name, value);
    };
    add("X-Content-Type-Options", "nosniff");
    add("Content-Security-Policy", kPolicy);
    add("Referrer-Policy", "no-referrer");
    add("X-Frame-Options", "DENY");
    add("Cross-Origin-Opener-Policy", "same-origin");
    add("Cross-Origin-Resource-Policy", "same-origin");
    add("Permissions-Policy", "camera=(), geolocation=(), microphone=()");
    add("Cache-Control", "no-store");
    if (tls_ != nullptr) add("Strict-Transport-Security", "max-age=31536000");
  }

  Api& api_;
  const ServerOptions& options_;
  SSL_CTX* tls_;
  const std::atomic<bool>& stopping_;
  ConnectionLimits limits_;
  std::mutex counted_mutex_;
  std::map<std::string, int> counted_;
};

bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (host == "localhost" || host == "::1") return true;
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

std::string tls_reason() {
  char text[256] = "not known";
  if (const unsigned long code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

Result<std::unique_ptr<SSL_CTX, ContextEnd>> make_tls(const ServerOptions& options) {
  struct stat status{};
  if (::stat(options.tls_key.c_str(), &status) != 0) return system_error(errno, options.tls_key, "read the TLS key");
  if ((status.st_mode & 077) != 0)
    return fail(Errc::invalid_input, "{}: others than its owner may read this key (mode {:o}); chmod 600 it", options.tls_key, status.st_mode & 0777);
  std::unique_ptr<SSL_CTX, ContextEnd> context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(Errc::io_error, "TLS: {}", tls_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.tls_certificate.c_str()) != 1)
    return fail(Errc::invalid_input, "{}: no certificate chain in PEM ({})", options.tls_certificate, tls_reason());
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.tls_key.c_str(), SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context.get()) != 1)
    return fail(Errc::invalid_input, "{}: not the private key of {}, in PEM ({})", options.tls_key, options.tls_certificate, tls_reason());
  return context;
}

}  // namespace serving
using namespace serving;

struct Server::State {
  State(FarmGate& gate, const ServerOptions& settings) : options(settings), api(gate, settings) { api.stopping = &stopping; }
  ServerOptions options;
  std::atomic<bool> stopping = false;
  Api api;
  std::unique_ptr<SSL_CTX, ContextEnd> tls;
  std::unique_ptr<Listener> listener;
  int port = 0;
  std::thread thread;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Server>> Server::start(FarmGate& gate, const ServerOptions& options) {
  auto state = std::make_unique<State>(gate, options);
  if (options.tls_certificate.empty() != options.tls_key.empty())
    return fail(Errc::invalid_input, "TLS needs both a certificate (--tls-cert) and its key (--tls-key); only one is given");
  if (!options.tls_key.empty()) {
    TRY_ASSIGN(state->tls, make_tls(options));
  } else if (!is_loopback(options.host) && !options.insecure) {
    return fail(Errc::invalid_input, "{} is not this machine alone, and without TLS everybody on the way can read the tokens; give --tls-cert and --tls-key, listen on "
                "127.0.0.1, or say --insecure", options.host);
  }
  state->listener = std::make_unique<Listener>(state->api, state->options, state->tls.get(), state->stopping);
  state->port = state->listener->bind(options.host, options.port);
  if (state->port <= 0) return fail(Errc::io_error, "{}:{}: cannot listen there; another program may, or the address is not this machine's", options.host, options.port);
  State* raw = state.get();
  state->thread = std::thread([raw] { raw->listener->listen_after_bind(); });
  while (!raw->listener->is_running()) std::this_thread::yield();  // stop() does nothing before
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::~Server() {
  state_->stopping = true;
  state_->listener->stop();
  state_->thread.join();
}

int Server::port() const { return state_->port; }

std::string Server::url() const {
  const std::string& host = state_->options.host;
  return fmt::format("{}://{}:{}", state_->tls ? "https" : "http", host.find(':') == std::string::npos ? host : "[" + host + "]", state_->port);
}

}  // namespace dubfarm::http
