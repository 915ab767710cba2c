#include "common/wire/frame.hpp"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <cmath>
#include <cstring>

namespace dubfarm::wire {
namespace {

constexpr char kMagic[4] = {'D', 'U', 'B', 'W'};

/// What a frame begins with, little-endian. Senders write 0 into what is reserved, receivers pass over it.
struct Header {
  char magic[4];
  std::uint8_t major, minor;
  std::uint16_t type;      // of the body: its field's number in Envelope
  std::uint16_t flags;     // reserved
  std::uint16_t reserved;
  std::uint32_t length;    // of the body
  std::uint64_t checksum;  // XXH3-64 of the body, seeded with the XXH3-64 of the 16 bytes above
};
static_assert(sizeof(Header) == kHeaderBytes && offsetof(Header, checksum) == 16);

std::uint64_t checksum_of(const Header& header, const void* body, std::size_t size) {
  return XXH3_64bits_withSeed(body, size, XXH3_64bits(&header, offsetof(Header, checksum)));
}

constexpr std::size_t kMaxName = 255;      // bytes of host, build, profile, device
constexpr int kMaxTags = 64;
constexpr std::size_t kMaxTag = 64;
constexpr int kMaxLeases = 4096;           // in any list of them
constexpr std::size_t kMaxErrorText = 4096;
constexpr std::size_t kMaxDigest = 64;
constexpr int kMaxLost = 65536;
constexpr std::uint32_t kMaxSlots = 4096;

/// The first limit that a message breaks; empty where it keeps all.
class Limits {
 public:
  void text(const char* field, const std::string& value, std::size_t limit) {
    if (value.size() > limit) complain(fmt::format("{} has {} bytes; the limit is {}", field, value.size(), limit));
  }
  void count(const char* field, int value, int limit) {
    if (value > limit) complain(fmt::format("{} has {} entries; the limit is {}", field, value, limit));
  }
  void number(const char* field, double value, double low, double high) {
    if (!(value >= low && value <= high)) complain(fmt::format("{} is {}; {} to {} is allowed", field, value, low, high));
  }
  void result(const Result& result) {
    text("result.digest", result.digest(), kMaxDigest);
    text("result.error", result.error(), kMaxErrorText);
    count("result.lost", result.lost_size(), kMaxLost);
    number("result.outcome", result.outcome(), DONE, RELEASED);
    number("result.device_seconds", result.device_seconds(), 0, 1e9);
  }
  std::string broken;

