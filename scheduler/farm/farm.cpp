#include "scheduler/farm/farm.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "scheduler/farm/state.hpp"

namespace dubfarm::farm {

Farm::Farm(const Settings& settings, std::function<std::uint64_t()> random, Instant at, Saved saved)
    : state_(std::make_unique<State>(settings, std::move(random), at, std::move(saved))) {}
Farm::~Farm() = default;
Farm::Farm(Farm&&) noexcept = default;
Farm& Farm::operator=(Farm&&) noexcept = default;

std::vector<Action> Farm::step(Event event, Instant at) {
  State& state = *state_;
  assert(at.now >= state.at.now);
  const Time gap = at.now - state.at.now;
  state.at = at;
  if (gap > state.settings.late_tick) {  // this process was stopped: who was silent meanwhile could not be heard
    for (auto& [id, worker] : state.workers) worker.heard += gap;
    for (auto& [id, lease] : state.leases) {
      lease.heard += gap;
      lease.given += gap;
    }
    state.say(Level::warning, "farm.late", 0, 0, fmt::format("late_ms={}", gap.count()));
  }
  std::visit([&](auto& what) { state.on(what); }, event);
  std::set<JobId> changed;
  while (!state.touched.empty())  // settling one may touch another: a worker that is set aside gives its leases back
    for (const JobId id : std::exchange(state.touched, {})) {
      changed.insert(id);
      if (const auto found = state.jobs.find(id); found != state.jobs.end()) state.settle(found->second);
    }
  state.dispatch();
  changed.merge(state.touched);
  state.touched.clear();
  for (const JobId id : changed) {
    const auto found = state.jobs.find(id);
    if (found == state.jobs.end()) continue;
    Job& job = found->second;
    state.changed(job);
    if (std::exchange(job.is_changed, false)) state.store(job.now());
  }
  for (const auto& [what, id] : std::exchange(state.news, {})) state.actions.emplace_back(Publish{what, id});
  return std::exchange(state.actions, {});
}

void Farm::State::send(const Worker& worker, Message message, bool after_commit) {
  if (worker.session != 0) actions.emplace_back(Send{worker.connection, worker.session, std::move(message), after_commit});
}

void Farm::State::say(Level level, const char* name, JobId job, WorkerId worker, std::string text) {
  actions.emplace_back(Log{level, name, job, worker, std::move(text)});
}

void Farm::State::answer(Ticket ticket, JobId job, std::string error) {
  if (ticket != 0) actions.emplace_back(Answer{ticket, job, std::move(error)});
}

std::uint64_t Farm::State::draw() {
  std::uint64_t number = 0;
  while (number == 0) number = random();
  return number;
}

}  // namespace dubfarm::farm
