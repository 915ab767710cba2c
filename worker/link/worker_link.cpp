#include "worker/link/worker_link.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <zmq.hpp>

#include "common/descriptor.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/socket.hpp"
#include "worker/link/crew.hpp"
#include "worker/link/result_box.hpp"

namespace dubfarm::worker {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLongestPoll{500};
constexpr milliseconds kShortestBackoff{1000}, kLongestBackoff{32'000};
constexpr milliseconds kLookFor{10'000};       // a scheduler that does not answer, before a new socket is tried
constexpr milliseconds kAskAgain{2000};        // a result without an answer is sent again
constexpr milliseconds kFarewell{5000};        // for the last acknowledgements, once nothing runs
constexpr std::uint32_t kTasksPerSlot = 32;    // held at once at most: no thread waits for the network, and chunks find company; the scheduler gives less where others want it
constexpr std::size_t kMostTasks = 4000;       // however many slots: a message names 4,096 leases at most
constexpr std::size_t kMessagesAtOnce = 256;
constexpr std::size_t kResultsInHello = 2000;  // the others follow one by one
constexpr milliseconds kAfterRefusal{500};     // a key that was made a moment ago is known by then
constexpr std::size_t kReasonBytes = 500;
constexpr int kRefusals = 3;                   // handshakes refused before a worker takes it for an answer

class Link {
 public:
  Link(const LinkOptions& options, TaskRunner& runner, ResultBox box)
      : options_(options), box_(std::move(box)), woken_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), boot_(draw()),
        crew_(runner, options.slots, [fd = woken_.get()] {
          const std::uint64_t one = 1;
          if (::write(fd, &one, sizeof one) < 0) return;  // full: it is awake already
        }) {}

  LinkOutcome run() {
    while (true) {
      const auto now = Clock::now();
      collect();
      if (socket_ && now - heard_at_ > (session_ != 0 ? dead_after_ : std::max(dead_after_, kLookFor)))
        lose_scheduler("it has been silent for " + seconds(now - heard_at_));
      if (!socket_ && now >= connect_at_) connect();
      obey_signals();
      if (const auto end = ending()) return *end;
      talk();
      poll();
      read();
    }
  }

 private:
  std::uint64_t draw() {
    std::uint64_t number = 0;
    while (number == 0) number = (static_cast<std::uint64_t>(random_()) << 32) | random_();
    return number;
  }
  static std::string seconds(Clock::duration time) { return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count()); }
  void log(const std::string& line) const {
    if (options_.log) options_.log(line);
  }

  // ---- the connection --------------------------------------------------------------------------------------------------------------

  void connect() {
    auto& socket = socket_.emplace(context_, zmq::socket_type::dealer);
    wire::set_limits(socket);
    socket.set(zmq::sockopt::immediate, 1);  // nothing is queued for a scheduler that is not there
    socket.set(zmq::sockopt::sndhwm, 10'000);
    socket.set(zmq::sockopt::reconnect_ivl, 200);
    socket.set(zmq::sockopt::reconnect_ivl_max, 2000);
    socket.set(zmq::sockopt::curve_serverkey, options_.key.scheduler);
    socket.set(zmq::sockopt::curve_publickey, options_.key.pair.public_key);
    socket.set(zmq::sockopt::curve_secretkey, options_.key.pair.secret_key);
    monitor_.emplace(context_, socket, fmt::format("dubfarm.worker.monitor.{}", ++monitor_number_));
    socket.connect(options_.scheduler);
    session_ = epoch_ = 0;
    heard_at_ = Clock::now();
    hello_at_.reset();
    wanted_.reset();
    sent_at_.clear();
  }

  void disconnect() {
    monitor_.reset();
    socket_.reset();
    session_ = 0;
  }

  /// Back after a while: longer each time, and not at the same moment as the others.
  void lose_scheduler(const std::string& why) {
    if (session_ != 0) log("scheduler lost: " + why);
    disconnect();
    const auto spread = std::uniform_real_distribution<double>(0.5, 1.0)(random_);
    connect_at_ = Clock::now() + milliseconds(static_cast<std::int64_t>(spread * static_cast<double>(backoff_.count())));
    backoff_ = std::min(2 * backoff_, kLongestBackoff);
  }

  /// The scheduler is there, but does not know this session: it was restarted, or took this worker for dead.
  void say_hello_again(const std::string& why) {
    log(why);
    disconnect();
    connect_at_ = Clock::now();
  }

  bool send(wire::Envelope& envelope) {
    if (!socket_) return false;
    envelope.set_session(session_);
    envelope.set_epoch(epoch_);
    return socket_->send(zmq::buffer(wire::encode(envelope)), zmq::send_flags::dontwait).has_value();
  }

  // ---- what it says ----------------------------------------------------------------------------------------------------------------

  void talk() {
    if (!socket_) return;
    const auto now = Clock::now();
    if (session_ == 0) {
      if (!hello_at_ || now - *hello_at_ > kAskAgain) {
        if (say_hello()) hello_at_ = now;
      }
      return;
    }
    for (const auto& [lease, result] : box_.results()) {
      const auto sent = sent_at_.find(lease);
      if (sent != sent_at_.end() && now - sent->second < kAskAgain) continue;
      wire::Envelope envelope;
      *envelope.mutable_result() = result;
      if (!send(envelope)) break;
      sent_at_[lease] = now;
    }
    const std::size_t room = std::min(options_.slots * std::size_t{kTasksPerSlot}, kMostTasks);
    const std::size_t held = crew_.held_count();
    const auto credit = static_cast<std::uint32_t>(is_draining_ || held >= room ? 0 : room - held);
    if (wanted_ != credit) {
      wire::Envelope envelope;
      envelope.mutable_want()->set_credit(credit);
      if (send(envelope)) wanted_ = credit;
    }
    if (now - pinged_at_ >= ping_interval_) {
      wire::Envelope envelope;
      wire::Ping& ping = *envelope.mutable_ping();
      ping.set_number(++ping_number_);
      for (const Crew::Held& task : crew_.held()) {
        wire::Progress& progress = *ping.add_running();
        *progress.mutable_lease() = task.lease;
        progress.set_done(task.done);
      }
      for (const auto& [lease, result] : box_.results()) {
        wire::Progress& progress = *ping.add_running();
        *progress.mutable_lease() = result.lease();
        progress.set_done(1);
        if (ping.running_size() >= 4000) break;
      }
      if (send(envelope)) pinged_at_ = now;
    }
  }

  bool say_hello() {
    wire::Envelope envelope;
    wire::Hello& hello = *envelope.mutable_hello();
    hello.set_protocol_low(wire::kProtocolLow);
    hello.set_protocol_high(wire::kProtocolHigh);
    hello.set_build(options_.build);
    hello.set_numeric_profile(options_.numeric_profile);
    hello.set_host(options_.host);
    hello.set_boot(boot_);
    for (const std::string& tag : options_.tags) hello.add_tags(tag);
    hello.set_slots(options_.slots);
    hello.set_device(options_.device);
    hello.set_memory_bytes(options_.memory_bytes);
    for (const Crew::Held& task : crew_.held()) *hello.add_running() = task.lease;
    for (const auto& [lease, result] : box_.results()) {
      *hello.add_unacknowledged() = result;
      if (hello.unacknowledged_size() >= static_cast<int>(kResultsInHello) || hello.ByteSizeLong() > wire::kMaxFrameBytes / 2) break;
    }
    return send(envelope);
  }

  /// Results of the crew, into the box.
  void collect() {
    std::uint64_t count = 0;
    if (::read(woken_.get(), &count, sizeof count) < 0) count = 0;  // EAGAIN: nobody rang
    for (const wire::Result& result : crew_.take_results()) {
      if (const Result<void> kept = box_.put(result); !kept.ok()) log("warning: " + kept.error().message + "; the result is kept in memory alone");
      worked_at_ = Clock::now();
      if (options_.once && result.outcome() != wire::RELEASED) drain("it was started with --once", milliseconds{0});
    }
  }

  // ---- what it hears ---------------------------------------------------------------------------------------------------------------

  void poll() {
    milliseconds wait = kLongestPoll;
    const auto now = Clock::now();
    const auto until = [&](Clock::time_point then) { wait = std::clamp(std::chrono::ceil<milliseconds>(then - now), milliseconds{0}, wait); };
    if (session_ != 0) until(pinged_at_ + ping_interval_);
    if (!socket_) until(connect_at_);
    if (leave_at_) until(*leave_at_);
    std::vector<zmq_pollitem_t> items = {{nullptr, woken_.get(), ZMQ_POLLIN, 0}};
    if (socket_) items.push_back({socket_->handle(), 0, ZMQ_POLLIN, 0});
    if (monitor_) items.push_back({monitor_->socket().handle(), 0, ZMQ_POLLIN, 0});
    if (socket_ && session_ == 0 && !hello_at_) items[1].events |= ZMQ_POLLOUT;  // connected: Hello goes out
    ::zmq_poll(items.data(), static_cast<int>(items.size()), wait.count());      // EINTR: as if nothing came
  }

  void read() {
    while (monitor_) {
      const auto event = monitor_->next();
      if (!event) break;
      if (event->what == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {  // the socket tries no more
        if (++refusals_ >= kRefusals) refused_ = "the scheduler does not let this key in";
        disconnect();
        connect_at_ = Clock::now() + kAfterRefusal;
        return;
      }
      if (event->what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) refusals_ = 0;
      if (event->what == ZMQ_EVENT_DISCONNECTED && session_ != 0) {
        say_hello_again("the connection broke; saying hello again");
        return;
      }
    }
    for (std::size_t n = 0; socket_ && n < kMessagesAtOnce; ++n) {
      const std::optional<wire::Received> received = wire::receive(*socket_, 1);
      if (!received) break;
      heard_at_ = Clock::now();
      if (received->too_many) {
        log("warning: a message of another shape from the scheduler was passed over");
        continue;
      }
      const wire::Decoded decoded = wire::decode(wire::bytes_of(received->frames[0]));
      if (!decoded.envelope) {
        log(fmt::format("warning: a message from the scheduler was passed over: {}", decoded.message));
        if (decoded.code == std::string_view(wire::kNakVersion)) refused_ = decoded.message;
        continue;
      }
      hear(*decoded.envelope);
    }
  }

  void hear(const wire::Envelope& envelope) {
    if (envelope.has_welcome()) return welcome(envelope.welcome());
    if (envelope.has_nak()) return nak(envelope.nak());
    if (session_ == 0) return;  // of an earlier session
    if (envelope.epoch() != epoch_ || envelope.session() != session_) return say_hello_again("the scheduler was started anew; saying hello again");
    contact_at_ = Clock::now();
    switch (envelope.body_case()) {
      case wire::Envelope::kAssign: {
        const wire::Assign& assign = envelope.assign();
        if (box_.results().contains(assign.lease().lease())) break;  // done already; its result is on its way
        crew_.add({assign.lease(), assign.kind(), assign.subject(), assign.package(), assign.deadline_s(), assign.afresh()});
        if (wanted_ && *wanted_ > 0) --*wanted_;  // the scheduler counts it down as well
        worked_at_ = Clock::now();
        if (is_draining_) crew_.release(false);
        break;
      }
      case wire::Envelope::kCancel: crew_.drop(envelope.cancel().lease().lease()); break;
      case wire::Envelope::kPong:
        for (const wire::LeaseRef& lease : envelope.pong().drop()) crew_.drop(lease.lease());
        break;
      case wire::Envelope::kResultAck:
        box_.acknowledged(envelope.result_ack().lease().lease());
        sent_at_.erase(envelope.result_ack().lease().lease());
        break;
      case wire::Envelope::kDrain: drain("the scheduler asked for it", std::chrono::seconds(envelope.drain().budget_s())); break;
      case wire::Envelope::kRestarting: log("the scheduler restarts: " + envelope.restarting().reason()); break;
      default: log(fmt::format("warning: {} is no message for a worker", wire::name_of(envelope.body_case())));
    }
  }

  void welcome(const wire::Welcome& welcome) {
    session_ = welcome.session();
    epoch_ = welcome.epoch();
    ping_interval_ = milliseconds(welcome.ping_interval_ms());
    dead_after_ = milliseconds(welcome.dead_after_ms());
    contact_at_ = Clock::now();
    backoff_ = kShortestBackoff;
    worked_at_ = std::max(worked_at_, Clock::now());  // whoever was not let in was not idle
    pinged_at_ = {};
    for (const wire::LeaseRef& lease : welcome.drop()) crew_.drop(lease.lease());
    const auto now = Clock::now();
    for (const auto& [lease, result] : box_.results()) sent_at_.emplace(lease, now);  // they went with the hello
    log(fmt::format("welcome: {} keeps {} and drops {} of its tasks", options_.key.name, welcome.keep_size(), welcome.drop_size()));
  }

  void nak(const wire::Nak& nak) {
    if (nak.code() == wire::kNakSession) {
      if (session_ != 0) say_hello_again("the scheduler does not know this session; saying hello again");
      return;
    }
    log(fmt::format("warning: the scheduler says {}: {}", nak.code(), nak.message()));
    if (nak.code() == wire::kNakVersion || nak.code() == wire::kNakRevoked) refused_ = nak.message();
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------------------

  /// Takes nothing more; gives back what has not begun. @param budget  for what runs; 0: without limit.
  void drain(const std::string& why, milliseconds budget) {
    if (!is_draining_) log("draining: " + why);
    is_draining_ = true;
    crew_.release(false);
    if (budget > milliseconds{0}) {
      const auto until = Clock::now() + budget;
      if (!release_at_ || until < *release_at_) release_at_ = until;
    }
  }

  void obey_signals() {
    const int signals = options_.stop_signals->load();
    const auto now = Clock::now();
    if (signals > 0 && !is_stopped_) {
      is_stopped_ = true;
      drain("asked to stop", options_.drain_budget);
    }
    if (signals > 1 && !is_released_) release_at_ = now;
    if (options_.unfit && unfit_.empty()) {
      unfit_ = options_.unfit();
      if (!unfit_.empty()) drain(unfit_, options_.drain_budget);
    }
    if (options_.max_life > milliseconds{0} && now - began_ >= options_.max_life && !is_draining_) drain("its life is over (--max-life)", options_.drain_budget);
    if (release_at_ && now >= *release_at_ && !is_released_) {
      is_released_ = true;
      log("releasing what runs");
      crew_.release(true);
      collect();
    }
  }

  std::optional<LinkOutcome> ending() {
    const auto now = Clock::now();
    if (!refused_.empty()) return LinkOutcome{LinkEnd::refused, refused_};
    if (now - contact_at_ > options_.orphan_timeout)
      return LinkOutcome{LinkEnd::orphaned, fmt::format("no scheduler for {}; {} results wait in {}", seconds(now - contact_at_), box_.results().size(), options_.state_folder)};
    const bool is_quiet = crew_.held_count() == 0 && box_.results().empty();
    if (!is_draining_ && is_quiet && session_ != 0 && options_.idle_exit > milliseconds{0} && now - worked_at_ >= options_.idle_exit) drain("nothing to do (--idle-exit)", milliseconds{0});
    if (!is_draining_ || crew_.held_count() > 0) {
      leave_at_.reset();
      return std::nullopt;
    }
    if (!leave_at_) leave_at_ = now + (is_stopped_ || session_ != 0 ? kFarewell : milliseconds{0});
    if (!box_.results().empty() && now < *leave_at_) return std::nullopt;
    if (!box_.results().empty()) log(fmt::format("warning: {} results are not acknowledged; they wait in {}", box_.results().size(), options_.state_folder));
    wire::Envelope envelope;
    envelope.mutable_bye()->set_reason(unfit_.empty() ? "drained" : unfit_.substr(0, kReasonBytes));
    if (session_ != 0) send(envelope);
    disconnect();
    return unfit_.empty() ? LinkOutcome{LinkEnd::left, "drained"} : LinkOutcome{LinkEnd::unfit, unfit_};
  }

  const LinkOptions& options_;
  ResultBox box_;
  std::random_device random_;
  Descriptor woken_;
  const std::uint64_t boot_;
  zmq::context_t context_{1};
  std::optional<zmq::socket_t> socket_;
  std::optional<wire::Monitor> monitor_;
  int monitor_number_ = 0;
  std::uint64_t session_ = 0, epoch_ = 0;  // 0: not welcome yet
  milliseconds ping_interval_{1000}, dead_after_{10'000}, backoff_ = kShortestBackoff;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point connect_at_ = began_, heard_at_ = began_, contact_at_ = began_, worked_at_ = began_, pinged_at_{};
  std::optional<Clock::time_point> hello_at_, release_at_, leave_at_;
  std::optional<std::uint32_t> wanted_;
  std::map<std::uint64_t, Clock::time_point> sent_at_;  // by lease
  std::uint64_t ping_number_ = 0;
  int refusals_ = 0;
  std::string refused_, unfit_;
  bool is_draining_ = false, is_stopped_ = false, is_released_ = false;
  Crew crew_;  // last: its threads end before what they ring is gone
};

}  // namespace

Result<LinkOutcome> run_worker(const LinkOptions& options, TaskRunner& runner) {
  TRY_ASSIGN(ResultBox box, ResultBox::open(options.state_folder));
  try {
    Link link(options, runner, std::move(box));
    return link.run();
  } catch (const zmq::error_t& error) {
    return fail(Errc::invalid_input, "scheduler \"{}\": {}; write tcp://host:port", options.scheduler, error.what());
  }
}

}  // namespace dubfarm::worker
