// CMX3600 edit decision lists, as editing systems write them: Avid, Premiere, Resolve and conform tools, with long reel names, several
// sound channels, dissolves and wipes, drop-frame, motion effects and comments. Threads: every function here is pure.
// Source: SMPTE RP 146 and the CMX 3600 list format; field order and comments as found in lists of those systems.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/mix/parse.hpp"
#include "common/mix/timecode.hpp"

namespace dubfarm::edl {

enum class Transition : std::uint8_t { cut, dissolve, wipe, key };

/// Which tracks an event is cut into: bit 0 is picture, bit n sound channel n. None at all: "NONE".
using Channels = std::uint64_t;
inline constexpr int kMaxSoundChannel = 63;

/// One line of the list. Times are video frames from 00:00:00:00, outs exclusive; a time past midnight counts on from there.
struct Event {
  int line = 0;        // of the text, from 1
  std::string number;  // as written: "001"
  std::string reel;
  Channels channels = 0;
  Transition transition = Transition::cut;
  std::int64_t transition_frames = 0;  // of a dissolve, wipe or key, from its record in on
  std::int64_t source_in = 0, source_out = 0, record_in = 0, record_out = 0;
  std::string clip_name;              // of what it plays: "* FROM CLIP NAME", or "* TO CLIP NAME" of a dissolve's incoming side
  std::string source_file;            // "* SOURCE FILE"
  std::optional<double> speed_fps;    // "M2": source frames a second; 0 a freeze, negative backwards
  [[nodiscard]] std::int64_t length() const { return record_out - record_in; }
};

struct List {
  std::string title;
  mix::FrameRate rate;  // of the record side
  std::vector<Event> events;
};

/// `list` is there exactly when `errors` is empty. Names are UTF-8, whatever the file had (UTF-8 or Latin-1).
struct Outcome {
  std::optional<List> list;
  std::vector<mix::Diagnostic> errors, warnings;  // by line; `file` is the path that was given
};

/// Reads a list. Line ends of any system, a byte order mark, tabs and blank lines are taken as they come; lines that are no event and no
/// comment that matters are passed over.
/// @param rate  of the record side. Absent: 29.97df or 59.94df where the list says drop-frame; else an error, because a list does not name
///              its frame rate. "FCM" lines and ";" say how a source counts where the rate has drop-frame at all.
/// Errors: no text or no event; an event without its four timecodes; a timecode, channel or transition that is none; an out before its in.
[[nodiscard]] Outcome parse(std::string_view text, const std::string& path, std::optional<mix::FrameRate> rate);

/// Pairs of events (indices, the later in record time first) that are cut into one channel at one time, in record order. Keys and events
/// without length overlap nothing.
[[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> overlaps(const List& list);

/// Outs that look inclusive: at least three boundaries between neighbouring events, and nine in ten of them gaps of exactly one frame.
[[nodiscard]] bool outs_look_inclusive(const List& list);

/// "BL" in any case: black, or silence.
[[nodiscard]] bool is_black(std::string_view reel);

}  // namespace dubfarm::edl
