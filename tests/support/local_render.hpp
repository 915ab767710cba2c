// A render inside the test's own process, where chunks can be cut short and tasks put in another order.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "common/result.hpp"
#include "scheduler/delivery/report.hpp"
#include "scheduler/plan/plan.hpp"

namespace dubfarm::testing {

/// A document with its media and plan, as `dubfarm render` makes them. Throws where the document or its media have mistakes.
struct PlannedMix {
  std::unique_ptr<mix::Document> document;  // the plan points into the media alone, but its users need both
  std::unique_ptr<plan::MediaTable> media;
  plan::Plan plan;
};
/// @param chunk_frames  chunks on this grid; absent: as content bounds them.
[[nodiscard]] PlannedMix plan_mix(const std::string& mix_path, std::optional<Frames> chunk_frames = std::nullopt);

/// The same, with chunks bounded by another policy than the usual one.
[[nodiscard]] PlannedMix plan_mix(const std::string& mix_path, const plan::BoundaryPolicy& policy);

/// Puts chunks and prints in another order: tasks then start in another order too.
void shuffle_tasks(plan::Plan& plan, unsigned seed);

/// Renders on this machine. @return what run_locally() returns.
[[nodiscard]] Result<scheduler::Report> render_here(const PlannedMix& planned, const std::string& store, const std::string& out, int threads = 2);

}  // namespace dubfarm::testing
