// Inside parse_mix: what is delivered. Versions and deliverables.
#include <algorithm>

#include "common/mix/parse_parts.hpp"
#include "common/mix/recut.hpp"
#include "common/mix/resolve.hpp"

namespace dubfarm::mix {
namespace {

constexpr Limits kMatrixLimits{-1000, 1000, ""};

constexpr std::pair<std::string_view, Dither> kDithers[] = {{"tpdf", Dither::tpdf}, {"none", Dither::none}};
constexpr std::pair<std::string_view, Split> kSplits[] = {{"none", Split::none}, {"mono", Split::mono}};
constexpr std::pair<std::string_view, ChannelOrder> kOrders[] = {{"smpte", ChannelOrder::smpte}, {"film", ChannelOrder::film}};

enum class Downmix { lo_ro, lt_rt };
constexpr std::pair<std::string_view, Downmix> kDownmixes[] = {{"lo_ro", Downmix::lo_ro}, {"lt_rt", Downmix::lt_rt}};

constexpr std::string_view kOnlyNow = "not in this version";

}  // namespace

Adjust MixParser::adjust(const Value& value) {
  Adjust out;
  const Fields fields(reader, value, kAdjustObject);
  const auto on_tracks = fields.find("tracks"), on_buses = fields.find("buses");
  if (on_tracks) out.tracks = globs(*on_tracks, "track", tracks.names);
  if (on_buses) out.buses = globs(*on_buses, "bus", buses.names);
  if (value.node.type == JsonType::object && !on_tracks && !on_buses)
    reader.error(value, "an adjust without \"tracks\" or \"buses\"", "write which faders it moves: \"buses\": [\"MX\"]", "adjusts nothing");
  if (const auto gain = fields.required("gain_db", "write what is added to the faders"))
    out.gain_db = reader.number(*gain, kLevelLimits).value_or(0);
  return out;
}

Recut MixParser::read_recut(const Value& value, const Fields& version) {
  Recut recut;
  recut.place = value.place();
  if (value.node.type == JsonType::array)
    recut.events = read_change_list(reader, value, document.length);
  else if (value.node.type == JsonType::string)
    recut.file = media_pattern(value);
  else
    reader.error(value, fmt::format("\"recut\" is {}, not a change list", shown(value.node)),
                 "name a CMX3600 list or a JSON list, or write [{ \"new\": ..., \"old\": ..., \"length\": ... }, ...]",
                 "expected a file or a list of events");
  const auto fade = version.find("recut_fade"), length = version.find("length");
  recut.fade = fade ? reader.length(*fade, 0).value_or(0) : audio_frames(1, reader.clock.sample_rate.value_or(48000), {100, 1, 100, false});
  if (length) recut.length = reader.length(*length, 1);
  return recut;
}

void MixParser::read_version(const Value& value) {
  Version version;
  version.place = value.place();
  const Fields fields(reader, value, kVersionObject);
  version.name = name(fields, value, versions);
  if (const auto set = fields.find("set")) read_variables(*set, version.set);
  if (const auto mute = fields.find("mute")) {
    const Fields muted(reader, *mute, kMuteObject);
    if (const auto list = muted.find("tracks")) version.mute_tracks = globs(*list, "track", tracks.names);
    if (const auto list = muted.find("buses")) version.mute_buses = globs(*list, "bus", buses.names);
  }
  if (const auto list = fields.find("adjust"))
    reader.each(*list, "a list of adjusts", [&](const Value& item) { version.adjust.push_back(adjust(item)); });
  if (const auto recut = fields.find("recut")) {
    version.recut = read_recut(*recut, fields);
  } else {
    for (const std::string_view key : {"recut_fade", "length"})
      if (const auto field = fields.find(key))
        reader.error(*field, fmt::format("\"{}\" in a version that has no \"recut\"", key), "it says how a re-cut is done; take it out",
                     "needs \"recut\"");
  }
  document.versions.push_back(std::move(version));
}

void MixParser::read_sample_type(const Fields& fields, Deliverable& deliverable) {
  if (const auto bits = fields.find("bits")) {
    const JsonNode& node = bits->node;
    if (node.type == JsonType::integer && node.integer == 16)
      deliverable.sample_type = SampleType::int16;
    else if (node.type == JsonType::integer && node.integer == 24)
      deliverable.sample_type = SampleType::int24;
    else if (node.type == JsonType::integer && node.integer == 32)
      deliverable.sample_type = SampleType::int32;
    else if (node.type == JsonType::string && node.string == "float")
      deliverable.sample_type = SampleType::float32;
    else
      reader.error(*bits, fmt::format("\"bits\" is {}, not a sample type", shown(node)), "write 16, 24, 32 or \"float\"",
                   "expected 16, 24, 32 or \"float\"");
  }
  const bool is_short = deliverable.sample_type == SampleType::int16 || deliverable.sample_type == SampleType::int24;
  deliverable.dither = is_short ? Dither::tpdf : Dither::none;
  const auto dither = fields.find("dither");
  if (!dither) return;
  deliverable.dither = reader.choice(*dither, kDithers).value_or(deliverable.dither);
  if (deliverable.dither == Dither::tpdf && deliverable.sample_type == SampleType::float32)
    reader.error(*dither, "\"dither\" is \"tpdf\", and float samples are not quantised", "write \"none\", or leave it out",
                 "expected \"none\"");
}

void MixParser::read_mix(const Value& value, Deliverable& deliverable) {
  if (!reader.expect(value, JsonType::object, "an object of stem names and levels")) return;
  for (const JsonMember& member : value.node.members) {
    const bool is_stem = std::find(stems.begin(), stems.end(), member.key) != stems.end();
    if (!is_stem && is_users_own(member.key)) continue;
    if (!is_stem) {
      const std::string otherwise = buses.index.contains(member.key) ? "it feeds another bus; only buses without a parent are stems"
                                                                     : fmt::format("the stems are {}", listed(stems));
      reader.error_at({pointer_to(value.pointer(), member.key), member.spot.line, member.spot.column},
                      fmt::format("unknown stem {}", quote_json(member.key)), reader.suggestion(member.key, stems, otherwise),
                      "not a stem");
    }
    if (const auto level_db = reader.number(value.child(member), kLevelLimits)) deliverable.mix[member.key] = *level_db;
  }
}

void MixParser::read_matrix(const Value& value, Deliverable& deliverable, std::optional<Layout> layout) {
  Matrix matrix;
  bool is_sound = true;
  const std::size_t before = reader.errors.size();
  reader.each(value, "a list of rows", [&](const Value& row) {
    const int columns = static_cast<int>(row.node.items.size());
    if (matrix.rows++ == 0) matrix.columns = columns;
    if (row.node.type == JsonType::array && columns != matrix.columns) {
      reader.error(row, fmt::format("a row of {} numbers in a matrix whose first row has {}", columns, matrix.columns),
                   "give every row one number for each channel of the stem", "not as long as the first");
      is_sound = false;
    }
    reader.each(row, "a row of numbers",
                [&](const Value& cell) { matrix.values.push_back(reader.number(cell, kMatrixLimits).value_or(0)); });
  });
  if (!is_sound || reader.errors.size() != before) return;
  if (layout && matrix.rows != channel_count(*layout))
    reader.error(value,
                 fmt::format("a matrix of {} rows for a {} deliverable, which has {} channels", matrix.rows, name_of(*layout),
                             channel_count(*layout)),
                 "give it one row for each output channel", fmt::format("expected {} rows", channel_count(*layout)));
  for (std::size_t b = 0; b < document.buses.size(); ++b) {
    const Bus& bus = document.buses[b];
    const bool is_stem = std::find(stems.begin(), stems.end(), bus.name) != stems.end();
    if (!is_stem || !bus_layout_known[b] || !any_glob_matches(deliverable.include, bus.name) || matrix.columns == channel_count(bus.layout))
      continue;
    reader.error(value,
                 fmt::format("a matrix of {} columns for stem \"{}\", whose layout {} has {} channels", matrix.columns, bus.name,
                             name_of(bus.layout), channel_count(bus.layout)),
                 "all the stems that it takes in must have one channel for each column; see \"include\"",
                 fmt::format("expected {} columns", channel_count(bus.layout)));
    break;
  }
  deliverable.matrix = std::move(matrix);
}

void MixParser::read_measure(const Value& value, Deliverable& deliverable) {
  const Fields fields(reader, value, kMeasureObject);
  const auto edge = [&](std::string_view key) -> std::optional<Frames> {
    const auto field = fields.required(key, "write both ends: \"measure\": { \"from\": \"01:00:00:00\", \"to\": \"01:20:00:00\" }");
    const auto at = field ? reader.position(*field) : std::nullopt;
    if (!at || document.length == 0 || (0 <= *at && *at <= document.length)) return at;
    reader.error(*field, fmt::format("\"{}\" is at sample {}, outside the timeline of {}", key, *at, document.length), "",
                 "outside the timeline");
    return std::nullopt;
  };
  deliverable.measure_from = edge("from");
  deliverable.measure_to = edge("to");
  if (deliverable.measure_from && deliverable.measure_to && *deliverable.measure_from >= *deliverable.measure_to)
    reader.error(
        value, fmt::format("\"measure\" ends at sample {}, not after its start at {}", *deliverable.measure_to, *deliverable.measure_from),
        "", "nothing to measure");
}

void MixParser::read_downmix(const Fields& fields) {
  const auto value = fields.find("downmix");
  const auto kind = value ? reader.choice(*value, kDownmixes) : std::nullopt;
  if (kind == Downmix::lt_rt)
    reader.error(*value, "not yet: \"downmix\": \"lt_rt\"", "write \"lo_ro\" until then", std::string(kOnlyNow));
  if (kind == Downmix::lo_ro && fields.has("matrix"))
    reader.error(*value, "both \"downmix\" and \"matrix\"", "they answer the same question; take one out", "or \"matrix\"");
}

void MixParser::read_file_pattern(const Value& value, Deliverable& deliverable) {
  const auto pattern = reader.text(value, "a file pattern");
  if (!pattern) return;
  deliverable.file = *pattern;
  std::map<std::string, std::string> known;
  for (const std::string& variable : placeholders(*pattern)) {
    known[variable] = "";
    if (variable == "deliverable") continue;
    if (variable == "bus" || variable == "channel") {
      const bool has_value = variable == "bus" ? deliverable.per_bus : deliverable.split == Split::mono;
      if (!has_value)
        reader.error(
            value, fmt::format("{{{}}} has no value in this deliverable", variable),
            variable == "bus" ? "it is the stem's name where \"per_bus\" is true" : "it is the channel's name where \"split\" is \"mono\"",
            "no value");
      if (!has_value) return;
    } else if (!placeholder_known(value, variable, deliverable.versions)) {
      return;
    }
  }
  if (const auto expanded = expand(*pattern, known); !expanded.ok())
    return reader.error(value, expanded.error().message, "write {name}", "not a pattern");
}

void MixParser::read_deliverable(const Value& value) {
  Deliverable deliverable;
  deliverable.place = value.place();
  const Fields fields(reader, value, kDeliverableObject);
  deliverable.name = name(fields, value, deliverables);
  if (const auto per_bus = fields.find("per_bus")) deliverable.per_bus = reader.boolean(*per_bus).value_or(false);
  if (const auto include = fields.find("include")) deliverable.include = globs(*include, "stem", stems);
  if (const auto list = fields.find("versions")) deliverable.versions = globs(*list, "version", versions.names);

  const auto layout_field =
      deliverable.per_bus ? fields.find("layout") : fields.required("layout", "write \"layout\": \"5.1\", or another layout");
  const auto layout = layout_field ? reader.layout(*layout_field) : std::nullopt;
  deliverable.layout = layout.value_or(deliverable.layout);
  if (const auto split = fields.find("split")) deliverable.split = reader.choice(*split, kSplits).value_or(deliverable.split);
  if (const auto order = fields.find("order")) deliverable.order = reader.choice(*order, kOrders).value_or(deliverable.order);
  const auto check_order = [&](Layout output) {
    if (file_channels(output, deliverable.order)) return true;
    reader.error(*fields.find("order"), fmt::format("{} has no film order", name_of(output)),
                 "film order is L C R, the surrounds, LFE; write \"smpte\"", "no such order");
    return false;
  };
  if (layout && !deliverable.per_bus) (void)check_order(*layout);
  if (deliverable.per_bus) {
    for (const std::string_view key : {"mix", "matrix", "downmix"})
      if (const auto field = fields.find(key))
        reader.error(*field, fmt::format("\"{}\" with \"per_bus\"", key),
                     "per_bus writes each stem as it is, in its own layout; take it out", "has no meaning here");
    for (std::size_t b = 0; b < document.buses.size(); ++b) {
      const Bus& bus = document.buses[b];
      if (std::find(stems.begin(), stems.end(), bus.name) == stems.end() || !bus_layout_known[b] ||
          !any_glob_matches(deliverable.include, bus.name))
        continue;
      if (layout && *layout != bus.layout) {
        reader.error(
            *layout_field,
            fmt::format("\"layout\" is {} with \"per_bus\", and stem \"{}\" is {}", name_of(*layout), bus.name, name_of(bus.layout)),
            "per_bus writes each stem in its own layout; take \"layout\" out", "not the stem's layout");
        break;
      }
      if (!check_order(bus.layout)) break;
    }
  } else {
    if (const auto mix = fields.find("mix")) read_mix(*mix, deliverable);
    if (const auto matrix = fields.find("matrix")) read_matrix(*matrix, deliverable, layout);
  }
  if (const auto file = fields.required("file", "write the output's name: \"file\": \"{title}_{version}.wav\""))
    read_file_pattern(*file, deliverable);
  read_sample_type(fields, deliverable);
  read_format(fields, deliverable);
  read_qc(fields, deliverable);
  read_leaders(fields, deliverable);
  if (const auto loudness = fields.find("loudness"))
    if (auto spec = reader.text(*loudness, "the name of a delivery spec")) deliverable.loudness = std::move(*spec), deliverable.loudness_place = loudness->place();
  if (const auto measure = fields.find("measure")) read_measure(*measure, deliverable);
  read_downmix(fields);
  read_levels(fields, deliverable);
  document.deliverables.push_back(std::move(deliverable));
}

}  // namespace dubfarm::mix
