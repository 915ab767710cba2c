#include "common/mix/json.hpp"

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "common/result.hpp"

namespace dubfarm::mix {
namespace {

bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

/// Walks over the text token by token and counts lines and columns. The grammar is the parser's business, not this one's.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) offset_ = 3;  // a byte order mark takes no column
  }

  [[nodiscard]] JsonSpot spot() const { return spot_; }
  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[nodiscard]] bool at_end() const { return offset_ >= text_.size(); }

  /// Over white space and comments; a comment that never ends is where it stops.
  void skip_blank() {
    while (!at_end()) {
      if (is_blank(text_[offset_])) {
        step();
      } else if (text_.substr(offset_, 2) == "//") {
        advance(std::min(text_.find('\n', offset_), text_.size()));
      } else if (text_.substr(offset_, 2) == "/*") {
        const std::size_t close = text_.find("*/", offset_ + 2);
        if (close == std::string_view::npos) return;
        advance(close + 2);
      } else {
        return;
      }
    }
  }

  /// To the start of the next value or key: blanks, and the commas and colons between.
  void skip_to_value() {
    skip_blank();
    while (!at_end() && (text_[offset_] == ',' || text_[offset_] == ':')) {
      step();
      skip_blank();
    }
  }

  /// Over one token: a string, a bracket or punctuation mark, or a run of other characters (a number or a word).
  void skip_token() {
    if (at_end()) return;
    if (text_.substr(offset_, 2) == "/*") return advance(text_.size());  // skip_blank stopped here: it never ends
    const char first = text_[offset_];
    step();
    if (first == '"') {
      while (!at_end() && text_[offset_] != '"') {
        if (text_[offset_] == '\\') step();
        if (!at_end()) step();
      }
      if (!at_end()) step();
    } else if (!is_punctuation(first)) {
      while (!at_end() && !is_blank(text_[offset_]) && !is_punctuation(text_[offset_]) && text_[offset_] != '"') step();
    }
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  static bool is_punctuation(char c) { return c == ',' || c == ':' || c == '[' || c == ']' || c == '{' || c == '}' || c == '/'; }

  void step() {
    if (text_[offset_] == '\n') {
      ++spot_.line;
      spot_.column = 1;
    } else if (starts_code_point(text_[offset_])) {
      ++spot_.column;
    }
    ++offset_;
  }
  void advance(std::size_t to) {
    while (offset_ < to) step();
  }

  std::string_view text_;
  std::size_t offset_ = 0;
  JsonSpot spot_;
};

