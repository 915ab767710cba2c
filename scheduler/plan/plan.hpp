// From a mix document to what must be rendered: chunk programs with their keys, and the prints that sum them into output files.
// Pure: the same document and media give the same plan. Nothing here knows threads, workers or the store.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/mix/document.hpp"
#include "common/program/program.hpp"
#include "common/result.hpp"
#include "scheduler/plan/boundaries.hpp"
#include "scheduler/plan/media_table.hpp"

namespace dubfarm::plan {

struct Chunk {
  program::Program program;
  program::Key key;
  std::size_t listeners = 0;  // prints that read it, for their master's gain and limiter too; one that is the same as another counts once
};

/// Where a chunk sounds on a timeline. What no placement covers is silence.
struct Placement {
  Frames first = 0;  // timeline frame
  Frames length = 0;
  std::size_t chunk = 0;  // index into Plan::chunks
};

/// One stem of one version, as chunks in ascending order without overlap.
struct StemTimeline {
  std::size_t version = 0;
  std::size_t bus = 0;  // index into Document::buses
  std::vector<Placement> placements;
};

/// A stem's share in a print: every output channel is the sum over stems and channels of matrix.at(out, in) * stem.
struct PrintInput {
  std::size_t timeline = 0;  // index into Plan::timelines
  Matrix matrix;             // the deliverable's matrix, its "mix" level folded in
};

struct PrintFile {
  std::string path;            // relative to the output folder
  std::vector<int> channels;   // of the print's layout, in the order they are written
};

/// A deliverable of one version with a normalisation gain or a limiter: its own print and all that follow it take both from its sum,
/// whether or not it is printed itself.
struct Master {
  std::size_t version = 0;
  std::size_t deliverable = 0;
  int channels = 2;
  std::vector<PrintInput> inputs;  // as its print has them
  Frames length = 0;               // of the version's timeline
};

/// One sum of stems, written as one file (or one per channel) and measured as one programme.
struct Print {
  std::size_t version = 0;
  std::size_t deliverable = 0;
  std::optional<std::size_t> bus;  // per_bus: the stem it holds
  Layout layout = Layout::stereo;
  Frames length = 0;               // of the version's timeline
  std::vector<PrintInput> inputs;  // in document order of the stems: the order of summation
  std::vector<PrintFile> files;
  std::string dither_name;         // the deliverable's name, and the stem's where per_bus: dither depends on it and the position alone
  struct DitherChain {
    std::string plus, minus;  // names; see kernels::ChainedDither
    bool is_first = false;    // its plus is the printmaster's first number
  };
  std::optional<DitherChain> dither_chain;  // of stems that follow: dithers that add up to their printmaster's
  std::optional<std::size_t> master;   // index into Plan::masters: whose gain and limiter it takes; none: as it is
  std::optional<std::size_t> same_as;  // an earlier print (index) with the same paths and render: written once
};

/// A source as the worker finds it.
using SourceTable = std::map<media::Digest, const MediaFile*>;

struct Plan {
  int sample_rate = 48000;
  std::vector<Chunk> chunks;  // each key once
  std::vector<StemTimeline> timelines;
  std::vector<Print> prints;
  std::vector<Master> masters;
  SourceTable sources;
};

/// Chooses which versions and deliverables are rendered; globs.
struct Selection {
  std::string version = "*";
  std::string deliverable = "*";
};

/// Indices of the versions that the selection names; those without any selected output are left out.
[[nodiscard]] std::vector<std::size_t> selected_versions(const mix::Document& document, const Selection& selection);

/// Plans every selected output. `media` must come from gather_media for these versions, without errors, and outlive the plan.
/// @param numeric_profile  of the workers that will render; part of every key.
/// @param policy           absent: BoundaryPolicy::usual() for each stem.
[[nodiscard]] Plan make_plan(const mix::Document& document, const MediaTable& media, const Selection& selection, std::string_view numeric_profile,
                             std::optional<BoundaryPolicy> policy = std::nullopt);

}  // namespace dubfarm::plan
