#include "scheduler/http/farm_gate.hpp"

#include <cstddef>

namespace dubfarm::http {
namespace {

constexpr std::array<std::string_view, 7> kJobStates{"planning", "queued", "running", "paused", "done", "failed", "cancelled"};
constexpr std::array<std::string_view, 3> kTaskKindNames{"chunk", "print", "package"};
constexpr std::array<std::string_view, kTaskStates> kTaskStateNames{"waiting", "ready", "running", "reused", "done", "failed", "cancelled"};
constexpr std::array<std::string_view, 5> kWorkerStates{"idle", "working", "draining", "sick", "lost"};
constexpr std::array<std::string_view, 3> kRoles{"viewer", "submitter", "admin"};

template <class Value, std::size_t N>
std::optional<Value> value_of(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == name) return static_cast<Value>(i);
  return std::nullopt;
}

}  // namespace

std::string_view name_of(JobState state) { return kJobStates[static_cast<std::size_t>(state)]; }
std::string_view name_of(TaskKind kind) { return kTaskKindNames[static_cast<std::size_t>(kind)]; }
std::string_view name_of(TaskState state) { return kTaskStateNames[static_cast<std::size_t>(state)]; }
std::string_view name_of(WorkerState state) { return kWorkerStates[static_cast<std::size_t>(state)]; }
std::string_view name_of(Role role) { return kRoles[static_cast<std::size_t>(role)]; }
std::optional<JobState> job_state_of(std::string_view name) { return value_of<JobState>(kJobStates, name); }
std::optional<Role> role_of(std::string_view name) { return value_of<Role>(kRoles, name); }
bool is_over(JobState state) { return state == JobState::done || state == JobState::failed || state == JobState::cancelled; }

}  // namespace dubfarm::http
