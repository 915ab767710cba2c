// The state's views as the HTTP server shows them.
#pragma once
#include <chrono>
#include <map>
#include <string>

#include "scheduler/farm/rows.hpp"
#include "scheduler/farm/views.hpp"
#include "scheduler/http/farm_gate.hpp"

namespace dubfarm::cli {

/// 16 hexadecimal digits.
[[nodiscard]] std::string worker_name(farm::WorkerId id);
[[nodiscard]] std::int64_t unix_ms(http::WallTime time);
[[nodiscard]] http::WallTime wall_time(std::int64_t ms);

[[nodiscard]] http::TaskState task_state(farm::TaskState state, bool was_there, bool job_is_cancelled);
[[nodiscard]] http::JobView job_view(const farm::JobView& job);
[[nodiscard]] http::TaskView task_view(const farm::TaskView& task, bool job_is_cancelled);
/// @param projects  of the jobs that are not over.
[[nodiscard]] http::WorkerView worker_view(const farm::WorkerView& worker, const std::string& name, const std::map<farm::JobId, std::string>& projects);
[[nodiscard]] http::Demand demand_of(const farm::Backlog& backlog);

[[nodiscard]] http::TokenRecord token_record(const farm::Token& row);
[[nodiscard]] farm::Token token_row(const http::TokenRecord& token);

}  // namespace dubfarm::cli
