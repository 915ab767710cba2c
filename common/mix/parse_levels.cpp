// Inside parse_mix: a deliverable's gain, its limiter, whose gain it follows, and whether it is free of dialogue.
#include <algorithm>

#include "common/mix/parse_parts.hpp"
#include "common/mix/resolve.hpp"
#include "common/mix/speech.hpp"

namespace dubfarm::mix {
namespace {

constexpr std::pair<std::string_view, Normalize> kNormalizations[] = {
    {"none", Normalize::none}, {"program", Normalize::program}, {"dialogue", Normalize::dialogue}};
constexpr std::pair<std::string_view, DeliverableKind> kKinds[] = {{"mix", DeliverableKind::mix}, {"me", DeliverableKind::me}};

constexpr Limits kCeilingLimits{-60, 0, " dBTP"}, kReductionLimits{0, 24, " dB"};

/// The field of an object that is known to be there.
Value field_of(const Value& object, std::string_view key) {
  for (const JsonMember& member : object.node.members)
    if (member.key == key) return object.child(member);
  return object;
}

}  // namespace

void MixParser::read_limiter(const Value& value, Deliverable& deliverable) {
  if (!reader.expect(value, JsonType::object, "an object or null")) return;
  const Fields fields(reader, value, kLimiterObject);
  Limiter limiter;
  if (const auto ceiling = fields.required("ceiling_dbtp", "write the highest true peak: \"ceiling_dbtp\": -2"))
    limiter.ceiling_dbtp = reader.number(*ceiling, kCeilingLimits).value_or(limiter.ceiling_dbtp);
  const auto time = [&](std::string_view key, int usual_ms, int least_ms, int most_ms) -> Frames {
    const auto frames = [&](int ms) { return static_cast<Frames>(ms) * document.sample_rate / 1000; };
    const auto field = fields.find(key);
    const auto length = field ? reader.length(*field, 0) : std::nullopt;
    if (length && (*length < frames(least_ms) || *length > frames(most_ms)))
      reader.error(*field, fmt::format("\"{}\" is {} samples, and may be {} to {} ms", key, *length, least_ms, most_ms),
                   fmt::format("at {} Hz that is {} to {} samples; {} ms is usual", document.sample_rate, frames(least_ms), frames(most_ms), usual_ms),
                   "out of range");
    return length.value_or(frames(usual_ms));
  };
  limiter.lookahead = time("lookahead", 5, 1, 20);
  limiter.release = time("release", 100, 10, 1000);
  if (const auto most = fields.find("max_reduction_db")) limiter.max_reduction_db = reader.number(*most, kReductionLimits);
  deliverable.limiter = limiter;
}

void MixParser::read_levels(const Fields& fields, Deliverable& deliverable) {
  const auto normalize = fields.find("normalize"), limiter = fields.find("limiter"), follow = fields.find("follow");
  if (normalize) deliverable.normalize = reader.choice(*normalize, kNormalizations).value_or(Normalize::none);
  if (limiter && limiter->node.type != JsonType::null) read_limiter(*limiter, deliverable);
  if (follow) deliverable.follow = reference(*follow, "deliverable", "deliverables", deliverables);
  if (const auto kind = fields.find("kind")) deliverable.kind = reader.choice(*kind, kKinds).value_or(DeliverableKind::mix);

  const bool is_normalized = deliverable.normalize != Normalize::none;
  if (is_normalized && deliverable.loudness.empty() && !fields.has("loudness"))
    reader.error(*normalize, "\"normalize\" without \"loudness\"", "name the spec whose target it is brought to: \"loudness\": \"ebu-r128\"",
                 "to which target?");
  for (const auto& [field, key] : {std::pair(is_normalized ? normalize : std::nullopt, "normalize"),
                                   std::pair(deliverable.limiter ? limiter : std::nullopt, "limiter")}) {
    if (field && follow)
      reader.error(*field, fmt::format("both \"{}\" and \"follow\"", key),
                   "a deliverable that follows another takes its gain and its limiter; take one of them out", "or \"follow\"");
    else if (field && deliverable.per_bus)
      reader.error(*field, fmt::format("\"{}\" with \"per_bus\"", key),
                   "stems with a gain of their own do not add up; give them their printmaster's: \"follow\": \"printmaster\"",
                   "has no meaning here");
  }
}

void MixParser::check_levels(const Value& deliverables_list) {
  for (std::size_t d = 0; d < document.deliverables.size(); ++d) {
    const Deliverable& deliverable = document.deliverables[d];
    const Value entry = deliverables_list.item(d);
    if (deliverable.follow) {
      const Deliverable& master = document.deliverables[*deliverable.follow];
      const auto wrong = [&](std::string message, std::string help, std::string note) {
        reader.error(field_of(entry, "follow"), std::move(message), std::move(help), std::move(note));
      };
      const auto missing = std::find_if(document.versions.begin(), document.versions.end(), [&](const Version& version) {
        return any_glob_matches(deliverable.versions, version.name) && !any_glob_matches(master.versions, version.name);
      });
      if (*deliverable.follow == d)
        wrong(fmt::format("deliverable {} follows itself", quote_json(deliverable.name)), "name the deliverable whose gain it takes, or take \"follow\" out",
              "is this deliverable");
      else if (master.follow)
        wrong(fmt::format("deliverable {} follows another one itself", quote_json(master.name)),
              "name the deliverable that the gain and the limiter are given to", "has no gain of its own");
      else if (master.per_bus)
        wrong(fmt::format("deliverable {} is per bus: it has no sum whose gain could be followed", quote_json(master.name)),
              "name the printmaster", "is per bus");
      else if (missing != document.versions.end())
        wrong(fmt::format("version {} has no deliverable {} to follow", quote_json(missing->name), quote_json(master.name)),
              "let both be for the same versions; see \"versions\"", "is not for all of its versions");
    }
    if (deliverable.kind != DeliverableKind::me) continue;
    if (!has_speech_role(document)) {
      reader.error(field_of(entry, "kind"), "nothing shows that this M&E is free of dialogue: no bus has that role",
                   "say what each bus is: \"role\": \"dialogue\", \"music\", \"effects\"", "cannot be proven");
      continue;
    }
    for (const Version& version : document.versions) {
      if (!any_glob_matches(deliverable.versions, version.name)) continue;
      const auto way = speech_reaches(document, view(document, version), deliverable);
      if (!way) continue;
      reader.error(field_of(entry, "kind"), fmt::format("dialogue reaches this M&E: {}", *way),
                   "leave that stem out with \"include\", or let the M&E have a reverb and buses of its own", "is not free of dialogue");
      break;
    }
  }
}

}  // namespace dubfarm::mix
