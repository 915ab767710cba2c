#include "common/mix/parse.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "common/mix/parse_parts.hpp"
#include "common/mix/parse_rooted.hpp"
#include "common/mix/resolve.hpp"

namespace dubfarm::mix {
namespace {

constexpr int kSampleRates[] = {44100, 48000, 88200, 96000, 176400, 192000};
constexpr std::size_t kMaxListed = 8;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_reserved(std::string_view name) {
  return std::find(std::begin(kReservedVariables), std::end(kReservedVariables), name) != std::end(kReservedVariables);
}

NameList names_in(const JsonNode& root, std::string_view section) {
  NameList out;
  const JsonNode* list = root.find(section);
  if (list == nullptr) return out;
  for (const JsonNode& entry : list->items) {
    const JsonNode* name = entry.find("name");
    out.names.push_back(name != nullptr ? name->string : "");
    out.index.emplace(out.names.back(), out.names.size() - 1);
  }
  return out;
}

}  // namespace

void MixParser::gather_names(const JsonNode& root) {
  buses = names_in(root, "buses");
  reverbs = names_in(root, "reverbs");
  tracks = names_in(root, "tracks");
  versions = names_in(root, "versions");
  deliverables = names_in(root, "deliverables");
  if (versions.names.empty()) versions = {{"main"}, {{"main", 0}}};
  if (const JsonNode* list = root.find("buses")) {
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      const JsonNode* parent = list->items[i].find("bus");
      if (parent == nullptr || parent->type == JsonType::null) stems.push_back(buses.names[i]);
    }
  }
  if (const JsonNode* list = root.find("versions")) {
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      const JsonNode* set = list->items[i].find("set");
      if (set == nullptr) continue;
      for (const JsonMember& member : set->members) {
        ++set_count[member.key];
        set_place.try_emplace(
            member.key, Place{fmt::format("/versions/{}{}", i, pointer_to("/set", member.key)), member.spot.line, member.spot.column});
      }
    }
  }
}

void MixParser::read_clock(const Fields& fields) {
  if (const auto rate = fields.required("sample_rate", "write \"sample_rate\": 48000")) {
    const bool known = rate->node.type == JsonType::integer &&
                       std::find(std::begin(kSampleRates), std::end(kSampleRates), rate->node.integer) != std::end(kSampleRates);
    if (known)
      document.sample_rate = static_cast<int>(rate->node.integer), reader.clock.sample_rate = document.sample_rate;
    else
      reader.error(*rate, fmt::format("unknown sample rate {}", shown(rate->node)), "write 44100, 48000, 88200, 96000, 176400 or 192000",
                   "expected a sample rate in Hz");
  }
  if (const auto rate = fields.required("frame_rate", "write \"frame_rate\": \"24\"")) {
    const auto named = rate->node.type == JsonType::string ? frame_rate_named(rate->node.string) : std::nullopt;
    if (named) {
      document.frame_rate = *named;
      reader.clock.frame_rate = named;
    } else {
      const bool is_unquoted = rate->node.is_number() && frame_rate_named(shown(rate->node));
      reader.error(*rate, fmt::format("unknown frame rate {}", shown(rate->node)),
                   is_unquoted ? fmt::format("write it as a string: \"{}\"", shown(rate->node))
                               : "write 23.976, 24, 25, 29.97, 29.97df, 30, 47.952, 48, 50, 59.94, 59.94df or 60, as a string",
                   "expected a frame rate");
    }
  }
  if (const auto start = fields.find("start"); start && reader.expect(*start, JsonType::string, "a timecode") && reader.clock.frame_rate) {
    const Result<std::int64_t> frames = parse_timecode(start->node.string, *reader.clock.frame_rate);
    if (frames.ok())
      reader.clock.start_frames = document.start_frames = *frames;
    else
      reader.error(*start, frames.error().message, "write the timecode of the first sample: \"01:00:00:00\"",
                   "not a timecode at this frame rate");
  }
  if (const auto length = fields.required("length", "write how long the timeline is: \"length\": \"00:20:00:00\""))
    document.length = reader.length(*length, 1).value_or(0);
}

/// An object of names to strings, or to whole numbers, which stand for their digits.
void MixParser::read_variables(const Value& value, std::map<std::string, std::string>& out) {
  if (!reader.expect(value, JsonType::object, "an object")) return;
  for (const JsonMember& member : value.node.members) {
    if (is_users_own(member.key)) continue;
    const Place key{pointer_to(value.pointer(), member.key), member.spot.line, member.spot.column};
    if (!is_variable_name(member.key)) {
      reader.error_at(key, fmt::format("{} is not a name for a variable", quote_json(member.key)), "use letters, digits and _",
                      "not a variable name");
    } else if (is_reserved(member.key)) {
      reader.error_at(key, fmt::format("\"{}\" is a name that dubfarm gives a value itself", member.key),
                      "choose another name for this variable", "reserved");
    } else if (member.value.type == JsonType::integer) {
      out[member.key] = fmt::format("{}", member.value.integer);
    } else if (reader.expect(value.child(member), JsonType::string, "a string")) {
      out[member.key] = member.value.string;
    }
  }
}

