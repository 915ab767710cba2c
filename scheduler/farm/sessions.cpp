// Workers come, say that they live, and go.
#include <algorithm>
#include <utility>

#include "scheduler/farm/state.hpp"

namespace dubfarm::farm {

Worker* Farm::State::worker_at(WorkerId id) {
  const auto found = workers.find(id);
  return found == workers.end() ? nullptr : &found->second;
}

Worker* Farm::State::worker_of(SessionId session) {
  const auto found = sessions.find(session);
  if (found == sessions.end()) return nullptr;
  Worker& worker = workers.at(found->second);
  worker.heard = at.now;
  return &worker;
}

void Farm::State::store_worker(const Worker& worker) {
  store(WorkerSeen{worker.id, worker.key, worker.host, worker.profile, worker.is_draining, worker.sick, at.wall_ms});
  news.insert({Changed::worker, worker.id});
}

bool Farm::State::is_resting(const Worker& worker) const {
  return worker.failures_in_row >= settings.rests_after && !worker.unsettled.empty() && at.now - worker.last_failure < settings.no_one_left;
}

bool Farm::State::suits(const Job& job, const Worker& worker) const {
  if (!job.now().profile.empty() && job.now().profile != worker.profile) return false;
  return std::ranges::all_of(job.spec().tags, [&](const std::string& tag) { return std::ranges::find(worker.tags, tag) != worker.tags.end(); });
}

void Farm::State::end_session(Worker& worker, const std::string& reason) {
  if (worker.session == 0) return;
  actions.emplace_back(CloseSession{worker.connection, worker.session, reason});
  sessions.erase(worker.session);
  worker.session = 0;
  worker.credit = 0;
  hungry.erase({worker.turn, worker.id});
  idle.erase({worker.turn, worker.id});
  changed(worker);
}

void Farm::State::lose(Worker& worker, const std::string& reason, bool is_killed) {
  say(is_killed ? Level::warning : Level::info, "worker.gone", 0, worker.id,
      fmt::format("host={} leases={} reason=\"{}\"", worker.host, worker.leases.size(), reason));
  for (const LeaseId id : std::set<LeaseId>(worker.leases)) {
    const LeaseRef ref = leases.at(id).ref;
    Job& job = jobs.at(ref.job);
    end_lease(id, false);
    if (is_killed && job.state(ref.task) != TaskState::done)
      hold_against(job, ref, worker.id, Fault::killed, fmt::format("worker {:016x} on {} {}", worker.id, worker.host, reason));
  }
  worker.is_dead = true;
  end_session(worker, reason);
  changed(worker);
}

void Farm::State::set_aside(Worker& worker, const std::string& reason) {
  if (!worker.sick.empty()) return;
  worker.sick = reason;
  say(Level::error, "worker.sick", 0, worker.id, fmt::format("host={} reason=\"{}\"", worker.host, reason));
  hungry.erase({worker.turn, worker.id});
  idle.erase({worker.turn, worker.id});
  for (const LeaseId id : std::set<LeaseId>(worker.leases)) end_lease(id, true);
  store_worker(worker);
}

void Farm::State::on(Hello& event) {
  const auto refuse = [&](const char* code, std::string message) {
    say(Level::warning, "worker.refused", 0, event.boot, message);
    actions.emplace_back(Send{event.connection, 0, Nak{code, std::move(message)}, false});
  };
  if (event.boot == 0 || event.key.empty() || event.slots == 0)
    return refuse("malformed", "Hello without a boot id, a key or slots; draw a boot id when the worker starts");
  const bool is_new = !workers.contains(event.boot);
  Worker& worker = workers[event.boot];
  if (!is_new && worker.key != event.key) return refuse("malformed", fmt::format("boot id {} belongs to a worker with another key; draw one at random", event.boot));
  end_session(worker, "said Hello again");
  if (is_new) {
    worker.id = event.boot;
    worker.key = std::move(event.key);
    worker.since_ms = at.wall_ms;
  }
  if (worker.order == 0) worker.order = ++last_order;
  const bool was_known = !is_new && worker.host == event.host && worker.profile == event.profile;
  worker.profile = std::move(event.profile);
  worker.build = std::move(event.build);
  worker.host = std::move(event.host);
  worker.device = std::move(event.device);
  worker.tags = std::move(event.tags);
  worker.slots = event.slots;
  worker.memory_bytes = event.memory_bytes;
  worker.connection = event.connection;
  worker.session = draw();
  worker.credit = 0;
  worker.heard = at.now;
  worker.is_dead = false;
  sessions[worker.session] = worker.id;
  if (!was_known) store_worker(worker);
  say(Level::info, "worker.hello", 0, worker.id, fmt::format("host={} profile={} slots={} running={} unacknowledged={}", worker.host, worker.profile,
                                                              worker.slots, event.running.size(), event.unacknowledged.size()));
  // Taken for dead, and it was not: nothing it ran is to blame.
  for (const auto& [job_id, task] : std::exchange(worker.died_of, {})) {
    const auto found = jobs.find(job_id);
    Trouble* trouble = found == jobs.end() ? nullptr : found->second.trouble_of(task);
    if (trouble == nullptr || std::erase(trouble->killed, worker.id) == 0) continue;
    store(AttemptForgiven{job_id, task, worker.id, Fault::killed});
    there_is_more();
  }
  Welcome welcome{.epoch = settings.epoch, .session = worker.session, .ping_interval = settings.ping_interval, .dead_after = settings.dead_after, .keep = {}, .drop = {}};
  std::set<LeaseId> named;
  for (const TaskResult& result : event.unacknowledged) named.insert(result.lease.lease);
  for (const LeaseRef& ref : event.running)
    if (named.insert(ref.lease).second) resume_lease(worker, ref, welcome);
  for (const LeaseId id : std::set<LeaseId>(worker.leases))
    if (!named.contains(id)) end_lease(id, false);  // it never got that one
  send(worker, std::move(welcome));
  for (const TaskResult& result : event.unacknowledged) take(worker, result);
  if (worker.is_draining) send(worker, Drain{worker.drain_budget_s});
  changed(worker);
}

/// A lease that a worker says it holds. One that ended meanwhile, its task given to nobody since, goes on.
void Farm::State::resume_lease(Worker& worker, const LeaseRef& ref, Welcome& welcome) {
  if (const auto found = leases.find(ref.lease); found != leases.end()) {
    if (found->second.worker == worker.id && found->second.ref == ref) {
      found->second.heard = at.now;
      welcome.keep.push_back(ref);
    } else {
      welcome.drop.push_back(ref);
    }
    return;
  }
  const auto found = jobs.find(ref.job);
  if (found != jobs.end() && ref.lease != 0 && takes_tasks(worker) && worker.leases.size() < most_leases(worker)) {
    Job& job = found->second;
    if (job.is_open() && ref.task < job.size() && job.state(ref.task) == TaskState::ready && !job.is_afresh(ref.task) && suits(job, worker) &&
        !is_full(job) && !project(job.spec().project).is_full()) {
      const Trouble* trouble = job.trouble_of(ref.task);
      if (trouble == nullptr || (!is_barred(*trouble, worker) && trouble->results.empty())) {
        enter_lease(worker, job, ref, 0);
        welcome.keep.push_back(ref);
        return;
      }
    }
  }
  welcome.drop.push_back(ref);
}

void Farm::State::on(const Want& event) {
  Worker* worker = worker_of(event.session);
  if (worker == nullptr) return on(UnknownSession{event.connection});
  hungry.erase({worker->turn, worker->id});
  idle.erase({worker->turn, worker->id});
  worker->credit = event.credit;
  if (worker->is_draining && event.credit > 0) send(*worker, Drain{worker->drain_budget_s});  // it does not know
  wants(*worker);
}

void Farm::State::on(const Ping& event) {
  Worker* worker = worker_of(event.session);
  if (worker == nullptr) return on(UnknownSession{event.connection});
  Pong pong{event.number, {}};
  for (const Progress& progress : event.running) {
    const auto found = leases.find(progress.lease.lease);
    if (found == leases.end() || found->second.worker != worker->id || !(found->second.ref == progress.lease)) {
      pong.drop.push_back(progress.lease);
      continue;
    }
    found->second.heard = at.now;
    if (progress.done >= 0 && progress.done <= 1) {
      if (found->second.progress != progress.done) news.insert({Changed::job, progress.lease.job});
      found->second.progress = progress.done;
    }
  }
  for (const LeaseId id : std::set<LeaseId>(worker->leases))
    if (at.now - leases.at(id).heard > settings.dead_after) {
      say(Level::warning, "lease.lost", leases.at(id).ref.job, worker->id, fmt::format("task={} its worker does not name it", leases.at(id).ref.task));
      end_lease(id, true);
    }
  send(*worker, std::move(pong), false);
}

void Farm::State::on(const Bye& event) {
  if (Worker* worker = worker_of(event.session)) lose(*worker, event.reason.empty() ? "said goodbye" : event.reason, false);
}

void Farm::State::on(const ConnectionLost& event) {
  if (Worker* worker = worker_of(event.session)) end_session(*worker, "connection lost");  // its leases wait for it: see Tick
}

void Farm::State::on(const UnknownSession& event) {
  actions.emplace_back(Send{event.connection, 0, Nak{"session", "no such session here; say Hello"}, false});
}

}  // namespace dubfarm::farm
