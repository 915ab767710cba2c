// What a recut does to a mix where it cuts: what the mixer wants to look at, boundary by boundary (dubfarm recut --mix).
// Pure: the same document, media and recut give the same findings.
#pragma once
#include <string>
#include <vector>

#include "common/mix/document.hpp"
#include "common/mix/recut.hpp"
#include "scheduler/plan/media_table.hpp"

namespace dubfarm::plan {

enum class FindingKind : std::uint8_t { fade, jump, tail };

/// One thing at one boundary. Of a fade and a jump there may be one on each side of it.
struct Finding {
  FindingKind kind = FindingKind::fade;
  std::string node;    // as the document names it: track "DX 1", bus "MX", reverb "Hall"
  std::string detail;  // for people: clip "line1.flac" is cut 0.120 s into its fade-in of 0.500 s
};

/// A boundary of the new timeline whose two sides do not join, with what it does.
struct MixCut {
  Frames at = 0;  // on the new timeline
  std::vector<Finding> findings;
};

struct FindingLimits {
  double level_db = 3;        // faders, sends, EQ gains; levels below -60 dB count as -60 dB
  double azimuth_deg = 15;    // the shorter way round
  double frequency_octaves = 1.0 / 3;
};

/// The boundaries at which there is something to look at, in order. `version` is a version of the document whose recut is the one to judge;
/// variables, mutes and faders are the version's own. Media as gather_media finds them.
/// fade: a clip is cut inside its fade-in or fade-out. jump: an automation of a track that sounds at the boundary, of a bus or of a
/// reverb differs between the two sides by more than the limits. tail: a reverb's response to what sounded before the boundary is longer than
/// the way to it, so that it rings into what follows.
[[nodiscard]] std::vector<MixCut> cut_findings(const mix::Document& document, const mix::Version& version, const MediaTable& media,
                                               const FindingLimits& limits = {});

}  // namespace dubfarm::plan
