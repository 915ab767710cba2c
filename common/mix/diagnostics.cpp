// Diagnostics for people (a block with the source line and carets) and for scripts (JSON).
#include <algorithm>

#include "common/mix/json.hpp"
#include "common/mix/parse.hpp"

namespace dubfarm::mix {
namespace {

constexpr std::size_t kMaxShownColumns = 120;  // of a source line
constexpr std::size_t kLeadColumns = 60;       // shown before the place where a line is longer than that

bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

/// Byte offset of the code point `count` places after byte `from`.
std::size_t skip_code_points(std::string_view text, std::size_t from, std::size_t count) {
  while (from < text.size() && count > 0) {
    ++from;
    while (from < text.size() && !starts_code_point(text[from])) ++from;
    --count;
  }
  return from;
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_code_point));
}

/// The offset of every line's first byte.
std::vector<std::size_t> line_starts(std::string_view text) {
  std::vector<std::size_t> starts{0};
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) starts.push_back(at + 1);
  return starts;
}

/// A byte order mark takes no column.
struct SourceLines {
  std::string_view text;
  std::vector<std::size_t> starts;
  explicit SourceLines(std::string_view all) : text(all.starts_with("\xEF\xBB\xBF") ? all.substr(3) : all), starts(line_starts(text)) {}
  /// A line by its number, from 1, without its end.
  [[nodiscard]] std::string_view line(std::size_t number) const {
    const std::size_t begin = starts[number - 1];
    std::size_t end = number < starts.size() ? starts[number] - 1 : text.size();
    if (end > begin && text[end - 1] == '\r') --end;
    return text.substr(begin, end - begin);
  }
};

/// Bytes of the token at the start of `text`: a whole string, a bracket, or a number or word.
std::size_t token_bytes(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() == '"') {
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        return i + 1;
    }
    return text.size();
  }
  if (std::string_view("[]{},:").find(text.front()) != std::string_view::npos) return 1;
  return std::max<std::size_t>(1, std::min(text.find_first_of(" \t[]{},:\""), text.size()));
}

/// Control characters would upset a terminal; tabs stay, because the line of carets repeats them.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) c = ' ';
  return out;
}

void append_source(std::string& out, std::string_view line, const Diagnostic& diagnostic) {
  std::size_t begin = 0, end = line.size();
  std::size_t place = skip_code_points(line, 0, static_cast<std::size_t>(std::max(diagnostic.place.column, 1) - 1));
  std::string_view before_mark, after_mark;
  if (count_code_points(line) > kMaxShownColumns) {
    const std::size_t column = static_cast<std::size_t>(std::max(diagnostic.place.column, 1) - 1);
    if (column > kLeadColumns) {
      begin = skip_code_points(line, 0, column - kLeadColumns);
      before_mark = "...";
    }
    end = skip_code_points(line, begin, kMaxShownColumns);
    if (end < line.size()) after_mark = "...";
  }
  const std::string_view shown = line.substr(begin, end - begin);
  place -= begin;
  const std::size_t width = std::to_string(diagnostic.place.line).size();
  const std::string gutter(width + 1, ' ');
  out += fmt::format("{}|\n{} | {}{}{}\n{}| {}", gutter, diagnostic.place.line, before_mark, printable(shown), after_mark, gutter,
                     std::string(before_mark.size(), ' '));
  for (const char c : shown.substr(0, std::min(place, shown.size())))
    if (starts_code_point(c)) out += c == '\t' ? '\t' : ' ';
  const std::string_view rest = shown.substr(std::min(place, shown.size()));
  out += std::string(std::max<std::size_t>(1, count_code_points(rest.substr(0, token_bytes(rest)))), '^');
  if (!diagnostic.note.empty()) out += ' ' + diagnostic.note;
  out += '\n';
}

}  // namespace

std::string format_diagnostics(std::string_view text, const std::string& path, std::span<const Diagnostic> errors, const FileTexts& others) {
  std::map<std::string, SourceLines> files;
  std::string out;
  for (std::size_t i = 0; i < std::min(errors.size(), kMaxPrintedDiagnostics); ++i) {
    const Diagnostic& diagnostic = errors[i];
    const auto other = diagnostic.file.empty() ? others.end() : others.find(diagnostic.file);
    const SourceLines& source = files.try_emplace(diagnostic.file, other != others.end() ? other->second : diagnostic.file.empty() ? text : "").first->second;
    const auto line = static_cast<std::size_t>(std::max(diagnostic.place.line, 0));
    if (i > 0) out += '\n';
    out += fmt::format("{}: {}\n", diagnostic.is_warning ? "warning" : "error", diagnostic.message);
    const std::string& where = diagnostic.file.empty() ? path : diagnostic.file;
    if (line == 0 || line > source.starts.size()) {
      out += fmt::format(" --> {}\n", where);
    } else {
      const std::string_view at = diagnostic.place.pointer;
      out += fmt::format("{}--> {}:{}:{}{}{}\n", std::string(std::to_string(line).size(), ' '), where, line, diagnostic.place.column,
                         at.empty() ? "" : "  at ", at);
      append_source(out, source.line(line), diagnostic);
    }
    if (!diagnostic.help.empty()) out += fmt::format("help: {}\n", diagnostic.help);
  }
  if (errors.size() > kMaxPrintedDiagnostics) out += fmt::format("\nand {} more\n", errors.size() - kMaxPrintedDiagnostics);
  return out;
}

std::string diagnostics_json(std::span<const Diagnostic> errors) {
  std::string out = "[";
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const Diagnostic& diagnostic = errors[i];
    const std::string file = diagnostic.file.empty() ? "" : fmt::format("\"file\": {}, ", quote_json(diagnostic.file));
    out += fmt::format("{}\n  {{\"message\": {}, \"help\": {}, {}\"pointer\": {}, \"line\": {}, \"column\": {}}}", i == 0 ? "" : ",",
                       quote_json(diagnostic.message), quote_json(diagnostic.help), file, quote_json(diagnostic.place.pointer),
                       diagnostic.place.line, diagnostic.place.column);
  }
  out += errors.empty() ? "]\n" : "\n]\n";
  return out;
}

}  // namespace dubfarm::mix
