// Which numeric profile a job gets that names none. docs/decisions/0017-which-profile-a-job-gets.md
#pragma once
#include <span>
#include <string>

#include "scheduler/farm/views.hpp"

namespace dubfarm::farm {

/// The profile of the workers that may take the job: those with its tags that are neither gone nor draining nor sick. A device's comes before the CPU's, however
/// many slots that has (one GPU renders faster than its slots say); of several, the one with the most slots, then the first by name.
/// @param cpu_profile  what this build's CPU workers have; the answer where there is no such worker.
[[nodiscard]] std::string choose_profile(std::span<const WorkerView> workers, std::span<const std::string> tags, const std::string& cpu_profile);

/// Whether chunks of this profile are rendered by processors alone: "cpu 3".
[[nodiscard]] bool is_cpu_profile(const std::string& profile);

}  // namespace dubfarm::farm