std::string MixParser::name(const Fields& fields, const Value& entry, const NameList& list) {
  const auto value = fields.required("name", "names are how other parts refer to it");
  if (!value) return "";
  auto name = reader.text(*value, "a name");
  if (!name) return "";
  if (std::any_of(name->begin(), name->end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    reader.error(*value, "a name holds a control character", "", "not a name");
  const std::size_t first = list.index.at(*name);
  if (first != entry.index) {
    const std::string section(entry.parent->name());
    reader.error(*value, fmt::format("two {} are named {}", section, quote_json(*name)),
                 fmt::format("the first is /{}/{}; give one of them another name", section, first), "taken");
  }
  return *name;
}

std::optional<std::size_t> MixParser::reference(const Value& value, std::string_view kind, std::string_view section, const NameList& list) {
  const auto name = reader.text(value, fmt::format("the name of {}", with_article(kind)));
  if (!name) return std::nullopt;
  if (const auto found = list.index.find(*name); found != list.index.end()) return found->second;
  std::string otherwise = list.names.empty()               ? fmt::format("this mix has no {}", section)
                          : list.names.size() > kMaxListed ? fmt::format("declare it in \"{}\"", section)
                                                           : fmt::format("\"{}\" has {}", section, listed(list.names));
  if (kind == "reverb" && buses.index.contains(*name)) otherwise = fmt::format("\"{}\" is a bus; a send goes to a reverb", *name);
  if (kind == "bus" && reverbs.index.contains(*name)) otherwise = fmt::format("\"{}\" is a reverb; use \"sends\" to feed it", *name);
  reader.error(value, fmt::format("unknown {} {}", kind, quote_json(*name)), reader.suggestion(*name, list.names, otherwise),
               fmt::format("not declared in \"{}\"", section));
  return std::nullopt;
}

bool MixParser::placeholder_known(const Value& at, const std::string& variable, std::span<const std::string> version_globs) {
  used_variables[variable] = true;
  if (variable == "version" || document.variables.contains(variable)) return true;
  if (variable == "title") {
    if (!document.title.empty()) return true;
    reader.error(at, "{title} stands for the mix's \"title\", and there is none", "add a \"title\" to the document", "needs a title");
    return false;
  }
  const auto count = set_count.find(variable);
  if (count == set_count.end()) {
    std::vector<std::string> known{"title", "version"};
    for (const auto& [name, value] : document.variables) known.push_back(name);
    for (const auto& [name, times] : set_count) known.push_back(name);
    reader.error(at, fmt::format("unknown variable {{{}}}", variable), reader.suggestion(variable, known, "declare it in \"variables\""),
                 "not declared in \"variables\"");
    return false;
  }
  if (count->second >= document.versions.size()) return true;
  for (const Version& version : document.versions) {
    if (version.set.contains(variable) || !any_glob_matches(version_globs, version.name)) continue;
    reader.error(at, fmt::format("variable {{{}}} has no value in version \"{}\"", variable, version.name),
                 "give it a default in \"variables\", or set it in every version", "not set in every version");
    return false;
  }
  return true;
}

std::string MixParser::media_pattern(const Value& value) {
  const auto pattern = reader.text(value, "a file");
  if (!pattern) return "";
  if (pattern->find_first_of("{}") == std::string::npos) return *pattern;
  static const std::vector<std::string> kEveryVersion{"*"};
  std::map<std::string, std::string> known;
  for (const std::string& variable : placeholders(*pattern)) {
    if (!placeholder_known(value, variable, kEveryVersion)) return *pattern;
    known[variable] = "";
  }
  if (const auto expanded = expand(*pattern, known); !expanded.ok())
    reader.error(value, expanded.error().message, "write {name}", "not a pattern");
  return *pattern;
}

void MixParser::expect_match(const Value& glob, std::string_view kind, std::span<const std::string> names) {
  const std::string& pattern = glob.node.string;
  if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return glob_match(pattern, name); })) return;
  std::string otherwise;
  if (kind == "stem") {
    const bool is_inner =
        std::any_of(buses.names.begin(), buses.names.end(), [&](const std::string& name) { return glob_match(pattern, name); });
    otherwise = is_inner        ? "it matches a bus that feeds another bus; only buses without a parent are stems"
                : names.empty() ? "this mix has no stems"
                                : fmt::format("the stems are {}", listed(names));
  }
  reader.error(glob, fmt::format("no {} matches {}", kind, quote_json(pattern)), reader.suggestion(pattern, names, otherwise),
               "matches nothing");
}

std::vector<std::string> MixParser::globs(const Value& value, std::string_view kind, std::span<const std::string> names) {
  std::vector<std::string> out;
  reader.each(value, fmt::format("a list of {} names or patterns", kind), [&](const Value& item) {
    if (auto glob = reader.text(item, "a name or pattern")) {
      expect_match(item, kind, names);
      out.push_back(std::move(*glob));
    }
  });
  return out;
}