 private:
  void complain(std::string what) {
    if (broken.empty()) broken = std::move(what);
  }
};

std::string broken_limit(const Envelope& envelope) {
  Limits limits;
  switch (envelope.body_case()) {
    case Envelope::kHello: {
      const Hello& hello = envelope.hello();
      limits.text("hello.build", hello.build(), kMaxName);
      limits.text("hello.numeric_profile", hello.numeric_profile(), kMaxName);
      limits.text("hello.host", hello.host(), kMaxName);
      limits.text("hello.device", hello.device(), kMaxName);
      limits.count("hello.tags", hello.tags_size(), kMaxTags);
      for (const std::string& tag : hello.tags()) limits.text("hello.tags", tag, kMaxTag);
      limits.number("hello.slots", hello.slots(), 1, kMaxSlots);
      limits.count("hello.running", hello.running_size(), kMaxLeases);
      limits.count("hello.unacknowledged", hello.unacknowledged_size(), kMaxLeases);
      for (const Result& result : hello.unacknowledged()) limits.result(result);
      break;
    }
    case Envelope::kWant: limits.number("want.credit", envelope.want().credit(), 0, kMaxLeases); break;
    case Envelope::kPing:
      limits.count("ping.running", envelope.ping().running_size(), kMaxLeases);
      for (const Progress& progress : envelope.ping().running()) limits.number("ping.running.done", progress.done(), 0, 1);
      break;
    case Envelope::kResult: limits.result(envelope.result()); break;
    case Envelope::kBye: limits.text("bye.reason", envelope.bye().reason(), kMaxErrorText); break;
    case Envelope::kWelcome:
      limits.number("welcome.ping_interval_ms", envelope.welcome().ping_interval_ms(), 1, 3600e3);
      limits.number("welcome.dead_after_ms", envelope.welcome().dead_after_ms(), 1, 24 * 3600e3);
      limits.count("welcome.keep", envelope.welcome().keep_size(), kMaxLeases);
      limits.count("welcome.drop", envelope.welcome().drop_size(), kMaxLeases);
      break;
    case Envelope::kAssign:
      limits.text("assign.kind", envelope.assign().kind(), kMaxName);
      limits.text("assign.package", envelope.assign().package(), kMaxName);
      break;
    case Envelope::kPong: limits.count("pong.drop", envelope.pong().drop_size(), kMaxLeases); break;
    case Envelope::kRestarting: limits.text("restarting.reason", envelope.restarting().reason(), kMaxErrorText); break;
    case Envelope::kNak:
      limits.text("nak.code", envelope.nak().code(), kMaxName);
      limits.text("nak.message", envelope.nak().message(), kMaxErrorText);
      break;
    case Envelope::kCancel:
    case Envelope::kResultAck:
    case Envelope::kDrain:
    case Envelope::BODY_NOT_SET: break;
  }
  return limits.broken;
}

Decoded refuse(const char* code, std::string message) { return {std::nullopt, code, std::move(message)}; }

}  // namespace

std::string_view name_of(Envelope::BodyCase type) {
  switch (type) {
    case Envelope::kHello: return "Hello";
    case Envelope::kWant: return "Want";
    case Envelope::kPing: return "Ping";
    case Envelope::kResult: return "Result";
    case Envelope::kBye: return "Bye";
    case Envelope::kWelcome: return "Welcome";
    case Envelope::kAssign: return "Assign";
    case Envelope::kCancel: return "Cancel";
    case Envelope::kPong: return "Pong";
    case Envelope::kResultAck: return "ResultAck";
    case Envelope::kDrain: return "Drain";
    case Envelope::kRestarting: return "Restarting";
    case Envelope::kNak: return "Nak";
    case Envelope::BODY_NOT_SET: break;
  }
  return {};
}

bool is_from_worker(Envelope::BodyCase type) { return type >= Envelope::kHello && type <= Envelope::kBye; }

std::string encode(const Envelope& envelope) {
  std::string frame(kHeaderBytes, '\0');
  envelope.AppendToString(&frame);
  const std::size_t body_bytes = frame.size() - kHeaderBytes;
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.major = kProtocolHigh;
  header.type = static_cast<std::uint16_t>(envelope.body_case());
  header.length = static_cast<std::uint32_t>(body_bytes);
  header.checksum = checksum_of(header, frame.data() + kHeaderBytes, body_bytes);
  std::memcpy(frame.data(), &header, sizeof header);
  return frame;
}

Decoded decode(std::span<const std::byte> frame) {
  if (frame.size() < kHeaderBytes) return refuse(kNakMalformed, fmt::format("the message has {} bytes; its header alone has {} in this protocol", frame.size(), kHeaderBytes));
  const std::span<const std::byte> body = frame.subspan(kHeaderBytes);
  Header header;
  std::memcpy(&header, frame.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) return refuse(kNakMalformed, "the header does not begin with \"DUBW\": this is no dubfarm message");
  if (header.major < kProtocolLow || header.major > kProtocolHigh)
    return refuse(kNakVersion, fmt::format("protocol {}; this side speaks {} to {}: use builds of one release", header.major, kProtocolLow, kProtocolHigh));
  if (header.length != body.size()) return refuse(kNakMalformed, fmt::format("the header promises {} bytes, {} came", header.length, body.size()));
  if (frame.size() > kMaxFrameBytes) return refuse(kNakMalformed, fmt::format("{} bytes; the limit is {}", frame.size(), kMaxFrameBytes));
  if (header.checksum != checksum_of(header, body.data(), body.size())) return refuse(kNakMalformed, "the checksum does not match");
  if (name_of(static_cast<Envelope::BodyCase>(header.type)).empty()) return refuse(kNakUnknownType, fmt::format("no message of this protocol has type {}", header.type));
  Decoded decoded;
  if (!decoded.envelope.emplace().ParseFromArray(body.data(), static_cast<int>(body.size()))) return refuse(kNakMalformed, "the body is no envelope");
  if (decoded.envelope->body_case() != header.type)
    return refuse(kNakMalformed, fmt::format("the header says {}, the body {}", name_of(static_cast<Envelope::BodyCase>(header.type)),
                                             decoded.envelope->body_case() == Envelope::BODY_NOT_SET ? "nothing" : name_of(decoded.envelope->body_case())));
  if (std::string broken = broken_limit(*decoded.envelope); !broken.empty()) return refuse(kNakMalformed, std::move(broken));
  return decoded;
}

}  // namespace dubfarm::wire
