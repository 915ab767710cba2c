// Inside parse_mix: typed reading of JSON values, where every mistake becomes a diagnostic at its place and reading goes on.
#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/mix/json.hpp"
#include "common/mix/keys.hpp"
#include "common/mix/parse.hpp"

namespace dubfarm::mix {

/// A JSON value and the way to it. Lives on the stack of the function that reads it; `parent` outlives it.
struct Value {
  const JsonNode& node;
  const Value* parent = nullptr;
  const JsonMember* member = nullptr;  // set where the parent is an object
  std::size_t index = 0;               // where the parent is a list

  [[nodiscard]] Value item(std::size_t i) const { return {node.items[i], this, nullptr, i}; }
  [[nodiscard]] Value child(const JsonMember& of) const { return {of.value, this, &of, 0}; }
  [[nodiscard]] std::string pointer() const;
  [[nodiscard]] Place place() const;
  [[nodiscard]] std::string_view name() const;  // the nearest key on the way up: "freq" for a point of its automation
};

/// A value as messages show it: a number or a short string as written, else its kind.
[[nodiscard]] std::string shown(const JsonNode& node);
/// "a", "b" or "c"
[[nodiscard]] std::string listed(std::span<const std::string> names);

/// What a number may be. `unit` is for messages: " dB".
struct Limits {
  double least = 0, most = 0;
  std::string_view unit;
  bool exclusive = false;  // neither end itself
};
inline constexpr Limits kLevelLimits{-1000, 60, " dB"};

/// The samples that times become. Unknown where the document's own rates are wrong: then times are not judged.
struct Clock {
  std::optional<int> sample_rate;
  std::optional<FrameRate> frame_rate;
  std::int64_t start_frames = 0;
};

class Reader {
 public:
  std::vector<Diagnostic> errors;
  Clock clock;

  void error(const Value& at, std::string message, std::string help = "", std::string note = "");
  void error_at(Place place, std::string message, std::string help = "", std::string note = "");
  /// "did you mean ...?", or `otherwise`. Stops searching after many errors, so that a document of nonsense is read in linear time.
  [[nodiscard]] std::string suggestion(std::string_view name, std::span<const std::string> candidates, std::string otherwise = "");

  // Each returns nothing, with the mistake reported, where the value is not of that kind.
  bool expect(const Value& value, JsonType type, std::string_view what);
  std::optional<std::string> text(const Value& value, std::string_view what);  // not empty
  std::optional<bool> boolean(const Value& value);
  std::optional<double> number(const Value& value, const Limits& limits);
  std::optional<std::int64_t> whole(const Value& value, std::int64_t least, std::int64_t most);
  std::optional<Layout> layout(const Value& value);
  std::vector<std::string> texts(const Value& value, std::string_view what);
  Automation automation(const Value& value, const Limits& limits);
  std::optional<Frames> position(const Value& value);
  std::optional<Frames> length(const Value& value, Frames least);

  /// The entry of `choices` with the value's name.
  template <class T, std::size_t N>
  std::optional<T> choice(const Value& value, const std::pair<std::string_view, T> (&choices)[N]) {
    std::vector<std::string> names;
    for (const auto& [name, meaning] : choices) {
      if (value.node.type == JsonType::string && value.node.string == name) return meaning;
      names.emplace_back(name);
    }
    no_such_choice(value, names);
    return std::nullopt;
  }

  /// Runs `read` on every item of a list.
  void each(const Value& list, std::string_view what, const std::function<void(const Value&)>& read);

 private:
  std::optional<Frames> time(const Value& value, bool is_position);
  std::optional<Frames> time_from_text(const Value& value, bool is_position);
  void no_such_choice(const Value& value, std::span<const std::string> names);
  int suggestions_ = 0;
};

/// The members of one object. Making it reports a value that is no object, and every unknown key.
class Fields {
 public:
  Fields(Reader& reader, const Value& object, const KeySet& keys);
  [[nodiscard]] std::optional<Value> find(std::string_view key) const;
  /// Reports a key that is not there. `help` says what it is for.
  [[nodiscard]] std::optional<Value> required(std::string_view key, std::string_view help = "") const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key).has_value(); }

 private:
  Reader& reader_;
  const Value& object_;
  std::string_view kind_;
};

/// A key that starts with "x-" is the user's own.
[[nodiscard]] inline bool is_users_own(std::string_view key) { return key.starts_with("x-"); }

/// "a bus", "an eq band"
[[nodiscard]] std::string with_article(std::string_view noun);

}  // namespace dubfarm::mix
