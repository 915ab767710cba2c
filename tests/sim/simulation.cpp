#include "tests/sim/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <stdexcept>
#include <variant>
#include <vector>

#include "scheduler/db/database.hpp"
#include "scheduler/farm/farm.hpp"
#include "tests/sim/worker.hpp"

namespace dubfarm::sim {
namespace {

using namespace farm;

/// A message under way: to the scheduler from a worker, or the other way.
struct Parcel {
  std::size_t worker = 0;
  Connection connection;
  std::variant<Event, Send> content;
};

template <class... Fs>
struct Cases : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Cases(Fs...) -> Cases<Fs...>;

constexpr std::int64_t kFaultsEnd = 60'000, kLatest = 1'800'000;

class Simulation {
 public:
  Simulation(std::uint64_t seed, Plant plant, std::uint64_t liars, bool is_loud) : random_(seed), plant_(plant), liars_wanted_(liars), is_loud_(is_loud) {}
  Outcome run();

 private:
  enum class Kind : std::uint8_t { to_scheduler, to_worker, cycle, tick, worker, fault, scheduler_up };
  struct Item {
    std::int64_t at = 0;
    std::uint64_t order = 0;
    Kind kind = Kind::cycle;
    std::size_t index = 0;  // of a parcel or a worker
    bool operator<(const Item& other) const { return std::pair(at, order) > std::pair(other.at, other.order); }
  };
  void at(std::int64_t when, Kind kind, std::size_t index = 0) { queue_.push({std::max(when, now_), ++order_, kind, index}); }
  bool chance(double p) { return random_.unit() < p; }
  bool has_faults() const { return now_ < kFaultsEnd; }
  void post(Parcel parcel, bool to_scheduler);

