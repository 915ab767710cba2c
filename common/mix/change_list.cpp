// Change lists: JSON and CMX3600, into the events of a recut.
#include <algorithm>
#include <filesystem>
#include <map>

#include "common/edl/edl.hpp"
#include "common/mix/recut.hpp"
#include "common/mix/resolve.hpp"

namespace dubfarm::mix {
namespace {

constexpr std::string_view kMakeOne = "a change list has the old timeline as its source; two cut lists make one: dubfarm recut OLD.edl NEW.edl -o changes.json";
constexpr std::size_t kMaxWarningsOfAKind = 3;

bool is_timecode(const JsonNode& node) { return node.type == JsonType::string && node.string.find(':') != std::string::npos; }

Frames one_video_frame(int sample_rate, const FrameRate& rate) { return audio_frames(1, sample_rate, rate) + 1; }

/// A sample's timecode, rounded to the nearest video frame.
std::string timecode_at(Frames at, const Clock& clock) {
  return format_timecode(video_frames(at, *clock.sample_rate, *clock.frame_rate) + clock.start_frames, *clock.frame_rate);
}

/// An event with the place to name when something is wrong with it.
struct Placed {
  RecutEvent event;
  std::size_t item;
};

/// Orders events by their new position and reports those that overlap: `report(later item, earlier item)`.
template <class Report>
std::vector<RecutEvent> ordered(std::vector<Placed> events, const Report& report) {
  std::stable_sort(events.begin(), events.end(), [](const Placed& a, const Placed& b) { return a.event.at < b.event.at; });
  std::vector<RecutEvent> out;
  const Placed* furthest = nullptr;
  for (const Placed& placed : events) {
    if (furthest != nullptr && furthest->event.at + furthest->event.length > placed.event.at) report(placed, *furthest);
    if (furthest == nullptr || furthest->event.at + furthest->event.length < placed.event.at + placed.event.length) furthest = &placed;
    out.push_back(placed.event);
  }
  return out;
}

}  // namespace

std::vector<RecutEvent> read_change_list(Reader& reader, const Value& list, Frames old_length) {
  std::vector<Placed> events;
  reader.each(list, "a list of events", [&](const Value& item) {
    const Fields fields(reader, item, kRecutEventObject);
    const auto at = fields.required("new", "write where on the new timeline it begins");
    const auto old_at = fields.required("old", "write where on the old timeline it stood");
    const auto length = fields.required("length", "write how long it is");
    if (!at || !old_at || !length) return;
    const auto new_frames = reader.position(*at), old_frames = reader.position(*old_at);
    auto frames = reader.length(*length, 1);
    if (!new_frames || !old_frames || !frames) return;
    const Clock& clock = reader.clock;
    if (is_timecode(at->node) && is_timecode(length->node)) {
      const std::int64_t end = *parse_timecode(at->node.string, *clock.frame_rate) + *parse_timecode(length->node.string, *clock.frame_rate);
      frames = audio_frames(end - clock.start_frames, *clock.sample_rate, *clock.frame_rate) - *new_frames;
    }
    if (*new_frames < 0)
      reader.error(*at, fmt::format("an event begins {} samples before the timeline", -*new_frames), "the timeline begins at \"start\", sample 0", "before the start");
    else if (clock.sample_rate && clock.frame_rate &&
             (*old_frames < 0 || *old_frames + *frames > old_length + one_video_frame(*clock.sample_rate, *clock.frame_rate)))
      reader.error(*old_at,
                   fmt::format("an event takes samples {} to {} of the old timeline, which has samples 0 to {}", *old_frames, *old_frames + *frames, old_length),
                   "what stands outside of the old timeline cannot be kept; shorten the event or move it", "outside the old timeline");
    else
      events.push_back({{*new_frames, *old_frames, *frames}, item.index});
  });
  if (list.node.type == JsonType::array && list.node.items.empty())
    reader.error(list, "a change list without an event", "write what is kept: [{ \"new\": 0, \"old\": 0, \"length\": \"00:01:00:00\" }]", "empty");
  return ordered(std::move(events), [&](const Placed& later, const Placed& earlier) {
    reader.error(list.item(later.item),
                 fmt::format("events overlap on the new timeline: this one begins at sample {}, and event {} ends at sample {}", later.event.at, earlier.item + 1,
                             earlier.event.at + earlier.event.length),
                 "each moment of the new timeline has one event or none", "overlaps");
  });
}

namespace {

/// Reads one change list for a document's clock.
class ChangeList {
 public:
  ChangeList(const Document& document, const std::string& path, const std::string& text, RecutOutcome& out)
      : document_(document), path_(path), text_(text), out_(out) {
    clock_.sample_rate = document.sample_rate;
    clock_.frame_rate = document.frame_rate;
    clock_.start_frames = document.start_frames;
  }

