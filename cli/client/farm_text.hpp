// The farm's answers as people read them in a terminal.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace dubfarm::cli {

/// "[####------] 42.1 %  running  3.1x real time  1 min 20 s left", for one line of a terminal.
[[nodiscard]] std::string job_progress_line(const nlohmann::ordered_json& job);
/// All about one job; several lines.
[[nodiscard]] std::string job_text(const nlohmann::ordered_json& job);
/// A line for each.
[[nodiscard]] std::string jobs_table(const nlohmann::ordered_json& jobs);
[[nodiscard]] std::string workers_table(const nlohmann::ordered_json& workers);
[[nodiscard]] std::string outputs_text(const nlohmann::ordered_json& outputs);
[[nodiscard]] std::string log_text(const nlohmann::ordered_json& log);
[[nodiscard]] std::string tokens_table(const nlohmann::ordered_json& tokens);
[[nodiscard]] std::string audit_table(const nlohmann::ordered_json& entries);
[[nodiscard]] std::string projects_table(const nlohmann::ordered_json& projects);
/// "3 s", "1 min 20 s", "2 h 05 min"
[[nodiscard]] std::string span_text(double seconds);

}  // namespace dubfarm::cli
