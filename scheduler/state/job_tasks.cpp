#include "scheduler/state/job_tasks.hpp"

#include <algorithm>

namespace dubfarm::scheduler {
namespace {

/// Long enough that opening blobs and the meters' history cost little, short enough that a range of 12 channels stays below 30 MB.
Frames range_length(int channels, int sample_rate) { return range_grid(sample_rate) * (channels <= 2 ? 15 : 8); }

void add_chunks_heard(const plan::Plan& plan, const std::vector<plan::PrintInput>& inputs, Frames begin, Frames end, std::vector<TaskId>& needs) {
  for (const plan::PrintInput& input : inputs)
    for (const plan::Placement& p : plan.timelines[input.timeline].placements)
      if (p.first < end && p.first + p.length > begin) needs.push_back(p.chunk);
  std::sort(needs.begin(), needs.end());
  needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
}

}  // namespace

std::vector<Task> job_tasks(const plan::Plan& plan, Frames history, std::span<const LimiterReach> limiters) {
  std::vector<Task> tasks;
  for (std::size_t c = 0; c < plan.chunks.size(); ++c) tasks.push_back({TaskKind::chunk, c, 0, plan.chunks[c].program.length, {}});
  for (std::size_t p = 0; p < plan.prints.size(); ++p) {
    const plan::Print& print = plan.prints[p];
    if (print.same_as) continue;
    Task finish{TaskKind::finish, p, 0, plan.length, {}};
    const Frames step = range_length(channel_count(print.layout), plan.sample_rate);
    for (Frames first = 0; first < plan.length; first += step) {
      const Frames length = std::min(step, plan.length - first);
      finish.needs.push_back(tasks.size());
      Task range{TaskKind::range, p, first, length, {}};
      add_chunks_heard(plan, print.inputs, first - history, first + length, range.needs);
      if (print.master) {
        const LimiterReach& reach = limiters[*print.master];
        add_chunks_heard(plan, plan.masters[*print.master].inputs, first - history - reach.before, first + length + reach.after, range.needs);
      }
      tasks.push_back(std::move(range));
    }
    tasks.push_back(std::move(finish));
  }
  return tasks;
}

}  // namespace dubfarm::scheduler
