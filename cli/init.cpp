#include "cli/init.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

#include "cli/exit_code.hpp"
#include "cli/init_names.hpp"
#include "common/io.hpp"
#include "common/layout.hpp"
#include "common/media/probe.hpp"
#include "common/mix/json.hpp"

namespace dubfarm::cli {
namespace {

namespace fs = std::filesystem;
using mix::quote_json;

constexpr std::string_view kSoundEndings[] = {".wav", ".wave", ".bwf", ".rf64", ".w64", ".bw64", ".flac", ".ogg", ".oga",
                                              ".opus", ".aif", ".aiff", ".aifc", ".caf"};
constexpr int kRates[] = {48000, 44100, 88200, 96000, 176400, 192000};  // what a mix can run at, the usual one first
constexpr std::size_t kMaxSources = 20000;
constexpr double kStemSeconds = 30;  // in a folder with nothing longer than this, every file is a line or a spot, not a stem
constexpr const char* kWhatNamesAre =
    "name files or their folders after their stem: DX, DIA, DLG or dialogue; VO or NAR; MX, MUS or music; FX or SFX; FOL; AMB, BG or "
    "ATMOS; ME (finished music and effects), as in MX_Reel1.wav or dialogue/fr/line1.flac";

struct Source {
  std::string path;  // relative to the folder that was read
  media::SourceInfo info;
  FileName name;
};

// One track, or one clip of a track of lines: a file, or the same file in every language.
struct Item {
  const StemKind* kind = nullptr;
  std::string file;      // as the document writes it, {variables} in place
  std::string name;      // what the track is called
  Layout layout = Layout::mono;
  Frames frames = 0;     // at the mix's rate; the longest language
  std::optional<double> azimuth_deg;  // of a member of a multi-mono stem
  std::string only_in;   // the one language that has it; empty: all of them
};

struct Tracks {
  std::vector<Item> items;
  std::string name;
  bool one_after_another = false;
};

std::string counted(std::size_t count, std::string_view thing) { return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s"); }

std::optional<Layout> layout_of(int channels) {
  for (const Layout layout : kLayouts)
    if (channel_count(layout) == channels) return layout;
  return std::nullopt;
}

bool is_sound_file(const fs::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(std::begin(kSoundEndings), std::end(kSoundEndings), ending) != std::end(kSoundEndings);
}

// A path that a document cannot hold: quotes and braces have a meaning there, and JSON is UTF-8.
bool is_writable_in_a_document(const std::string& path) {
  return path.find_first_of("{}") == std::string::npos && quote_json(path).find("\xEF\xBF\xBD") == std::string::npos;
}

Result<std::vector<Source>> find_sources(const fs::path& folder, std::vector<std::string>& notes) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return fail(Errc::not_found, "{}: no such folder; name the one that holds the stems and the dialogue", folder.string());
  }
  std::vector<std::string> paths;
  fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const bool is_hidden = it->path().filename().string().starts_with(".");
    if (is_hidden && it->is_directory()) it.disable_recursion_pending();
    if (is_hidden || !it->is_regular_file() || !is_sound_file(it->path())) continue;
    paths.push_back(it->path().lexically_relative(folder).generic_string());
    if (paths.size() > kMaxSources) return fail(Errc::invalid_input, "{}: more than {} sound files; name a smaller folder", folder.string(), kMaxSources);
  }
  if (error) return system_error(error.value(), folder.string(), "list this folder");
  std::sort(paths.begin(), paths.end());

  std::vector<Source> out;
  for (const std::string& path : paths) {
    Source source;
    source.path = path;
    source.name = read_file_name(path);
    if (!is_writable_in_a_document(path)) {
      notes.push_back(fmt::format("left out {}: its name holds a brace, or is not UTF-8; rename it", path));
    } else if (source.name.kind == nullptr) {
      notes.push_back(fmt::format("left out {}: neither its name nor its folders say what stem it is", path));
    } else if (Result<media::SourceInfo> info = media::probe((folder / path).string()); !info.ok()) {
      notes.push_back(fmt::format("left out: {}", info.error().message));
    } else if (!layout_of(info->channels)) {
      notes.push_back(fmt::format("left out {}: {} channels are no layout; 1, 2, 6, 8 or 12 are", path, info->channels));
    } else {
      source.info = *info;
      out.push_back(std::move(source));
    }
  }
  if (out.empty()) {
    std::string seen = paths.empty() ? "no sound file is in it" : fmt::format("{}, none recognised", counted(paths.size(), "sound file"));
    if (!notes.empty()) seen += fmt::format(" (the first: {})", notes.front());
    return fail(Errc::invalid_input, "{}: {}; {}", folder.string(), seen, kWhatNamesAre);
  }
  return out;
}

