// Tickets: what stands in the address of a file where a browser cannot send a token in a header, as for a player or a download. A ticket
// opens one job's files for a few minutes, for as long as the token that it was asked for with is valid.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dubfarm::http {

class TicketOffice {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::minutes kValidFor{15};

  TicketOffice();  // draws the key that signs tickets: none outlives the process
  [[nodiscard]] std::string issue(std::uint64_t job, const std::string& token_id, Time now) const;
  /// The id of the token it was issued for; nothing where it is not for this job, too old, or not of this office.
  [[nodiscard]] std::optional<std::string> holder(std::string_view ticket, std::uint64_t job, Time now) const;

 private:
  [[nodiscard]] std::string signature(std::string_view text) const;
  std::array<std::uint8_t, 32> key_{};
};

}  // namespace dubfarm::http
