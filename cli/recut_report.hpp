// The boundary report of a recut, for people and for scripts (docs/formats/recut-report.schema.json).
#pragma once
#include <string>
#include <vector>

#include "common/edl/compare.hpp"
#include "common/mix/document.hpp"
#include "scheduler/plan/cut_findings.hpp"

namespace dubfarm::cli {

struct RecutReport {
  std::string old_path, new_path;
  const edl::List* old_list = nullptr;
  const edl::List* new_list = nullptr;
  edl::Comparison comparison;
  // With a mix:
  const mix::Document* document = nullptr;
  std::vector<plan::MixCut> findings;
  std::int64_t outside_mix_frames = 0;  // of the runs, video frames that the mix's timeline does not have
};

[[nodiscard]] std::string recut_text(const RecutReport& report);
[[nodiscard]] std::string recut_json(const RecutReport& report);

}  // namespace dubfarm::cli
