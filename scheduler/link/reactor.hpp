// The scheduler's one thread that decides: it owns the farm's state, the database and the workers' socket. Events come in from workers, from other
// threads and from the clock; each is a step of the state. What a batch of steps wants stored goes into one transaction, and only then is
// anything said about it (docs/formats/protocol.md). Where nothing can be stored, nothing is promised: rows wait, and are tried again.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "common/wire/keys.hpp"
#include "scheduler/db/database.hpp"
#include "scheduler/farm/farm.hpp"

namespace dubfarm::link {

struct ReactorOptions {
  std::string listen = "tcp://127.0.0.1:7460";  // port "*": any that is free
  wire::KeyPair key;
  std::string keys_folder;     // who is let in (common/wire/keys.hpp)
  farm::Settings settings;     // its epoch is drawn here
  // Called from the reactor's thread; must not wait.
  std::function<void(const farm::Log&)> on_log;
  std::function<void(const farm::Publish&)> on_publish;
};

/// Figures of the link, for metrics.
struct LinkFigures {
  std::uint64_t messages_in = 0, messages_out = 0, malformed = 0, undelivered = 0, handshakes_failed = 0, refused_keys = 0;
  std::uint64_t commits = 0, rows = 0;
  double commit_seconds = 0, longest_commit_seconds = 0;
};

class Reactor {
 public:
  /// Loads the state, binds, and runs on a thread of its own. Errors: invalid_input (an endpoint that cannot be understood or is taken); what
  /// Database::load says.
  static Result<std::unique_ptr<Reactor>> start(ReactorOptions options, db::Database database);
  /// Says to every worker that the scheduler goes away, stores what is to be stored, and ends the thread.
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Where workers connect.
  [[nodiscard]] const std::string& endpoint() const;
  [[nodiscard]] farm::Epoch epoch() const;
  /// Why nothing is stored and so no work given out; empty: all is well.
  [[nodiscard]] std::string trouble() const;
  [[nodiscard]] LinkFigures figures() const;

  /// Calls `look` on the reactor's thread, between two steps, and returns what it gives.
  template <class F>
  auto read(F look) -> decltype(look(std::declval<const farm::Farm&>())) {
    using T = decltype(look(std::declval<const farm::Farm&>()));
    std::promise<T> promise;
    std::future<T> answer = promise.get_future();
    post([&](const farm::Farm& farm, db::Database&) { promise.set_value(look(farm)); });
    return answer.get();
  }
  /// The same with the database.
  template <class F>
  auto read_database(F look) -> decltype(look(std::declval<db::Database&>())) {
    using T = decltype(look(std::declval<db::Database&>()));
    std::promise<T> promise;
    std::future<T> answer = promise.get_future();
    post([&](const farm::Farm&, db::Database& database) { promise.set_value(look(database)); });
    return answer.get();
  }

  /// A command that is answered, and rows that are stored with it. `make` gets the ticket that the event must carry. Waits for the commit.
  /// Errors: no_space or io_error, where nothing can be stored; else what the farm answered is in Answer::error.
  [[nodiscard]] Result<farm::Answer> command(const std::function<farm::Event(farm::Ticket)>& make, std::vector<farm::Row> rows = {});
  /// Rows that concern no state (tokens, audit). Waits for the commit.
  [[nodiscard]] Result<void> store(std::vector<farm::Row> rows);
  /// The same without waiting.
  void store_soon(std::vector<farm::Row> rows);

 private:
  struct State;
  explicit Reactor(std::unique_ptr<State> state);
  void post(std::function<void(const farm::Farm&, db::Database&)> look);
  std::unique_ptr<State> state_;
};

}  // namespace dubfarm::link