  std::vector<RecutEvent> read() {
    const std::size_t first = text_.find_first_not_of(text_.starts_with("\xEF\xBB\xBF") ? "\xEF\xBB\xBF \t\r\n" : " \t\r\n");
    const bool is_json = first != std::string::npos && (text_[first] == '[' || text_[first] == '{' || text_[first] == '/');
    return is_json ? read_json() : read_edl();
  }

 private:
  void report(Diagnostic diagnostic) {
    diagnostic.file = path_;
    (diagnostic.is_warning ? out_.warnings : out_.errors).push_back(std::move(diagnostic));
  }

  std::vector<RecutEvent> read_json() {
    const auto parsed = parse_json(text_);
    if (const auto* error = std::get_if<JsonError>(&parsed)) {
      report({error->message, "a change list is a CMX3600 list, or a JSON list of { \"new\", \"old\", \"length\" }", {error->pointer, error->spot.line, error->spot.column}, ""});
      return {};
    }
    Reader reader;
    reader.clock = clock_;
    std::vector<RecutEvent> events = read_change_list(reader, Value{std::get<JsonNode>(parsed)}, document_.length);
    for (Diagnostic& error : reader.errors) report(std::move(error));
    return events;
  }

  [[nodiscard]] Frames sample(std::int64_t video_frame) const {
    return audio_frames(video_frame - document_.start_frames, document_.sample_rate, document_.frame_rate);
  }

  void at_event(const edl::Event& event, bool is_warning, std::string message, std::string help) {
    report({std::move(message), std::move(help), {"", event.line, 1}, "", "", is_warning});
  }

  /// Reports the first of a kind with their places, and how many more there are.
  void warn(const std::vector<const edl::Event*>& events, const std::string& message, const std::string& help) {
    for (std::size_t i = 0; i < std::min(events.size(), kMaxWarningsOfAKind); ++i)
      at_event(*events[i], true, i + 1 == kMaxWarningsOfAKind && events.size() > kMaxWarningsOfAKind ? fmt::format("{} (and {} more)", message, events.size() - kMaxWarningsOfAKind) : message, help);
  }

