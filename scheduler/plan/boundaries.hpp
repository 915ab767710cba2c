// Where a stem is cut into chunks: by what sounds in it, not by the clock, so that an edit moves the boundaries beside it and no others.
//
// Sound and silence part first: a rest that is long enough belongs to no chunk. Inside a stretch of sound, candidates are the edges of clips
// and points on a fixed grid in source time; each has a hash of what sounds there. They are taken in ascending order of their hashes: one
// becomes a boundary where the stretch that it lies in is still too long and both sides stay long enough. What decides about a candidate is
// therefore its neighbourhood alone, and the same content gets the same boundaries wherever it stands. The idea is that of content-defined
// chunking of byte streams (A. Muthitacharoen and others, "A Low-bandwidth Network File System", SOSP 2001); the lengths are measured in
// docs/decisions/0007.
// Threads: every function here is pure and may run on any thread.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "common/media/digest.hpp"
#include "common/units.hpp"

namespace dubfarm::plan {

/// How stems are cut. Frames.
struct BoundaryPolicy {
  Frames shortest = 0;  // no boundary inside sound is nearer to its neighbours
  Frames longest = 0;   // a stretch above it is cut where a candidate allows it
  Frames bed = 0;       // above 0: between clip edges further apart than this, where nobody has edited, both lengths count kBedFactor times
  Frames rest = 0;      // a silence of this length or more parts two stretches
  Frames every = 0;     // above 0: boundaries on this grid and nowhere else, whatever sounds there

  static constexpr Frames kBedFactor = 2;

  /// What a render uses: 3 s to 12 s (6 s to 24 s in a bed, above 60 s), and doubled (up to 12 s to 48 s) where chunks pay for a long pre-roll.
  /// @param pre_roll  what a chunk of this stem takes at most.
  [[nodiscard]] static BoundaryPolicy usual(int sample_rate, Frames pre_roll);
  /// For tests: seams where nobody would put them.
  [[nodiscard]] static BoundaryPolicy grid(Frames every) { return {.every = every}; }
};

/// A stretch [begin, end) in which something may be heard: a clip and what rings after it.
struct Sound {
  Frames begin = 0, end = 0;
};

enum class CandidateKind : std::uint8_t { grid, clip_begin, clip_end };

/// A place where a boundary may lie.
struct Candidate {
  Frames at = 0;
  std::uint64_t hash = 0;  // of what sounds there, not of where it stands
  CandidateKind kind = CandidateKind::clip_begin;
};

/// @param source_frame  of the source, at the mix's rate.
[[nodiscard]] std::uint64_t candidate_hash(const media::Digest& source, Frames source_frame, CandidateKind kind);

/// Adds the candidates of one clip: its edges, and every second of its source in between.
/// @param at, length  on the timeline.
/// @param in          source frame that sounds at `at`.
void add_candidates(const media::Digest& source, Frames at, Frames in, Frames length, int sample_rate, std::vector<Candidate>& out);

/// Boundaries of a timeline of `length` frames: ascending, first 0, last `length`. Chunks lie between neighbours; what lies between two
/// stretches of sound is silence.
/// A candidate on the source grid is one of a bed, and kept to a bed's lengths, by the clip edges next to it alone.
/// @param sounds      in any order; what lies outside the timeline is not heard.
/// @param candidates  in any order.
[[nodiscard]] std::vector<Frames> chunk_boundaries(Frames length, std::span<const Sound> sounds, std::vector<Candidate> candidates,
                                                   const BoundaryPolicy& policy);

}  // namespace dubfarm::plan
