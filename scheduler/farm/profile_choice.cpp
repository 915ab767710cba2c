#include "scheduler/farm/profile_choice.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace dubfarm::farm {

bool is_cpu_profile(const std::string& profile) { return profile.starts_with("cpu "); }

std::string choose_profile(std::span<const WorkerView> workers, std::span<const std::string> tags, const std::string& cpu_profile) {
  std::map<std::string, std::uint64_t> slots;
  for (const WorkerView& worker : workers) {
    const bool may_take = worker.health == WorkerHealth::well || worker.health == WorkerHealth::resting;
    const bool has_tags = std::ranges::all_of(tags, [&](const std::string& tag) { return std::ranges::find(worker.tags, tag) != worker.tags.end(); });
    if (!may_take || !has_tags) continue;
    // One that was stored by an earlier run of the scheduler, and has not said Hello since, shows no slots.
    slots[worker.profile] += std::max<std::uint32_t>(1, worker.slots);
  }
  std::string chosen = cpu_profile;
  std::tuple<bool, std::uint64_t> best{false, 0};
  for (const auto& [profile, count] : slots)
    if (const std::tuple<bool, std::uint64_t> worth{!is_cpu_profile(profile), count}; worth > best) {
      best = worth;
      chosen = profile;
    }
  return chosen;
}

}  // namespace dubfarm::farm
