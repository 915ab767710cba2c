#include "scheduler/farm/types.hpp"
#include "scheduler/farm/views.hpp"

namespace dubfarm::farm {

const char* name_of(TaskKind kind) {
  constexpr const char* kNames[] = {"chunk", "print", "package"};
  return kNames[static_cast<std::size_t>(kind)];
}

const char* name_of(TaskState state) {
  constexpr const char* kNames[] = {"waiting", "ready", "leased", "done", "failed"};
  return kNames[static_cast<std::size_t>(state)];
}

const char* name_of(JobState state) {
  constexpr const char* kNames[] = {"planning", "queued", "running", "paused", "done", "failed", "cancelled"};
  return kNames[static_cast<std::size_t>(state)];
}

const char* name_of(WorkerHealth health) {
  constexpr const char* kNames[] = {"well", "resting", "sick", "draining", "gone"};
  return kNames[static_cast<std::size_t>(health)];
}

}  // namespace dubfarm::farm
