#include "scheduler/http/ticket.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <charconv>
#include <stdexcept>

#include "common/hex.hpp"

namespace dubfarm::http {
namespace {

std::int64_t seconds_of(TicketOffice::Time time) { return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); }

}  // namespace

TicketOffice::TicketOffice() {
  if (RAND_bytes(key_.data(), static_cast<int>(key_.size())) != 1) throw std::runtime_error("the system's random source does not answer");
}

std::string TicketOffice::signature(std::string_view text) const {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> mac{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &length);
  return to_hex(std::span(mac.data(), length));
}

std::string TicketOffice::issue(std::uint64_t job, const std::string& token_id, Time now) const {
  const std::string text = fmt::format("{}.{}.{}", job, seconds_of(now + kValidFor), token_id);
  return text + "." + signature(text);
}

std::optional<std::string> TicketOffice::holder(std::string_view ticket, std::uint64_t job, Time now) const {
  const std::size_t last = ticket.rfind('.');
  if (last == std::string_view::npos) return std::nullopt;
  const std::string_view text = ticket.substr(0, last), mac = ticket.substr(last + 1);
  const std::string expected = signature(text);
  if (mac.size() != expected.size() || CRYPTO_memcmp(mac.data(), expected.data(), mac.size()) != 0) return std::nullopt;
  const std::size_t first = text.find('.'), second = text.find('.', first + 1);  // what is signed has its form
  std::int64_t until = 0;
  std::from_chars(text.data() + first + 1, text.data() + second, until);
  if (text.substr(0, first) != std::to_string(job) || seconds_of(now) >= until) return std::nullopt;
  return std::string(text.substr(second + 1));
}

}  // namespace dubfarm::http
