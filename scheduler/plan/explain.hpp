// Why a chunk is rendered: what differs between what feeds a stretch of a stem now and what fed it when the mix was rendered last.
#pragma once
#include <string>
#include <vector>

#include "common/mix/document.hpp"
#include "scheduler/plan/media_table.hpp"
#include "scheduler/plan/stem_programs.hpp"

namespace dubfarm::plan {

/// One difference. `what` is a sentence for people, with timecodes of the version's timeline.
struct Difference {
  enum class Kind : std::uint8_t { track, clip, level, automation, eq, send, reverb, bus, boundary };
  Kind kind;
  std::string what;
};
[[nodiscard]] const char* name_of(Difference::Kind kind);

/// One version of one state of a mix, and its stem.
struct StemState {
  const mix::Document& document;
  const VersionProgrammer& programmer;
  const MediaTable& media;
  std::size_t bus;
};

/// What differs on [begin, end) of the stem's timeline; pre-roll included, since it is heard. Where nothing does, the stretch itself was another:
/// a boundary moved because of what stands beside it.
[[nodiscard]] std::vector<Difference> differences(const StemState& before, const StemState& now, Frames begin, Frames end);

}  // namespace dubfarm::plan