int rate_of_most(const std::vector<Source>& sources) {
  const auto votes = [&](int rate) { return std::count_if(sources.begin(), sources.end(), [&](const Source& s) { return s.info.sample_rate == rate; }); };
  return *std::max_element(std::begin(kRates), std::end(kRates), [&](int a, int b) { return votes(a) < votes(b); });
}

std::string without(std::string text, std::size_t at, std::size_t size, std::string_view instead = "") { return text.replace(at, size, instead); }

// Members of multi-mono stems keep their channel; a channel suffix that belongs to no whole set is dropped, and the file stands alone.
// A lone LFE cannot be written (a mono track always feeds a loudspeaker as well), so those are left out, with a note.
void settle_multi_mono(std::vector<Source>& sources, std::vector<std::string>& notes) {
  std::map<std::string, std::set<std::string>> sets;
  const auto stem_of = [](const Source& s) { return without(s.path, s.name.channel_at, s.name.channel_size); };
  for (const Source& source : sources)
    if (!source.name.channel.empty() && source.info.channels == 1) sets[stem_of(source)].insert(source.name.channel);
  std::set<std::string> said;
  std::erase_if(sources, [&](Source& source) {
    if (source.name.channel.empty()) return false;
    const auto found = sets.find(stem_of(source));
    const bool is_member = source.info.channels == 1 && found != sets.end() && found->second.contains("L") && found->second.contains("R");
    if (!is_member) {
      source.name.channel.clear();
      return false;
    }
    if (said.insert(found->first).second) {
      notes.push_back(fmt::format("{}: {} mono members become mono tracks at their loudspeakers", found->first, found->second.size()));
    }
    if (source.name.channel != "LFE") return false;
    notes.push_back(fmt::format("left out {}: a mono track cannot feed the LFE alone; interleave the stem into one file to keep it", source.path));
    return true;
  });
}

std::optional<double> azimuth_of(std::string_view channel) {
  for (const Layout layout : {Layout::surround_51, Layout::surround_71}) {
    for (const RingSpeaker& speaker : speaker_ring(layout))
      if (channel_names(layout)[static_cast<std::size_t>(speaker.channel)] == channel) return speaker.azimuth_deg;
  }
  return std::nullopt;
}

// The variables of the document: each maps a language to the way it is spelled in some of the paths.
using Spelling = std::map<std::string, std::string>;

std::string variable_name(std::size_t index) { return index == 0 ? "lang" : fmt::format("lang{}", index + 1); }

struct Languages {
  std::vector<std::string> all;  // sorted, English first
  std::vector<Spelling> variables;

  std::size_t variable_for(const Spelling& wanted) {
    for (std::size_t i = 0; i < variables.size(); ++i)
      if (variables[i] == wanted) return i;
    variables.push_back(wanted);
    return variables.size() - 1;
  }
};

std::string title_of_path(const std::string& path) { return fs::path(path).replace_extension().generic_string(); }

