#include "scheduler/state/job_tasks.hpp"

#include <algorithm>
#include <limits>

namespace dubfarm::scheduler {
namespace {

/// Cuts a print into ranges, [first, first + length): long enough that opening blobs and the meters' history cost little, short enough that one of
/// 12 channels stays below 30 MB. The last one goes in quarters: where it is the last of the job, every thread is to have a part in it.
template <class Each>
void for_ranges(Frames length, int channels, int sample_rate, Each&& each) {
  const Frames grid = range_grid(sample_rate), step = grid * (channels <= 2 ? 15 : 8), last_step = grid * (channels <= 2 ? 4 : 2);
  for (Frames first = 0; first < length;) {
    const Frames left = length - first, range = left > step ? step : std::min(left, last_step);
    each(first, range);
    first += range;
  }
}

/// Outputs that are printed side by side, each the same stretch of time before the next: what several of them hear is then read once. No more
/// than these, so that a job that is interrupted has finished its first outputs.
constexpr std::size_t kPrintsTogether = 8;
std::uint64_t turn_of(std::size_t batch, Frames at) { return (std::uint64_t{batch} << 40) + static_cast<std::uint64_t>(at); }

/// A chunk's turn is that of the first task that hears it.
void set_turns_of_chunks(std::vector<Task>& tasks, std::size_t chunks) {
  std::vector<std::uint64_t> first(chunks, std::numeric_limits<std::uint64_t>::max());
  for (std::size_t t = chunks; t < tasks.size(); ++t)
    for (const TaskId input : tasks[t].needs)
      if (input < chunks) first[input] = std::min(first[input], tasks[t].turn);
  for (std::size_t c = 0; c < chunks; ++c) tasks[c].turn = first[c];
}

void add_chunks_heard(const plan::Plan& plan, const std::vector<plan::PrintInput>& inputs, Frames begin, Frames end, std::vector<TaskId>& needs) {
  for (const plan::PrintInput& input : inputs)
    for (const plan::Placement& p : plan.timelines[input.timeline].placements)
      if (p.first < end && p.first + p.length > begin) needs.push_back(p.chunk);
  std::sort(needs.begin(), needs.end());
  needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
}

}  // namespace

std::vector<Task> job_tasks(const plan::Plan& plan, Frames history, std::span<const MasterReach> masters, std::span<const plan::StemSet> stem_sets,
                            const std::vector<bool>& prints) {
  const auto is_printed = [&](std::size_t p) { return prints.empty() || prints[p]; };
  std::vector<Task> tasks;
  for (std::size_t c = 0; c < plan.chunks.size(); ++c) tasks.push_back({TaskKind::chunk, c, 0, plan.chunks[c].program.length, {}});
  std::vector<std::size_t> batch(plan.prints.size()), batch_of_master(plan.masters.size(), plan.prints.size());
  for (std::size_t p = 0, printed = 0; p < plan.prints.size(); ++p) {
    if (plan.prints[p].same_as || !is_printed(p)) continue;
    batch[p] = printed++ / kPrintsTogether;
    if (const auto& master = plan.prints[p].master) batch_of_master[*master] = std::min(batch_of_master[*master], batch[p]);
  }
  std::vector<std::optional<TaskId>> solved(plan.masters.size());
  for (std::size_t m = 0; m < masters.size(); ++m) {
    bool is_taken = false;
    for (std::size_t p = 0; p < plan.prints.size(); ++p) is_taken |= plan.prints[p].master == m && is_printed(p);
    if (!masters[m].is_measured || !is_taken) continue;
    const Frames length = plan.masters[m].length;
    Task solve{TaskKind::solve, m, 0, length, {}};
    for_ranges(length, plan.masters[m].channels, plan.sample_rate, [&](Frames first, Frames range) {
      Task measure{TaskKind::measure, m, first, range, {}, turn_of(batch_of_master[m], first)};
      add_chunks_heard(plan, plan.masters[m].inputs, first - history - masters[m].before, first + range + masters[m].after, measure.needs);
      solve.needs.push_back(tasks.size());
      tasks.push_back(std::move(measure));
    });
    solved[m] = tasks.size();
    tasks.push_back(std::move(solve));
  }
  std::vector<std::optional<TaskId>> finished(plan.prints.size());
  for (std::size_t p = 0; p < plan.prints.size(); ++p) {
    const plan::Print& print = plan.prints[p];
    if (print.same_as || !is_printed(p)) continue;
    Task finish{TaskKind::finish, p, 0, print.length, {}};
    for_ranges(print.length, channel_count(print.layout), plan.sample_rate, [&](Frames first, Frames length) {
      finish.needs.push_back(tasks.size());
      Task range{TaskKind::range, p, first, length, {}, turn_of(batch[p], first)};
      add_chunks_heard(plan, print.inputs, first - history, first + length, range.needs);
      if (print.master) {
        const MasterReach& reach = masters[*print.master];
        add_chunks_heard(plan, plan.masters[*print.master].inputs, first - history - reach.before, first + length + reach.after, range.needs);
        if (solved[*print.master]) range.needs.push_back(*solved[*print.master]);
      }
      tasks.push_back(std::move(range));
    });
    finished[p] = tasks.size();
    tasks.push_back(std::move(finish));
  }
  for (std::size_t s = 0; s < stem_sets.size(); ++s) {
    std::vector<TaskId> needs;
    if (const auto master = finished[stem_sets[s].master]) needs.push_back(*master);
    for (const std::size_t stem : stem_sets[s].stems)
      if (finished[stem]) needs.push_back(*finished[stem]);
    std::sort(needs.begin(), needs.end());
    needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
    const Frames step = 60 * static_cast<Frames>(plan.sample_rate);
    const Frames length = plan.prints[stem_sets[s].master].length;
    for (Frames first = 0; first < length; first += step) tasks.push_back({TaskKind::compare, s, first, std::min(step, length - first), needs});
  }
  set_turns_of_chunks(tasks, plan.chunks.size());
  return tasks;
}

std::vector<bool> needed_chunks(std::span<const Task> tasks, std::size_t chunks) {
  std::vector<bool> needed(chunks, false);
  for (const Task& task : tasks)
    for (const TaskId input : task.needs)
      if (input < chunks) needed[input] = true;
  return needed;
}

}  // namespace dubfarm::scheduler
