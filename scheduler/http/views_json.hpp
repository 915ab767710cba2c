// The farm's views as the API writes them; docs/formats/openapi.json has their schemas. Pure.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scheduler/http/farm_gate.hpp"

namespace dubfarm::http {

/// "2026-03-02T10:14:37.551Z"
[[nodiscard]] std::string iso_time(WallTime time);
[[nodiscard]] nlohmann::ordered_json job_json(const JobView& job, WallTime now);
[[nodiscard]] nlohmann::ordered_json task_json(const TaskView& task);
/// @param viewer  what runs for projects that it may not see is shown without job and project.
[[nodiscard]] nlohmann::ordered_json worker_json(const WorkerView& worker, const TokenRecord& viewer);
[[nodiscard]] nlohmann::ordered_json timeline_json(const JobTimeline& timeline);
[[nodiscard]] nlohmann::ordered_json log_json(const std::vector<LogLine>& lines);
[[nodiscard]] nlohmann::ordered_json problem_json(const Problem& problem);
[[nodiscard]] nlohmann::ordered_json token_json(const TokenRecord& token);
/// "at_ms" is the time as the entry's hash has it.
[[nodiscard]] nlohmann::ordered_json audit_json(const AuditLine& line);
/// A letter for each task: "." waiting, "o" ready, "r" running, "u" reused, "d" done, "f" failed, "x" cancelled.
[[nodiscard]] std::string map_letters(std::string_view task_states);
/// The outputs as planned, with what the report says of each; `report` may be null.
[[nodiscard]] nlohmann::ordered_json outputs_json(const JobOutputs& outputs, const nlohmann::ordered_json* report);
/// 0 ... 1 of the work that was to be done.
[[nodiscard]] double progress_of(const JobView& job);

}  // namespace dubfarm::http
