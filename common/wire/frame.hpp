// One message between scheduler and worker, as one frame: a fixed header, and behind it the protobuf Envelope (common/wire/farm.proto).
// docs/formats/protocol.md. One, because libzmq 4.3.4 ends a process that waits for a second frame (fq.cpp, "!_more"). That was seen once, while schedulers
// were killed, and not reproduced; the likely way there: under ZMQ_IMMEDIATE a DEALER stops its pipe as soon as it learns of a broken connection. Bytes that a peer sent are never trusted: what does not hold together is named, and nothing of it is used.
// Threads: every function here is pure and may run on any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/wire/farm.pb.h"

namespace dubfarm::wire {

inline constexpr std::uint32_t kProtocolLow = 2, kProtocolHigh = 2;  // the versions that this build speaks
inline constexpr std::size_t kHeaderBytes = 24;
inline constexpr std::size_t kMaxFrameBytes = std::size_t{1} << 20;  // of any frame; sockets refuse more before they make room for it

// What a Nak's code may be.
inline constexpr const char* kNakMalformed = "malformed";        // what does not hold together, or values out of their limits
inline constexpr const char* kNakVersion = "version";            // another protocol
inline constexpr const char* kNakUnknownType = "unknown_type";   // a message that this side does not know, or that is not for it
inline constexpr const char* kNakSession = "session";            // a session that is over: say Hello again
inline constexpr const char* kNakProfile = "profile";            // the scheduler has no use for this numeric profile, or the plans differ
inline constexpr const char* kNakRevoked = "revoked";            // the key is allowed no longer

/// The frame. Requires one body set.
[[nodiscard]] std::string encode(const Envelope& envelope);

/// An envelope, or why there is none: a Nak's code and a line for people.
struct Decoded {
  std::optional<Envelope> envelope;
  const char* code = nullptr;
  std::string message;
};
/// Checks magic, version, length, checksum, that header and body name the same type, and the limits that protocol.md gives for every field.
[[nodiscard]] Decoded decode(std::span<const std::byte> frame);

/// "Hello", "Want" ...
[[nodiscard]] std::string_view name_of(Envelope::BodyCase type);
/// Whether a worker sends messages of this type (else the scheduler does).
[[nodiscard]] bool is_from_worker(Envelope::BodyCase type);

}  // namespace dubfarm::wire