/// A variable that a version sets, that has no default and that nothing uses, is most likely a slip of the pen.
void MixParser::check_set_variables() {
  std::vector<std::string> known;
  for (const auto& [name, value] : document.variables) known.push_back(name);
  for (const auto& [name, used] : used_variables) known.push_back(name);
  for (const auto& [name, place] : set_place) {
    if (document.variables.contains(name) || used_variables.contains(name) || is_users_own(name) || !is_variable_name(name) ||
        is_reserved(name))
      continue;
    reader.error_at(place, fmt::format("unknown variable {}", quote_json(name)),
                    reader.suggestion(name, known, "declare it in \"variables\""), "no file uses it");
  }
}

void MixParser::read_document(const Value& root) {
  const Fields fields(reader, root, kDocumentObject);
  if (root.node.type != JsonType::object) return;
  if (const auto version = fields.required("dubfarm", "begin the document with \"dubfarm\": 1")) {
    if (version->node.type != JsonType::integer || version->node.integer != 1)
      reader.error(*version, fmt::format("\"dubfarm\" is {}, and this dubfarm reads mix format 1", shown(version->node)),
                   "write \"dubfarm\": 1", "expected 1");
  }
  gather_names(root.node);
  read_clock(fields);
  const auto list = [&](std::string_view key, void (MixParser::*read)(const Value&)) {
    if (const auto value = fields.find(key)) reader.each(*value, "a list", [&](const Value& item) { (this->*read)(item); });
  };

  const std::size_t before_names = reader.errors.size();
  if (const auto title = fields.find("title"); title && reader.expect(*title, JsonType::string, "a string"))
    document.title = title->node.string;
  if (const auto variables = fields.find("variables")) read_variables(*variables, document.variables);
  list("buses", &MixParser::read_bus);
  if (const auto value = fields.find("buses")) check_bus_cycles(*value);
  list("versions", &MixParser::read_version);
  if (document.versions.empty())
    document.versions.push_back({.name = "main", .set = {}, .mute_tracks = {}, .mute_buses = {}, .adjust = {}, .recut = {}, .place = root.place()});
  const std::size_t before_tracks = reader.errors.size();
  list("reverbs", &MixParser::read_reverb);
  list("tracks", &MixParser::read_track);
  const std::size_t after_tracks = reader.errors.size();
  list("deliverables", &MixParser::read_deliverable);
  check_set_variables();

  const auto deliverables_list =
      fields.required("deliverables", "say what to render: [{ \"name\": \"main\", \"layout\": \"stereo\", \"file\": \"{title}.wav\" }]");
  if (!deliverables_list || deliverables_list->node.type != JsonType::array) return;
  if (deliverables_list->node.items.empty()) reader.error(*deliverables_list, "no deliverables: there is nothing to render", "", "empty");
  if (before_tracks == before_names && reader.errors.size() == after_tracks)
    check_outputs(*deliverables_list, after_tracks == before_tracks);
  if (reader.errors.empty()) check_levels(*deliverables_list);
}

ParseOutcome parse_mix(std::string_view text, const std::string& path) { return parse_rooted_mix(text, path, {}); }

ParseOutcome parse_rooted_mix(std::string_view text, const std::string& path, const std::map<std::string, std::string>& roots) {
  auto parsed = parse_json(text);
  if (const auto* error = std::get_if<JsonError>(&parsed))
    return {std::nullopt,
            {{error->message,
              "a mix document is JSON in UTF-8; comments start with //",
              {error->pointer, error->spot.line, error->spot.column},
              ""}}};
  MixParser parser;
  parser.document.path = path;
  parser.document.folder = folder_of(path);
  parser.document.variables = roots;
  parser.read_document(Value{std::get<JsonNode>(parsed)});
  std::vector<Diagnostic>& errors = parser.reader.errors;
  if (errors.empty()) return {std::move(parser.document), {}};
  std::stable_sort(errors.begin(), errors.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  return {std::nullopt, std::move(errors)};
}

Result<std::string> read_text_file(const std::string& path) {
  const auto refused = [&](int why) {
    return fail(why == ENOENT || why == ENOTDIR ? Errc::not_found : Errc::io_error, "{}: cannot read it: {}", path, std::strerror(why));
  };
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  if (!file) return refused(errno);
  std::string text;
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  for (;;) {
    const std::size_t have = text.size();
    text.resize(have + kBlock);
    const std::size_t got = std::fread(text.data() + have, 1, kBlock, file.get());
    text.resize(have + got);
    if (text.size() > kMaxJsonBytes)
      return fail(Errc::invalid_input, "{}: larger than the {} MiB that a mix document may have", path, kMaxJsonBytes >> 20);
    if (got < kBlock) break;
  }
  if (std::ferror(file.get())) return refused(errno);
  return text;
}

}  // namespace dubfarm::mix
