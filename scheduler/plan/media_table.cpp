#include "scheduler/plan/media_table.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "common/media/resample.hpp"
#include "common/mix/resolve.hpp"
#include "common/parallel.hpp"

namespace dubfarm::plan {
namespace {

/// One use of a file, for checks that need its header.
struct Use {
  std::string path;
  const mix::Track* track = nullptr;  // a clip's use
  const mix::Clip* clip = nullptr;
  const mix::Reverb* reverb = nullptr;  // an impulse response's use
  [[nodiscard]] const mix::Place& place() const { return clip != nullptr ? clip->place : reverb->place; }
};

std::string first_version_note(const mix::Document& document, std::size_t version) {
  return document.versions.size() > 1 ? fmt::format(" (version \"{}\")", document.versions[version].name) : "";
}

/// Advice for a file that is not there: the one beside it that was most likely meant. Names are compared without their extensions, and one
/// with another number (take 7 for take 6) was not meant.
std::string missing_file_help(const std::string& path) {
  const std::filesystem::path wanted(path);
  const auto number = [](std::string name) {
    std::erase_if(name, [](char c) { return c < '0' || c > '9'; });
    return name;
  };
  std::map<std::string, std::string> beside;  // name without extension to name
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(wanted.parent_path(), none))
    if (const std::string stem = entry.path().stem().string(); number(stem) == number(wanted.stem().string())) beside[stem] = entry.path().string();
  std::vector<std::string> stems;
  for (const auto& [stem, other] : beside) stems.push_back(stem);
  if (const std::optional<std::string> near = mix::nearest_name(wanted.stem().string(), stems)) return fmt::format("did you mean \"{}\"?", beside[*near]);
  return "paths count from the mix document's folder; check the name, its case, and the variables in it";
}

/// What is wrong with a clip, given its source's length at the mix's rate and its channels; nothing where all is well.
std::optional<mix::Diagnostic> clip_problem(const Use& use, const MediaFile& file, int mix_rate) {
  const mix::Clip& clip = *use.clip;
  const auto problem = [&](std::string message, std::string help) {
    return mix::Diagnostic{std::move(message), std::move(help), clip.place, {}};
  };
  const std::string converted = file.info.sample_rate != mix_rate ? fmt::format(" (converted from {} Hz)", file.info.sample_rate) : "";
  if (clip.in >= file.frames)
    return problem(fmt::format("clip begins past its source's end: in {}, but \"{}\" has {} frames at {} Hz{}", clip.in, use.path, file.frames, mix_rate, converted),
                   "start it earlier in the source");
  const Frames length = clip.length.value_or(file.frames - clip.in);
  if (clip.in + length > file.frames)
    return problem(fmt::format("clip reaches past its source's end: in {} + length {} = {} frames, but \"{}\" has {} frames at {} Hz{}", clip.in, length,
                               clip.in + length, use.path, file.frames, mix_rate, converted),
                   fmt::format("make the clip {} frames long or less, or start it earlier in the source", file.frames - clip.in));
  if (clip.fade_in.length + clip.fade_out.length > length)
    return problem(fmt::format("fades are longer than their clip: fade_in {} + fade_out {} = {} frames, the clip has {}", clip.fade_in.length,
                               clip.fade_out.length, clip.fade_in.length + clip.fade_out.length, length),
                   "shorten the fades, or lengthen the clip");
  const int needed = clip.channels.empty() ? channel_count(use.track->layout) : *std::max_element(clip.channels.begin(), clip.channels.end());
  if (needed > file.info.channels)
    return problem(fmt::format("\"{}\" has {} channel{}, but the clip uses channel {}", use.path, file.info.channels, file.info.channels == 1 ? "" : "s", needed),
                   fmt::format("give \"channels\" ({} of them, each 1 to {}), or change the track's layout", channel_count(use.track->layout), file.info.channels));
  return std::nullopt;
}

std::optional<mix::Diagnostic> ir_problem(const Use& use, const MediaFile& file) {
  const mix::Reverb& reverb = *use.reverb;
  const int outputs = channel_count(reverb.layout);
  const int expected = reverb.input == mix::ReverbInput::mono ? outputs : 2 * outputs;
  if (file.info.channels == expected) return std::nullopt;
  return mix::Diagnostic{fmt::format("impulse response \"{}\" has {} channel{}, reverb \"{}\" needs {}", use.path, file.info.channels,
                                     file.info.channels == 1 ? "" : "s", reverb.name, expected),
                         reverb.input == mix::ReverbInput::mono
                             ? fmt::format("a mono-input reverb to {} takes one IR channel for each of its {} channels", name_of(reverb.layout), outputs)
                             : "a stereo-input reverb takes 4 IR channels: L>L, L>R, R>L, R>R",
                         reverb.place,
                         {}};
}

}  // namespace

