// dispatch FOLDER: how fast the farm's state and database are, without sockets. 200 workers run null tasks: each is given, reported, committed and
// acknowledged, in batches as the scheduler's reactor makes them. Then a million queued chunks: the memory they take, and a start with them;
// `dispatch FOLDER million` does that alone. Last, what a task costs in the farm's state and in the state of one render. Exit status 1 where an aim is missed.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/db/database.hpp"
#include "scheduler/farm/farm.hpp"
#include "scheduler/state/job_state.hpp"

namespace {

using namespace dubfarm;
using namespace dubfarm::farm;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double resident_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024.0;
  return 0;
}

/// The reactor without its sockets: rows in one transaction, then messages.
struct Shell {
  explicit Shell(const std::string& path) {
    auto opened = db::Database::open(path);
    if (!opened) {
      fmt::print(stderr, "{}\n", opened.error().message);
      std::exit(3);
    }
    database.emplace(std::move(*opened));
    start();
  }
  void start() {
    auto saved = database->load();
    if (!saved) {
      fmt::print(stderr, "{}\n", saved.error().message);
      std::exit(3);
    }
    auto random = std::make_shared<std::mt19937_64>(1);
    farm.emplace(Settings{}, [random] { return (*random)(); }, Instant{}, std::move(*saved));
  }
  void step(Event event) {
    for (Action& action : farm->step(std::move(event), Instant{Time(1), 1})) {
      if (auto* store = std::get_if<Store>(&action)) rows.push_back(std::move(store->row));
      if (auto* send = std::get_if<Send>(&action)) held.push_back(std::move(*send));
    }
  }
  std::vector<Send> commit() {
    const auto done = database->apply(rows);
    if (!done) {
      fmt::print(stderr, "{}\n", done.error().message);
      std::exit(3);
    }
    rows.clear();
    ++commits;
    return std::exchange(held, {});
  }
  std::optional<db::Database> database;
  std::optional<Farm> farm;
  std::vector<Row> rows;
  std::vector<Send> held;
  std::size_t commits = 0;
};

std::shared_ptr<const TaskList> chunks(std::uint32_t count) {
  auto tasks = std::make_shared<TaskList>();
  std::vector<TaskIndex> all(count);
  for (std::uint32_t i = 0; i < count; ++i) all[i] = tasks->add(TaskKind::chunk, i, 1);
  for (std::uint32_t i = 0; i < 8; ++i) tasks->add(TaskKind::print, i, 10, all);
  return tasks;
}

void durable_tasks(const std::string& folder, std::size_t batch) {
  const std::uint32_t tasks = batch < 8 ? 3000 : 50'000;  // every commit waits for the disk
  constexpr WorkerId kWorkers = 200;
  Shell shell(folder + fmt::format("/dispatch-{}.db", batch));
  for (WorkerId boot = 1; boot <= kWorkers; ++boot)
    shell.step(Hello{.connection = std::to_string(boot), .key = "k", .boot = boot, .profile = "cpu", .slots = 4});
  std::vector<SessionId> session(kWorkers + 1);
  for (const Send& send : shell.commit())
    if (const auto* welcome = std::get_if<Welcome>(&send.message)) session[std::stoul(send.connection)] = welcome->session;
  shell.step(SubmitJob{0, {.project = "p", .tasks = chunks(tasks)}});
  shell.commit();
  const auto start = Clock::now();
  std::vector<TaskResult> results;
  for (WorkerId boot = 1; boot <= kWorkers; ++boot) shell.step(Want{std::to_string(boot), session[boot], 4});
  std::size_t acknowledged = 0;
  const auto deliver = [&] {
    for (Send& send : shell.commit()) {
      if (const auto* assign = std::get_if<Assign>(&send.message)) {
        TaskResult result{.connection = send.connection, .session = send.session, .lease = assign->lease, .digest = {1}, .device_seconds = 1, .bytes_written = 1};
        results.push_back(std::move(result));
      }
      acknowledged += std::holds_alternative<ResultAck>(send.message);
    }
  };
  deliver();
  const std::size_t before = shell.commits;
  while (!results.empty()) {
    for (std::size_t i = 0; i < batch && !results.empty(); ++i) {
      TaskResult result = std::move(results.back());
      results.pop_back();
      const Connection connection = result.connection;
      const SessionId of = result.session;
      shell.step(std::move(result));
      shell.step(Want{connection, of, 1});
    }
    deliver();
  }
  const double took = seconds_since(start);
  fmt::print("durable null tasks, batches of {:4}: {:8.0f} tasks/s ({} acknowledged, {} commits, {:.2f} ms each)\n", batch, static_cast<double>(acknowledged) / took, acknowledged,
             shell.commits - before, 1000 * took / static_cast<double>(shell.commits - before));
}

constexpr double kMaxMib = 1024, kMaxRestartSeconds = 5;