  std::vector<RecutEvent> read_edl() {
    edl::Outcome outcome = edl::parse(text_, path_, document_.frame_rate);
    for (Diagnostic& warning : outcome.warnings) report(std::move(warning));
    for (Diagnostic& error : outcome.errors) report(std::move(error));
    if (!outcome.list) return {};
    const std::vector<edl::Event>& events = outcome.list->events;
    std::vector<Placed> placed;
    std::vector<const edl::Event*> transitions, uneven;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const edl::Event& event = events[i];
      if (event.transition == edl::Transition::dissolve || event.transition == edl::Transition::wipe) transitions.push_back(&event);
      if (event.length() == 0 || event.channels == 0 || edl::is_black(event.reel)) continue;
      if (const auto kept = keep(event)) {
        if (event.source_out - event.source_in != event.length()) uneven.push_back(&event);
        // Sound channels and picture repeat what moves: one event serves them all.
        const bool is_repeat = !placed.empty() && placed.back().event == *kept;
        if (!is_repeat) placed.push_back({*kept, i});
      }
    }
    std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
      return std::tuple(a.event.at, a.event.old_at, a.event.length) < std::tuple(b.event.at, b.event.old_at, b.event.length);
    });
    placed.erase(std::unique(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.event == b.event; }), placed.end());
    warn(transitions, "a dissolve or wipe in a change list is taken as a cut at its start", "where two sides do not join, a recut fades over recut_fade");
    warn(uneven, "source and record differ in length: the record side rules", "the source out follows from the record side; check the list's frame rate and its outs");
    if (edl::outs_look_inclusive(*outcome.list))
      report({"the outs of this list look inclusive: event after event ends one frame before the next begins", "export the list with exclusive outs, as CMX3600 has them; as it is, "
              "every cut gets a hole of one frame", {}, "", "", true});
    if (placed.empty() && out_.errors.empty()) report({"no event of this list keeps anything: all are black or without length", std::string(kMakeOne), {}, ""});
    return ordered(std::move(placed), [&](const Placed& later, const Placed& earlier) {
      at_event(events[later.item], false,
               fmt::format("record times overlap: this event begins at {}, and the one in line {} ends at {}", format_timecode(events[later.item].record_in, document_.frame_rate),
                           events[earlier.item].line, format_timecode(events[earlier.item].record_out, document_.frame_rate)),
               "each moment of the new timeline has one event or none, on all channels alike");
    });
  }

  std::optional<RecutEvent> keep(const edl::Event& event) {
    const std::string reel = quote_json(event.reel);
    if (event.transition == edl::Transition::key) {
      at_event(event, false, "a key in a change list", "one thing over another is no recut; take the event out");
      return std::nullopt;
    }
    const double own = document_.frame_rate.nominal;
    if (event.speed_fps && *event.speed_fps != own) {
      at_event(event, false, fmt::format("this event plays {} at {} frames a second, and a recut plays at its own speed, {}", reel, *event.speed_fps, own),
               "take the event out, or its M2 line");
      return std::nullopt;
    }
    const RecutEvent kept{sample(event.record_in), sample(event.source_in), sample(event.record_out) - sample(event.record_in)};
    const auto shown = [&](std::int64_t frame) { return format_timecode(frame, document_.frame_rate); };
    if (kept.at < 0) {
      at_event(event, false, fmt::format("record in {} is before the mix's start, {}", shown(event.record_in), shown(document_.start_frames)),
               "the record side counts on the mix's own timecode; check \"start\" and the list");
      return std::nullopt;
    }
    if (kept.old_at < 0 || kept.old_at + kept.length > document_.length + one_video_frame(document_.sample_rate, document_.frame_rate)) {
      at_event(event, false, fmt::format("reel {} from {} to {} is no part of the old timeline, {} to {}", reel, shown(event.source_in),
                                         shown(event.source_in + event.length()), shown(document_.start_frames), timecode_at(document_.length, clock_)),
               std::string(kMakeOne));
      return std::nullopt;
    }
    return kept;
  }

  const Document& document_;
  const std::string& path_;
  const std::string& text_;
  RecutOutcome& out_;
  Clock clock_;
};

}  // namespace

RecutOutcome load_recuts(Document& document, std::span<const std::size_t> versions) {
  RecutOutcome out;
  std::map<std::string, std::vector<RecutEvent>> by_path;
  for (const std::size_t v : versions) {
    Version& version = document.versions[v];
    if (!version.recut || version.recut->file.empty()) continue;
    const Result<std::string> name = expand(version.recut->file, variables_of(document, version));
    if (!name.ok()) {
      out.errors.push_back({name.error().message, "", version.recut->place, ""});
      continue;
    }
    const std::string path = (std::filesystem::path(document.folder) / *name).lexically_normal().string();
    const auto [entry, is_new] = by_path.try_emplace(path);
    if (is_new) {
      Result<std::string> text = read_text_file(path);
      if (!text.ok()) {
        const bool is_missing = text.error().code == Errc::not_found;
        out.errors.push_back({is_missing ? fmt::format("there is no change list \"{}\" (version \"{}\")", path, version.name) : text.error().message,
                              "paths count from the mix document's folder; check the name, its case, and the variables in it", version.recut->place, "no such file"});
        if (!is_missing) out.errors.back().help = "", out.errors.back().note = "";
        continue;
      }
      const std::string& kept = out.texts.emplace(path, std::move(*text)).first->second;
      entry->second = ChangeList(document, path, kept, out).read();
    }
    version.recut->events = entry->second;
    if (entry->second.empty()) continue;
    for (const Deliverable& deliverable : document.deliverables)
      if (any_glob_matches(deliverable.versions, version.name) && deliverable.measure_from.value_or(0) >= length_of(document, version))
        out.errors.push_back({fmt::format("version \"{}\" is {} samples long, and deliverable \"{}\" measures from sample {} on", version.name,
                                          length_of(document, version), deliverable.name, *deliverable.measure_from),
                              "\"measure\" counts on each version's own timeline; give this version a deliverable of its own", version.recut->place, ""});
  }
  return out;
}

}  // namespace dubfarm::mix
