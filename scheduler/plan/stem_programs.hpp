// The chunk programs of one version: what feeds each stem, from when on, and the part of every clip and curve that a window hears.
#pragma once
#include <map>
#include <optional>
#include <vector>

#include "common/mix/document.hpp"
#include "common/mix/resolve.hpp"
#include "common/program/program.hpp"
#include "scheduler/plan/media_table.hpp"

namespace dubfarm::plan {

/// `automation` as [from, until) hears it, relative to `origin`: a constant where nothing moves inside the window, else the points from the
/// last at or before `from` to the first at or after `until`. `add` is added to every value.
[[nodiscard]] mix::Automation cut_level(const mix::Automation& automation, double add, Frames origin, Frames from, Frames until);

/// A band as [from, until) hears it. A moving band keeps every point that its control grid is counted from (mix format, Levels and automation).
[[nodiscard]] program::Band cut_band(const mix::EqBand& band, Frames origin, Frames from, Frames until);

/// One version of a document, ready to be cut into chunks. Keeps references to the document and the media.
class VersionProgrammer {
 public:
  VersionProgrammer(const mix::Document& document, const mix::Version& version, const MediaTable& media);

  /// The program of stem `bus` over [begin, end) of the timeline; nothing where that stretch is silence.
  [[nodiscard]] std::optional<program::Program> program(std::size_t bus, Frames begin, Frames end) const;

 private:
  struct Clip {
    const mix::Clip* clip;
    const MediaFile* media;
    Frames at, length;
  };
  struct Track {
    const mix::Track* track;
    bool muted;
    std::vector<Clip> clips;  // document order
    Frames eq_decay;
  };
  struct Reverb {
    const mix::Reverb* reverb;
    const MediaFile* ir;
    Frames eq_decay;
  };
  struct Window;
  void place_clips(const Track& track, Frames origin, Frames from, Frames until, Window& window, program::Track& out) const;

  const mix::Document& document_;
  mix::VersionView view_;
  std::vector<Track> tracks_;
  std::vector<Reverb> reverbs_;
  std::vector<Frames> bus_decay_;
  std::vector<std::size_t> children_first_;  // all buses, children before parents
};

}  // namespace dubfarm::plan
