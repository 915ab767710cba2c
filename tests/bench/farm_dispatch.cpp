// How many null tasks a second a scheduler gives out, gets back, commits and acknowledges, with many workers over real sockets and keys.
//   farm_dispatch FOLDER [WORKERS [TASKS]]
// The database is in FOLDER, synced at every commit as ever. Workers are simulated: sockets of their own, a few threads, results sent at once.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "common/wire/frame.hpp"
#include "common/wire/keys.hpp"
#include "common/wire/socket.hpp"
#include "scheduler/link/reactor.hpp"

namespace {

using namespace dubfarm;
using Clock = std::chrono::steady_clock;

template <class T>
T must(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  fmt::print(stderr, "error: {}\n", result.error().message);
  std::exit(3);
}

/// A worker that answers every task at once.
class NullWorker {
 public:
  NullWorker(zmq::context_t& context, const std::string& endpoint, const wire::WorkerKey& key, std::uint64_t boot) : socket_(context, zmq::socket_type::dealer), boot_(boot) {
    wire::set_limits(socket_);
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::curve_serverkey, key.scheduler);
    socket_.set(zmq::sockopt::curve_publickey, key.pair.public_key);
    socket_.set(zmq::sockopt::curve_secretkey, key.pair.secret_key);
    socket_.connect(endpoint);
    wire::Envelope envelope;
    wire::Hello& hello = *envelope.mutable_hello();
    hello.set_protocol_low(wire::kProtocolLow);
    hello.set_protocol_high(wire::kProtocolHigh);
    hello.set_boot(boot_);
    hello.set_slots(1);
    hello.set_numeric_profile("null");
    send(envelope);
  }
  zmq::socket_t& socket() { return socket_; }
  std::uint64_t acknowledged = 0;

  void hear() {
    while (const auto received = wire::receive(socket_, 1)) {
      const wire::Decoded decoded = wire::decode(wire::bytes_of(received->frames[0]));
      if (!decoded.envelope) continue;
      if (decoded.envelope->has_welcome()) {
        session_ = decoded.envelope->welcome().session();
        epoch_ = decoded.envelope->welcome().epoch();
        want();
      } else if (decoded.envelope->has_assign()) {
        wire::Envelope envelope;
        wire::Result& result = *envelope.mutable_result();
        *result.mutable_lease() = decoded.envelope->assign().lease();
        result.set_outcome(wire::DONE);
        result.set_digest(std::string(16, 'd'));
        result.set_device_seconds(0.001);
        result.set_bytes_written(1);
        send(envelope);
        want();
      } else if (decoded.envelope->has_result_ack()) {
        ++acknowledged;
      }
    }
    if (session_ != 0 && Clock::now() - pinged_at_ > std::chrono::seconds(1)) {
      wire::Envelope envelope;
      envelope.mutable_ping()->set_number(1);
      send(envelope);
      pinged_at_ = Clock::now();
    }
  }

 private:
  void want() {
    wire::Envelope envelope;
    envelope.mutable_want()->set_credit(4);
    send(envelope);
  }
  void send(wire::Envelope& envelope) {
    envelope.set_session(session_);
    envelope.set_epoch(epoch_);
    socket_.send(zmq::buffer(wire::encode(envelope)), zmq::send_flags::none);
  }
  zmq::socket_t socket_;
  std::uint64_t boot_, session_ = 0, epoch_ = 0;
  Clock::time_point pinged_at_{};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::string folder = argv[1];
  const std::size_t workers = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 200;
  const std::uint32_t tasks = argc > 3 ? static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10)) : 20'000;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  link::ReactorOptions options;
  options.listen = "tcp://127.0.0.1:*";
  options.key = must(wire::make_scheduler_key(folder + "/keys"));
  options.keys_folder = folder + "/keys";
  const wire::WorkerKey key = must(wire::read_worker_key(must(wire::make_worker_key(options.keys_folder, "bench", ""))));
  const auto reactor = must(link::Reactor::start(options, must(db::Database::open(folder + "/farm.db"))));

  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> acknowledged{0};
  std::vector<std::jthread> threads;
  constexpr std::size_t kThreads = 2;
  for (std::size_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      zmq::context_t context{1};
      std::vector<std::unique_ptr<NullWorker>> own;
      for (std::size_t w = t; w < workers; w += kThreads) own.push_back(std::make_unique<NullWorker>(context, reactor->endpoint(), key, w + 1));
      std::vector<zmq_pollitem_t> items;
      for (const auto& worker : own) items.push_back({worker->socket().handle(), 0, ZMQ_POLLIN, 0});
      while (!is_over) {
        zmq_poll(items.data(), static_cast<int>(items.size()), 100);
        for (const auto& worker : own) {
          worker->hear();
          acknowledged += std::exchange(worker->acknowledged, 0);
        }
      }
    });
  while (reactor->read([](const farm::Farm& farm) { return farm.workers().size(); }) < workers) std::this_thread::sleep_for(std::chrono::milliseconds(20));

  farm::TaskList list;
  for (std::uint32_t n = 0; n < tasks; ++n) list.add(farm::TaskKind::chunk, n, 0.001f);
  farm::JobSpec spec;
  spec.project = "bench";
  spec.tasks = std::make_shared<farm::TaskList>(std::move(list));
  const auto began = Clock::now();
  const farm::Answer answer = must(reactor->command([&](farm::Ticket ticket) { return farm::SubmitJob{ticket, spec}; }));
  const double taken = std::chrono::duration<double>(Clock::now() - began).count();
  while (acknowledged < tasks) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const double took = std::chrono::duration<double>(Clock::now() - began).count();
  const link::LinkFigures figures = reactor->figures();
  constexpr double kAim = 2000;
  const double rate = static_cast<double>(tasks) / took;
  fmt::print("{} null tasks, {} workers: {:.0f} tasks a second (aim: at least {:.0f}), each assigned, reported, committed and acknowledged ({:.2f} s; taking the job {:.2f} s)\n",
             tasks, workers, rate, kAim, took, taken);
  fmt::print("{} commits of {:.0f} rows, {:.1f} ms each, the longest {:.0f} ms; {} messages in, {} out\n", figures.commits,
             static_cast<double>(figures.rows) / static_cast<double>(figures.commits), 1000 * figures.commit_seconds / static_cast<double>(figures.commits),
             1000 * figures.longest_commit_seconds, figures.messages_in, figures.messages_out);
  const auto state = reactor->read([&](const farm::Farm& farm) { return farm.job(answer.job)->state; });
  is_over = true;
  threads.clear();
  return state == farm::JobState::done && rate >= kAim ? 0 : 1;
}
