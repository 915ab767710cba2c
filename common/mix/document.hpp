// The mix document as checked data (docs/mix-format.md). Every time is in frames at the mix's rate; positions count from timeline
// frame 0. What a version changes (variables, mutes, faders) is not applied here: see resolve.hpp.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/layout.hpp"
#include "common/mix/timecode.hpp"
#include "common/units.hpp"

namespace dubfarm::mix {

/// A place in the document, for messages: JSON pointer (RFC 6901), and 1-based line and column of the value.
struct Place {
  std::string pointer;
  int line = 0;
  int column = 0;
};

struct AutomationPoint {
  Frames at = 0;
  double value = 0;
  bool operator==(const AutomationPoint&) const = default;
};

/// What rules an automation from a position on, as Automation itself does before it.
struct AutomationPiece {
  Frames from = 0;
  double constant = 0;
  std::vector<AutomationPoint> points;
  bool operator==(const AutomationPiece&) const = default;
};

/// A number, or points with strictly increasing positions. Before the first point it holds the first value, after the last the last.
/// `later` is never written by a document: a recut puts pieces of one automation behind each other, and values may jump between them. The
/// points of a piece may lie outside the stretch that it rules, where they are not heard but decide its slope and its control grid.
struct Automation {
  double constant = 0;                      // the value where `points` is empty
  std::vector<AutomationPoint> points;      // empty: constant
  std::vector<AutomationPiece> later = {};  // `from` strictly increasing
  [[nodiscard]] bool is_constant() const { return points.empty() && later.empty(); }
  bool operator==(const Automation&) const = default;
};
/// The pieces of an automation, each without `later`; the first rules from the beginning of time, whatever its `from`.
[[nodiscard]] std::vector<AutomationPiece> pieces_of(const Automation& automation);

enum class FadeCurve : std::uint8_t { linear, equal_power, cosine };
struct Fade {
  Frames length = 0;
  FadeCurve curve = FadeCurve::linear;
};

enum class FilterType : std::uint8_t { peak, lowshelf, highshelf, highpass, lowpass, bandpass, notch, allpass };
struct EqBand {
  FilterType type = FilterType::peak;
  Automation freq_hz, q, gain_db;  // freq and q are interpolated in their logarithm
  Place place;
};

struct Clip {
  std::string file;           // as written: with {variables}, relative to the document's folder
  std::vector<int> channels;  // 1-based source channels, one per channel of the track; empty: the first ones in order
  Frames at = 0;
  Frames in = 0;
  std::optional<Frames> length;  // default: the rest of the source
  double gain_db = 0;
  Fade fade_in, fade_out;
  Place place;  // of the "file" value
};

struct Send {
  std::size_t reverb = 0;  // index into Document::reverbs
  Automation gain_db;
  bool pre_fader = false;
};

struct Track {
  std::string name;
  std::size_t bus = 0;  // index into Document::buses
  Layout layout = Layout::mono;
  std::vector<Clip> clips;
  std::vector<EqBand> eq;
  Automation gain_db;
  Automation azimuth_deg;             // mono tracks only; positive is left
  std::optional<Automation> lfe_db;   // adds the post-fader signal (mixed to mono) to the bus's LFE
  bool mute = false;
  std::vector<Send> sends;
  Place place;
};

enum class Role : std::uint8_t { none, dialogue, music, effects, ambience, foley, audience, narration };

struct Bus {
  std::string name;
  Layout layout = Layout::stereo;
  std::vector<EqBand> eq;
  Automation gain_db;
  std::optional<std::size_t> parent;  // index into Document::buses; none: a stem
  Role role = Role::none;
  Place place;
};

enum class ReverbInput : std::uint8_t { mono, stereo };
struct Reverb {
  std::string name;
  std::string ir;  // file, as Clip::file
  std::size_t bus = 0;
  Layout layout = Layout::stereo;
  ReverbInput input = ReverbInput::mono;
  Frames predelay = 0;
  Automation gain_db;
  std::vector<EqBand> eq;
  Place place;  // of the "ir" value
};

struct Adjust {
  std::vector<std::string> tracks, buses;  // globs
  double gain_db = 0;
};
/// A stretch that a recut keeps: [at, at + length) of the new timeline is what stood on [old_at, old_at + length) of the document's.
struct RecutEvent {
  Frames at = 0, old_at = 0, length = 0;
  bool operator==(const RecutEvent&) const = default;
};
struct Recut {
  std::string file;                // the change list, as Clip::file; empty where the events stand in the document
  std::vector<RecutEvent> events;  // ascending, without overlap; those of a file are there once load_recuts() has read it
  Frames fade = 0;                 // "recut_fade": twice the longest that a clip is extended past an edge
  std::optional<Frames> length;    // of the new timeline; default: the end of the last event
  Place place;                     // of the "recut" value
};
struct Version {
  std::string name;
  std::map<std::string, std::string> set;            // variables
  std::vector<std::string> mute_tracks, mute_buses;  // globs
  std::vector<Adjust> adjust;
  std::optional<Recut> recut;
  Place place;
};

enum class SampleType : std::uint8_t { int16, int24, int32, float32 };
enum class Dither : std::uint8_t { none, tpdf };
enum class Split : std::uint8_t { none, mono };
enum class ChannelOrder : std::uint8_t { smpte, film };
enum class FileFormat : std::uint8_t { wav, rf64, bw64, flac, aiff };

/// What a deliverable's one static gain brings to the loudness of its spec; none: no gain.
enum class Normalize : std::uint8_t { none, program, dialogue };
/// A true-peak limiter, linked over all channels (kernels/limit).
struct Limiter {
  double ceiling_dbtp = -1;
  Frames lookahead = 0, release = 0;        // release: in which the gain recovers by 6 dB
  std::optional<double> max_reduction_db;   // the most that it may take off; what needs more is refused
};
/// me: music and effects, for dubbing; parse_mix has made sure that no dialogue reaches it.
enum class DeliverableKind : std::uint8_t { mix, me };

/// What quality control looks for in an output (mix format, Quality control).
struct QcSettings {
  bool is_on = true;
  Frames silence = 0;          // digital silence that may last so long; the parser sets 30 s where the document says nothing
  double correlation = 0;      // of a stereo output: the least
  double mono_loss_db = 6;     // of a stereo output heard in mono: the most
  bool dropouts = true, clicks = true;
  bool strict = false;         // what would be a warning fails
  bool operator==(const QcSettings&) const = default;
};

/// What an output holds before the timeline or after it: silence, and in it a sync pop.
struct Leader {
  Frames length = 0;
  std::optional<Frames> pop;  // leader: how long before the timeline's first frame the pop begins; tail: how long after its end
  bool operator==(const Leader&) const = default;
};

struct Deliverable {
  std::string name;
  Layout layout = Layout::stereo;  // not used where per_bus
  std::string file;                // pattern: {title} {version} {deliverable} {bus} {channel} and variables
  std::vector<std::string> include{"*"};   // globs on stem names
  std::map<std::string, double> mix;       // stem name to dB
  std::optional<Matrix> matrix;            // rows: layout; columns: the stem's layout
  std::vector<std::string> versions{"*"};  // globs
  bool per_bus = false;
  SampleType sample_type = SampleType::int24;
  Dither dither = Dither::tpdf;
  Split split = Split::none;
  ChannelOrder order = ChannelOrder::smpte;
  std::string loudness;                    // name of a delivery spec, or the path of a user's own; empty: none asked
  Place loudness_place;
  FileFormat format = FileFormat::wav;
  std::optional<Frames> measure_from, measure_to;
  Normalize normalize = Normalize::none;
  std::optional<Limiter> limiter;
  std::optional<std::size_t> follow;       // index into Document::deliverables: whose gain and limiter it takes
  DeliverableKind kind = DeliverableKind::mix;
  QcSettings qc;
  std::optional<Leader> leader, tail;
  Place place;
};

struct Document {
  std::string path;    // of the file, as given
  std::string folder;  // relative media paths count from here
  std::string title;
  int sample_rate = 48000;
  FrameRate frame_rate;
  std::int64_t start_frames = 0;  // timecode of timeline frame 0, in video frames
  Frames length = 0;
  std::map<std::string, std::string> variables;
  std::vector<Bus> buses;
  std::vector<Reverb> reverbs;
  std::vector<Track> tracks;
  std::vector<Version> versions;  // never empty: "main" where the document names none
  std::vector<Deliverable> deliverables;
};

}  // namespace dubfarm::mix
