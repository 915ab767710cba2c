// A farm with a clock of its own and workers that say what the test wants said.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "scheduler/farm/farm.hpp"

namespace dubfarm::farm {

struct FakeFarm {
  explicit FakeFarm(Settings with = {}, Saved saved = {}, Time start = {}) : settings(with), now(start), farm(with, source(), {start, 1'000'000}, std::move(saved)) {}
  std::function<std::uint64_t()> source() {
    return [this] { return ++numbers * 0x9E37'79B9'7F4A'7C15u; };
  }

  std::vector<Action> step(Event event) {
    std::vector<Action> actions = farm.step(std::move(event), {now, 1'000'000 + now.count()});
    EXPECT_EQ(farm.inconsistency(), "");
    for (const Action& action : actions) {
      if (const auto* store = std::get_if<Store>(&action)) rows.push_back(store->row);
      if (const auto* send = std::get_if<Send>(&action)) {
        sent.push_back(*send);
        if (const auto* welcome = std::get_if<Welcome>(&send->message)) session_of[send->connection] = welcome->session;
        if (const auto* assign = std::get_if<Assign>(&send->message)) given[send->connection].push_back(*assign);
      }
      if (const auto* answer = std::get_if<Answer>(&action)) answered = answer->error, answered_job = answer->job;
      if (const auto* log = std::get_if<Log>(&action)) logs.push_back(log->name);
    }
    return actions;
  }
  /// Time passes, with a tick each second, and those who are alive ping.
  void advance(Time by, const std::vector<std::string>& alive = {}) {
    for (const Time end = now + by; now < end;) {
      now = std::min(end, now + Time(1000));
      for (const std::string& name : alive) ping(name);
      step(Tick{});
    }
  }
  void hello(const std::string& name, WorkerId boot, std::uint32_t slots = 1, const std::string& profile = "cpu", std::vector<std::string> tags = {},
             std::vector<LeaseRef> running = {}, std::vector<TaskResult> unacknowledged = {}) {
    step(Hello{.connection = name, .key = "key " + name, .boot = boot, .profile = profile, .build = "test", .host = "host " + name, .device = {}, .tags = std::move(tags),
               .slots = slots, .memory_bytes = 0, .running = std::move(running), .unacknowledged = std::move(unacknowledged)});
  }
  void want(const std::string& name, std::uint32_t credit) { step(Want{name, session_of[name], credit}); }
  /// Says Hello and asks for tasks.
  void join(const std::string& name, WorkerId boot, std::uint32_t credit = 1, const std::string& profile = "cpu", std::vector<std::string> tags = {}) {
    hello(name, boot, std::max(1u, credit), profile, std::move(tags));
    want(name, credit);
  }
  void ping(const std::string& name) {
    Ping ping{name, session_of[name], 1, {}};
    for (const Assign& assign : given[name]) ping.running.push_back({assign.lease, 0.5F});
    step(std::move(ping));
  }
  TaskResult result(const std::string& name, const LeaseRef& lease, Outcome outcome = Outcome::done, std::uint8_t digest = 1) {
    return {.connection = name, .session = session_of[name], .lease = lease, .outcome = outcome, .digest = {digest}, .lost = {}, .error = {}, .device_seconds = 1,
            .bytes_read = 0, .bytes_written = 100};
  }
  /// The worker reports the task that it was given first, and forgets it.
  void report(const std::string& name, Outcome outcome = Outcome::done, std::uint8_t digest = 1, const std::string& error = {}, std::vector<TaskIndex> lost = {}) {
    ASSERT_FALSE(given[name].empty()) << name << " was given nothing";
    TaskResult said = result(name, given[name].front().lease, outcome, digest);
    said.error = error;
    said.lost = std::move(lost);
    given[name].erase(given[name].begin());
    step(std::move(said));
  }
  JobId submit(std::uint32_t chunks, JobSpec spec = {}, bool has_print = false) {
    auto tasks = std::make_shared<TaskList>();
    std::vector<TaskIndex> all;
    for (std::uint32_t i = 0; i < chunks; ++i) all.push_back(tasks->add(TaskKind::chunk, i, 1));
    if (has_print) {
      const TaskIndex print = tasks->add(TaskKind::print, 0, 1, all);
      tasks->add(TaskKind::package, 0, 1, std::vector{print});
    }
    if (spec.project.empty()) spec.project = "film";
    spec.tasks = std::move(tasks);
    step(SubmitJob{7, std::move(spec)});
    return answered_job;
  }
  [[nodiscard]] TaskState state(JobId job, TaskIndex task) const { return farm.tasks(job, task, 1).at(0).state; }
  [[nodiscard]] JobState state(JobId job) const { return farm.job(job)->state; }
  [[nodiscard]] WorkerHealth health(WorkerId id) const { return farm.worker(id)->health; }
  [[nodiscard]] std::string why(JobId job) const {
    std::string text;
    const Waiting waiting = farm.explain(job).value();
    for (const Reason& reason : waiting.reasons) text += reason.code + ": " + reason.text + "\n";
    return text;
  }
  template <class T>
  [[nodiscard]] std::vector<T> messages(const std::string& to) const {
    std::vector<T> all;
    for (const Send& send : sent)
      if (send.connection == to)
        if (const auto* one = std::get_if<T>(&send.message)) all.push_back(*one);
    return all;
  }

  Settings settings;
  Time now{};
  std::uint64_t numbers = 0;
  Farm farm;
  std::vector<Row> rows;
  std::vector<Send> sent;
  std::map<std::string, SessionId> session_of;
  std::map<std::string, std::vector<Assign>> given;  // and not reported yet
  std::string answered;
  JobId answered_job = 0;
  std::vector<std::string> logs;
};

}  // namespace dubfarm::farm
