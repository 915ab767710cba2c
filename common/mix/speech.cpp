#include "common/mix/speech.hpp"

#include <algorithm>

#include "common/mix/json.hpp"

namespace dubfarm::mix {
namespace {

bool speaks(Role role) { return role == Role::dialogue || role == Role::narration; }

/// The bus with such a role that a bus is, or is part of.
std::optional<std::size_t> speaking_bus(const Document& document, std::size_t bus) {
  for (;;) {
    if (speaks(document.buses[bus].role)) return bus;
    if (!document.buses[bus].parent) return std::nullopt;
    bus = *document.buses[bus].parent;
  }
}

/// The stem that a bus is heard in; nothing where a mute is on the way.
std::optional<std::size_t> stem_of(const Document& document, const VersionView& version, std::size_t bus) {
  while (!version.bus_muted[bus]) {
    if (!document.buses[bus].parent) return bus;
    bus = *document.buses[bus].parent;
  }
  return std::nullopt;
}

}  // namespace

bool has_speech_role(const Document& document) {
  return std::any_of(document.buses.begin(), document.buses.end(), [](const Bus& bus) { return speaks(bus.role); });
}

std::optional<std::string> speech_reaches(const Document& document, const VersionView& version, const Deliverable& deliverable) {
  const std::vector<std::size_t> included = included_stems(document, deliverable);
  const auto is_included = [&](std::optional<std::size_t> stem) {
    return stem && std::find(included.begin(), included.end(), *stem) != included.end();
  };
  const auto name = [&](std::size_t bus) { return quote_json(document.buses[bus].name); };
  for (std::size_t t = 0; t < document.tracks.size(); ++t) {
    const Track& track = document.tracks[t];
    const auto speaking = speaking_bus(document, track.bus);
    if (!speaking || version.track_muted[t] || track.clips.empty()) continue;
    const char* const role = document.buses[*speaking].role == Role::dialogue ? "dialogue" : "narration";
    if (const auto stem = stem_of(document, version, track.bus); is_included(stem))
      return fmt::format("track {} speaks (bus {} has the role {}), and is heard in stem {}", quote_json(track.name), name(*speaking), role, name(*stem));
    for (const Send& send : track.sends) {
      const Reverb& reverb = document.reverbs[send.reverb];
      if (const auto stem = stem_of(document, version, reverb.bus); is_included(stem))
        return fmt::format("track {} speaks (bus {} has the role {}), and its send to reverb {} is heard in stem {}", quote_json(track.name), name(*speaking),
                           role, quote_json(reverb.name), name(*stem));
    }
  }
  return std::nullopt;
}

}  // namespace dubfarm::mix
