// Any frame as a message: refused with a reason, or an envelope that, sent on, comes out the same. The input's checksum is mended first,
// or nothing would pass it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/wire/frame.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace wire = dubfarm::wire;
  const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); };
  const std::string frame(reinterpret_cast<const char*>(data), size);
  const wire::Decoded raw = wire::decode(bytes(frame));
  if (!raw.envelope && (raw.code == nullptr || raw.message.empty())) std::abort();
  wire::Envelope envelope;
  if (!envelope.ParseFromString(frame.substr(std::min(size, wire::kHeaderBytes))) || envelope.body_case() == wire::Envelope::BODY_NOT_SET) return 0;
  const std::string sent = wire::encode(envelope);
  const wire::Decoded decoded = wire::decode(bytes(sent));
  if (!decoded.envelope) return decoded.message.empty() ? (std::abort(), 0) : 0;
  if (wire::encode(*decoded.envelope) != sent) std::abort();
  return 0;
}