// Turns files into items: the same file in every language becomes one item with a variable in its path.
std::vector<Item> gather_items(const std::vector<Source>& sources, int rate, const std::string& prefix, Languages& languages) {
  const auto speaks = [](const Source& s) { return s.name.kind->role == mix::Role::dialogue || s.name.kind->role == mix::Role::narration; };
  std::map<std::string, std::map<std::string, const Source*>> groups;  // path with the tag taken out -> language -> file
  for (const Source& source : sources) {
    const auto& tag = source.name.language;
    groups[tag ? without(source.path, tag->at, tag->size, "\x01") : source.path][tag ? tag->language : ""] = &source;
  }
  std::set<std::string> all;
  for (auto& [key, files] : groups) {
    const bool is_spoken = !files.contains("") && (files.size() > 1 || speaks(*files.begin()->second));
    if (is_spoken) for (const auto& [language, file] : files) all.insert(language);
  }
  languages.all.assign(all.begin(), all.end());
  std::stable_partition(languages.all.begin(), languages.all.end(), [](const std::string& l) { return l == "en" || l.starts_with("en-"); });

  const auto item_of = [&](const Source& source) {
    Item item{source.name.kind, prefix + source.path, title_of_path(source.path), *layout_of(source.info.channels), 0, std::nullopt, ""};
    item.frames = (source.info.frames * rate + source.info.sample_rate - 1) / source.info.sample_rate;
    if (!source.name.channel.empty()) item.azimuth_deg = azimuth_of(source.name.channel);
    return item;
  };
  std::vector<Item> items;
  for (const auto& [key, files] : groups) {
    const bool is_spoken = !files.contains("") && (files.size() > 1 || speaks(*files.begin()->second));
    Spelling spelling;
    std::set<int> channel_counts;
    for (const auto& [language, file] : files) {
      if (is_spoken) spelling[language] = file->path.substr(file->name.language->at, file->name.language->size);
      channel_counts.insert(file->info.channels);
    }
    if (!is_spoken || files.size() != all.size() || channel_counts.size() != 1) {  // a path of its own for each file
      for (const auto& [language, file] : files) {
        items.push_back(item_of(*file));
        if (is_spoken && all.size() > 1) items.back().only_in = language;
      }
      continue;
    }
    const Source& first = *files.begin()->second;
    const std::string variable = variable_name(languages.variable_for(spelling));
    Item item = item_of(first);
    item.file = prefix + without(first.path, first.name.language->at, first.name.language->size, "{" + variable + "}");
    item.name = title_of_path(without(first.path, first.name.language->at, first.name.language->size));
    for (const auto& [language, file] : files) item.frames = std::max(item.frames, item_of(*file).frames);
    items.push_back(std::move(item));
  }
  return items;
}

// Long files are stems, a track each from the start; short ones of a kind are lines or spots, one after another on one track.
std::vector<Tracks> lay_out(const std::vector<Item>& items, int rate) {
  Frames longest = 0;
  for (const Item& item : items) longest = std::max(longest, item.frames);
  std::vector<Tracks> tracks;
  std::map<std::string, std::size_t> of_lines;
  for (const Item& item : items) {
    const bool is_stem = item.azimuth_deg || (item.frames * 2 >= longest && static_cast<double>(longest) >= kStemSeconds * rate);
    if (is_stem) {
      tracks.push_back({{item}, item.name, false});
      continue;
    }
    const std::string key = fmt::format("{}/{}/{}", item.kind->bus, name_of(item.layout), item.only_in);
    const auto [place, is_new] = of_lines.try_emplace(key, tracks.size());
    if (is_new) tracks.push_back({{}, item.name, false});
    Tracks& track = tracks[place->second];
    track.items.push_back(item);
    track.one_after_another = track.items.size() > 1;
  }
  std::set<std::string> used;
  for (Tracks& track : tracks) {
    const Item& first = track.items.front();
    if (track.one_after_another) {
      track.name = fmt::format("{} {}{}", first.kind->bus, name_of(first.layout), first.only_in.empty() ? "" : " " + first.only_in);
    }
    std::string base = track.name;
    std::erase_if(base, [](char c) { return c == '*' || c == '?' || c == '[' || c == ']'; });  // mutes are globs on track names
    for (int n = 2; !used.insert(track.name = (n == 2 ? base : fmt::format("{} {}", base, n - 1))).second;) ++n;
  }
  return tracks;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) { return fmt::format("{}", fmt::join(parts, between)); }

std::string buses_text(const std::vector<const StemKind*>& kinds, Layout main) {
  std::vector<std::string> lines;
  for (const StemKind* kind : kinds) {
    const std::string role = kind->role_name.empty() ? "" : fmt::format(", \"role\": \"{}\"", kind->role_name);
    lines.push_back(fmt::format("    {{ \"name\": \"{}\", \"layout\": \"{}\"{} }}", kind->bus, name_of(main), role));
  }
  return joined(lines, ",\n");
}

// The tracks, and through `length` the end of the last clip.
std::string tracks_text(const std::vector<Tracks>& tracks, int rate, Frames& length) {
  std::vector<std::string> out;
  for (const Tracks& track : tracks) {
    const Item& first = track.items.front();
    std::vector<std::string> clips;
    Frames at = 0;
    for (const Item& item : track.items) {
      clips.push_back(fmt::format("{{ \"file\": {}, \"at\": {} }}", quote_json(item.file), at));
      length = std::max(length, at + item.frames);
      at += (item.frames / rate + 2) * rate;  // the next whole second, and one more
    }
    std::string text = track.one_after_another ? "    // One after another in the order of their names: give each its place.\n" : "";
    text += fmt::format("    {{ \"name\": {}, \"bus\": \"{}\", \"layout\": \"{}\",\n      \"clips\": [ {} ]", quote_json(track.name), first.kind->bus,
                        name_of(first.layout), joined(clips, ",\n                 "));
    if (first.azimuth_deg) text += fmt::format(",\n      \"pan\": {{ \"azimuth\": {} }}", *first.azimuth_deg);
    out.push_back(text + " }");
  }
  return joined(out, ",\n");
}

