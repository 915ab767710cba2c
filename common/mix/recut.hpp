// Recut versions (docs/mix-format.md, Recut): change lists read, and what they make of a timeline. A recut is a map from the new time to
// the old: clips are cut into pieces by it, automation is read through it, and everything behind them runs on the new timeline.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/mix/document.hpp"
#include "common/mix/parse.hpp"
#include "common/mix/reader.hpp"

namespace dubfarm::mix {

/// Reads a list of { "new", "old", "length" }, reports every mistake, and gives the events in the order of the new timeline.
/// An event whose "new" and "length" are both timecodes ends where the sum of the two stands, so that neighbours meet at any frame rate.
/// @param old_length  of the document's timeline: events reach no further than a video frame past it.
[[nodiscard]] std::vector<RecutEvent> read_change_list(Reader& reader, const Value& list, Frames old_length);

struct RecutOutcome {
  std::vector<Diagnostic> errors, warnings;
  FileTexts texts;  // of the change lists that they are about
};
/// Reads the change lists that `versions` (indices) name, each file once, into Recut::events. A file whose first character is "[" is JSON,
/// any other a CMX3600 list: source in is the old position, record in and out the new ones.
/// Errors: no such file; no list; for CMX3600 also overlapping record times, motion effects and keys; events outside the timelines.
/// Warnings: dissolves and wipes, which become the recut's own fade; outs that look inclusive; lengths on the two sides that differ.
[[nodiscard]] RecutOutcome load_recuts(Document& document, std::span<const std::size_t> versions);

/// Of the version's own timeline: the document's unless it is recut.
[[nodiscard]] Frames length_of(const Document& document, const Version& version);

/// A stretch [begin, end) of a version's timeline. At position t stands what stood at t + shift; without a shift, nothing: a hole.
struct TimeStretch {
  Frames begin = 0, end = 0;
  std::optional<Frames> shift;
  bool operator==(const TimeStretch&) const = default;
};
/// In a hole every automation has the value of this position of the document's timeline.
inline constexpr Frames kHolePosition = -1;

/// Part of a clip on a version's timeline: frames [skipped, skipped + length) of the clip, from `at` on. join_in and join_out are the
/// lengths of its equal_power fades at a recut's edges, 0 where there are none.
struct ClipPiece {
  Frames at = 0, skipped = 0, length = 0;
  Frames join_in = 0, join_out = 0;
  bool operator==(const ClipPiece&) const = default;
};

/// From a version's time to the document's; the identity for a version that is not recut.
class TimeMap {
 public:
  TimeMap(const Document& document, const Version& version);
  [[nodiscard]] Frames length() const { return length_; }
  /// Cover [0, length()) without gaps; neighbours do not join in the old time.
  [[nodiscard]] std::span<const TimeStretch> stretches() const { return stretches_; }
  /// The stretches that meet [from, until), which lies inside the timeline.
  [[nodiscard]] std::span<const TimeStretch> stretches(Frames from, Frames until) const;
  [[nodiscard]] std::vector<TimeStretch> holes() const;
  /// What is heard of a clip that stands at `at` in the document, in the order of the new timeline.
  [[nodiscard]] std::vector<ClipPiece> pieces(Frames at, Frames length) const;

 private:
  struct Edge {
    RecutEvent event;
    bool joins_before, joins_after;  // the neighbour goes on in the old time too, or the timeline begins or ends here
  };
  Frames length_ = 0;
  Frames reach_ = 0;  // half of recut_fade
  bool is_recut_ = false;
  std::vector<TimeStretch> stretches_;
  std::vector<Edge> by_old_;          // ascending in old_at
  std::vector<Frames> furthest_old_;  // the furthest end in old time of by_old_[0 ... i]
};

}  // namespace dubfarm::mix
