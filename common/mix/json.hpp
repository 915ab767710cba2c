// A JSON text as a tree that remembers where everything stood, so that every message can point at it (RFC 8259; // and /* */ comments
// are allowed as well). Threads: every function here is pure and may run on any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dubfarm::mix {

enum class JsonType : std::uint8_t { null, boolean, integer, real, string, array, object };

/// "null", "true or false", "a whole number", "a number", "a string", "a list", "an object": a type as messages call it.
[[nodiscard]] std::string_view name_of(JsonType type);

/// Where a token stands. Lines and columns are 1-based; a column counts Unicode code points, as editors do.
struct JsonSpot {
  int line = 1;
  int column = 1;
};

struct JsonMember;

/// One value. A whole number keeps all its bits (int64); a number beyond that range is a double, and doubles are always finite.
struct JsonNode {
  JsonType type = JsonType::null;
  JsonSpot spot;                    // of the value's first character
  bool boolean = false;             // where type is boolean
  std::int64_t integer = 0;         // where type is integer
  double real = 0;                  // where type is real or integer: the same number as a double
  std::string string;               // where type is string: UTF-8, escapes resolved
  std::vector<JsonNode> items;      // where type is array
  std::vector<JsonMember> members;  // where type is object, in document order; no key stands twice

  [[nodiscard]] bool is_number() const { return type == JsonType::integer || type == JsonType::real; }
  /// The member's value; nullptr where there is none, or where this is not an object.
  [[nodiscard]] const JsonNode* find(std::string_view key) const;
};

struct JsonMember {
  std::string key;
  JsonSpot spot;  // of the key's opening quote
  JsonNode value;
};

/// What was wrong with the text, and where.
struct JsonError {
  std::string message;  // what was seen and what was expected
  std::string pointer;  // RFC 6901: the innermost value that was open, or the key that stands twice
  JsonSpot spot;
};

inline constexpr std::size_t kMaxJsonBytes = std::size_t{256} << 20;
inline constexpr std::size_t kMaxJsonValues = std::size_t{1} << 24;  // some 2 GiB of tree; a real mix has far fewer
inline constexpr int kMaxJsonDepth = 64;  // lists and objects inside each other

/// Reads a whole text. Errors: not JSON (the first place that is not); not UTF-8; longer than kMaxJsonBytes; more than `max_values`;
/// nested deeper than kMaxJsonDepth; a key twice in one object; a number beyond double.
[[nodiscard]] std::variant<JsonNode, JsonError> parse_json(std::string_view text, std::size_t max_values = kMaxJsonValues);

/// `pointer` with one more step, escaped as RFC 6901 asks: "~" is "~0", "/" is "~1".
[[nodiscard]] std::string pointer_to(std::string_view pointer, std::string_view key);
[[nodiscard]] std::string pointer_to(std::string_view pointer, std::size_t index);

/// A string as JSON text, with its quotes. Bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string quote_json(std::string_view text);

}  // namespace dubfarm::mix
