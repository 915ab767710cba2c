// The tasks of a plan: every chunk, every print range after the chunks it hears, every print's finish after its ranges.
#pragma once
#include <span>
#include <vector>

#include "scheduler/plan/plan.hpp"
#include "scheduler/plan/stem_sets.hpp"
#include "scheduler/state/job_state.hpp"

namespace dubfarm::scheduler {

/// Ranges start on this grid (frames); meters need it (kernels/loudness: groups of 2 s).
[[nodiscard]] constexpr Frames range_grid(int sample_rate) { return 2 * static_cast<Frames>((sample_rate + 49) / 50 * 50); }

/// How far before and after a frame the limiter of a master hears, in frames (0 where it has none); whether its gain is to be found.
struct MasterReach {
  Frames before = 0, after = 0;
  bool is_measured = false;
};

/// Tasks 0 ... plan.chunks.size() - 1 are the chunks, in the plan's order; then, print by print, its ranges and its finish. A print that is
/// the same as an earlier one has none. Masters whose gain is to be found are measured and solved before the prints that take it; stem sets are
/// compared once their files are finished. Chunks are in the order of the timeline, so that outputs grow from their start.
/// @param history  frames before a range that printing it reads too.
/// @param masters  one for each of plan.masters.
/// @param stem_sets  those to be compared, all of whose prints are printed or there already.
/// @param prints   which prints are printed; empty: all. The others have no tasks: no range and no finish; no master is measured for them alone.
///                 Chunks have their tasks in any case: needed_chunks() says which matter.
[[nodiscard]] std::vector<Task> job_tasks(const plan::Plan& plan, Frames history, std::span<const MasterReach> masters = {},
                                          std::span<const plan::StemSet> stem_sets = {}, const std::vector<bool>& prints = {});

/// Which of the plan's `chunks` any other task needs.
[[nodiscard]] std::vector<bool> needed_chunks(std::span<const Task> tasks, std::size_t chunks);

}  // namespace dubfarm::scheduler