/// Builds the tree from the parser's events. The scanner follows, one token an event, and so knows where each one stands.
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  TreeBuilder(std::string_view text, std::size_t max_values) : scanner_(text), max_values_(max_values) {}

  JsonNode root;
  std::optional<JsonError> error;

  bool null() override {
    leaf(JsonType::null);
    return !error;
  }
  bool boolean(bool value) override {
    leaf(JsonType::boolean)->boolean = value;
    return !error;
  }
  bool number_integer(number_integer_t value) override {
    JsonNode* node = leaf(JsonType::integer);
    node->integer = value;
    node->real = static_cast<double>(value);
    return !error;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
      return number_integer(static_cast<number_integer_t>(value));
    leaf(JsonType::real)->real = static_cast<double>(value);
    return !error;
  }
  bool number_float(number_float_t value, const string_t&) override {
    leaf(JsonType::real)->real = value;
    return !error;
  }
  bool string(string_t& value) override {
    leaf(JsonType::string)->string = std::move(value);
    return !error;
  }
  bool binary(binary_t&) override { return false; }  // JSON text has none
  bool key(string_t& value) override {
    scanner_.skip_to_value();
    open_.back()->members.push_back({std::move(value), scanner_.spot(), {}});
    scanner_.skip_token();
    return true;
  }
  bool start_object(std::size_t) override { return open(JsonType::object); }
  bool start_array(std::size_t) override { return open(JsonType::array); }
  bool end_object() override {
    if (!keys_are_unique()) return false;
    return close();
  }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& exception) override {
    const std::string words = words_of(exception);
    const bool text_ended = words.find("unexpected end of input") != std::string::npos;
    scanner_.skip_blank();
    JsonSpot spot = scanner_.spot();
    while (!scanner_.at_end() && (text_ended || scanner_.offset() < position)) {  // to the token that the parser had read to its end
      spot = scanner_.spot();
      scanner_.skip_token();
      if (text_ended || scanner_.offset() < position) scanner_.skip_blank();
    }
    error = JsonError{words, pointer_of_open(), text_ended ? scanner_.spot() : spot};
    return false;
  }

 private:
  /// Puts a new value where it belongs, and the scanner on its first character.
  JsonNode* place(JsonType type) {
    scanner_.skip_to_value();
    JsonNode* node = &root;
    if (!open_.empty()) {
      JsonNode& parent = *open_.back();
      node = parent.type == JsonType::array ? &parent.items.emplace_back() : &parent.members.back().value;
    }
    node->type = type;
    node->spot = scanner_.spot();
    if (++values_ > max_values_)
      error = JsonError{fmt::format("the document has more than {} values", max_values_), pointer_of_open(), node->spot};
    return node;
  }
  JsonNode* leaf(JsonType type) {
    JsonNode* node = place(type);
    scanner_.skip_token();
    return node;
  }
  bool open(JsonType type) {
    JsonNode* node = leaf(type);
    if (open_.size() >= static_cast<std::size_t>(kMaxJsonDepth)) {
      error = JsonError{fmt::format("lists and objects stand more than {} deep inside each other", kMaxJsonDepth), pointer_of_open(),
                        node->spot};
      return false;
    }
    open_.push_back(node);
    return !error;
  }
  bool close() {
    scanner_.skip_to_value();
    scanner_.skip_token();
    open_.pop_back();
    return true;
  }

  bool keys_are_unique() {
    const std::vector<JsonMember>& members = open_.back()->members;
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const int compared = members[a].key.compare(members[b].key);
      return compared < 0 || (compared == 0 && a < b);
    });
    const auto same =
        std::adjacent_find(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return members[a].key == members[b].key; });
    if (same == order.end()) return true;
    const JsonMember &first = members[*same], &second = members[*(same + 1)];
    std::string pointer;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) pointer = step_into(pointer, *open_[i]);
    error = JsonError{fmt::format("the key \"{}\" stands twice in one object, first on line {}", first.key, first.spot.line),
                      pointer_to(pointer, second.key), second.spot};
    return false;
  }

  static std::string step_into(const std::string& pointer, const JsonNode& container) {
    return container.type == JsonType::array ? pointer_to(pointer, container.items.size() - 1)
                                             : pointer_to(pointer, container.members.back().key);
  }
  [[nodiscard]] std::string pointer_of_open() const {
    std::string pointer;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) pointer = step_into(pointer, *open_[i]);
    return pointer;
  }

  /// The library's own words without its prefix and without the echo of what it read.
  static std::string words_of(const nlohmann::json::exception& exception) {
    std::string words = exception.what();
    if (words.find("out_of_range") != std::string::npos) return "a number is beyond the range of a double (about 1.8e308)";
    if (const auto dash = words.find(" - "); dash != std::string::npos) words.erase(0, dash + 3);
    if (const auto echo = words.find("; last read: '"); echo != std::string::npos) words.erase(echo, words.rfind('\'') + 1 - echo);
    return "not JSON: " + words;
  }

  Scanner scanner_;
  std::size_t max_values_;
  std::size_t values_ = 0;
  std::vector<JsonNode*> open_;  // the lists and objects around the current place; a container grows only while it is the innermost
};

}  // namespace

std::string_view name_of(JsonType type) {
  switch (type) {
    case JsonType::null: return "null";
    case JsonType::boolean: return "true or false";
    case JsonType::integer: return "a whole number";
    case JsonType::real: return "a number";
    case JsonType::string: return "a string";
    case JsonType::array: return "a list";
    case JsonType::object: return "an object";
  }
  return "?";
}

const JsonNode* JsonNode::find(std::string_view key) const {
  for (const JsonMember& member : members)
    if (member.key == key) return &member.value;
  return nullptr;
}

std::variant<JsonNode, JsonError> parse_json(std::string_view text, std::size_t max_values) {
  if (text.size() > kMaxJsonBytes)
    return JsonError{fmt::format("the document has {} bytes, and may have {}", text.size(), kMaxJsonBytes), "", {}};
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {  // the library would take it for the end
    JsonSpot spot;
    for (const char c : text.substr(0, nul)) {
      spot.line += c == '\n';
      spot.column = c == '\n' ? 1 : spot.column + starts_code_point(c);
    }
    return JsonError{"not JSON: a NUL byte stands in the text", "", spot};
  }
  TreeBuilder builder(text, max_values);
  const bool ok = nlohmann::json::sax_parse(text.data(), text.data() + text.size(), &builder, nlohmann::json::input_format_t::json,
                                            /*strict=*/true, /*ignore_comments=*/true);
  if (!ok) {
    assert(builder.error.has_value());
    return std::move(*builder.error);
  }
  return std::move(builder.root);
}

std::string pointer_to(std::string_view pointer, std::string_view key) {
  std::string out(pointer);
  out += '/';
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string pointer_to(std::string_view pointer, std::size_t index) { return fmt::format("{}/{}", pointer, index); }

std::string quote_json(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace dubfarm::mix