std::string versions_text(const Languages& languages, const std::vector<Tracks>& tracks) {
  std::vector<std::string> lines;
  for (const std::string& language : languages.all) {
    std::vector<std::string> set, mute;
    for (std::size_t i = 0; i < languages.variables.size(); ++i)
      set.push_back(fmt::format("\"{}\": {}", variable_name(i), quote_json(languages.variables[i].at(language))));
    for (const Tracks& track : tracks)
      if (!track.items.front().only_in.empty() && track.items.front().only_in != language) mute.push_back(quote_json(track.name));
    std::string line = fmt::format("    {{ \"name\": \"{}\"", language);
    if (!set.empty()) line += fmt::format(", \"set\": {{ {} }}", joined(set, ", "));
    if (!mute.empty()) line += fmt::format(",\n      \"mute\": {{ \"tracks\": [{}] }}", joined(mute, ", "));
    lines.push_back(line + " }");
  }
  return joined(lines, ",\n");
}

std::string deliverables_text(const std::vector<const StemKind*>& kinds, Layout main, const Languages& languages) {
  std::string tag = main == Layout::stereo ? "20" : std::string(name_of(main));
  std::erase(tag, '.');
  const std::string version = languages.all.empty() ? "" : "_{version}";
  std::vector<std::string> lines, under_the_voices;
  lines.push_back(fmt::format("    {{ \"name\": \"printmaster\", \"layout\": \"{}\", \"file\": \"{{title}}{}_{}.wav\", \"bits\": 24 }}",
                              name_of(main), version, tag));
  if (main != Layout::stereo) {
    lines.push_back(fmt::format(
        "    {{ \"name\": \"stereo\", \"layout\": \"stereo\", \"downmix\": \"lo_ro\", \"file\": \"{{title}}{}_20.wav\", \"bits\": 24 }}", version));
  }
  for (const StemKind* kind : kinds)
    if (kind->role != mix::Role::dialogue && kind->role != mix::Role::narration) under_the_voices.push_back(fmt::format("\"{}\"", kind->bus));
  if (!under_the_voices.empty() && under_the_voices.size() < kinds.size()) {
    const std::string once = languages.all.empty() ? "" : fmt::format(", \"versions\": [\"{}\"]", languages.all.front());
    lines.push_back(fmt::format("    // Music and effects are the same in every language: written once.\n"
                                "    {{ \"name\": \"me\", \"layout\": \"{}\", \"include\": [{}]{}, \"file\": \"{{title}}_ME_{}.wav\", \"bits\": 24 }}",
                                name_of(main), joined(under_the_voices, ", "), once, tag));
  }
  lines.push_back(fmt::format("    {{ \"name\": \"stems\", \"per_bus\": true, \"file\": \"stems/{{title}}{}_{{bus}}.wav\", \"bits\": 24 }}", version));
  return joined(lines, ",\n");
}

std::string folder_name(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(folder, error);
  const std::string name = (error ? folder : whole).filename().string();
  return name.empty() ? "mix" : name;
}

}  // namespace

