// The chunk programs of one version: what feeds each stem, from when on, and the part of every clip and curve that a window hears.
#pragma once
#include <map>
#include <optional>
#include <vector>

#include "common/mix/document.hpp"
#include "common/mix/recut.hpp"
#include "common/mix/resolve.hpp"
#include "common/program/program.hpp"
#include "scheduler/plan/boundaries.hpp"
#include "scheduler/plan/media_table.hpp"

namespace dubfarm::plan {

/// `automation` as [from, until) hears it, relative to `origin`: a constant where nothing moves inside the window, else the points from the
/// last at or before `from` to the first at or after `until`. `add` is added to every value.
[[nodiscard]] mix::Automation cut_level(const mix::Automation& automation, double add, Frames origin, Frames from, Frames until);

/// The same on a version's timeline, which is cut from the document's: a piece for each stretch of `time` that the window meets.
[[nodiscard]] mix::Automation cut_level(const mix::Automation& automation, double add, const mix::TimeMap& time, Frames origin, Frames from, Frames until);

/// A band as [from, until) hears it. A moving band keeps every point that its control grid is counted from (mix format, Levels and automation).
[[nodiscard]] program::Band cut_band(const mix::EqBand& band, Frames origin, Frames from, Frames until);
[[nodiscard]] program::Band cut_band(const mix::EqBand& band, const mix::TimeMap& time, Frames origin, Frames from, Frames until);

/// What the parts of a program are in the document: indices, in the program's order.
struct ProgramParts {
  std::vector<std::size_t> tracks, reverbs, buses;
};

/// One version of a document, ready to be cut into chunks. Keeps references to the document and the media.
class VersionProgrammer {
 public:
  VersionProgrammer(const mix::Document& document, const mix::Version& version, const MediaTable& media);

  /// Where stem `bus` is cut: chunk_boundaries() of all that feeds it. Versions in which it sounds the same cut it in the same places.
  /// @param policy  absent: the usual one. It looks at the document's routing alone, so that a mute moves no boundary far away.
  [[nodiscard]] std::vector<Frames> boundaries(std::size_t bus, const std::optional<BoundaryPolicy>& policy) const;
  /// The program of stem `bus` over [begin, end) of the timeline; nothing where that stretch is silence.
  [[nodiscard]] std::optional<program::Program> program(std::size_t bus, Frames begin, Frames end, ProgramParts* parts = nullptr) const;

 private:
  /// How long before a window of one stem every node must run, by its index in the document, for what it feeds to have settled.
  struct Reach {
    std::vector<Frames> bus, reverb_out, reverb_in, track;  // the convolution's output and input apart; kNever: not part of the stem
  };
  struct Clip {  // a piece of one, where a recut cuts it
    const mix::Clip* clip;
    const MediaFile* media;
    Frames at, length;    // on the version's timeline
    Frames skipped;       // frames of the clip before the piece
    Frames whole_length;  // of the clip
    Frames join_in, join_out;
  };
  struct Track {
    const mix::Track* track;
    bool muted;
    std::vector<Clip> clips;  // document order; inside a clip by position
    Frames eq_decay;
  };
  struct Reverb {
    const mix::Reverb* reverb;
    const MediaFile* ir;
    Frames eq_decay;
  };
  struct Window;
  [[nodiscard]] Reach reach_of(std::size_t stem, bool of_muted_too = false) const;
  void place_clips(const Track& track, Frames origin, Frames from, Frames until, Window& window, program::Track& out) const;

  const mix::Document& document_;
  mix::VersionView view_;
  mix::TimeMap time_;
  std::vector<Track> tracks_;
  std::vector<Reverb> reverbs_;
  std::vector<Frames> bus_decay_;
  std::vector<std::size_t> children_first_;  // all buses, children before parents
};

}  // namespace dubfarm::plan
