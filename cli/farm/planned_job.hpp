// A job, planned: on the scheduler from what was submitted, on a worker from its package. Both come to the same plan.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "cli/farm/job_package.hpp"
#include "cli/farm/media_roots.hpp"
#include "common/mix/document.hpp"
#include "common/store/store.hpp"
#include "scheduler/delivery/spec.hpp"
#include "scheduler/farm/types.hpp"
#include "scheduler/http/farm_gate.hpp"
#include "scheduler/plan/plan.hpp"

namespace dubfarm::cli {

struct PlannedJob {
  JobPackage package;
  std::unique_ptr<mix::Document> document;
  std::unique_ptr<plan::MediaTable> media;  // the plan points into it
  scheduler::SpecTable specs;
  plan::Plan plan;
  std::vector<std::vector<std::size_t>> groups;      // of prints that one worker prints together
  std::vector<std::vector<std::uint32_t>> heard;     // chunks that each group needs, ascending
  std::string out;                                   // the output folder on this machine
};

/// What of a submission decides its plan.
struct Submission {
  std::string name;    // of the mix: names the document in messages and in the report
  std::string text;
  std::string folder;  // "{media}/film"
  std::string out;     // "{out}/film"
  std::string version = "*", deliverable = "*";
  std::string numeric_profile;
};
using PlanOutcome = std::variant<PlannedJob, std::vector<http::Problem>>;

/// Checks what can be known without the media: the document, its specs, the selection, the roots. @return what is wrong; empty: nothing.
[[nodiscard]] std::vector<http::Problem> check_submission(const Submission& submission, const MediaRoots& roots);
/// Reads the media, plans, and fills in the package. @return every mistake, where there is one.
[[nodiscard]] PlanOutcome plan_submission(const Submission& submission, const MediaRoots& roots, const Store& store, int threads);
/// Plans again from the package. Errors: what read_job_package says; invalid_input where a source is not the one that was planned with, or the plans differ.
[[nodiscard]] Result<std::shared_ptr<const PlannedJob>> load_job(const std::string& package_sha256, const MediaRoots& roots, const Store& store);

/// The tasks of a planned job: its chunks, in the plan's order; a print for each group, after the chunks it needs; the package, after all prints.
[[nodiscard]] farm::TaskList task_list(const PlannedJob& job, const Store& store);

}  // namespace dubfarm::cli