Result<MixDraft> draft_mix(const std::string& folder, const std::string& document_path) {
  MixDraft draft;
  TRY_ASSIGN(std::vector<Source> sources, find_sources(folder, draft.notes));
  const int rate = rate_of_most(sources);
  settle_multi_mono(sources, draft.notes);

  std::error_code error;
  const fs::path home = fs::absolute(document_path, error).parent_path();
  const fs::path way = fs::weakly_canonical(folder, error).lexically_proximate(fs::weakly_canonical(home, error));
  const std::string prefix = way.empty() || way == "." ? "" : way.generic_string() + "/";
  if (!is_writable_in_a_document(prefix)) return fail(Errc::invalid_input, "{}: a folder name with a brace, or not in UTF-8; rename it", prefix);

  Languages languages;
  const std::vector<Item> items = gather_items(sources, rate, prefix, languages);
  const std::vector<Tracks> tracks = lay_out(items, rate);
  Layout main = Layout::stereo;
  std::vector<const StemKind*> kinds;
  for (const Item& item : items) {
    main = std::max(main, item.layout);
    if (item.azimuth_deg && std::abs(*item.azimuth_deg) != 30) {
      const bool is_71 = std::abs(*item.azimuth_deg) == 90 || std::abs(*item.azimuth_deg) == 135;
      main = std::max(main, is_71 ? Layout::surround_71 : Layout::surround_51);
    }
    if (std::find(kinds.begin(), kinds.end(), item.kind) == kinds.end()) kinds.push_back(item.kind);
  }
  std::sort(kinds.begin(), kinds.end());  // all point into one array: its order

  Frames length = 0;
  const std::string track_list = tracks_text(tracks, rate, length);
  std::string title = folder_name(folder);
  for (char& c : title)
    if (c == '{' || c == '}' || c == '\\' || static_cast<unsigned char>(c) < 0x20) c = '_';
  const std::string seconds = fmt::format("{:.3f}", static_cast<double>(length) / rate);

  std::string& text = draft.text;
  text = fmt::format("// Written by dubfarm init from {}. A start, not a mix: levels are 0 dB, nothing is panned or equalised yet.\n{{\n",
                     counted(sources.size(), "file"));
  text += fmt::format("  \"dubfarm\": 1,\n  \"title\": {},\n  \"sample_rate\": {},  // most files have it; others are converted\n", quote_json(title), rate);
  text += "  \"frame_rate\": \"24\",     // of the picture: timecodes are counted in it\n  \"start\": \"01:00:00:00\",  // timecode of the first sample\n";
  text += fmt::format("  \"length\": {},        // samples: {} s, the end of the last file\n\n", length, seconds);
  if (!languages.variables.empty()) {
    text += "  // What a version may change: {lang} in a file name is the language, spelled as the names spell it.\n  \"variables\": { ";
    for (std::size_t i = 0; i < languages.variables.size(); ++i)
      text += fmt::format("{}\"{}\": {}", i == 0 ? "" : ", ", variable_name(i), quote_json(languages.variables[i].at(languages.all.front())));
    text += " },\n\n";
  }
  text += fmt::format("  // Every bus here is a stem; its role tells measurement what it holds.\n  \"buses\": [\n{}\n  ],\n\n", buses_text(kinds, main));
  text += "  // Stems start with the timeline. Add \"gain_db\", \"eq\", \"pan\" and \"sends\" to a track as the mix asks.\n";
  text += fmt::format("  \"tracks\": [\n{}\n  ],\n\n", track_list);
  if (!languages.all.empty()) {
    text += fmt::format("  // Every version times every deliverable is an output.\n  \"versions\": [\n{}\n  ],\n\n", versions_text(languages, tracks));
  }
  text += fmt::format("  \"deliverables\": [\n{}\n  ]\n}}\n", deliverables_text(kinds, main, languages));

  for (const Tracks& track : tracks) {
    const std::string& only_in = track.items.front().only_in;
    if (track.one_after_another) {
      draft.notes.push_back(fmt::format("{}: {} short files laid one after another; give each its \"at\"", track.name, track.items.size()));
    }
    if (!only_in.empty()) draft.notes.push_back(fmt::format("{}: only \"{}\" has it; muted in the other versions", track.name, only_in));
  }
  draft.notes.insert(draft.notes.begin(), fmt::format("{}, {}, {}, {}", counted(sources.size(), "file"), counted(tracks.size(), "track"),
                                                      counted(std::max<std::size_t>(1, languages.all.size()), "version"), name_of(main)));
  return draft;
}

int run_init(const std::string& folder, const std::string& output_path, bool force) {
  const fs::path path = output_path.empty() ? fs::path(folder) / (folder_name(folder) + ".mix.json") : fs::path(output_path);
  std::error_code error;
  if (!force && fs::exists(fs::symlink_status(path, error))) {
    fmt::print(stderr, "error: {}: is there already; --force overwrites it, --output names another\n", path.string());
    return kBadInput;
  }
  const Result<MixDraft> draft = draft_mix(folder, path.string());
  if (!draft.ok()) {
    fmt::print(stderr, "error: {}\n", draft.error().message);
    return exit_code(draft.error().code);
  }
  if (const Result<void> written = write_file_atomically(path.string(), draft->text); !written.ok()) {
    fmt::print(stderr, "error: {}\n", written.error().message);
    return exit_code(written.error().code);
  }
  for (const std::string& note : draft->notes) fmt::print(stderr, "{}\n", note);
  fmt::print("{}\n", path.string());
  return kDone;
}

}  // namespace dubfarm::cli