/// A start with what the database holds. @return whether it is within the aims.
bool restart(const std::string& path, const char* what) {
  const auto start = Clock::now();
  const Shell again(path);
  const double took = seconds_since(start), memory = resident_mib();
  fmt::print("a start with {}: {:.2f} s (aim: below {:.0f}), {:.0f} MiB in all (aim: below {:.0f})\n", what, took, kMaxRestartSeconds, memory, kMaxMib);
  return took < kMaxRestartSeconds && memory < kMaxMib;
}

bool million(const std::string& folder) {
  constexpr std::uint32_t kTasks = 1'000'000;
  const std::string path = folder + "/million.db";
  bool is_met = true;
  {
    Shell shell(path);
    const auto start = Clock::now();
    shell.step(SubmitJob{0, {.project = "p", .tasks = chunks(kTasks)}});
    const double stepped = seconds_since(start);
    shell.commit();
    const double memory = resident_mib();
    is_met = memory < kMaxMib;
    fmt::print("a job of {} queued chunks: state {:.2f} s, stored after {:.2f} s, {:.0f} MiB in all (aim: below {:.0f})\n", kTasks, stepped, seconds_since(start), memory, kMaxMib);
  }
  is_met &= restart(path, "them");
  {
    Shell shell(path);
    const auto start = Clock::now();
    shell.step(SubmitJob{0, {.project = "p", .tasks = chunks(100'000)}});
    shell.commit();
    fmt::print("a job of 100000 chunks more, taken and stored: {:.0f} ms\n", 1000 * seconds_since(start));
    shell.rows.clear();
    for (TaskIndex task = 0; task < kTasks; task += 2) shell.rows.emplace_back(TaskDone{1, task, {1}, 1, 1, false});
    shell.commit();
  }
  return restart(path, "both, half of the first done") && is_met;
}

/// What one render's tasks cost in the two states: chunks, then ranges that need them (docs/decisions/0014). No database, no sockets, one worker.
void two_states() {
  constexpr std::uint32_t kChunks = 20'000, kRanges = 4'000, kEach = 8;
  {
    std::vector<scheduler::Task> tasks(kChunks + kRanges);
    for (std::uint32_t r = 0; r < kRanges; ++r) {
      tasks[kChunks + r].kind = scheduler::TaskKind::range;
      for (std::uint32_t n = 0; n < kEach; ++n) tasks[kChunks + r].needs.push_back((r * 5 + n) % kChunks);
    }
    const auto start = Clock::now();
    scheduler::JobState state(std::move(tasks), std::vector<bool>(kChunks + kRanges, false));
    while (const auto task = state.lease()) state.finished(*task);
    fmt::print("a render's own state: {:6.2f} us a task{}\n", 1e6 * seconds_since(start) / (kChunks + kRanges), state.all_done() ? "" : ": NOT DONE");
  }
  auto tasks = std::make_shared<TaskList>();
  for (std::uint32_t i = 0; i < kChunks; ++i) tasks->add(TaskKind::chunk, i, 1);
  for (std::uint32_t r = 0; r < kRanges; ++r) {
    std::vector<TaskIndex> needs;
    for (std::uint32_t n = 0; n < kEach; ++n) needs.push_back((r * 5 + n) % kChunks);
    tasks->add(TaskKind::print, r, 1, needs);
  }
  const auto start = Clock::now();
  auto random = std::make_shared<std::mt19937_64>(1);
  Farm farm(Settings{}, [random] { return (*random)(); }, Instant{});
  SessionId session = 0;
  std::vector<LeaseRef> held;
  std::size_t done = 0;
  const auto step = [&](Event event) {
    for (Action& action : farm.step(std::move(event), Instant{Time(1), 1}))
      if (const auto* send = std::get_if<Send>(&action)) {
        if (const auto* welcome = std::get_if<Welcome>(&send->message)) session = welcome->session;
        if (const auto* assign = std::get_if<Assign>(&send->message)) held.push_back(assign->lease);
      }
  };
  step(SubmitJob{0, {.project = "p", .tasks = tasks}});
  step(Hello{.connection = "1", .key = "k", .boot = 1, .profile = "cpu", .slots = 4});
  step(Want{"1", session, 1});
  for (; !held.empty(); ++done) {
    const LeaseRef lease = held.back();
    held.pop_back();
    step(TaskResult{.connection = "1", .session = session, .lease = lease, .digest = {1}, .device_seconds = 1, .bytes_written = 1});
    step(Want{"1", session, 1});
  }
  fmt::print("the farm's state:     {:6.2f} us a task{}\n", 1e6 * seconds_since(start) / (kChunks + kRanges), done == kChunks + kRanges ? "" : ": NOT DONE");
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_million_alone = argc == 3 && std::string_view(argv[2]) == "million";
  if (argc != 2 && !is_million_alone) return fmt::print(stderr, "dispatch FOLDER [million]\n"), 2;
  if (!is_million_alone)
    for (const std::size_t batch : {1u, 8u, 64u}) durable_tasks(argv[1], batch);
  const bool is_met = million(argv[1]);
  if (!is_million_alone) two_states();
  return is_met ? 0 : 1;
}
