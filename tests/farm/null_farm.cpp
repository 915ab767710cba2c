#include "tests/farm/null_farm.hpp"

#include <signal.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace dubfarm::testing {
namespace {

namespace fs = std::filesystem;

template <class T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

std::size_t count(const std::string& text, const std::string& words) {
  std::size_t n = 0;
  for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++n;
  return n;
}

}  // namespace

int number_from(const char* variable, int usual) {
  const char* text = std::getenv(variable);
  return text == nullptr ? usual : std::atoi(text);
}

std::string null_digest(const NullTask& task) {
  std::string digest(16, '\0');
  std::memcpy(digest.data(), &task.first, sizeof task.first);
  std::memcpy(digest.data() + 8, &task.second, sizeof task.second);
  digest[15] = 1;
  return digest;
}

// ---- a worker ----------------------------------------------------------------------------------------------------------------------------

NullWorker::NullWorker(const std::string& endpoint, const wire::WorkerKey& key, const std::string& state_folder, Options options)
    : work_ms(options.work_ms), options_(std::move(options)), watch_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  fs::create_directories(state_folder);
  if (::inotify_add_watch(watch_.get(), state_folder.c_str(), IN_DELETE) < 0) throw std::runtime_error("inotify_add_watch");
  link_.scheduler = endpoint;
  link_.key = key;
  link_.state_folder = state_folder;
  link_.numeric_profile = "null";
  link_.host = key.name;
  link_.slots = options_.slots;
  link_.log = [this](const std::string& line) {
    const std::lock_guard lock(mutex_);
    log_.push_back(line);
  };
  link_.stop_signals = &signals_;
  thread_ = std::thread([this] {
    const Result<worker::LinkOutcome> end = worker::run_worker(link_, *this);
    const std::lock_guard lock(mutex_);
    outcome_ = end.ok() ? *end : worker::LinkOutcome{worker::LinkEnd::refused, end.error().message};
  });
}

NullWorker::~NullWorker() {
  signals_ += 2;
  if (thread_.joinable()) thread_.join();
}

worker::LinkOutcome NullWorker::outcome() {
  if (thread_.joinable()) thread_.join();
  return *outcome_;
}

std::vector<std::size_t> NullWorker::company(std::span<const worker::AssignedTask>, std::size_t) { return {0}; }

void NullWorker::run(std::span<const worker::AssignedTask> tasks, worker::TaskControl& control, const std::function<void(std::size_t, wire::Result)>& finished) {
  const worker::AssignedTask& assigned = tasks.front();
  const NullTask task{assigned.lease.job(), assigned.lease.task()};
  {
    const std::lock_guard lock(mutex_);
    ++runs_[task];
    by_file_[fmt::format("{:016x}.result", assigned.lease.lease())] = task;
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(work_ms);
  while (!control.stop && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  wire::Result result;
  result.set_outcome(control.stop ? wire::RELEASED : wire::DONE);
  result.set_digest(options_.digest(task));
  result.set_device_seconds(0.001);
  result.set_bytes_written(1);
  finished(0, std::move(result));
}

std::map<NullTask, int> NullWorker::runs() const {
  const std::lock_guard lock(mutex_);
  return runs_;
}

std::set<NullTask> NullWorker::acknowledged() {
  alignas(inotify_event) char events[16384];
  const std::lock_guard lock(mutex_);
  for (ssize_t got = 0; (got = ::read(watch_.get(), events, sizeof events)) > 0;)
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(events + at);
      if (const auto file = by_file_.find(event->name); file != by_file_.end()) acknowledged_.insert(file->second);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  return acknowledged_;
}

std::string NullWorker::log() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const std::string& line : log_) text += line + "\n";
  return text;
}

std::size_t NullWorker::times_said(const std::string& words) const { return count(log(), words); }

// ---- the farm ----------------------------------------------------------------------------------------------------------------------------

