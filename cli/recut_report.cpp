#include "cli/recut_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dubfarm::cli {
namespace {

using nlohmann::ordered_json;

/// A cut with all that the report says of it.
struct Entry {
  edl::Cut cut;
  std::int64_t removed = 0;                // frames of the old cut between its two sides that no run has
  const edl::Kept* behind = nullptr;       // the run that begins after it
  std::vector<const plan::MixCut*> found;  // at its begin and its end
};

std::vector<Entry> entries_of(const RecutReport& report) {
  const edl::Comparison& c = report.comparison;
  std::vector<Entry> entries;
  for (const edl::Cut& cut : edl::cuts(c)) {
    Entry entry{cut, 0, nullptr, {}};
    const auto behind = std::partition_point(c.kept.begin(), c.kept.end(), [&](const edl::Kept& run) { return run.new_at < cut.at.to; });
    if (behind != c.kept.end() && behind->new_at == cut.at.to) entry.behind = &*behind;
    const std::int64_t from = cut.old_out.value_or(c.old_range.from), to = cut.old_in.value_or(c.old_range.to);
    for (auto r = std::partition_point(c.removed.begin(), c.removed.end(), [&](const edl::Range& range) { return range.to <= from; });
         r != c.removed.end() && r->from < to; ++r)
      entry.removed += std::min(r->to, to) - std::max(r->from, from);
    if (report.document != nullptr) {
      const mix::Document& d = *report.document;
      std::int64_t last = INT64_MIN;
      for (const std::int64_t frame : {cut.at.from, cut.at.to}) {
        if (frame == last) continue;
        last = frame;
        const Frames at = mix::audio_frames(frame - d.start_frames, d.sample_rate, d.frame_rate);
        const auto found = std::partition_point(report.findings.begin(), report.findings.end(), [&](const plan::MixCut& m) { return m.at < at; });
        if (found != report.findings.end() && found->at == at) entry.found.push_back(&*found);
      }
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

const char* name_of(plan::FindingKind kind) {
  switch (kind) {
    case plan::FindingKind::fade: return "fade";
    case plan::FindingKind::jump: return "jump";
    case plan::FindingKind::tail: return "tail";
  }
  return "";
}

std::string counted(std::size_t count, const char* one, const char* many) { return fmt::format("{} {}", count, count == 1 ? one : many); }

std::int64_t sum(const std::vector<edl::Range>& ranges) {
  std::int64_t frames = 0;
  for (const edl::Range& range : ranges) frames += range.length();
  return frames;
}

std::string with_names(const std::string& text, const std::string& names) { return names.empty() ? text : fmt::format("{} ({})", text, names); }

}  // namespace

std::string recut_text(const RecutReport& report) {
  const edl::Comparison& c = report.comparison;
  const mix::FrameRate& rate = report.new_list->rate;
  const auto tc = [&](std::int64_t frame) { return mix::format_timecode(frame, rate); };
  const auto tc_or = [&](const std::optional<std::int64_t>& frame, const char* otherwise) { return frame ? tc(*frame) : std::string(otherwise); };
  const edl::NamesIn old_names(*report.old_list), new_names(*report.new_list);
  std::int64_t kept = 0;
  std::vector<const edl::Kept*> moved;
  for (const edl::Kept& run : c.kept) {
    kept += run.length;
    if (run.is_moved || run.is_repeated) moved.push_back(&run);
  }
  const std::vector<Entry> entries = entries_of(report);
  std::string out = fmt::format("{} ({}) to {} ({}), {} frames a second\nkept {} in {}, removed {} in {}, inserted {} in {}, moved {}\n", report.old_path,
                                tc(c.old_range.length()), report.new_path, tc(c.new_range.length()), mix::name_of(rate), tc(kept), counted(c.kept.size(), "run", "runs"),
                                tc(sum(c.removed)), counted(c.removed.size(), "place", "places"), tc(sum(c.inserted)), counted(c.inserted.size(), "place", "places"),
                                counted(moved.size(), "run", "runs"));
  if (c.compares_sound_old || c.compares_sound_new)
    out += fmt::format("note: {} no picture; sound channels were compared\n",
                       c.compares_sound_old && c.compares_sound_new ? "neither list has" : fmt::format("{} has", c.compares_sound_old ? report.old_path : report.new_path));
  if (c.by_name_frames > 0) out += fmt::format("note: {} found by clip name, under another reel\n", tc(c.by_name_frames));
  if (c.disputed_frames > 0) out += fmt::format("note: in {} the channels of {} come from different places; the one that went on was taken\n", tc(c.disputed_frames), report.new_path);
  if (report.outside_mix_frames > 0) out += fmt::format("note: {} of what is kept lies outside of the mix's timeline, and is left out\n", tc(report.outside_mix_frames));

  out += fmt::format("\ncuts: {}\n", entries.size());
  if (!entries.empty()) out += fmt::format("{:>5}  {:<11}  {:<11}  {:<11}\n", "", "new", "old out", "old in");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    std::string what;
    const auto say = [&](const std::string& text) { what += (what.empty() ? "" : "; ") + text; };
    if (entry.removed > 0)
      say(with_names("removed " + tc(entry.removed), old_names({entry.cut.old_out.value_or(c.old_range.from), entry.cut.old_in.value_or(c.old_range.to)})));
    if (entry.cut.at.length() > 0) say(with_names("needs sound for " + tc(entry.cut.at.length()), new_names(entry.cut.at)));
    if (entry.behind != nullptr && entry.behind->is_moved) say(with_names("moved " + tc(entry.behind->length), new_names({entry.behind->new_at, entry.behind->new_end()})));
    if (entry.behind != nullptr && entry.behind->is_repeated) say("heard before");
    if (what.empty()) say("order changes");
    out += fmt::format("{:>5}  {:<11}  {:<11}  {:<11}  {}\n", i + 1, tc(entry.cut.at.from), tc_or(entry.cut.old_out, "-"), tc_or(entry.cut.old_in, "-"), what);
    for (const plan::MixCut* cut : entry.found)
      for (const plan::Finding& finding : cut->findings)
        out += fmt::format("       {}{}: {}: {}\n", name_of(finding.kind), cut == entry.found.back() && entry.found.size() > 1 ? " at " + tc(entry.cut.at.to) : "", finding.node, finding.detail);
  }
  const auto section = [&](const char* title, std::size_t count) { if (count > 0) out += fmt::format("\n{}: {}\n", title, count); };
  section("removed from the old cut", c.removed.size());
  for (const edl::Range& range : c.removed) out += with_names(fmt::format("  {} to {}  {}", tc(range.from), tc(range.to), tc(range.length())), old_names(range)) + "\n";
  section("needs sound in the new cut", c.inserted.size());
  for (const edl::Range& range : c.inserted) out += with_names(fmt::format("  {} to {}  {}", tc(range.from), tc(range.to), tc(range.length())), new_names(range)) + "\n";
  section("moved or repeated", moved.size());
  for (const edl::Kept* run : moved)
    out += with_names(fmt::format("  {} to {}  from {}{}", tc(run->new_at), tc(run->new_end()), tc(run->old_at), run->is_repeated ? ", heard before" : ""),
                      new_names({run->new_at, run->new_end()})) + "\n";
  section("other pictures in the same place, sound kept", c.replaced.size());
  for (const edl::Replaced& r : c.replaced)
    out += fmt::format("  {} to {}  {}, was {}\n", tc(r.new_at), tc(r.new_at + r.length), new_names({r.new_at, r.new_at + r.length}), old_names({r.old_at, r.old_at + r.length}));
  section("reels that the old cut does not have", c.unknown_reels.size());
  for (const std::string& reel : c.unknown_reels) out += "  " + reel + "\n";
  return out;
}

std::string recut_json(const RecutReport& report) {
  const edl::Comparison& c = report.comparison;
  const mix::FrameRate& rate = report.new_list->rate;
  const edl::NamesIn old_names(*report.old_list), new_names(*report.new_list);
  const auto tc = [&](std::int64_t frame) { return mix::format_timecode(frame, rate); };
  const auto tc_or_null = [&](const std::optional<std::int64_t>& frame) { return frame ? ordered_json(tc(*frame)) : ordered_json(nullptr); };
  const auto list = [&](const std::string& path, const edl::List& of, const edl::Range& range) {
    return ordered_json{{"path", path}, {"title", of.title}, {"events", of.events.size()}, {"from", tc(range.from)}, {"to", tc(range.to)}};
  };
  const auto ranges = [&](const std::vector<edl::Range>& all, const edl::NamesIn& names) {
    ordered_json out = ordered_json::array();
    for (const edl::Range& range : all) out.push_back({{"from", tc(range.from)}, {"to", tc(range.to)}, {"frames", range.length()}, {"clips", names(range)}});
    return out;
  };
  ordered_json kept = ordered_json::array(), cuts = ordered_json::array(), replaced = ordered_json::array();
  for (const edl::Kept& run : c.kept)
    kept.push_back({{"new", tc(run.new_at)}, {"old", tc(run.old_at)}, {"length", tc(run.length)}, {"frames", run.length}, {"moved", run.is_moved}, {"repeated", run.is_repeated}});
  for (const Entry& entry : entries_of(report)) {
    ordered_json cut = {{"new_from", tc(entry.cut.at.from)},
                        {"new_to", tc(entry.cut.at.to)},
                        {"old_out", tc_or_null(entry.cut.old_out)},
                        {"old_in", tc_or_null(entry.cut.old_in)},
                        {"removed_frames", entry.removed},
                        {"hole_frames", entry.cut.at.length()}};
    if (report.document != nullptr) {
      cut["findings"] = ordered_json::array();
      for (const plan::MixCut* at : entry.found)
        for (const plan::Finding& finding : at->findings)
          cut["findings"].push_back({{"kind", name_of(finding.kind)}, {"sample", at->at}, {"node", finding.node}, {"detail", finding.detail}});
    }
    cuts.push_back(std::move(cut));
  }
  for (const edl::Replaced& r : c.replaced)
    replaced.push_back({{"new", tc(r.new_at)}, {"old", tc(r.old_at)}, {"frames", r.length}, {"clips", new_names({r.new_at, r.new_at + r.length})},
                        {"old_clips", old_names({r.old_at, r.old_at + r.length})}});
  ordered_json document = {{"dubfarm_recut", 1},
                           {"frame_rate", mix::name_of(rate)},
                           {"old", list(report.old_path, *report.old_list, c.old_range)},
                           {"new", list(report.new_path, *report.new_list, c.new_range)},
                           {"kept", std::move(kept)},
                           {"cuts", std::move(cuts)},
                           {"removed", ranges(c.removed, old_names)},
                           {"inserted", ranges(c.inserted, new_names)},
                           {"replaced", std::move(replaced)},
                           {"unknown_reels", c.unknown_reels},
                           {"by_name_frames", c.by_name_frames},
                           {"disputed_frames", c.disputed_frames}};
  if (report.document != nullptr) document["mix"] = {{"path", report.document->path}, {"outside_frames", report.outside_mix_frames}};
  return document.dump(2) + "\n";
}

}  // namespace dubfarm::cli
