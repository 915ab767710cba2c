#include "cli/farm/worker.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <optional>

#include "cli/farm/executor.hpp"
#include "cli/farm/farm_device.hpp"
#include "cli/exit_code.hpp"
#include "cli/farm/media_roots.hpp"
#include "cli/render.hpp"
#include "cli/farm/self_test.hpp"
#include "common/machine.hpp"
#include "worker/link/worker_link.hpp"
#include "worker/stage_times.hpp"

namespace dubfarm::cli {
namespace {

std::atomic<int> stop_signals{0};
static_assert(std::atomic<int>::is_always_lock_free);  // a signal handler counts in it

extern "C" void on_worker_stop(int) { stop_signals.fetch_add(1); }

int cannot_work(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  return exit_code(error.code);
}

Result<std::chrono::milliseconds> parse_time(const char* option, const std::string& text, std::chrono::milliseconds usual) {
  if (text.empty()) return usual;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, static_cast<const char*>(text.data() + text.size()));
  const double factor = unit == "ms" ? 1 : unit.empty() || unit == "s" ? 1000 : unit == "m" ? 60'000 : unit == "h" ? 3'600'000 : 0;
  if (error != std::errc() || factor == 0 || !(number > 0 && number * factor < 1e12))
    return fail(Errc::invalid_input, "{} \"{}\": write a time above 0 such as 90s, 15m or 4h", option, text);
  return std::chrono::milliseconds(static_cast<std::int64_t>(number * factor));
}

std::string state_folder(const std::string& given, const std::string& worker) {
  if (!given.empty()) return given;
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state != '\0') return std::string(state) + "/dubfarm/worker-" + worker;
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return std::string(home) + "/.local/state/dubfarm/worker-" + worker;
  return ".dubfarm-worker-" + worker;
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

void say(const std::string& line) {
  const auto now = std::chrono::system_clock::now();
  fmt::print(stderr, "{:%Y-%m-%dT%H:%M:%S}Z {}\n", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), line);
}

}  // namespace

int run_worker_verb(const WorkerOptions& options) {
  struct sigaction action {};
  action.sa_handler = on_worker_stop;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  (void)::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is an error of write(), as a full disk is
  const Result<MediaRoots> roots = MediaRoots::parse(options.roots);
  if (!roots.ok()) return cannot_work(roots.error());
  worker::LinkOptions link;
  Result<wire::WorkerKey> key = wire::read_worker_key(options.key);
  if (!key.ok()) return cannot_work(key.error());
  link.key = std::move(*key);
  const auto time = [&](const char* option, const std::string& text, std::chrono::milliseconds& out) -> Result<void> {
    TRY_ASSIGN(out, parse_time(option, text, out));
    return {};
  };
  for (const Result<void>& read : {time("--idle-exit", options.idle_exit, link.idle_exit), time("--max-life", options.max_life, link.max_life),
                                   time("--drain-budget", options.drain_budget, link.drain_budget), time("--orphan-timeout", options.orphan_timeout, link.orphan_timeout)})
    if (!read.ok()) return cannot_work(read.error());
  const Result<Backend> backend = choose_backend(options.backend);
  if (!backend.ok()) return cannot_work(backend.error());
  if (!backend->why_cpu.empty()) say("note: the CPU renders: " + backend->why_cpu);
  const Result<Store> store = Store::open(options.store.empty() ? default_store_folder() : options.store);
  if (!store.ok()) return cannot_work(store.error());
  const int slots = options.slots > 0 ? options.slots : usable_processors();
  link.scheduler = options.scheduler;
  link.state_folder = state_folder(options.state, link.key.name);
  link.build = "dubfarm " DUBFARM_VERSION;
  link.numeric_profile = backend->numeric_profile;
  link.host = host_name();
  link.device = fmt::format("{}, {} threads", backend->name(), slots);
  link.tags = options.tags;
  link.slots = static_cast<std::uint32_t>(slots);
  link.memory_bytes = usable_memory_bytes();
  link.once = options.once;
  link.log = say;
  link.stop_signals = &stop_signals;
  const auto is_unfit = [](const Error& error) {
    fmt::print(stderr, "error: {}\n", error.message);
    return kCannotRun;
  };
  if (const Result<void> sound = self_test(); !sound.ok()) return is_unfit(sound.error());
  worker::StageTimes times;
  std::unique_ptr<FarmDevice> device;
  if (backend->module != nullptr) {
    Result<std::unique_ptr<FarmDevice>> opened = FarmDevice::open(*backend, slots, &times, say);
    if (!opened.ok()) return is_unfit(opened.error());
    device = std::move(*opened);
    if (const Result<void> sound = self_test_device(device->device()); !sound.ok()) return is_unfit(sound.error());
    link.unfit = [&] { return device->failure(); };
  }
  const auto began = std::chrono::steady_clock::now();
  Executor executor(*store, *roots, slots, device.get(), &times);
  const Result<worker::LinkOutcome> outcome = worker::run_worker(link, executor);
  if (options.profile) fmt::print(stderr, "{}", times.table(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), slots));
  if (!outcome.ok()) return cannot_work(outcome.error());
  switch (outcome->end) {
    case worker::LinkEnd::left: say("left: " + outcome->reason); return kDone;
    case worker::LinkEnd::unfit: fmt::print(stderr, "error: {}\n", outcome->reason); return kCannotRun;
    case worker::LinkEnd::orphaned: fmt::print(stderr, "error: {}; start the worker again when the scheduler is there\n", outcome->reason); return kCannotRun;
    case worker::LinkEnd::refused: fmt::print(stderr, "error: {}\nhelp: make a key with dubfarm keys worker, on the scheduler's machine\n", outcome->reason); return kBadInput;
  }
  return kDone;
}

}  // namespace dubfarm::cli
