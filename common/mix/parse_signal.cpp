// Inside parse_mix: what makes sound. Buses, reverbs, tracks, clips, EQ.
#include <algorithm>
#include <limits>

#include "common/mix/parse_parts.hpp"

namespace dubfarm::mix {
namespace {

constexpr Limits kEqGainLimits{-60, 60, " dB"};
constexpr Limits kQLimits{0.01, 100, ""};
constexpr Limits kAzimuthLimits{-3600, 3600, " degrees"};  // beyond 180, so that automation can run on around the listener
constexpr Limits kElevationLimits{-90, 90, " degrees"};
constexpr double kDefaultQ = 0.70710678;
constexpr int kMaxSourceChannel = 1024;

constexpr std::pair<std::string_view, FadeCurve> kCurves[] = {
    {"linear", FadeCurve::linear}, {"equal_power", FadeCurve::equal_power}, {"cosine", FadeCurve::cosine}};
constexpr std::pair<std::string_view, ReverbInput> kInputs[] = {{"mono", ReverbInput::mono}, {"stereo", ReverbInput::stereo}};
constexpr std::pair<std::string_view, FilterType> kFilters[] = {{"peak", FilterType::peak},           {"lowshelf", FilterType::lowshelf},
                                                                {"highshelf", FilterType::highshelf}, {"highpass", FilterType::highpass},
                                                                {"lowpass", FilterType::lowpass},     {"bandpass", FilterType::bandpass},
                                                                {"notch", FilterType::notch},         {"allpass", FilterType::allpass}};
constexpr std::pair<std::string_view, Role> kRoles[] = {{"dialogue", Role::dialogue},  {"music", Role::music}, {"effects", Role::effects},
                                                        {"ambience", Role::ambience},  {"foley", Role::foley}, {"audience", Role::audience},
                                                        {"narration", Role::narration}};

bool is_null(const Value& value) { return value.node.type == JsonType::null; }

}  // namespace

Automation MixParser::level(const Fields& fields, std::string_view key) {
  const auto value = fields.find(key);
  return value ? reader.automation(*value, kLevelLimits) : Automation{};
}

std::vector<EqBand> MixParser::eq(const Fields& fields) {
  std::vector<EqBand> out;
  if (const auto bands = fields.find("eq"))
    reader.each(*bands, "a list of bands", [&](const Value& band) { out.push_back(eq_band(band)); });
  return out;
}

EqBand MixParser::eq_band(const Value& value) {
  EqBand band;
  band.place = value.place();
  band.q.constant = kDefaultQ;
  const Fields fields(reader, value, kEqBandObject);
  if (const auto type = fields.required("type", "write \"type\": \"peak\", or another filter"))
    band.type = reader.choice(*type, kFilters).value_or(band.type);
  if (const auto freq = fields.required("freq", "write its frequency in Hz")) {
    const double nyquist = reader.clock.sample_rate ? *reader.clock.sample_rate / 2.0 : std::numeric_limits<double>::max();
    band.freq_hz = reader.automation(*freq, {0, nyquist, " Hz", /*exclusive=*/true});
  }
  if (const auto q = fields.find("q")) band.q = reader.automation(*q, kQLimits);
  if (const auto gain = fields.find("gain_db")) band.gain_db = reader.automation(*gain, kEqGainLimits);
  return band;
}

void MixParser::read_bus(const Value& value) {
  Bus bus;
  bus.place = value.place();
  const Fields fields(reader, value, kBusObject);
  bus.name = name(fields, value, buses);
  std::optional<Layout> layout;
  if (const auto field = fields.required("layout", "write \"layout\": \"5.1\", or another layout")) layout = reader.layout(*field);
  bus.layout = layout.value_or(bus.layout);
  bus.eq = eq(fields);
  bus.gain_db = level(fields, "gain_db");
  if (const auto parent = fields.find("bus"); parent && !is_null(*parent)) bus.parent = reference(*parent, "bus", "buses", buses);
  if (const auto role = fields.find("role")) bus.role = reader.choice(*role, kRoles).value_or(bus.role);
  bus_layout_known.push_back(layout.has_value());
  document.buses.push_back(std::move(bus));
}

/// Each circle is reported once, at the first bus in it, with the way around.
void MixParser::check_bus_cycles(const Value& list) {
  constexpr std::size_t kUnseen = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> seen_from(document.buses.size(), kUnseen);
  for (std::size_t start = 0; start < document.buses.size(); ++start) {
    std::optional<std::size_t> bus = start;
    while (bus && seen_from[*bus] == kUnseen) {
      seen_from[*bus] = start;
      bus = document.buses[*bus].parent;
    }
    if (!bus || seen_from[*bus] != start) continue;  // reached a stem, or what was looked at before
    std::size_t first = *bus;
    for (std::size_t b = *document.buses[*bus].parent; b != *bus; b = *document.buses[b].parent) first = std::min(first, b);
    std::string way = document.buses[first].name;
    for (std::size_t b = *document.buses[first].parent; b != first; b = *document.buses[b].parent) way += " > " + document.buses[b].name;
    const Value entry = list.item(first);
    for (const JsonMember& member : entry.node.members)
      if (member.key == "bus")
        reader.error(entry.child(member), fmt::format("buses feed each other in a circle: {} > {}", way, document.buses[first].name),
                     "let one of them feed a bus outside the circle, or none", "closes the circle");
  }
}

void MixParser::read_reverb(const Value& value) {
  Reverb reverb;
  reverb.place = value.place();
  const Fields fields(reader, value, kReverbObject);
  reverb.name = name(fields, value, reverbs);
  if (const auto ir = fields.required("ir", "write the file of the impulse response")) {
    reverb.ir = media_pattern(*ir);
    reverb.place = ir->place();
  }
  if (const auto bus = fields.required("bus", "write the bus that it is added into"))
    reverb.bus = reference(*bus, "bus", "buses", buses).value_or(0);
  if (const auto input = fields.find("input")) reverb.input = reader.choice(*input, kInputs).value_or(reverb.input);
  if (const auto layout = fields.required("layout", "write the layout of what it gives: one channel of the impulse response each")) {
    const auto known = reader.layout(*layout);
    reverb.layout = known.value_or(reverb.layout);
    if (known && *known != Layout::stereo && reverb.input == ReverbInput::stereo)
      reader.error(*layout, fmt::format("a reverb with stereo input gives stereo, not {}", name_of(*known)),
                   "write \"layout\": \"stereo\", or \"input\": \"mono\"", "expected \"stereo\"");
  }
  if (const auto predelay = fields.find("predelay")) reverb.predelay = reader.length(*predelay, 0).value_or(0);
  reverb.gain_db = level(fields, "gain_db");
  reverb.eq = eq(fields);
  document.reverbs.push_back(std::move(reverb));
}

Fade MixParser::fade(const Value& value) {
  Fade out;
  const Fields fields(reader, value, kFadeObject);
  if (const auto length = fields.required("length", "write how long it is")) out.length = reader.length(*length, 0).value_or(0);
  if (const auto curve = fields.find("curve")) out.curve = reader.choice(*curve, kCurves).value_or(out.curve);
  return out;
}

Clip MixParser::clip(const Value& value, std::optional<Layout> track_layout) {
  Clip clip;
  clip.place = value.place();
  const Fields fields(reader, value, kClipObject);
  if (const auto file = fields.required("file", "write the file that it plays")) {
    clip.file = media_pattern(*file);
    clip.place = file->place();
  }
  if (const auto channels = fields.find("channels")) {
    reader.each(*channels, "a list of channel numbers", [&](const Value& item) {
      if (const auto channel = reader.whole(item, 1, kMaxSourceChannel)) clip.channels.push_back(static_cast<int>(*channel));
    });
    const std::size_t listed_channels = channels->node.items.size();
    if (channels->node.type == JsonType::array && track_layout && listed_channels != static_cast<std::size_t>(channel_count(*track_layout)))
      reader.error(*channels,
                   fmt::format("{} source channel{} for a {} track, which has {}", listed_channels, listed_channels == 1 ? "" : "s",
                               name_of(*track_layout), channel_count(*track_layout)),
                   "list one source channel for each channel of the track", fmt::format("expected {}", channel_count(*track_layout)));
  }
  if (const auto at = fields.required("at", "write where it starts on the timeline")) clip.at = reader.position(*at).value_or(0);
  if (const auto in = fields.find("in")) clip.in = reader.length(*in, 0).value_or(0);
  if (const auto length = fields.find("length")) clip.length = reader.length(*length, 1);
  if (const auto gain = fields.find("gain_db")) {
    if (gain->node.type == JsonType::array)
      reader.error(*gain, "a clip's \"gain_db\" is one number, not automation", "automate the \"gain_db\" of its track",
                   "expected a number");
    else
      clip.gain_db = reader.number(*gain, kLevelLimits).value_or(0);
  }
  const auto fade_in = fields.find("fade_in"), fade_out = fields.find("fade_out");
  if (fade_in) clip.fade_in = fade(*fade_in);
  if (fade_out) clip.fade_out = fade(*fade_out);
  if (const Frames fades = clip.fade_in.length + clip.fade_out.length; clip.length && fades > *clip.length)
    reader.error(fade_out ? *fade_out : *fade_in,
                 fmt::format("the fades are {} samples together, longer than their clip of {}", fades, *clip.length),
                 fmt::format("shorten the fades by {} samples, or lengthen the clip", fades - *clip.length),
                 fmt::format("fade in {}, fade out {}", clip.fade_in.length, clip.fade_out.length));
  return clip;
}

void MixParser::read_pan(const Value& value, Track& track, std::optional<Layout> layout) {
  if (layout && *layout != Layout::mono) {
    reader.error(value, fmt::format("a {} track takes no pan", name_of(*layout)),
                 "its channels go to the bus as they are; take \"pan\" out, or use a mono track for each channel", "only for mono tracks");
    return;
  }
  if (value.node.type != JsonType::object) {
    track.azimuth_deg = reader.automation(value, kAzimuthLimits);
    return;
  }
  const Fields fields(reader, value, kPanObject);
  if (const auto azimuth = fields.find("azimuth")) track.azimuth_deg = reader.automation(*azimuth, kAzimuthLimits);
  if (const auto elevation = fields.find("elevation")) {
    const Automation heights = reader.automation(*elevation, kElevationLimits);
    const bool leaves_the_ring = heights.constant != 0 || std::any_of(heights.points.begin(), heights.points.end(),
                                                                      [](const AutomationPoint& p) { return p.value != 0; });
    if (leaves_the_ring)
      reader.error(*elevation, "not yet: an \"elevation\" other than 0", "heights are to come; write 0 until then", "only 0 for now");
  }
}

Send MixParser::send(const Value& value) {
  Send out;
  const Fields fields(reader, value, kSendObject);
  if (const auto to = fields.required("to", "write the reverb that it feeds"))
    out.reverb = reference(*to, "reverb", "reverbs", reverbs).value_or(0);
  out.gain_db = level(fields, "gain_db");
  if (const auto pre_fader = fields.find("pre_fader")) out.pre_fader = reader.boolean(*pre_fader).value_or(false);
  return out;
}

void MixParser::read_track(const Value& value) {
  Track track;
  track.place = value.place();
  const Fields fields(reader, value, kTrackObject);
  track.name = name(fields, value, tracks);
  std::optional<std::size_t> bus;
  if (const auto field = fields.required("bus", "write the bus that it feeds")) bus = reference(*field, "bus", "buses", buses);
  track.bus = bus.value_or(0);
  std::optional<Layout> layout = Layout::mono;
  if (const auto field = fields.find("layout")) layout = reader.layout(*field);
  track.layout = layout.value_or(track.layout);
  if (const auto clips = fields.find("clips"))
    reader.each(*clips, "a list of clips", [&](const Value& item) { track.clips.push_back(clip(item, layout)); });
  track.eq = eq(fields);
  track.gain_db = level(fields, "gain_db");
  if (const auto pan = fields.find("pan")) read_pan(*pan, track, layout);
  if (const auto lfe = fields.find("lfe_db"); lfe && !is_null(*lfe)) {
    track.lfe_db = reader.automation(*lfe, kLevelLimits);
    if (bus && bus_layout_known[*bus] && !lfe_channel(document.buses[*bus].layout))
      reader.error(*lfe,
                   fmt::format("\"lfe_db\" on a track of bus \"{}\", whose layout {} has no LFE", document.buses[*bus].name,
                               name_of(document.buses[*bus].layout)),
                   "take it out, or send the track to a bus with an LFE", "no LFE to feed");
  }
  if (const auto mute = fields.find("mute")) track.mute = reader.boolean(*mute).value_or(false);
  if (const auto sends = fields.find("sends"))
    reader.each(*sends, "a list of sends", [&](const Value& item) { track.sends.push_back(send(item)); });
  document.tracks.push_back(std::move(track));
}

}  // namespace dubfarm::mix