  void start_scheduler();
  void crash_scheduler();
  void cycle();
  void step(const Parcel* parcel, Event event);
  void release(std::vector<Action>& actions);
  void check_after_commit();
  void check_restart();
  void fault();
  void settle();
  bool all_over() const;
  JobSpec make_job();
  void command(Event event);
  void broken(const std::string& what) {
    if (outcome_.violation.empty()) outcome_.violation = fmt::format("at {} ms: {}", now_, what);
  }
  void note(const std::string& text) {
    for (const char c : text) outcome_.fingerprint = (outcome_.fingerprint ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    if (is_loud_) std::printf("%8lld %s\n", static_cast<long long>(now_), text.c_str());
  }

  Random random_;
  Plant plant_;
  std::uint64_t liars_wanted_;
  bool is_loud_;
  Outcome outcome_;
  std::int64_t now_ = 0, wall_jump_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<Item> queue_;
  std::vector<std::optional<Parcel>> parcels_;
  std::vector<std::size_t> free_parcels_;
  std::vector<Parcel> replays_;
  World world_;
  std::vector<Worker> workers_;

  std::optional<db::Database> database_;
  std::optional<Farm> farm_;
  std::deque<std::pair<bool, Parcel>> inbox_;       // (came from a worker, what)
  std::vector<Row> pending_;                        // not committed
  std::vector<Action> held_;                        // until they are
  std::int64_t stalled_until_ = 0, disk_full_until_ = 0;
  bool had_trouble_ = false;
  std::uint64_t last_ticket_ = 0;
  std::map<Ticket, Event> asked_;
  std::set<TaskName> acknowledged_;                 // done, and its worker was told so
  std::set<JobId> submitted_, cancelled_, retried_;
  std::set<std::string> revoked_;
  std::set<SessionId> sessions_;                    // that this run of the scheduler has open
  bool is_fresh_ = true;                            // it has made no step yet
  std::size_t liars_ = 0;
  bool settled_ = false;
};

void Simulation::post(Parcel parcel, bool to_scheduler) {
  Worker& worker = workers_[parcel.worker];
  if (has_faults()) {
    if (worker.cut[to_scheduler ? 0 : 1] > now_ || chance(world_.drop)) {
      ++outcome_.dropped;
      return;
    }
    if (chance(0.02) && replays_.size() < 200 && to_scheduler) replays_.push_back(parcel);
    if (chance(world_.duplicate)) {
      const std::size_t copy = parcels_.size();
      parcels_.emplace_back(parcel);
      at(now_ + random_.below(400), to_scheduler ? Kind::to_scheduler : Kind::to_worker, copy);
    }
  }
  std::size_t place = parcels_.size();
  if (free_parcels_.empty()) parcels_.emplace_back();
  else {
    place = free_parcels_.back();
    free_parcels_.pop_back();
  }
  parcels_[place] = std::move(parcel);
  // Mostly quick, now and then late enough to overtake others.
  const std::int64_t delay = 1 + random_.below(5) + (has_faults() && chance(world_.delay) ? random_.below(3000) : 0);
  at(now_ + delay, to_scheduler ? Kind::to_scheduler : Kind::to_worker, place);
}

void Simulation::start_scheduler() {
  Settings settings;
  settings.epoch = random_.next() | 1;
  settings.lease_limit = Time(300'000);
  auto saved = database_->load();
  if (!saved) throw std::runtime_error(saved.error().message);
  auto source = std::make_shared<Random>(random_.next());
  sessions_.clear();
  is_fresh_ = true;
  farm_.emplace(settings, [source] { return source->next(); }, Instant{Time(now_), now_ + wall_jump_}, std::move(*saved));
  had_trouble_ = false;
  check_restart();
  at(now_ + 1, Kind::tick);
}

void Simulation::crash_scheduler() {
  note("scheduler crashes");
  ++outcome_.restarts;
  farm_.reset();
  pending_.clear();
  held_.clear();
  std::erase_if(inbox_, [](const auto& entry) { return !entry.first; });  // commands die with it; the workers' messages wait in their queues
  asked_.clear();
  at(now_ + 1 + random_.below(chance(0.5) ? 100 : 8000), Kind::scheduler_up);
}

/// What was acknowledged must be there again.
void Simulation::check_restart() {
  for (const auto& [job, task] : acknowledged_) {
    const auto view = farm_->job(job);
    if (!view) {
      broken(fmt::format("job {} had an acknowledged result and is gone", job));
      continue;
    }
    const std::string states = farm_->task_states(job);
    if (task >= states.size() || static_cast<TaskState>(states[task] & 15) != TaskState::done)
      broken(fmt::format("task {} of job {} was acknowledged as done; after the restart it is not", task, job));
  }
  for (const JobId job : submitted_)
    if (!farm_->job(job)) broken(fmt::format("job {} was taken, and is gone after the restart", job));
  for (const JobId job : cancelled_)
    if (const auto view = farm_->job(job); view && view->state != JobState::cancelled && !retried_.contains(job)) broken(fmt::format("job {} was cancelled, and is {} after the restart", job, name_of(view->state)));
}

void Simulation::cycle() {
  if (!farm_ || stalled_until_ > now_) return;
  const bool is_full = disk_full_until_ > now_;
  if (is_full != had_trouble_) {
    had_trouble_ = is_full;
    step(nullptr, StorageTrouble{is_full ? "the disk is full" : ""});
  }
  for (int n = 0; n < 16 && !inbox_.empty() && farm_; ++n) {
    Parcel parcel = std::move(inbox_.front().second);
    const bool is_message = inbox_.front().first;
    inbox_.pop_front();
    Event event = std::get<Event>(std::move(parcel.content));
    step(is_message ? &parcel : nullptr, std::move(event));
  }
  const auto acknowledgements = [&](bool only) {
    std::vector<Action> some, others;
    for (Action& action : held_) {
      const auto* send = std::get_if<Send>(&action);
      ((send != nullptr && std::holds_alternative<ResultAck>(send->message)) == only ? some : others).push_back(std::move(action));
    }
    held_ = std::move(others);
    release(some);
  };
  if (plant_ == Plant::acknowledge_before_commit) acknowledgements(true);
  if (has_faults() && chance(plant_ == Plant::acknowledge_before_commit ? 0.02 : world_.crash)) return crash_scheduler();  // before the commit
  if (!is_full && !pending_.empty()) {
    if (auto done = database_->apply(pending_); !done) throw std::runtime_error(done.error().message);
    pending_.clear();
    if (has_faults() && chance(world_.crash)) return crash_scheduler();  // after it, before anybody hears
    check_after_commit();
  }
  if (pending_.empty()) {
    std::vector<Action> ready = std::exchange(held_, {});
    if (has_faults() && chance(world_.crash)) {  // amid the messages
      ready.resize(ready.size() / 2);
      release(ready);
      return crash_scheduler();
    }
    release(ready);
  }
  if (!inbox_.empty()) at(now_ + 1, Kind::cycle);
}

void Simulation::step(const Parcel* parcel, Event event) {
  ++outcome_.steps;
  const auto* result = std::get_if<TaskResult>(&event);
  std::map<LeaseId, std::string> holders;  // before the step
  const bool is_no_success = result != nullptr && result->outcome != farm::Outcome::done;
  if (plant_ == Plant::free_anothers_lease && is_no_success)
    for (const WorkerView& worker : farm_->workers())
      for (const WorkerTask& task : worker.tasks)
        if (task.lease.job == result->lease.job && task.lease.task == result->lease.task && task.lease.lease != result->lease.lease)
          for (Worker& other : workers_)
            if (other.boot == worker.id && other.session != 0) {
              auto& forged = std::get<TaskResult>(event);
              forged.session = other.session;
              forged.lease = task.lease;
            }
  if (is_no_success)
    for (const WorkerView& worker : farm_->workers())
      for (const WorkerTask& task : worker.tasks) holders[task.lease.lease] = worker.key;
  // A session that is over changes nothing, whatever it says: late, doubled, out of order, or replayed from an earlier scheduler.
  SessionId* const session = std::visit(Cases{[](Want& said) { return &said.session; }, [](Ping& said) { return &said.session; }, [](TaskResult& said) { return &said.session; },
                                              [](Bye& said) { return &said.session; }, [](auto&) { return static_cast<SessionId*>(nullptr); }},
                                        event);
  const bool is_stale = parcel != nullptr && session != nullptr && !sessions_.contains(*session) && !is_fresh_;
  if (is_stale) ++outcome_.stale;
  if (is_stale && plant_ == Plant::believe_old_sessions && workers_[parcel->worker].session != 0) *session = workers_[parcel->worker].session;
  is_fresh_ = false;
  std::vector<Action> actions = farm_->step(std::move(event), Instant{Time(now_), now_ + wall_jump_});
  for (const Action& action : actions) {
    const auto* send = std::get_if<Send>(&action);
    if (const auto* welcome = send == nullptr ? nullptr : std::get_if<Welcome>(&send->message)) sessions_.insert(welcome->session);
    if (const auto* close = std::get_if<CloseSession>(&action)) sessions_.erase(close->session);
    const auto* nak = send == nullptr ? nullptr : std::get_if<Nak>(&send->message);
    if (is_stale && (std::holds_alternative<Store>(action) || (send != nullptr && (nak == nullptr || nak->code != "session"))))
      broken(fmt::format("a session of worker {} that is over was listened to", workers_[parcel->worker].key));
  }
  bool is_given_up = false, is_aside = false;
  std::vector<LeaseId> ended;
  for (Action& action : actions) {
    if (auto* store = std::get_if<Store>(&action)) {
      if (const auto* lease = std::get_if<LeaseEnded>(&store->row)) ended.push_back(lease->lease);
      if (std::holds_alternative<TaskFailed>(store->row)) is_given_up = true;
      if (const auto* worker = std::get_if<WorkerSeen>(&store->row); worker != nullptr && !worker->sick.empty()) is_aside = true;
      if (const auto* done = std::get_if<TaskDone>(&store->row)) {
        ++outcome_.tasks_done;
        note(fmt::format("job {} task {} is done", done->job, done->task));
      }
      if (const auto* undone = std::get_if<TaskUndone>(&store->row)) acknowledged_.erase({undone->job, undone->task});
      const bool is_forgotten = plant_ == Plant::forget_a_row && std::holds_alternative<LeaseEnded>(store->row);
      if (!is_forgotten) pending_.push_back(std::move(store->row));
    } else if (auto* log = std::get_if<Log>(&action)) {
      note(fmt::format("{} job={} worker={:x} {}", log->name, log->job, log->worker, log->text));
      if (log->name == "task.disagreed") ++outcome_.doubts;
      if (log->name == "worker.sick" && log->text.find("differs") != std::string::npos)
        for (const Worker& worker : workers_)
          if (worker.boot == log->worker && !worker.lies) broken(fmt::format("worker {} told the truth and is set aside as a liar", worker.key));
    } else if (auto* send = std::get_if<Send>(&action); send != nullptr && !send->after_commit) {
      std::vector<Action> one;
      one.push_back(std::move(action));
      release(one);
    } else if (!std::holds_alternative<Publish>(action)) {
      held_.push_back(std::move(action));
    }
  }
  if (is_no_success && parcel != nullptr && !is_given_up && !is_aside)
    for (const LeaseId lease : ended)
      if (const auto holder = holders.find(lease); holder != holders.end() && holder->second != workers_[parcel->worker].key)
        broken(fmt::format("a report of worker {} ended a lease of worker {}", workers_[parcel->worker].key, holder->second));
  if (std::string wrong = farm_->inconsistency(); !wrong.empty()) broken(wrong);
}

void Simulation::release(std::vector<Action>& actions) {
  for (Action& action : actions) {
    std::visit(Cases{
                   [&](Send& send) {
                     if (const auto* ack = std::get_if<ResultAck>(&send.message)) {
                       const std::string states = farm_->task_states(ack->lease.job);
                       if (ack->lease.task < states.size() && static_cast<TaskState>(states[ack->lease.task] & 15) == TaskState::done)
                         acknowledged_.insert({ack->lease.job, ack->lease.task});
                     }
                     for (std::size_t i = 0; i < workers_.size(); ++i)
                       if (workers_[i].is_up && workers_[i].connection == send.connection) post({i, send.connection, std::move(send)}, false);
                   },
                   [&](Answer& answer) {
                     const auto asked = asked_.find(answer.ticket);
                     if (asked == asked_.end() || !answer.error.empty()) return;
                     if (std::holds_alternative<SubmitJob>(asked->second)) {
                       submitted_.insert(answer.job);
                       ++outcome_.jobs;
                     } else if (std::holds_alternative<CancelJob>(asked->second)) {
                       cancelled_.insert(answer.job);
                     }
                   },
                   [](auto&) {}},
               action);
  }
}

/// The database against the state, now and then: the leases, and what is done.
void Simulation::check_after_commit() {
  if (!chance(0.02)) return;
  const auto saved = database_->load();
  if (!saved) return broken(saved.error().message);
  std::set<std::tuple<LeaseId, JobId, TaskIndex, WorkerId>> stored, held;
  for (const LeaseGiven& lease : saved->leases) stored.insert({lease.lease.lease, lease.lease.job, lease.lease.task, lease.worker});
  for (const WorkerView& worker : farm_->workers())
    for (const WorkerTask& task : worker.tasks) held.insert({task.lease.lease, task.lease.job, task.lease.task, worker.id});
  if (stored != held) broken(fmt::format("{} leases, the database has {}", held.size(), stored.size()));
  for (const SavedJob& job : saved->jobs) {
    const auto view = farm_->job(job.job.job);
    if (!view) {
      broken(fmt::format("job {} is stored and not there", job.job.job));
      continue;
    }
    if (is_over(view->state) ? job.now.ending != view->state : is_over(job.now.ending)) broken(fmt::format("job {} is {}, stored as {}", job.job.job, name_of(view->state), name_of(job.now.ending)));
    if (!job.job.spec->tasks) continue;
    std::set<TaskIndex> done(job.job.spec->tasks->already_done.begin(), job.job.spec->tasks->already_done.end()), is_done;
    for (const TaskIndex task : job.undone) done.erase(task);
    for (const TaskDone& task : job.done) done.insert(task.task);
    const std::string states = farm_->task_states(job.job.job);
    for (std::size_t i = 0; i < states.size(); ++i)
      if (static_cast<TaskState>(states[i] & 15) == TaskState::done) is_done.insert(static_cast<TaskIndex>(i));
    if (done != is_done) broken(fmt::format("job {}: {} tasks are done, stored are {}", job.job.job, is_done.size(), done.size()));
  }
}

void Simulation::command(Event event) {
  const Ticket ticket = ++last_ticket_;
  std::visit(Cases{[](Tick&) {}, [](StorageTrouble&) {}, [](Hello&) {}, [](Want&) {}, [](Ping&) {}, [](TaskResult&) {}, [](Bye&) {}, [](ConnectionLost&) {},
                   [](UnknownSession&) {}, [&](auto& asked) { asked.ticket = ticket; }},
             event);
  if (const auto* retry = std::get_if<Retry>(&event)) retried_.insert(retry->job);
  asked_[ticket] = event;
  inbox_.emplace_back(false, Parcel{0, {}, std::move(event)});
  at(now_ + 1, Kind::cycle);
}

JobSpec Simulation::make_job() {
  auto tasks = std::make_shared<TaskList>();
  const auto chunks = static_cast<std::uint32_t>(2 + random_.below(18)), prints = static_cast<std::uint32_t>(1 + random_.below(3));
  for (std::uint32_t i = 0; i < chunks; ++i) tasks->add(TaskKind::chunk, i, 0.2F + static_cast<float>(random_.below(20)) / 10);
  std::vector<TaskIndex> printed;
  for (std::uint32_t i = 0; i < prints; ++i) {
    std::vector<TaskIndex> needs;
    for (TaskIndex chunk = 0; chunk < chunks; ++chunk)
      if (chance(0.6)) needs.push_back(chunk);
    printed.push_back(tasks->add(TaskKind::print, i, 0.5F + static_cast<float>(random_.below(20)) / 10, needs));
  }
  tasks->add(TaskKind::package, 0, 0.1F, printed);
  JobSpec spec{.project = fmt::format("film {}", random_.below(3)), .name = fmt::format("reel {}", world_.jobs.size()), .submitter = "sim",
               .priority = static_cast<int>(random_.below(101)), .tags = {}, .max_running = chance(0.2) ? static_cast<std::uint32_t>(1 + random_.below(4)) : 0,
               .numeric_profile = {}, .package = "p", .request = chance(0.5) ? fmt::format("r{}", world_.jobs.size()) : "", .detail = {}, .tasks = nullptr};
  if (chance(0.2)) spec.tags = {"big"};
  JobTruth truth;
  truth.salt = random_.next();
  if (chance(0.12)) truth.bad.insert(static_cast<TaskIndex>(random_.below(static_cast<std::int64_t>(tasks->size()))));
  if (chance(0.08)) truth.poison.insert(static_cast<TaskIndex>(random_.below(static_cast<std::int64_t>(tasks->size()))));
  truth.tasks = tasks;
  spec.package = fmt::format("{}", world_.jobs.size());  // by which workers find the job
  world_.jobs.push_back(truth);
  spec.tasks = std::move(tasks);
  return spec;
}

void Simulation::fault() {
  const auto some_worker = [&]() -> Worker& { return workers_[static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(workers_.size())))]; };
  const JobId some_job = submitted_.empty() ? 1 : *std::next(submitted_.begin(), random_.below(static_cast<std::int64_t>(submitted_.size())));
  switch (random_.below(17)) {
    case 0: case 1: {
      Worker& worker = some_worker();
      if (worker.is_up) note(fmt::format("worker {} is killed", worker.key));
      worker.crash(now_, random_);
      ++outcome_.crashes;
      break;
    }
    case 2: some_worker().stalled_until = now_ + 500 + random_.below(15'000); break;
    case 3: {
      Worker& worker = some_worker();
      worker.cut[static_cast<std::size_t>(random_.below(2))] = now_ + 500 + random_.below(12'000);
      if (chance(0.3)) worker.cut[0] = worker.cut[1] = now_ + 500 + random_.below(12'000);
      break;
    }
    case 4:
      if (farm_) crash_scheduler();
      break;
    case 5: stalled_until_ = now_ + 500 + random_.below(20'000); break;
    case 6: disk_full_until_ = now_ + 200 + random_.below(4000); break;
    case 7: wall_jump_ += (random_.below(3) - 1) * 3'600'000; break;
    case 8:
      if (!world_.blobs.empty()) {
        auto blob = std::next(world_.blobs.begin(), random_.below(static_cast<std::int64_t>(world_.blobs.size())));
        world_.blobs.erase(blob);
        ++outcome_.lost_blobs;
      }
      break;
    case 9: command(SetPriority{0, some_job, static_cast<int>(random_.below(101))}); break;
    case 10: command(Pause{0, some_job}); break;
    case 11: command(Resume{0, some_job}); break;
    case 12:
      if (chance(0.3)) command(CancelJob{0, some_job});
      break;
    case 13: command(Retry{0, some_job}); break;
    case 14: {
      Worker& worker = some_worker();
      if (chance(0.5)) command(DrainWorker{0, worker.boot, chance(0.5) ? 2u : 0u});
      else command(HealWorker{0, worker.boot});
      break;
    }
    case 15:
      if (workers_.size() - revoked_.size() > 4 && chance(0.5)) {
        Worker& worker = some_worker();
        if (revoked_.insert(worker.key).second) {
          worker.is_revoked = true;
          command(RevokeKey{0, worker.key});
        }
      } else {
        command(SetLimits{0, fmt::format("film {}", random_.below(3)), 0.5 + static_cast<double>(random_.below(4)), chance(0.5) ? static_cast<std::uint32_t>(1 + random_.below(5)) : 0});
      }
      break;
    default:
      if (!replays_.empty()) {
        Parcel parcel = replays_[static_cast<std::size_t>(random_.below(static_cast<std::int64_t>(replays_.size())))];
        if (!workers_[parcel.worker].is_revoked) post(std::move(parcel), true);
      }
  }
  if (now_ + 1 < kFaultsEnd) at(now_ + 1 + random_.below(world_.fault_every), Kind::fault);
}

/// Faults are over: everybody is well again, and what people held up goes on.
void Simulation::settle() {
  settled_ = true;
  note("faults end");
  stalled_until_ = disk_full_until_ = 0;
  for (Worker& worker : workers_) worker.mend(now_);
  for (const JobId job : submitted_) command(Resume{0, job});
  for (int film = 0; film < 3; ++film) command(SetLimits{0, fmt::format("film {}", film), 1, 0});
}

bool Simulation::all_over() const {
  if (!farm_) return false;
  const auto jobs = farm_->jobs();
  return std::ranges::all_of(jobs, [](const JobView& job) { return is_over(job.state); });
}

Outcome Simulation::run() {
  auto database = db::Database::open(":memory:");
  if (!database) throw std::runtime_error(database.error().message);
  database_.emplace(std::move(*database));
  world_.drop = chance(0.5) ? 0 : 0.05 * random_.unit();
  world_.duplicate = chance(0.5) ? 0 : 0.1 * random_.unit();
  world_.delay = chance(0.5) ? 0 : 0.2 * random_.unit();
  world_.crash = chance(0.5) ? 0 : 0.004 * random_.unit();
  world_.fault_every = chance(0.2) ? 30'000 : 400 + random_.below(4000);
  const std::size_t count = 4 + static_cast<std::size_t>(random_.below(4));
  for (std::size_t i = 0; i < count; ++i) {
    Worker worker;
    worker.key = fmt::format("key{}", i);
    worker.slots = static_cast<std::uint32_t>(1 + random_.below(3));
    worker.profile = i == count - 1 && chance(0.3) ? "gpu 1" : "cpu 2";
    worker.is_big = i < 2 || chance(0.5);
    worker.slow = worker.profile == "cpu 2" && chance(0.1) ? 20 : 1;
    worker.sick = i >= 3 && worker.profile == "cpu 2" && chance(0.1);
    worker.lies = i >= 3 && worker.profile == "cpu 2" && liars_ == 0 && chance(static_cast<double>(liars_wanted_) / 100);
    liars_ += worker.lies;
    worker.sends_once = plant_ == Plant::send_once;
    workers_.push_back(std::move(worker));
  }
  start_scheduler();
  for (std::size_t i = 0; i < count; ++i) {
    workers_[i].start(now_ + random_.below(2000), random_);
    at(now_, Kind::worker, i);
  }
  at(random_.below(4000), Kind::fault);
  std::int64_t next_job = 10;
  std::size_t jobs_left = 2 + static_cast<std::size_t>(random_.below(3));
  std::int64_t quiet_since = -1;
  while (!queue_.empty() && outcome_.violation.empty()) {
    const Item item = queue_.top();
    queue_.pop();
    now_ = item.at;
    if (jobs_left > 0 && now_ >= next_job) {
      --jobs_left;
      next_job = now_ + random_.below(15'000);
      if (farm_) command(SubmitJob{0, make_job()});
    }
    if (!settled_ && now_ >= kFaultsEnd) settle();
    if (now_ > kLatest) {
      for (const JobView& job : farm_ ? farm_->jobs() : std::vector<JobView>{})
        if (!is_over(job.state)) {
          const auto waiting = farm_->explain(job.id);
          std::string why;
          for (const Reason& reason : waiting->reasons) why += reason.text + "; ";
          broken(fmt::format("job {} is {} for ever: {}", job.id, name_of(job.state), why));
        }
      broken("the farm does not come to rest");
      break;
    }
    switch (item.kind) {
      case Kind::to_scheduler: {
        Parcel parcel = std::move(*parcels_[item.index]);
        parcels_[item.index].reset();
        free_parcels_.push_back(item.index);
        if (workers_[parcel.worker].is_revoked && chance(0.9)) break;  // the link closes such connections, sooner or later
        inbox_.emplace_back(true, std::move(parcel));
        at(now_ + random_.below(3), Kind::cycle);
        break;
      }
      case Kind::to_worker: {
        const Parcel parcel = std::move(*parcels_[item.index]);
        parcels_[item.index].reset();
        free_parcels_.push_back(item.index);
        Worker& worker = workers_[parcel.worker];
        if (worker.is_up && worker.connection == parcel.connection) worker.mail.push_back(std::get<Send>(parcel.content));
        at(now_, Kind::worker, parcel.worker);
        break;
      }
      case Kind::cycle: cycle(); break;
      case Kind::tick:
        if (!farm_) break;
        inbox_.emplace_back(false, Parcel{0, {}, Tick{}});
        cycle();
        if (farm_) at(std::max(now_ + 1000, stalled_until_), Kind::tick);
        break;
      case Kind::worker: {
        Worker& worker = workers_[item.index];
        std::vector<Event> said;
        const std::int64_t again = worker.act(now_, random_, world_, said);
        for (Event& event : said) post({item.index, worker.connection, std::move(event)}, true);
        if (again > now_ && again != worker.next_wake) {
          worker.next_wake = again;
          at(again, Kind::worker, item.index);
        }
        break;
      }
      case Kind::fault:
        if (has_faults()) fault();
        break;
      case Kind::scheduler_up:
        if (!farm_) {
          note("scheduler starts");
          start_scheduler();
          at(now_ + 1, Kind::cycle);
        }
        break;
    }
    if (settled_ && jobs_left == 0 && all_over()) {
      if (quiet_since < 0) quiet_since = now_;
      if (now_ - quiet_since > 20'000) break;
    } else {
      quiet_since = -1;
    }
  }
  if (!outcome_.violation.empty() || !farm_) return outcome_;

  // Nothing is left over.
  const auto saved = database_->load();
  if (!saved) broken(saved.error().message);
  else if (!saved->leases.empty()) broken(fmt::format("{} leases are left in the database", saved->leases.size()));
  for (const WorkerView& worker : farm_->workers())
    if (!worker.tasks.empty()) broken(fmt::format("worker {:x} still holds {} tasks", worker.id, worker.tasks.size()));
  for (const Worker& worker : workers_)
    if (worker.is_up && !worker.is_revoked && (!worker.held.empty() || !worker.results.empty()))
      broken(fmt::format("worker {} still holds {} leases and {} results", worker.key, worker.held.size(), worker.results.size()));
  for (const JobView& job : farm_->jobs()) {
    const JobTruth& truth = world_.jobs.at(static_cast<std::size_t>(std::stoul(job.package)));
    outcome_.jobs_failed += job.state == JobState::failed;
    note(fmt::format("job {} is {} {}", job.id, name_of(job.state), job.error));
    if (job.state == JobState::done && (!truth.bad.empty() || !truth.poison.empty())) broken(fmt::format("job {} is done, with a task that cannot be", job.id));
    if (job.state == JobState::failed && truth.bad.empty() && truth.poison.empty() && liars_ == 0 && outcome_.crashes == 0 && outcome_.restarts == 0 &&
        std::ranges::none_of(workers_, [](const Worker& worker) { return worker.sick; }) && job.kills == 0)
      broken(fmt::format("job {} failed, and nothing of it was bad: {}", job.id, job.error));
    if (job.state == JobState::done && liars_ == 0)
      for (TaskIndex task = 0; task < truth.tasks->size(); ++task)
        if (truth.tasks->kind[task] == TaskKind::print && world_.printed[{std::stoul(job.package), task}] != world_.true_print(std::stoul(job.package), task))
          broken(fmt::format("job {}: print {} was made of wrong chunks", job.id, task));
  }
  return outcome_;
}

}  // namespace

Outcome simulate(std::uint64_t seed, Plant plant, std::uint64_t liars, bool is_loud) { return Simulation(seed, plant, liars, is_loud).run(); }

}  // namespace dubfarm::sim
