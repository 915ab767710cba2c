#include "scheduler/link/reactor.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <zmq.hpp>

#include "common/descriptor.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/socket.hpp"
#include "scheduler/link/messages.hpp"
#include "scheduler/link/zap.hpp"

namespace dubfarm::link {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kTickEvery{250};         // also: how often revoked keys are looked for
constexpr std::size_t kMessagesAtOnce = 2000;   // a batch: one transaction
constexpr milliseconds kBatchTime{20};          // no batch gathers for longer
constexpr milliseconds kStoreAgain{1000};       // after rows could not be stored
constexpr milliseconds kPatience{10'000};       // how long a command waits for the disk
constexpr milliseconds kHandshakeOver{6000};    // by then a handshake has succeeded or failed (wire::set_limits)
constexpr int kMalformed = 3;                   // messages, before a peer is listened to no more
constexpr std::size_t kMuted = 10'000;          // peers remembered as such

farm::Instant instant(Clock::time_point origin) {
  return {std::chrono::duration_cast<farm::Time>(Clock::now() - origin),
          std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

}  // namespace

struct Reactor::State {
  State(ReactorOptions given, db::Database opened) : options(std::move(given)), database(std::move(opened)), allowed(options.keys_folder) {}

  /// Something that another thread wants done, and is told about.
  struct Request {
    std::function<void(const farm::Farm&, db::Database&)> look;  // or:
    std::function<farm::Event(farm::Ticket)> make;               // a command; or rows alone
    std::vector<farm::Row> rows;
    std::shared_ptr<std::promise<Result<farm::Answer>>> answer;  // may be null
  };
  struct Peer {
    std::string key;
    farm::Connection connection;
  };

  // ---- shared with other threads ---------------------------------------------------------------------------------------------------
  ReactorOptions options;
  std::string endpoint;
  Descriptor woken{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<bool> is_over{false};
  mutable std::mutex mutex;  // guards what follows, up to the reactor's own
  std::deque<Request> requests;
  std::string trouble;
  LinkFigures figures;

  // ---- the reactor's own -----------------------------------------------------------------------------------------------------------
  db::Database database;
  std::optional<farm::Farm> farm;
  wire::AllowList allowed;
  zmq::context_t context{1};
  std::optional<ZapHandler> zap;
  std::optional<zmq::socket_t> socket;
  std::optional<wire::Monitor> monitor;
  const Clock::time_point origin = Clock::now();
  std::map<farm::SessionId, Peer> sessions;
  std::map<farm::Connection, int> malformed;  // messages of a peer that did not hold together
  std::vector<farm::Row> rows;                // to be stored
  std::vector<farm::Send> sends;              // once they are
  std::vector<farm::Log> lines;  // the same; at once where nothing can be stored
  std::vector<farm::Answer> answers;
  std::vector<std::shared_ptr<std::promise<Result<farm::Answer>>>> stored;  // waiting for rows alone
  std::set<farm::Publish> publishes;
  std::map<farm::Ticket, std::shared_ptr<std::promise<Result<farm::Answer>>>> tickets;
  farm::Ticket last_ticket = 0;
  Clock::time_point ticked_at{}, store_at{}, complained_at{};
  std::uint64_t complaints = 0;
  std::uint64_t accepted = 0, accepted_long_ago = 0, shaken = 0, unknown_keys = 0;  // connections; handshakes that succeeded; those that the keys refused
  std::deque<std::pair<Clock::time_point, std::uint64_t>> accepted_at;
  LinkFigures own;
  std::thread thread;

  void wake() const {
    const std::uint64_t one = 1;
    if (::write(woken.get(), &one, sizeof one) < 0) return;  // full: it is awake already
  }

  void log(farm::Level level, const char* name, std::string text) const {
    if (options.on_log) options.on_log({level, name, 0, 0, std::move(text)});
  }

  // ---- steps -----------------------------------------------------------------------------------------------------------------------

  void step(farm::Event event) {
    for (farm::Action& action : farm->step(std::move(event), instant(origin))) {
      if (auto* store = std::get_if<farm::Store>(&action)) rows.push_back(std::move(store->row));
      else if (auto* send = std::get_if<farm::Send>(&action)) {
        if (const auto* welcome = std::get_if<farm::Welcome>(&send->message)) sessions[welcome->session] = {key_of_hello, send->connection};
        if (send->after_commit) sends.push_back(std::move(*send));
        else deliver(*send);
      } else if (const auto* close = std::get_if<farm::CloseSession>(&action)) sessions.erase(close->session);
      else if (auto* answer = std::get_if<farm::Answer>(&action)) answers.push_back(std::move(*answer));
      else if (const auto* publish = std::get_if<farm::Publish>(&action)) publishes.insert(*publish);
      else if (auto* line = std::get_if<farm::Log>(&action)) lines.push_back(std::move(*line));
    }
  }
  std::string key_of_hello;  // of the hello that is being stepped

  void deliver(const farm::Send& send) {
    const std::string message = wire::encode(envelope_of(send, options.settings.epoch));
    try {
      const auto flags = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
      if (socket->send(zmq::buffer(send.connection), flags) && socket->send(zmq::buffer(message), zmq::send_flags::dontwait)) {
        ++own.messages_out;
        return;
      }
    } catch (const zmq::error_t& error) {
      if (error.num() != EHOSTUNREACH) throw;
      lost.push_back(send.session);  // nobody is there any more
    }
    ++own.undelivered;
  }
  std::vector<farm::SessionId> lost;

  void nak(const farm::Connection& connection, const char* code, const std::string& text) {
    deliver({connection, 0, farm::Nak{code, text}, false});
  }

  // ---- events ----------------------------------------------------------------------------------------------------------------------

  void hear() {
    const auto until = Clock::now() + kBatchTime;
    for (std::size_t n = 0; n < kMessagesAtOnce && (n % 64 != 0 || Clock::now() < until); ++n) {
      std::optional<wire::Received> received = wire::receive(*socket, 2);
      if (!received) return;
      ++own.messages_in;
      hear_one(*received);
    }
  }

  void hear_one(wire::Received& received) {
    const farm::Connection connection = received.frames[0].to_string();
    if (const auto peer = malformed.find(connection); peer != malformed.end() && peer->second >= kMalformed) return;
    const auto complain = [&](const char* code, const std::string& text) {
      ++own.malformed;
      if (malformed.size() >= kMuted) malformed.clear();
      if (++malformed[connection] == kMalformed) complain_rarely(fmt::format("a peer sends what cannot be understood and is listened to no more: {}", text));
      nak(connection, code, text);
    };
    if (received.too_many || received.frames.size() != 2) return complain(wire::kNakMalformed, "a message has one frame");
    const char* user = nullptr;
    try {
      user = received.frames[1].gets("User-Id");  // of the message itself: the routing id's is lost at times in libzmq 4.3.4
    } catch (const zmq::error_t&) {
    }
    const std::string key = user == nullptr ? "" : user;
    if (!allowed.name_of(key)) return complain(wire::kNakRevoked, "this key is not allowed any more");
    const wire::Decoded decoded = wire::decode(wire::bytes_of(received.frames[1]));
    if (!decoded.envelope) return complain(decoded.code, decoded.message);
    const wire::Envelope& envelope = *decoded.envelope;
    if (!wire::is_from_worker(envelope.body_case())) return complain(wire::kNakUnknownType, fmt::format("{} is no message for a scheduler", wire::name_of(envelope.body_case())));
    if (envelope.has_hello()) {
      const wire::Hello& hello = envelope.hello();
      if (hello.protocol_low() > wire::kProtocolHigh || hello.protocol_high() < wire::kProtocolLow)
        return nak(connection, wire::kNakVersion, fmt::format("this scheduler speaks protocol {} to {}, the worker {} to {}: use builds of one release", wire::kProtocolLow,
                                                              wire::kProtocolHigh, hello.protocol_low(), hello.protocol_high()));
      if (hello.boot() == 0) return complain(wire::kNakMalformed, "hello.boot is 0");
      key_of_hello = key;
    } else {
      const auto session = sessions.find(envelope.session());
      if (envelope.epoch() != options.settings.epoch || session == sessions.end() || session->second.key != key || session->second.connection != connection)
        return step(farm::UnknownSession{connection});
    }
    if (std::optional<farm::Event> event = event_of(envelope, connection, key)) step(std::move(*event));
  }

  void complain_rarely(const std::string& text) {
    ++complaints;
    const auto now = Clock::now();
    if (now - complained_at < std::chrono::seconds(10)) return;
    complained_at = now;
    log(farm::Level::warning, "link.refused", fmt::format("{} ({} since the last such line)", text, complaints));
    complaints = 0;
  }

  void watch() {
    while (const auto event = monitor->next()) {
      accepted += event->what == ZMQ_EVENT_ACCEPTED;
      shaken += event->what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
      if (event->what != ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) continue;
      ++unknown_keys;
      complain_rarely("a peer was not let in: its key is not allowed");
    }
  }

  /// Connections that had the time for a handshake and did not succeed.
  void count_handshakes() {
    const auto now = Clock::now();
    accepted_at.emplace_back(now, accepted);
    while (now - accepted_at.front().first > kHandshakeOver) {
      accepted_long_ago = accepted_at.front().second;
      accepted_at.pop_front();
    }
    const std::uint64_t failed = accepted_long_ago - std::min(accepted_long_ago, shaken);
    if (failed <= own.handshakes_failed) return;
    own.handshakes_failed = failed;
    if (failed > unknown_keys) complain_rarely("a peer was not let in: it does not speak CURVE to this scheduler's key");
  }

  void take_requests() {
    std::deque<Request> taken;
    {
      const std::lock_guard lock(mutex);
      taken.swap(requests);
    }
    std::uint64_t count = 0;
    if (::read(woken.get(), &count, sizeof count) < 0) count = 0;  // EAGAIN: nobody rang
    for (Request& request : taken) {
      if (request.look) {
        request.look(*farm, database);
        continue;
      }
      std::move(request.rows.begin(), request.rows.end(), std::back_inserter(rows));
      if (request.make) {
        const farm::Ticket ticket = ++last_ticket;
        tickets[ticket] = std::move(request.answer);
        step(request.make(ticket));
      } else if (request.answer) {
        stored.push_back(std::move(request.answer));
      }
    }
  }

  void tick() {
    const auto now = Clock::now();
    if (now - ticked_at < kTickEvery) return;
    ticked_at = now;
    count_handshakes();
    std::set<std::string> revoked;
    for (const auto& [session, peer] : sessions)
      if (!allowed.name_of(peer.key)) {
        revoked.insert(peer.key);
        nak(peer.connection, wire::kNakRevoked, "this key is not allowed any more");
      }
    for (const std::string& key : revoked) {
      step(farm::RevokeKey{0, key});
      std::erase_if(sessions, [&](const auto& one) { return one.second.key == key; });
    }
    step(farm::Tick{});
  }

  // ---- the disk --------------------------------------------------------------------------------------------------------------------

  void write_lines() {
    for (const farm::Log& line : std::exchange(lines, {}))
      if (options.on_log) options.on_log(line);
  }

  void commit() {
    if (!rows.empty()) {
      const auto began = Clock::now();
      if (began < store_at) return write_lines();  // it did not work a moment ago
      const Result<void> applied = database.apply(rows);
      const double took = std::chrono::duration<double>(Clock::now() - began).count();
      if (!applied.ok()) {
        store_at = began + kStoreAgain;
        write_lines();
        if (set_trouble(applied.error().message)) {
          log(farm::Level::error, "storage.failed", applied.error().message + "; no work is given out until it can be stored");
          step(farm::StorageTrouble{applied.error().message});
        }
        return;
      }
      ++own.commits;
      own.rows += rows.size();
      own.commit_seconds += took;
      own.longest_commit_seconds = std::max(own.longest_commit_seconds, took);
      rows.clear();
      if (set_trouble("")) {
        log(farm::Level::info, "storage.mended", "rows are stored again");
        step(farm::StorageTrouble{""});
        return commit();  // what came of it, before anything is said
      }
    }
    write_lines();
    for (const farm::Send& send : std::exchange(sends, {})) deliver(send);
    for (const farm::Answer& answer : std::exchange(answers, {})) {
      const auto ticket = tickets.find(answer.ticket);
      if (ticket == tickets.end()) continue;
      if (ticket->second) ticket->second->set_value(answer);
      tickets.erase(ticket);
    }
    for (const auto& promise : std::exchange(stored, {})) promise->set_value(farm::Answer{});
    if (options.on_publish)
      for (const farm::Publish& publish : publishes) options.on_publish(publish);
    publishes.clear();
    for (const farm::SessionId session : std::exchange(lost, {}))
      if (session != 0 && sessions.contains(session)) step(farm::ConnectionLost{session});
  }

  /// @return whether it changed.
  bool set_trouble(const std::string& reason) {
    const std::lock_guard lock(mutex);
    const bool is_new = trouble.empty() != reason.empty();
    trouble = reason;
    return is_new;
  }

  // ---- the loop --------------------------------------------------------------------------------------------------------------------

  void run() {
    while (!is_over) {
      zmq_pollitem_t items[] = {{socket->handle(), 0, ZMQ_POLLIN, 0}, {nullptr, woken.get(), ZMQ_POLLIN, 0}, {monitor->socket().handle(), 0, ZMQ_POLLIN, 0}};
      const auto wait = std::clamp(std::chrono::ceil<milliseconds>(ticked_at + kTickEvery - Clock::now()), milliseconds{0}, kTickEvery);
      ::zmq_poll(items, 3, lost.empty() ? wait.count() : 0);  // EINTR: as if nothing came
      tick();  // first: a process that was stopped notices before it judges anybody's silence
      take_requests();
      hear();
      watch();
      commit();
      const std::lock_guard lock(mutex);
      own.refused_keys = zap->refused();
      figures = own;
    }
    take_requests();
    store_at = {};
    commit();
    for (const auto& [session, peer] : sessions) {
      wire::Envelope envelope;
      envelope.set_session(session);
      envelope.set_epoch(options.settings.epoch);
      envelope.mutable_restarting()->set_reason("the scheduler was asked to stop");
      const std::string message = wire::encode(envelope);
      try {
        const auto flags = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
        if (socket->send(zmq::buffer(peer.connection), flags)) socket->send(zmq::buffer(message), zmq::send_flags::dontwait);
      } catch (const zmq::error_t&) {  // gone before
      }
    }
    const auto gone = [](auto& promise) {
      if (promise) promise->set_value(fail(Errc::io_error, "the scheduler stops; nothing more is stored"));
    };
    for (auto& [ticket, promise] : tickets) gone(promise);
    for (auto& promise : stored) gone(promise);
    monitor.reset();
    socket.reset();
  }
};

Reactor::Reactor(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Reactor>> Reactor::start(ReactorOptions options, db::Database database) {
  std::random_device device;
  const auto random = [&device] { return (static_cast<std::uint64_t>(device()) << 32) | device(); };
  do options.settings.epoch = random();
  while (options.settings.epoch == 0);
  auto state = std::make_unique<State>(std::move(options), std::move(database));
  State& s = *state;
  TRY_ASSIGN(farm::Saved saved, s.database.load());
  s.farm.emplace(s.options.settings, [generator = std::make_shared<std::random_device>()] { return (static_cast<std::uint64_t>((*generator)()) << 32) | (*generator)(); },
                 instant(s.origin), std::move(saved));
  try {
    s.zap.emplace(s.context, s.allowed);  // before the socket: nobody slips in
    auto& socket = s.socket.emplace(s.context, zmq::socket_type::router);
    wire::set_limits(socket);
    socket.set(zmq::sockopt::router_mandatory, 1);
    socket.set(zmq::sockopt::sndhwm, 20'000);
    socket.set(zmq::sockopt::rcvhwm, 20'000);
    socket.set(zmq::sockopt::backlog, 1024);  // a whole farm comes back at once after a restart
    socket.set(zmq::sockopt::heartbeat_ivl, 5000);
    socket.set(zmq::sockopt::heartbeat_timeout, 15'000);
    socket.set(zmq::sockopt::curve_server, true);
    socket.set(zmq::sockopt::curve_secretkey, s.options.key.secret_key);
    socket.set(zmq::sockopt::zap_domain, kZapDomain);
    constexpr int kZapEnforceDomain = 93;  // ZMQ_ZAP_ENFORCE_DOMAIN: zmq.h shows it to draft builds alone, the library always has it
    const int enforce = 1;
    if (zmq_setsockopt(socket.handle(), kZapEnforceDomain, &enforce, sizeof enforce) != 0) throw zmq::error_t();
    s.monitor.emplace(s.context, socket, "dubfarm.scheduler.monitor");
    socket.bind(s.options.listen);
    s.endpoint = socket.get(zmq::sockopt::last_endpoint);
  } catch (const zmq::error_t& error) {
    return fail(Errc::invalid_input, "--listen {}: {}; write tcp://address:port, of a port that nobody has", s.options.listen, error.what());
  }
  s.thread = std::thread([&s] { s.run(); });
  return std::unique_ptr<Reactor>(new Reactor(std::move(state)));
}

Reactor::~Reactor() {
  state_->is_over = true;
  state_->wake();
  state_->thread.join();
  state_->zap.reset();
}

const std::string& Reactor::endpoint() const { return state_->endpoint; }
farm::Epoch Reactor::epoch() const { return state_->options.settings.epoch; }

std::string Reactor::trouble() const {
  const std::lock_guard lock(state_->mutex);
  return state_->trouble;
}

LinkFigures Reactor::figures() const {
  const std::lock_guard lock(state_->mutex);
  return state_->figures;
}

void Reactor::post(std::function<void(const farm::Farm&, db::Database&)> look) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->requests.push_back({std::move(look), {}, {}, nullptr});
  }
  state_->wake();
}

Result<farm::Answer> Reactor::command(const std::function<farm::Event(farm::Ticket)>& make, std::vector<farm::Row> rows) {
  const auto promise = std::make_shared<std::promise<Result<farm::Answer>>>();
  std::future<Result<farm::Answer>> answer = promise->get_future();
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->trouble.empty()) return fail(Errc::io_error, "nothing can be stored now, so nothing is taken: {}", state_->trouble);
    state_->requests.push_back({{}, make, std::move(rows), promise});
  }
  state_->wake();
  if (answer.wait_for(kPatience) != std::future_status::ready)
    return fail(Errc::io_error, "not stored within {} s: {}; it may still be carried out once the disk can be written", kPatience.count() / 1000, trouble());
  return answer.get();
}

Result<void> Reactor::store(std::vector<farm::Row> rows) {
  TRY(command({}, std::move(rows)));
  return {};
}

void Reactor::store_soon(std::vector<farm::Row> rows) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->requests.push_back({{}, {}, std::move(rows), nullptr});
  }
  state_->wake();
}

}  // namespace dubfarm::link
