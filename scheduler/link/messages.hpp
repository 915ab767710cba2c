// Between what is on the wire and what the farm's state speaks.
#pragma once
#include <optional>
#include <string>

#include "common/wire/farm.pb.h"
#include "scheduler/farm/events.hpp"

namespace dubfarm::link {

/// What a worker said, for the farm. Nothing for a message that only a scheduler sends.
/// @param key  the sender's, as the handshake proved it.
[[nodiscard]] std::optional<farm::Event> event_of(const wire::Envelope& envelope, const farm::Connection& connection, const std::string& key);

/// What the farm says, for a worker.
[[nodiscard]] wire::Envelope envelope_of(const farm::Send& send, farm::Epoch epoch);

}  // namespace dubfarm::link
