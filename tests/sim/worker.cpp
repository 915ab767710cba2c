#include "tests/sim/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace dubfarm::sim {
namespace {

using namespace farm;

constexpr std::int64_t kPing = 1000, kSilence = 5000, kHello = 1200, kWant = 2000, kResend = 1500, kForEver = INT64_MAX / 4;

Digest digest_of(std::uint64_t value) {
  Digest digest{};
  for (std::size_t i = 0; i < 8; ++i) digest[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return digest;
}

}  // namespace

void Worker::connect() {
  connection = fmt::format("{}.{}", key, ++connections_);
  session = 0;
  next_hello_ = 0;
}

void Worker::start(std::int64_t now, Random& random) {
  is_up = true;
  is_draining = false;
  boot = random.next() | 1;
  heard_ = now;
  held.clear();
  mail.clear();
  resend_.clear();
  connect();
}

void Worker::crash(std::int64_t now, Random& random) {
  if (!is_up) return;
  is_up = false;
  session = 0;
  held.clear();
  mail.clear();
  restart_at = now + 300 + random.below(9000);
}

void Worker::mend(std::int64_t now) {
  stalled_until = 0;
  cut = {};
  if (is_revoked) {  // somebody makes it a new key
    is_revoked = false;
    key += "+";
    is_up = false;
    results.clear();
  }
  if (!is_up) restart_at = now;
}

void Worker::read(const Send& send, std::int64_t now) {
  heard_ = now;
  if (const auto* welcome = std::get_if<Welcome>(&send.message)) {
    session = welcome->session;
    for (const LeaseRef& ref : welcome->drop) held.erase(ref.lease);
    next_want_ = next_ping_ = now;
    for (auto& [lease, when] : resend_) when = now + kResend;
    return;
  }
  if (const auto* ack = std::get_if<ResultAck>(&send.message)) {
    results.erase(ack->lease.lease);
    resend_.erase(ack->lease.lease);
    return;
  }
  if (const auto* nak = std::get_if<Nak>(&send.message)) {
    if (nak->code == "session" && session != 0) connect();
    return;
  }
  if (send.session != session) return;  // of an earlier session
  if (const auto* assign = std::get_if<Assign>(&send.message)) {
    if (held.contains(assign->lease.lease) || results.contains(assign->lease.lease)) return;
    held[assign->lease.lease] = {assign->lease, std::stoul(assign->package), assign->afresh, false};
  } else if (const auto* cancel = std::get_if<CancelLease>(&send.message)) {
    held.erase(cancel->lease.lease);
  } else if (const auto* pong = std::get_if<Pong>(&send.message)) {
    for (const LeaseRef& ref : pong->drop) held.erase(ref.lease);
  } else if (const auto* drain = std::get_if<Drain>(&send.message)) {
    is_draining = true;
    drain_until_ = drain->budget_s == 0 ? kForEver : now + 1000 * static_cast<std::int64_t>(drain->budget_s);
  }
}

TaskResult Worker::make(const Held& task, Random& random, World& world) const {
  const JobTruth& truth = world.jobs[task.job];
  const TaskIndex index = task.ref.task;
  TaskResult result{.connection = {}, .session = 0, .lease = task.ref, .outcome = farm::Outcome::done, .digest = {}, .lost = {}, .error = {},
                    .device_seconds = static_cast<double>(truth.tasks->cost[index]), .bytes_read = 0, .bytes_written = 1000};
  const auto fails = [&](const char* error) {
    result.outcome = farm::Outcome::failed;
    result.error = error;
    return result;
  };
  if (truth.bad.contains(index)) return fails("the recording is damaged");
  if (sick) return fails("the disk is not mounted");
  std::uint64_t value = 1;
  switch (truth.tasks->kind[index]) {
    case TaskKind::chunk: {
      const auto blob = world.blobs.find({task.job, index, profile});
      if (blob != world.blobs.end() && task.was_there) {
        value = blob->second;
        result.bytes_written = 0;
        break;
      }
      value = lies && random.unit() < 0.8 ? random.next() | 1 : world.true_chunk(task.job, index);
      if (blob == world.blobs.end() || task.is_afresh) world.blobs[{task.job, index, profile}] = value;  // a store keeps what it has
      break;
    }
    case TaskKind::print:
      for (const TaskIndex input : truth.tasks->needs_of(index)) {
        const auto blob = world.blobs.find({task.job, input, profile});
        if (blob == world.blobs.end()) result.lost.push_back(input);
        else value = World::mix(value, blob->second);
      }
      if (!result.lost.empty()) {
        result.outcome = farm::Outcome::lost_inputs;
        return result;
      }
      world.printed[{task.job, index}] = value;
      break;
    case TaskKind::package: return result;
  }
  result.digest = digest_of(value);
  return result;
}

std::int64_t Worker::act(std::int64_t now, Random& random, World& world, std::vector<Event>& said) {
  if (!is_up) {
    if (is_revoked) return now + 5000;
    if (restart_at > now) return restart_at;
    start(now, random);
  }
  if (stalled_until > now) return stalled_until;
  for (const Send& send : std::exchange(mail, {})) read(send, now);
  if (now - heard_ > kSilence) {
    heard_ = now;
    connect();
  }

  // Work: what ended, then what can start.
  for (auto task = held.begin(); task != held.end();) {
    const Held& one = task->second;
    if (one.ends < 0 || one.ends > now) {
      ++task;
      continue;
    }
    if (world.jobs[one.job].poison.contains(one.ref.task)) {
      crash(now, random);
      return restart_at;
    }
    results[task->first] = make(one, random, world);
    resend_[task->first] = now;
    task = held.erase(task);
  }
  if (is_draining && now >= drain_until_)
    for (auto& [lease, task] : std::exchange(held, {})) {
      results[lease] = TaskResult{.connection = {}, .session = 0, .lease = task.ref, .outcome = farm::Outcome::released, .digest = {}, .lost = {}, .error = {}};
      resend_[lease] = now;
    }
  auto running = static_cast<std::uint32_t>(std::ranges::count_if(held, [](const auto& task) { return task.second.ends >= 0; }));
  for (auto& [lease, task] : held) {
    if (running >= slots) break;
    if (task.ends >= 0) continue;
    ++running;
    task.started = now;
    task.was_there = !task.is_afresh && world.blobs.contains({task.job, task.ref.task, profile});
    const double cost_ms = 1000.0 * static_cast<double>(world.jobs[task.job].tasks->cost[task.ref.task]);
    task.ends = now + 1 + static_cast<std::int64_t>(cost_ms * (0.8 + 0.4 * random.unit())) * slow;
  }

  std::int64_t again = now + kPing;
  if (session == 0) {
    if (now >= next_hello_) {
      Hello hello{.connection = connection, .key = key, .boot = boot, .profile = profile, .build = "sim", .host = key, .device = {}, .tags = {}, .slots = slots,
                  .memory_bytes = 0, .running = {}, .unacknowledged = {}};
      if (is_big) hello.tags.push_back("big");
      for (const auto& [lease, task] : held) hello.running.push_back(task.ref);
      for (const auto& [lease, result] : results) hello.unacknowledged.push_back(result);
      said.emplace_back(std::move(hello));
      next_hello_ = now + kHello + random.below(300);
    }
    again = std::min(again, next_hello_);
  } else {
    for (auto& [lease, result] : results) {
      std::int64_t& when = resend_[lease];
      if (now >= when) {
        TaskResult copy = result;
        copy.connection = connection;
        copy.session = session;
        said.emplace_back(std::move(copy));
        when = sends_once ? kForEver : now + kResend;
      }
      again = std::min(again, when);
    }
    if (now >= next_ping_) {
      Ping ping{connection, session, ++pings_, {}};
      for (const auto& [lease, task] : held) {
        const double done = task.ends < 0 ? 0 : static_cast<double>(now - task.started) / static_cast<double>(std::max<std::int64_t>(1, task.ends - task.started));
        ping.running.push_back({task.ref, static_cast<float>(done)});
      }
      for (const auto& [lease, result] : results) ping.running.push_back({result.lease, 1});
      said.emplace_back(std::move(ping));
      next_ping_ = now + kPing;
    }
    const auto room = static_cast<std::uint32_t>(slots + 1 - std::min<std::size_t>(slots + 1, held.size()));
    const std::uint32_t wants = is_draining ? 0 : room;
    if (now >= next_want_ || wants > wanted_) {
      said.emplace_back(Want{connection, session, wants});
      next_want_ = now + kWant;
    }
    wanted_ = wants;
    again = std::min({again, next_ping_, next_want_});
    if (is_draining && held.empty() && results.empty()) {
      said.emplace_back(Bye{session, "drained"});
      is_up = false;
      restart_at = now + 30'000;
    }
  }
  for (const auto& [lease, task] : held)
    if (task.ends >= 0) again = std::min(again, task.ends);
  return std::max(again, now + 1);
}

}  // namespace dubfarm::sim
