// A plain HTTP/1.1 client over a socket, one request a connection, which sends exactly what a test says.
#pragma once
#include <chrono>
#include <map>
#include <string>

#include "tests/support/mix_folder.hpp"

namespace dubfarm::testing {

struct HttpReply {
  int status = 0;  // 0: the connection ended without an answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  [[nodiscard]] Json json() const { return Json::parse(body, nullptr, false); }
  [[nodiscard]] std::string header(const std::string& name) const { return headers.contains(name) ? headers.at(name) : ""; }
};

class HttpClient {
 public:
  explicit HttpClient(int port, std::string token = {}) : port_(port), token_(std::move(token)) {}
  [[nodiscard]] HttpReply get(const std::string& path, const std::map<std::string, std::string>& headers = {}) const { return request("GET", path, {}, headers); }
  [[nodiscard]] HttpReply post(const std::string& path, const Json& body = Json::object(), const std::map<std::string, std::string>& headers = {}) const { return request("POST", path, body.dump(), headers); }
  [[nodiscard]] HttpReply put(const std::string& path, const Json& body) const { return request("PUT", path, body.dump(), {}); }
  [[nodiscard]] HttpReply request(const std::string& method, const std::string& path, const std::string& body, const std::map<std::string, std::string>& headers) const;

 private:
  int port_;
  std::string token_;
};

/// A connection to 127.0.0.1 that says what it is told.
class RawConnection {
 public:
  explicit RawConnection(int port);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;
  /// @return whether all of it could be sent.
  bool send(const std::string& bytes) const;
  /// Reads until `until` was seen (all that came is returned then), the other side ends, or `patience` is over.
  std::string receive(const std::string& until, std::chrono::milliseconds patience = std::chrono::seconds(20)) const;
  /// Whether the other side has ended the connection within `patience`.
  [[nodiscard]] bool is_ended_within(std::chrono::milliseconds patience) const;

 private:
  int fd_;
};

}  // namespace dubfarm::testing