Result<std::string> media_path(const mix::Document& document, const std::string& pattern, const std::map<std::string, std::string>& variables) {
  TRY_ASSIGN(const std::string expanded, mix::expand(pattern, variables));
  return (std::filesystem::path(document.folder) / expanded).lexically_normal().string();
}

MediaOutcome gather_media(const mix::Document& document, std::span<const std::size_t> versions, bool with_digests, int threads,
                          media::DigestCache& digests) {
  MediaOutcome outcome;
  std::vector<Use> uses;
  std::map<std::string, std::pair<const Use*, std::size_t>> first_use;  // by path: whom to name when the file cannot be used, and in which version
  std::set<std::pair<const mix::Place*, std::string>> seen;
  std::vector<std::pair<Use, std::size_t>> found;
  for (const std::size_t v : versions) {
    const mix::VersionView view = mix::view(document, document.versions[v]);
    const auto add = [&](const std::string& pattern, Use use) {
      Result<std::string> path = media_path(document, pattern, view.variables);
      if (!path.ok()) {
        if (seen.emplace(&use.place(), pattern).second) outcome.errors.push_back({path.error().message, {}, use.place(), {}});
        return;
      }
      use.path = *path;
      if (seen.emplace(&use.place(), use.path).second) found.emplace_back(std::move(use), v);
    };
    for (std::size_t t = 0; t < document.tracks.size(); ++t)
      if (!view.track_muted[t])
        for (const mix::Clip& clip : document.tracks[t].clips) add(clip.file, Use{{}, &document.tracks[t], &clip, nullptr});
    for (const mix::Reverb& reverb : document.reverbs) add(reverb.ir, Use{{}, nullptr, nullptr, &reverb});
  }
  std::vector<std::string> paths;
  for (const auto& [use, version] : found)
    if (first_use.emplace(use.path, std::pair{&use, version}).second) paths.push_back(use.path);

  std::vector<Result<MediaFile>> files(paths.size(), Error{});
  parallel_for(paths.size(), threads, [&](std::size_t i) {
    files[i] = [&]() -> Result<MediaFile> {
      MediaFile file;
      TRY_ASSIGN(file.info, media::probe(paths[i]));
      TRY_ASSIGN(file.stamp, media::stamp(paths[i]));
      if (with_digests) { TRY_ASSIGN(file.digest, digests.digest(paths[i])); }
      file.frames = media::converted_length(file.info.frames, file.info.sample_rate, document.sample_rate);
      return file;
    }();
  });
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (files[i].ok()) {
      outcome.table.emplace(paths[i], std::move(*files[i]));
      continue;
    }
    const auto& [use, version] = first_use.at(paths[i]);
    const Error& error = files[i].error();
    if (error.code == Errc::not_found)
      outcome.errors.push_back({fmt::format("there is no file \"{}\"{}", paths[i], first_version_note(document, version)),
                                missing_file_help(paths[i]), use->place(), {}});
    else
      outcome.errors.push_back({error.message, {}, use->place(), {}});
  }
  for (const auto& [use, version] : found) {
    const auto file = outcome.table.find(use.path);
    if (file == outcome.table.end()) continue;
    if (auto problem = use.clip != nullptr ? clip_problem(use, file->second, document.sample_rate) : ir_problem(use, file->second))
      outcome.errors.push_back(std::move(*problem));
  }
  std::stable_sort(outcome.errors.begin(), outcome.errors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  return outcome;
}

}  // namespace dubfarm::plan
