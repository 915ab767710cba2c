// Two cuts of one picture compared: which stretches of the new one stood in the old one, and where (docs/formats/change-list.md).
// Threads: every function here is pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/edl/edl.hpp"

namespace dubfarm::edl {

/// A stretch of a cut, in video frames of its record side: [from, to).
struct Range {
  std::int64_t from = 0, to = 0;
  [[nodiscard]] std::int64_t length() const { return to - from; }
  bool operator==(const Range&) const = default;
};

/// A run: [new_at, new_at + length) of the new cut is [old_at, old_at + length) of the old one, without a break in either.
struct Kept {
  std::int64_t new_at = 0, old_at = 0, length = 0;
  bool is_moved = false;     // out of the order that the longest chain of other runs has in both cuts
  bool is_repeated = false;  // some of it is in an earlier run of the new cut too
  [[nodiscard]] std::int64_t new_end() const { return new_at + length; }
  [[nodiscard]] std::int64_t old_end() const { return old_at + length; }
  bool operator==(const Kept&) const = default;
};

/// Inside a run: other pictures in the same place. The sound goes on under them.
struct Replaced {
  std::int64_t new_at = 0, old_at = 0, length = 0;
  bool operator==(const Replaced&) const = default;
};

struct CompareOptions {
  bool heals = true;  // false: replaced stretches are holes
};

struct Comparison {
  Range old_range, new_range;      // from the first record in to the last record out of each list
  std::vector<Kept> kept;          // runs in the new order; neighbours do not join
  std::vector<Range> removed;      // of the old cut: in no run
  std::vector<Range> inserted;     // of the new cut: in no run
  std::vector<Replaced> replaced;  // inside runs
  std::vector<std::string> unknown_reels;  // of the new cut, that the old one does not have and that no clip name stands for; sorted
  std::int64_t by_name_frames = 0;         // of the new cut: found by clip name, under another reel
  std::int64_t disputed_frames = 0;        // where channels of the new cut come from different places of the old one
  bool compares_sound_old = false, compares_sound_new = false;  // no picture in that list: its sound channels were compared
};

/// Events are the same stretch where reel (or source file) and source timecode agree; of several such, those with the same clip name come
/// first. Where no reel agrees, a clip name with the same source timecode does. "AX" is no reel. A source's speed must agree, and so must its
/// in where it is not the list's own; events without source timecode (in and out alike) agree as a whole or not at all. The record
/// side says how long an event is. Lists with picture are compared by it, others by all their sound channels.
/// Runs: neighbouring frames with one distance between old and new are one run, whatever cuts either list has there; so are two
/// with one distance and a gap between, unless what stood in the gap was moved elsewhere: its pictures were replaced.
[[nodiscard]] Comparison compare(const List& old_cut, const List& new_cut, const CompareOptions& options = {});

/// A place in the new cut where the sound of the old one does not simply go on: from the end of one run to the beginning of the next.
struct Cut {
  Range at;                             // of the new cut; empty where two runs meet, else the stretch that has no sound yet
  std::optional<std::int64_t> old_out;  // where the run before it ends in the old cut; none at the very start
  std::optional<std::int64_t> old_in;   // where the run behind it begins in the old cut; none at the very end
  [[nodiscard]] std::int64_t removed() const { return old_out && old_in && *old_in > *old_out ? *old_in - *old_out : 0; }
};
[[nodiscard]] std::vector<Cut> cuts(const Comparison& comparison);

/// Finds what a list has in a stretch of its record side. Keeps a reference to the list.
class NamesIn {
 public:
  explicit NamesIn(const List& list);
  /// In record order, each once: clip names, else reels. At most `most` of them, then how many more; empty where there is nothing, or black.
  [[nodiscard]] std::string operator()(Range range, std::size_t most = 2) const;

 private:
  std::vector<const Event*> events_;     // in record order
  std::vector<std::int64_t> furthest_;   // the furthest record out of events_[0 ... i]
};

/// The change list as JSON, an event a line, positions and lengths as timecodes (docs/formats/change-list.md).
[[nodiscard]] std::string change_list_json(const Comparison& comparison, const mix::FrameRate& rate);

}  // namespace dubfarm::edl
