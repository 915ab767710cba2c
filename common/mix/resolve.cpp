#include "common/mix/resolve.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace dubfarm::mix {
namespace {

/// Code points; a byte that is not UTF-8 becomes a code of its own beyond Unicode, so that it matches only itself.
std::u32string code_points(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 0;
    char32_t code = length <= 1 ? byte : byte & (0xFFU >> (length + 1));
    bool valid = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; valid && k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      valid = (next & 0xC0U) == 0x80U;
      code = (code << 6U) | (next & 0x3FU);
    }
    out.push_back(valid ? code : 0x110000U + byte);
    i += valid ? length : 1;
  }
  return out;
}

/// One pattern element at `p` against one character. Moves `p` past the element.
bool element_matches(std::u32string_view pattern, std::size_t& p, char32_t c) {
  const char32_t first = pattern[p];
  if (first != U'[') {
    ++p;
    return first == U'?' || first == c;
  }
  std::size_t begin = p + 1;
  const bool negated = begin < pattern.size() && pattern[begin] == U'!';
  if (negated) ++begin;
  const std::size_t end = pattern.find(U']', begin + 1);  // a "]" that stands first is a member of the set
  if (end == std::u32string_view::npos) {
    ++p;
    return c == U'[';
  }
  bool member = false;
  for (std::size_t i = begin; i < end;) {
    if (i + 2 < end && pattern[i + 1] == U'-') {
      member = member || (pattern[i] <= c && c <= pattern[i + 2]);
      i += 3;
    } else {
      member = member || pattern[i] == c;
      ++i;
    }
  }
  p = end + 1;
  return member != negated;
}

bool glob_matches(std::u32string_view pattern, std::u32string_view name) {
  constexpr std::size_t kNone = std::u32string_view::npos;
  std::size_t p = 0, n = 0, after_star = kNone, star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == U'*') {
      after_star = ++p;
      star_name = n;
      continue;
    }
    std::size_t next = p;
    if (p < pattern.size() && element_matches(pattern, next, name[n])) {
      p = next;
      ++n;
    } else if (after_star != kNone) {  // let the last star take one character more
      p = after_star;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == U'*') ++p;
  return p == pattern.size();
}

std::u32string folded(std::string_view text) {
  std::u32string out = code_points(text);
  for (char32_t& c : out)
    if (c >= U'A' && c <= U'Z') c += 32;
  return out;
}

/// Optimal string alignment: insert, delete, replace, and exchange of neighbours, one each.
std::size_t edit_distance(std::u32string_view a, std::u32string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

}  // namespace

Result<std::string> expand(std::string_view pattern, const std::map<std::string, std::string>& variables) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size();) {
    const std::size_t brace = pattern.find_first_of("{}", i);
    out += pattern.substr(i, brace - i);
    if (brace == std::string_view::npos) break;
    const std::size_t close = pattern.find_first_of("{}", brace + 1);
    if (pattern[brace] == '}' || close == std::string_view::npos || pattern[close] == '{')
      return fail(Errc::invalid_input, "\"{}\" has a \"{}\" without its partner", pattern, pattern[brace]);
    const std::string name(pattern.substr(brace + 1, close - brace - 1));
    const auto found = variables.find(name);
    if (found == variables.end()) {
      std::vector<std::string> known;
      for (const auto& [key, value] : variables) known.push_back(key);
      const auto near = nearest_name(name, known);
      return fail(Errc::invalid_input, "unknown variable {{{}}} in \"{}\"{}", name, pattern,
                  near ? fmt::format("; did you mean {{{}}}?", *near) : "");
    }
    out += found->second;
    i = close + 1;
  }
  return out;
}

std::vector<std::string> placeholders(std::string_view pattern) {
  std::vector<std::string> names;
  for (std::size_t open = pattern.find('{'); open != std::string_view::npos; open = pattern.find('{', open + 1)) {
    const std::size_t close = pattern.find('}', open);
    if (close == std::string_view::npos) break;
    names.emplace_back(pattern.substr(open + 1, close - open - 1));
  }
  return names;
}

bool glob_match(std::string_view pattern, std::string_view name) { return glob_matches(code_points(pattern), code_points(name)); }

bool any_glob_matches(std::span<const std::string> patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) { return glob_match(pattern, name); });
}

std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> candidates) {
  const std::u32string wanted = folded(name);
  std::size_t allowed = std::max<std::size_t>(1, wanted.size() / 3);
  std::optional<std::string> best;
  for (const std::string& candidate : candidates) {
    const std::u32string other = folded(candidate);
    const std::size_t least = wanted.size() > other.size() ? wanted.size() - other.size() : other.size() - wanted.size();
    if (other.empty() || least > allowed) continue;
    const std::size_t distance = edit_distance(wanted, other);
    if (distance > allowed) continue;
    best = candidate;
    if (distance == 0) break;
    allowed = distance - 1;  // from here on only a nearer one
  }
  return best;
}

std::map<std::string, std::string> variables_of(const Document& document, const Version& version) {
  std::map<std::string, std::string> out = document.variables;
  for (const auto& [name, value] : version.set) out[name] = value;
  if (!document.title.empty()) out["title"] = document.title;
  out["version"] = version.name;
  return out;
}

VersionView view(const Document& document, const Version& version) {
  VersionView out;
  out.variables = variables_of(document, version);
  out.recut = version.recut ? &*version.recut : nullptr;

  const auto adjust_of = [&](const std::string& name, std::vector<std::string> Adjust::*globs) {
    double sum_db = 0;
    for (const Adjust& adjust : version.adjust)
      if (any_glob_matches(adjust.*globs, name)) sum_db += adjust.gain_db;
    return sum_db;
  };
  for (const Track& track : document.tracks) {
    out.track_muted.push_back(track.mute || any_glob_matches(version.mute_tracks, track.name));
    out.track_adjust_db.push_back(adjust_of(track.name, &Adjust::tracks));
  }
  for (const Bus& bus : document.buses) {
    out.bus_muted.push_back(any_glob_matches(version.mute_buses, bus.name));
    out.bus_adjust_db.push_back(adjust_of(bus.name, &Adjust::buses));
  }
  return out;
}

std::vector<std::size_t> stems(const Document& document) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < document.buses.size(); ++i)
    if (!document.buses[i].parent) out.push_back(i);
  return out;
}

std::vector<std::size_t> included_stems(const Document& document, const Deliverable& deliverable) {
  std::vector<std::size_t> out;
  for (const std::size_t stem : stems(document))
    if (any_glob_matches(deliverable.include, document.buses[stem].name)) out.push_back(stem);
  return out;
}

}  // namespace dubfarm::mix
