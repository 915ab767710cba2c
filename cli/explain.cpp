#include "cli/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/exit_code.hpp"
#include "cli/planned_mix.hpp"
#include "common/mix/parse.hpp"
#include "common/mix/resolve.hpp"
#include "scheduler/plan/explain.hpp"
#include "scheduler/plan/plan_record.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::cli {
namespace {

/// What is known of one chunk. `status`: "reused", "new", "changed", "lost", "renderer".
struct Finding {
  std::string status;
  std::vector<plan::Difference> differences;
};

/// The mix as it was rendered last; without a document where it cannot be read any more.
struct LastRender {
  std::optional<plan::PlanRecord> record;
  std::optional<mix::Document> document;
  std::set<program::Key> keys;

  LastRender(const PlannedMix& planned, const std::string& path) {
    if (!planned.store) return;
    record = plan::recall(*planned.store, path);
    if (!record) return;
    keys.insert(record->keys.begin(), record->keys.end());
    document = mix::parse_mix(record->text, path).document;
    for (std::size_t v = 0; document && v < document->versions.size(); ++v) {  // change lists as they were then
      mix::Version& version = document->versions[v];
      if (const auto recut = record->recuts.find(version.name); version.recut && recut != record->recuts.end()) version.recut->events = recut->second;
    }
  }
  /// The version and stem of these names, where their media and their change list were recorded too.
  [[nodiscard]] std::optional<plan::VersionProgrammer> programmer(const std::string& version_name) const {
    if (!document) return std::nullopt;
    for (const mix::Version& version : document->versions) {
      if (version.name != version_name) continue;
      if (version.recut && !record->recuts.contains(version_name)) return std::nullopt;
      const mix::VersionView view = mix::view(*document, version);
      const auto is_recorded = [&](const std::string& pattern) {
        const Result<std::string> file = plan::media_path(*document, pattern, view.variables);
        return file.ok() && record->media.contains(*file);
      };
      for (std::size_t t = 0; t < document->tracks.size(); ++t)
        for (const mix::Clip& clip : document->tracks[t].clips)
          if (!view.track_muted[t] && !is_recorded(clip.file)) return std::nullopt;
      for (const mix::Reverb& reverb : document->reverbs)
        if (!is_recorded(reverb.ir)) return std::nullopt;
      return plan::VersionProgrammer(*document, version, record->media);
    }
    return std::nullopt;
  }
  [[nodiscard]] std::optional<std::size_t> bus(const std::string& name) const {
    for (std::size_t b = 0; document && b < document->buses.size(); ++b)
      if (document->buses[b].name == name && !document->buses[b].parent) return b;
    return std::nullopt;
  }
};

std::string sentence(const Finding& finding) {
  if (finding.status == "reused") return "reused";
  if (finding.status == "new") return "renders: new; this mix was not rendered into this store before, or not this version and stem of it";
  if (finding.status == "lost") return "renders: its key was seen, but its blob is not in the store any more";
  if (finding.status == "renderer") return "renders: another numeric profile; what rendered it last gives other bits";
  std::string text = "renders: ";
  for (const plan::Difference& difference : finding.differences) text += (text.ends_with(": ") ? "" : "; ") + difference.what;
  return text;
}

}  // namespace

int run_explain(const ExplainOptions& options) {
  int status = kDone;
  const std::optional<PlannedMix> planned = load_planned_mix(options.mix, options.store, {options.version, "*"}, options.json, status);
  if (!planned) return status;
  const mix::Document& document = *planned->document;
  const plan::Plan& plan = planned->plan;
  std::optional<Frames> at;
  if (!options.at.empty()) {
    const Result<std::int64_t> video = mix::parse_timecode(options.at, document.frame_rate);
    if (!video.ok()) {
      fmt::print(stderr, "error: --at: {}\n", video.error().message);
      return kBadInput;
    }
    at = mix::audio_frames(*video - document.start_frames, document.sample_rate, document.frame_rate);
  }
  const LastRender last(*planned, options.mix);
  const auto timecode = [&](Frames frame) {
    const Frames video = frame * document.frame_rate.numerator / (static_cast<Frames>(document.frame_rate.denominator) * document.sample_rate);
    return mix::format_timecode(document.start_frames + video, document.frame_rate);
  };

  std::size_t stems = 0;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const plan::StemTimeline& timeline : plan.timelines) {
    const std::string& version = document.versions[timeline.version].name;
    const std::string& stem = document.buses[timeline.bus].name;
    if (!mix::glob_match(options.stem, stem)) continue;
    ++stems;
    const plan::VersionProgrammer now(document, document.versions[timeline.version], *planned->media);
    const std::optional<plan::VersionProgrammer> before = last.programmer(version);
    const std::optional<std::size_t> old_bus = last.bus(stem);
    bool is_silent = true;
    for (const plan::Placement& p : timeline.placements) {
      if (at && (*at < p.first || *at >= p.first + p.length)) continue;
      is_silent = false;
      Finding finding;
      if (planned->is_stored[p.chunk]) finding.status = "reused";
      else if (last.keys.contains(plan.chunks[p.chunk].key)) finding.status = "lost";
      else if (!last.record || !before || !old_bus) finding.status = "new";
      else if (last.record->numeric_profile != planned->numeric_profile) finding.status = "renderer";
      else {
        finding.status = "changed";
        finding.differences = plan::differences({*last.document, *before, last.record->media, *old_bus}, {document, now, *planned->media, timeline.bus}, p.first, p.first + p.length);
      }
      if (options.json) {
        nlohmann::ordered_json reasons = nlohmann::ordered_json::array();
        for (const plan::Difference& d : finding.differences) reasons.push_back({{"kind", plan::name_of(d.kind)}, {"what", d.what}});
        list.push_back({{"version", version}, {"stem", stem}, {"from", timecode(p.first)}, {"to", timecode(p.first + p.length)}, {"first", p.first}, {"length", p.length},
                        {"key", plan.chunks[p.chunk].key.hex()}, {"status", finding.status}, {"reasons", reasons}});
      } else {
        fmt::print("{}  {}  {} - {}  {}\n", version, stem, timecode(p.first), timecode(p.first + p.length), sentence(finding));
      }
    }
    if (is_silent && at && !options.json) fmt::print("{}  {}  {}  silence: nothing to render\n", version, stem, timecode(*at));
  }
  if (stems == 0) {
    fmt::print(stderr, "error: no stem matches --stem \"{}\"\n", options.stem);
    return kBadInput;
  }
  if (options.json) fmt::print("{}\n", list.dump(2));
  return kDone;
}

}  // namespace dubfarm::cli