NullFarm::NullFarm() {
  fs::create_directories(folder / "state");
  must(wire::make_scheduler_key(folder / "keys"));
}

farm::JobId NullFarm::add_job(std::uint32_t chunks) {
  auto tasks = std::make_shared<farm::TaskList>();
  std::vector<farm::TaskIndex> all;
  for (std::uint32_t n = 0; n < chunks; ++n) all.push_back(tasks->add(farm::TaskKind::chunk, n, 0.01F));
  const farm::TaskIndex print = tasks->add(farm::TaskKind::print, 0, 0.01F, all);
  tasks->add(farm::TaskKind::package, 0, 0.01F, std::vector{print});
  farm::JobSpec spec;
  spec.project = "test";
  spec.name = "null";
  spec.package = std::string(64, '0');
  spec.tasks = std::move(tasks);
  db::Database database = must(db::Database::open(folder / "state/farm.db"));
  const farm::JobId job = must(database.load()).last_job + 1;
  if (const Result<void> stored = database.apply(std::vector<farm::Row>{farm::NewJob{job, std::make_shared<farm::JobSpec>(spec), 1}}); !stored.ok())
    throw std::runtime_error(stored.error().message);
  return job;
}

void NullFarm::start(const std::vector<std::string>& more, bool is_patient) {
  std::vector<std::string> arguments = {"scheduler", "--state", folder / "state", "--store", folder / "store", "--keys", folder / "keys",
                                        "--listen", endpoint.empty() ? "tcp://127.0.0.1:*" : endpoint};
  if (std::ranges::find(more, "--http") == more.end()) arguments.insert(arguments.end(), {"--http", ""});
  arguments.insert(arguments.end(), more.begin(), more.end());
  process_.reset();
  process_ = std::make_unique<Command>(arguments);
  if (!is_patient && !endpoint.empty()) return;
  if (!eventually([&] { return process_->out().find('\n') != std::string::npos; })) throw std::runtime_error("the scheduler does not start: " + process_->err());
  const std::string said = process_->out();
  endpoint = said.substr(9, said.find('\n') - 9);  // "workers: tcp://..."
}

void NullFarm::kill() {
  process_->signal(SIGKILL);
  process_->result();
}

wire::WorkerKey NullFarm::key(const std::string& name) {
  const std::string path = folder / ("keys/workers/" + name + ".key");
  if (!fs::exists(path)) must(wire::make_worker_key(folder / "keys", name, ""));
  return must(wire::read_worker_key(path));
}

NullWorker& NullFarm::join(const std::string& name, NullWorker::Options options, const std::string& through) {
  return *workers.emplace_back(std::make_unique<NullWorker>(through.empty() ? endpoint : through, key(name), folder / ("worker-" + name), std::move(options)));
}

farm::Saved NullFarm::stored() const {
  const TemporaryFolder copy;  // so that it is the scheduler that recovers its own file
  for (const fs::directory_entry& file : fs::directory_iterator(folder / "state"))
    if (file.is_regular_file()) fs::copy_file(file.path(), copy / file.path().filename().string());
  return must(must(db::Database::open(copy / "farm.db")).load());
}

bool NullFarm::is_done(const farm::Saved& saved, farm::JobId job) {
  return std::ranges::any_of(saved.jobs, [&](const farm::SavedJob& one) { return one.job.job == job && one.now.ending == farm::JobState::done; });
}

std::map<NullTask, farm::Digest> NullFarm::done(const farm::Saved& saved) {
  std::map<NullTask, farm::Digest> tasks;
  for (const farm::SavedJob& job : saved.jobs)
    for (const farm::TaskDone& task : job.done) tasks[{task.job, task.task}] = task.digest;
  return tasks;
}

bool NullFarm::wait_done(std::size_t jobs, std::chrono::milliseconds patience) {
  return eventually([&] { return count(log(), "job.done") >= jobs; }, patience);
}

}  // namespace dubfarm::testing
