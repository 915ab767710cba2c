#include "common/mix/reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/mix/resolve.hpp"

namespace dubfarm::mix {
namespace {

constexpr int kMaxSuggestions = 200;
constexpr std::int64_t kMaxHours = 100;  // the longest time, either way
constexpr std::string_view kTimeHelp =
    "write samples (96000), a timecode (\"01:00:04:12\"), seconds (\"12.5s\") or milliseconds (\"250ms\")";

/// A decimal number as mantissa * 10^-decimals, so that halves round as written and not as binary fractions of them.
struct Decimal {
  std::int64_t mantissa = 0;
  int decimals = 0;
};

/// Digits with at most one full stop among them and an optional minus; at most 15 digits.
std::optional<Decimal> decimal_from(std::string_view text) {
  Decimal out;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int digits = 0;
  bool in_fraction = false;
  for (const char c : text) {
    if (c == '.' && !in_fraction && digits > 0) {
      in_fraction = true;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > 15) return std::nullopt;
    out.mantissa = out.mantissa * 10 + (c - '0');
    out.decimals += in_fraction;
  }
  if (digits == 0 || text.back() == '.') return std::nullopt;
  if (negative) out.mantissa = -out.mantissa;
  return out;
}

/// round_half_up(seconds * sample_rate), exact.
Frames frames_from(Decimal seconds, int sample_rate) {
  __extension__ using Wide = __int128;
  Wide under = 2;
  for (int i = 0; i < seconds.decimals; ++i) under *= 10;
  const Wide over = Wide{2} * seconds.mantissa * sample_rate + under / 2;
  constexpr Wide kFar = Wide{1} << 62;  // beyond every limit, and still a Frames
  return static_cast<Frames>(std::clamp(over / under - (over % under < 0 ? 1 : 0), -kFar, kFar));
}

}  // namespace

std::string with_article(std::string_view noun) {
  return fmt::format("{} {}", std::string_view("aeiou").find(noun.front()) == std::string_view::npos ? "a" : "an", noun);
}

std::string Value::pointer() const {
  if (parent == nullptr) return "";
  return member != nullptr ? pointer_to(parent->pointer(), member->key) : pointer_to(parent->pointer(), index);
}

Place Value::place() const { return {pointer(), node.spot.line, node.spot.column}; }

std::string_view Value::name() const {
  if (parent == nullptr) return "document";
  return member != nullptr ? std::string_view(member->key) : parent->name();
}

std::string shown(const JsonNode& node) {
  constexpr std::size_t kMaxShown = 80;
  switch (node.type) {
    case JsonType::boolean: return node.boolean ? "true" : "false";
    case JsonType::integer: return fmt::format("{}", node.integer);
    case JsonType::real: return fmt::format("{}", node.real);
    case JsonType::string: return node.string.size() <= kMaxShown ? quote_json(node.string) : "a long string";
    default: return std::string(name_of(node.type));
  }
}

std::string listed(std::span<const std::string> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += fmt::format("{}\"{}\"", i == 0 ? "" : i + 1 == names.size() ? " or " : ", ", names[i]);
  return out;
}

void Reader::error(const Value& at, std::string message, std::string help, std::string note) {
  error_at(at.place(), std::move(message), std::move(help), std::move(note));
}

void Reader::error_at(Place place, std::string message, std::string help, std::string note) {
  errors.push_back({std::move(message), std::move(help), std::move(place), std::move(note)});
}

std::string Reader::suggestion(std::string_view name, std::span<const std::string> candidates, std::string otherwise) {
  if (suggestions_ >= kMaxSuggestions) return otherwise;
  ++suggestions_;
  const auto near = nearest_name(name, candidates);
  return near ? fmt::format("did you mean \"{}\"?", *near) : otherwise;
}

bool Reader::expect(const Value& value, JsonType type, std::string_view what) {
  if (value.node.type == type) return true;
  error(value, fmt::format("\"{}\" is {}, not {}", value.name(), shown(value.node), what), "", fmt::format("expected {}", what));
  return false;
}

std::optional<std::string> Reader::text(const Value& value, std::string_view what) {
  if (!expect(value, JsonType::string, what)) return std::nullopt;
  if (value.node.string.empty()) {
    error(value, fmt::format("\"{}\" is empty", value.name()), "", fmt::format("expected {}", what));
    return std::nullopt;
  }
  return value.node.string;
}

std::optional<bool> Reader::boolean(const Value& value) {
  if (!expect(value, JsonType::boolean, "true or false")) return std::nullopt;
  return value.node.boolean;
}

std::optional<double> Reader::number(const Value& value, const Limits& limits) {
  if (!value.node.is_number()) {
    (void)expect(value, JsonType::real, "a number");
    return std::nullopt;
  }
  const double x = value.node.real;
  const bool inside = limits.exclusive ? limits.least < x && x < limits.most : limits.least <= x && x <= limits.most;
  if (inside) return x;
  const std::string range = limits.exclusive ? fmt::format("above {} and below {}{}", limits.least, limits.most, limits.unit)
                                             : fmt::format("{} to {}{}", limits.least, limits.most, limits.unit);
  error(value, fmt::format("\"{}\" is {}{}, and may be {}", value.name(), x, limits.unit, range), "", "out of range");
  return std::nullopt;
}

std::optional<std::int64_t> Reader::whole(const Value& value, std::int64_t least, std::int64_t most) {
  if (!expect(value, JsonType::integer, "a whole number")) return std::nullopt;
  if (value.node.integer < least || value.node.integer > most) {
    error(value, fmt::format("\"{}\" is {}, and may be {} to {}", value.name(), value.node.integer, least, most), "", "out of range");
    return std::nullopt;
  }
  return value.node.integer;
}

void Reader::no_such_choice(const Value& value, std::span<const std::string> names) {
  const std::string help = fmt::format("write {}", listed(names));
  if (value.node.type != JsonType::string) {
    error(value, fmt::format("\"{}\" is {}, not a string", value.name(), shown(value.node)), help, "expected a string");
    return;
  }
  error(value, fmt::format("unknown {} {}", value.name(), shown(value.node)), suggestion(value.node.string, names, help),
        fmt::format("expected {}", listed(names)));
}

std::optional<Layout> Reader::layout(const Value& value) {
  static constexpr std::pair<std::string_view, Layout> kChoices[] = {{"mono", Layout::mono},
                                                                     {"stereo", Layout::stereo},
                                                                     {"5.1", Layout::surround_51},
                                                                     {"7.1", Layout::surround_71},
                                                                     {"7.1.4", Layout::immersive_714}};
  return choice(value, kChoices);
}

void Reader::each(const Value& list, std::string_view what, const std::function<void(const Value&)>& read) {
  if (!expect(list, JsonType::array, what)) return;
  for (std::size_t i = 0; i < list.node.items.size(); ++i) read(list.item(i));
}

std::vector<std::string> Reader::texts(const Value& value, std::string_view what) {
  std::vector<std::string> out;
  each(value, what, [&](const Value& item) {
    if (auto one = text(item, "a string")) out.push_back(std::move(*one));
  });
  return out;
}

Automation Reader::automation(const Value& value, const Limits& limits) {
  Automation out;
  if (value.node.is_number()) {
    out.constant = number(value, limits).value_or(0);
    return out;
  }
  if (value.node.type != JsonType::array) {
    error(value, fmt::format("\"{}\" is {}, not a number or automation", value.name(), shown(value.node)),
          "write a number, or points as [[position, value], ...]", "expected a number or a list of points");
    return out;
  }
  if (value.node.items.empty())
    error(value, fmt::format("\"{}\" is automation without a point", value.name()), "write a number, or at least one [position, value]");
  std::optional<Frames> last;
  for (std::size_t i = 0; i < value.node.items.size(); ++i) {
    const Value point = value.item(i);
    if (point.node.type != JsonType::array || point.node.items.size() != 2) {
      error(point, fmt::format("an automation point of \"{}\" is not a position and a value", value.name()), "write [position, value]",
            "expected [position, value]");
      continue;
    }
    const auto at = position(point.item(0));
    const auto level = number(point.item(1), limits);
    if (at && last && *at <= *last) {
      error(point.item(0), fmt::format("automation of \"{}\" is out of order: sample {} stands after sample {}", value.name(), *at, *last),
            "positions must strictly increase; sort the points, and keep one at each position", "not after the point before it");
    }
    if (at) last = at;
    if (at && level) out.points.push_back({*at, *level});
  }
  return out;
}

std::optional<Frames> Reader::position(const Value& value) { return time(value, true); }

std::optional<Frames> Reader::length(const Value& value, Frames least) {
  const auto frames = time(value, false);
  if (!frames || *frames >= least) return frames;
  error(value, fmt::format("\"{}\" is {} samples, and must be at least {}", value.name(), *frames, least), "", "too short");
  return std::nullopt;
}

std::optional<Frames> Reader::time(const Value& value, bool is_position) {
  std::optional<Frames> frames;
  if (value.node.type == JsonType::integer) {
    frames = value.node.integer;
  } else if (value.node.type == JsonType::string) {
    frames = time_from_text(value, is_position);
  } else {
    error(value, fmt::format("\"{}\" is {}, not a time", value.name(), shown(value.node)), std::string(kTimeHelp),
          value.node.type == JsonType::real ? "expected a whole number of samples" : "expected a time");
  }
  const std::int64_t most = kMaxHours * 3600 * clock.sample_rate.value_or(192000);
  if (!frames || (-most <= *frames && *frames <= most)) return frames;
  error(value, fmt::format("\"{}\" is {} samples, more than {} hours", value.name(), *frames, kMaxHours), "", "out of range");
  return std::nullopt;
}

std::optional<Frames> Reader::time_from_text(const Value& value, bool is_position) {
  const std::string_view text = value.node.string;
  if (text.find(':') != std::string_view::npos) {
    if (!clock.frame_rate) return std::nullopt;  // reported where the rate is
    const Result<std::int64_t> video_frames = parse_timecode(text, *clock.frame_rate);
    if (!video_frames.ok()) {
      error(value, video_frames.error().message, std::string(kTimeHelp), "not a time at this frame rate");
      return std::nullopt;
    }
    if (!clock.sample_rate) return std::nullopt;
    return audio_frames(*video_frames - (is_position ? clock.start_frames : 0), *clock.sample_rate, *clock.frame_rate);
  }
  const bool milliseconds = text.ends_with("ms");
  std::optional<Decimal> seconds;
  if (text.ends_with('s')) seconds = decimal_from(text.substr(0, text.size() - (milliseconds ? 2 : 1)));
  if (!seconds) {
    error(value, fmt::format("\"{}\" is {}, not a time", value.name(), shown(value.node)), std::string(kTimeHelp), "expected a time");
    return std::nullopt;
  }
  if (milliseconds) seconds->decimals += 3;
  if (!clock.sample_rate) return std::nullopt;
  return frames_from(*seconds, *clock.sample_rate);
}

Fields::Fields(Reader& reader, const Value& object, const KeySet& keys) : reader_(reader), object_(object), kind_(keys.object) {
  if (!reader.expect(object, JsonType::object, with_article(kind_ == "document" ? "object" : kind_))) return;
  for (const JsonMember& member : object.node.members) {
    if (std::find(keys.keys.begin(), keys.keys.end(), member.key) != keys.keys.end() || is_users_own(member.key)) continue;
    const std::vector<std::string> known(keys.keys.begin(), keys.keys.end());
    reader.error_at({pointer_to(object.pointer(), member.key), member.spot.line, member.spot.column},
                    fmt::format("unknown key {} in {}", quote_json(member.key), with_article(kind_)),
                    reader.suggestion(member.key, known,
                                      fmt::format("{} has {}; keys of your own start with \"x-\"", with_article(kind_), listed(known))),
                    fmt::format("not a key of {}", keys.format));
  }
}

std::optional<Value> Fields::find(std::string_view key) const {
  for (const JsonMember& member : object_.node.members)
    if (member.key == key) return object_.child(member);
  return std::nullopt;
}

std::optional<Value> Fields::required(std::string_view key, std::string_view help) const {
  auto value = find(key);
  if (!value && object_.node.type == JsonType::object)
    reader_.error(object_, fmt::format("{} without \"{}\"", with_article(kind_), key), std::string(help),
                  fmt::format("\"{}\" is missing", key));
  return value;
}

}  // namespace dubfarm::mix
