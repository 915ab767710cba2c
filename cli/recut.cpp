#include "cli/recut.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "cli/exit_code.hpp"
#include "cli/recut_report.hpp"
#include "common/io.hpp"
#include "common/machine.hpp"
#include "common/mix/recut.hpp"
#include "common/mix/resolve.hpp"

namespace dubfarm::cli {
namespace {

int report_error(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  return exit_code(error.code);
}

/// Reads one list, says what is wrong with it, and makes inclusive outs exclusive.
std::optional<edl::List> read_list(const std::string& path, const std::optional<mix::FrameRate>& rate, bool has_inclusive_outs, const char* side, int& status) {
  const Result<std::string> text = mix::read_text_file(path);
  if (!text.ok()) {
    status = report_error(text.error());
    return std::nullopt;
  }
  edl::Outcome outcome = edl::parse(*text, path, rate);
  if (outcome.list) {
    if (has_inclusive_outs)
      for (edl::Event& event : outcome.list->events)
        if (event.record_out > event.record_in || event.source_out > event.source_in) ++event.record_out, ++event.source_out;
    for (const auto& [later, earlier] : edl::overlaps(*outcome.list))
      outcome.warnings.push_back({fmt::format("record times overlap: this event begins at {}, and the one in line {} ends at {}",
                                              mix::format_timecode(outcome.list->events[later].record_in, outcome.list->rate), outcome.list->events[earlier].line,
                                              mix::format_timecode(outcome.list->events[earlier].record_out, outcome.list->rate)),
                                  "where both were in the other cut, the one that goes on from before it counts", {"", outcome.list->events[later].line, 1}, "", path, true});
    if (!has_inclusive_outs && edl::outs_look_inclusive(*outcome.list))
      outcome.warnings.push_back({"the outs of this list look inclusive: event after event ends one frame before the next begins",
                                  fmt::format("if they name the last frame, say so: --inclusive-outs {}", side), {}, "", path, true});
  } else {
    for (mix::Diagnostic& error : outcome.errors)
      if (error.message == "the list does not say its frame rate") error.help = "give it with --frame-rate: " + error.help.substr(error.help.find(':') + 2);
    status = kBadInput;
  }
  const mix::FileTexts texts = {{path, *text}};
  fmt::print(stderr, "{}{}", mix::format_diagnostics("", "", outcome.warnings, texts), mix::format_diagnostics("", "", outcome.errors, texts));
  return std::move(outcome.list);
}

/// The part of a run that the mix's timeline has; how much was cut off is added to `outside`.
std::optional<mix::RecutEvent> inside(const edl::Kept& run, const mix::Document& document, std::int64_t& outside) {
  const auto sample = [&](std::int64_t frame) { return mix::audio_frames(frame - document.start_frames, document.sample_rate, document.frame_rate); };
  const std::int64_t last = document.start_frames + mix::video_frames(document.length, document.sample_rate, document.frame_rate);
  const std::int64_t skip = std::max<std::int64_t>({0, document.start_frames - run.new_at, document.start_frames - run.old_at});
  const std::int64_t end = std::min(run.length, last - run.old_at);
  outside += run.length - std::max<std::int64_t>(0, end - skip);
  if (end <= skip) return std::nullopt;
  const Frames at = sample(run.new_at + skip);
  return mix::RecutEvent{at, sample(run.old_at + skip), sample(run.new_at + end) - at};
}

/// The mix that the report looks at.
struct LoadedMix {
  std::string text;
  mix::Document document;
};

std::optional<LoadedMix> read_mix(const std::string& path, int& status) {
  Result<std::string> text = mix::read_text_file(path);
  if (!text.ok()) {
    status = report_error(text.error());
    return std::nullopt;
  }
  mix::ParseOutcome parsed = mix::parse_mix(*text, path);
  if (!parsed.document) {
    fmt::print(stderr, "{}", mix::format_diagnostics(*text, path, parsed.errors));
    status = kBadInput;
    return std::nullopt;
  }
  return LoadedMix{std::move(*text), std::move(*parsed.document)};
}

/// Looks at what the recut does to the first version of the mix.
bool inspect_mix(const RecutOptions& options, LoadedMix& mix, RecutReport& report) {
  mix::Document& document = mix.document;
  mix::Version& version = document.versions.front();
  version.recut = mix::Recut{};
  version.recut->fade = mix::audio_frames(1, document.sample_rate, {100, 1, 100, false});
  for (const edl::Kept& run : report.comparison.kept)
    if (const auto event = inside(run, document, report.outside_mix_frames)) version.recut->events.push_back(*event);
  report.document = &document;
  if (version.recut->events.empty()) {
    fmt::print(stderr, "error: nothing that the two cuts share lies on the mix's timeline, which begins at {}\nhelp: check \"start\" in the mix, and the hour of the lists\n",
               mix::format_timecode(document.start_frames, document.frame_rate));
    return false;
  }
  media::DigestCache no_digests("");
  const std::vector<std::size_t> first{0};
  const plan::MediaOutcome media = plan::gather_media(document, first, false, usable_processors(), no_digests);
  if (!media.errors.empty()) {
    fmt::print(stderr, "{}", mix::format_diagnostics(mix.text, options.mix, media.errors));
    return false;
  }
  report.findings = plan::cut_findings(document, version, media.table, {.level_db = options.jump_db});
  return true;
}

/// The runs as they go into the change list: those that a mix does not have cut off.
edl::Comparison for_output(const RecutReport& report) {
  edl::Comparison out = report.comparison;
  if (report.document == nullptr) return out;
  const mix::Document& d = *report.document;
  const std::int64_t last = d.start_frames + mix::video_frames(d.length, d.sample_rate, d.frame_rate);
  for (edl::Kept& run : out.kept) {
    const std::int64_t skip = std::max<std::int64_t>({0, d.start_frames - run.new_at, d.start_frames - run.old_at});
    run.length = std::min(run.length, last - run.old_at) - skip;
    run.new_at += skip, run.old_at += skip;
  }
  std::erase_if(out.kept, [](const edl::Kept& run) { return run.length <= 0; });
  return out;
}

}  // namespace

int run_recut(const RecutOptions& options) {
  std::optional<mix::FrameRate> rate;
  if (!options.frame_rate.empty()) {
    rate = mix::frame_rate_named(options.frame_rate);
    if (!rate) {
      fmt::print(stderr, "error: unknown frame rate \"{}\"\nhelp: write 23.976, 24, 25, 29.97, 29.97df, 30, 47.952, 48, 50, 59.94, 59.94df or 60\n", options.frame_rate);
      return kBadInput;
    }
  }
  int status = kDone;
  std::optional<LoadedMix> mix;
  if (!options.mix.empty()) {
    mix = read_mix(options.mix, status);
    if (!mix) return status;
    const mix::FrameRate own = mix->document.frame_rate;
    if (rate && *rate != own) {
      fmt::print(stderr, "error: --frame-rate is {}, and the mix counts {}\nhelp: a change list counts as the mix does; leave --frame-rate out\n", options.frame_rate, mix::name_of(own));
      return kBadInput;
    }
    rate = own;
  }
  const auto is_inclusive = [&](const char* side) { return options.inclusive_outs == side || options.inclusive_outs == "both"; };
  const auto old_list = read_list(options.old_list, rate, is_inclusive("old"), "old", status);
  if (old_list && !rate) rate = old_list->rate;  // a list that drops frames says so; the other one counts alike
  const auto new_list = read_list(options.new_list, rate, is_inclusive("new"), "new", status);
  if (!old_list || !new_list) return status;

  RecutReport report;
  report.old_path = options.old_list;
  report.new_path = options.new_list;
  report.old_list = &*old_list;
  report.new_list = &*new_list;
  report.comparison = edl::compare(*old_list, *new_list, {.heals = options.heal});
  if (report.comparison.kept.empty()) {
    fmt::print(stderr, "error: the two lists share nothing: no reel, source file or clip name of {} has a source timecode that {} has too\n"
               "help: a change list needs two cuts of one picture, with the same reels or clip names\n", options.new_list, options.old_list);
    return kBadInput;
  }
  if (mix && !inspect_mix(options, *mix, report)) return kBadInput;
  if (!options.output.empty()) {
    const std::string list = edl::change_list_json(for_output(report), *rate);
    if (Result<void> written = write_file_atomically(options.output, list); !written.ok()) return report_error(written.error());
  }
  fmt::print("{}", options.json ? recut_json(report) : recut_text(report));
  return kDone;
}

}  // namespace dubfarm::cli
