// Which buses speak, and where what they carry is heard: the proof that an M&E is free of dialogue. It follows the routing, not the sound.
// Threads: every function here is pure and may run on any thread.
#pragma once
#include <optional>
#include <string>

#include "common/mix/document.hpp"
#include "common/mix/resolve.hpp"

namespace dubfarm::mix {

/// Whether any bus has the role dialogue or narration.
[[nodiscard]] bool has_speech_role(const Document& document);

/// The first way by which dialogue or narration reaches a deliverable, for people; nothing where none does. A track speaks if its bus, or any
/// bus above it, has such a role; what it sends to a reverb speaks too. Muted tracks and buses are silent.
[[nodiscard]] std::optional<std::string> speech_reaches(const Document& document, const VersionView& version, const Deliverable& deliverable);

}  // namespace dubfarm::mix
