#include "cli/farm/farm_service.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/farm/farm_views.hpp"
#include "common/hex.hpp"
#include "common/io.hpp"
#include "common/mix/parse.hpp"
#include "common/mix/timecode.hpp"
#include "common/sha256.hpp"
#include "scheduler/farm/profile_choice.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::cli {
namespace {

constexpr std::size_t kLogLines = 20'000;
constexpr std::size_t kPlannedJobs = 6;      // kept planned, for maps and matrices
constexpr std::size_t kProblemBytes = 4000;
constexpr std::chrono::seconds kClaimPatience{10};

std::string sha256_of_text(const std::string& text) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text.data(), text.size())));
  return hash.hex();
}

/// One line that says every problem, as long as they fit.
std::string text_of(const std::vector<http::Problem>& problems) {
  std::string text;
  for (const http::Problem& problem : problems) {
    if (!text.empty()) text += "; ";
    if (problem.line > 0) text += fmt::format("line {}, column {}: ", problem.line, problem.column);
    text += problem.message;
    if (text.size() > kProblemBytes) break;
  }
  return text.substr(0, kProblemBytes);
}

/// What is not UTF-8 (a request's path may be anything) becomes U+FFFD: an entry's hash is of what the API can show.
std::string as_utf8(const std::string& text) {
  return nlohmann::json::parse(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)).get<std::string>();
}

farm::AuditEntry audit_entry(const http::Actor& actor, std::string action, const std::string& object, const std::string& detail = {}, bool allowed = true) {
  return {unix_ms(std::chrono::system_clock::now()), actor.name, actor.address, std::move(action), as_utf8(object), as_utf8(detail), allowed};
}

/// A job's folder for its outputs, as it was submitted: "{out}/film".
std::string out_of(const std::string& detail) {
  const nlohmann::json json = nlohmann::json::parse(detail, nullptr, false);
  return json.is_object() ? json.value("out", "") : "";
}

std::optional<farm::WorkerId> worker_id(const std::string& text) {
  farm::WorkerId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

}  // namespace

FarmService::FarmService(const ServiceOptions& options, const Store& store, const MediaRoots& roots)
    : options_(options), store_(store), roots_(roots), allowed_(options.keys_folder) {}

Result<std::unique_ptr<FarmService>> FarmService::start(const ServiceOptions& options, const Store& store, const MediaRoots& roots) {
  link::ReactorOptions reactor;
  TRY_ASSIGN(reactor.key, wire::read_scheduler_key(options.keys_folder));
  TRY(make_folders(options.state_folder + "/submissions"));
  TRY_ASSIGN(db::Database database, db::Database::open(options.state_folder + "/farm.db"));
  auto service = std::unique_ptr<FarmService>(new FarmService(options, store, roots));
  TRY_ASSIGN(const std::vector<farm::Token> tokens, database.tokens());
  for (const farm::Token& token : tokens) service->tokens_[token.id] = token_record(token);
  reactor.listen = options.listen;
  reactor.keys_folder = options.keys_folder;
  reactor.settings = options.settings;
  FarmService* const self = service.get();
  reactor.on_log = [self](const farm::Log& line) { self->write_log(line); };
  reactor.on_publish = [self](const farm::Publish& publish) {
    const bool is_job = publish.what == farm::Changed::job || publish.what == farm::Changed::job_gone;
    self->events_.changed({is_job ? http::Subject::Kind::job : http::Subject::Kind::worker, is_job ? fmt::format("{}", publish.id) : worker_name(publish.id)});
  };
  TRY_ASSIGN(service->reactor_, link::Reactor::start(std::move(reactor), std::move(database)));
  service->planner_ = std::thread([self] { self->plan_jobs(); });
  return service;
}

FarmService::~FarmService() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  events_.close();
  if (planner_.joinable()) planner_.join();
  reactor_.reset();
}

// ---- planning --------------------------------------------------------------------------------------------------------------------------

Result<Submission> FarmService::submission_of(const farm::JobSpec& spec) const {
  try {
    const nlohmann::json detail = nlohmann::json::parse(spec.detail);
    Submission submission{spec.name, {}, detail.at("folder"), detail.at("out"), detail.at("version"), detail.at("deliverable"), spec.numeric_profile};
    if (submission.numeric_profile.empty()) {
      const std::vector<farm::WorkerView> workers = reactor_->read([](const farm::Farm& farm) { return farm.workers(); });
      submission.numeric_profile = farm::choose_profile(workers, spec.tags, worker::kNumericProfile);
    }
    TRY_ASSIGN(submission.text, mix::read_text_file(options_.state_folder + "/submissions/" + detail.at("document").get<std::string>()));
    return submission;
  } catch (const nlohmann::json::exception& error) {
    return fail(Errc::corrupt, "the job's record cannot be understood: {}", error.what());
  }
}

/// Level-triggered: what is to be planned, pinned or let go is seen from the jobs' states, not from what happened to them.
void FarmService::plan_jobs() {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    lock.unlock();
    const std::vector<farm::JobView> jobs = reactor_->read([](const farm::Farm& farm) { return farm.jobs(); });
    for (const farm::JobView& job : jobs) {
      if (job.state == farm::JobState::planning) {
        const auto spec = reactor_->read([&](const farm::Farm& farm) { return farm.spec(job.id); });
        if (spec) plan(job.id, *spec);
      } else if (farm::is_over(job.state)) {
        pins_.erase(job.id);
      } else if (!pins_.contains(job.id) && !job.package.empty()) {
        std::vector<program::Key> keys;
        if (const auto known = planned(job.package))
          for (const plan::Chunk& chunk : known->plan.chunks) keys.push_back(chunk.key);
        if (Result<Lease> pin = store_.pin(keys); pin.ok()) pins_.emplace(job.id, std::move(*pin));
      }
    }
    lock.lock();
    changed_.wait_for(lock, std::chrono::milliseconds(500), [&] { return is_over_ || has_new_job_; });
    has_new_job_ = false;
  }
}

void FarmService::plan(farm::JobId job, const farm::JobSpec& spec) {
  const auto refuse = [&](std::vector<http::Problem> problems) {
    const std::string text = text_of(problems);
    {
      const std::lock_guard lock(mutex_);
      problems_[job] = std::move(problems);
    }
    const Result<farm::Answer> told = reactor_->command([&](farm::Ticket ticket) { return farm::PlanFailed{ticket, job, text}; });
    if (!told.ok()) write_log({farm::Level::warning, "plan.waits", job, 0, told.error().message});
  };
  Result<Submission> submission = submission_of(spec);
  if (!submission.ok()) return refuse({{submission.error().message, {}, 0, 0, {}}});
  PlanOutcome outcome = plan_submission(*submission, roots_, store_, options_.threads);
  if (auto* problems = std::get_if<std::vector<http::Problem>>(&outcome)) return refuse(std::move(*problems));
  auto done = std::make_shared<PlannedJob>(std::move(std::get<PlannedJob>(outcome)));
  const Result<std::string> package = write_job_package(store_, done->package);
  if (!package.ok()) {  // a full disk: tried again
    write_log({farm::Level::warning, "plan.waits", job, 0, package.error().message});
    return;
  }
  auto tasks = std::make_shared<farm::TaskList>(task_list(*done, store_));
  {
    const std::lock_guard lock(mutex_);
    planned_.emplace_front(*package, done);
    if (planned_.size() > kPlannedJobs) planned_.pop_back();
  }
  const Result<farm::Answer> told =
      reactor_->command([&](farm::Ticket ticket) { return farm::PlanReady{ticket, job, tasks, *package, submission->numeric_profile}; });
  if (!told.ok()) write_log({farm::Level::warning, "plan.waits", job, 0, told.error().message});  // else the farm logs it
}

std::shared_ptr<const PlannedJob> FarmService::planned(const std::string& package) const {
  if (package.empty()) return nullptr;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, job] : planned_)
      if (name == package) return job;
  }
  Result<std::shared_ptr<const PlannedJob>> loaded = load_job(package, roots_, store_);
  const std::lock_guard lock(mutex_);
  planned_.emplace_front(package, loaded.ok() ? *loaded : nullptr);
  if (planned_.size() > kPlannedJobs) planned_.pop_back();
  return planned_.front().second;
}

// ---- commands --------------------------------------------------------------------------------------------------------------------------

Result<http::SubmitOutcome> FarmService::submit(const http::SubmitRequest& request, const http::Actor& actor) {
  const Submission submission{request.name, request.mix, request.folder, request.out, request.version, request.deliverable, request.profile};
  if (std::vector<http::Problem> problems = check_submission(submission, roots_); !problems.empty()) return http::SubmitOutcome(std::move(problems));
  const std::string sha256 = sha256_of_text(request.mix);
  TRY(write_file_atomically(options_.state_folder + "/submissions/" + sha256, request.mix));
  farm::JobSpec spec;
  spec.project = request.project;
  spec.name = request.name;
  spec.submitter = actor.name;
  spec.priority = request.priority;
  spec.tags = request.tags;
  spec.max_running = request.max_running;
  spec.numeric_profile = request.profile;
  spec.request = request.request_key;
  spec.detail = nlohmann::json{{"folder", request.folder}, {"out", request.out}, {"version", request.version}, {"deliverable", request.deliverable}, {"document", sha256}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
  TRY_ASSIGN(const std::unique_lock claims, claim());
  TRY(check_folder_is_free(request.out, 0, spec));
  TRY_ASSIGN(const farm::Answer answer, reactor_->command([&](farm::Ticket ticket) { return farm::SubmitJob{ticket, spec}; },
                                                          {audit_entry(actor, "submit", "project " + request.project, request.name + " " + sha256)}));
  if (!answer.error.empty()) return http::SubmitOutcome(std::vector<http::Problem>{{answer.error, {}, 0, 0, {}}});
  {
    const std::lock_guard lock(mutex_);
    has_new_job_ = true;
  }
  changed_.notify_all();
  return http::SubmitOutcome(answer.job);
}

Result<std::unique_lock<std::timed_mutex>> FarmService::claim() {
  // By the clock that may be set: what waits by the steady one, g++ 12's ThreadSanitizer does not see lock.
  std::unique_lock claims(claims_mutex_, std::chrono::system_clock::now() + kClaimPatience);
  if (!claims) return fail(Errc::io_error, "an earlier submission is not stored yet; try again later");
  return claims;
}

Result<void> FarmService::check_folder_is_free(const std::string& out, farm::JobId self, const farm::JobSpec& spec) const {
  const auto place = [&](const std::string& named) {  // on this machine: two roots may be one folder
    const Result<std::string> local = roots_.local(named);
    if (!local.ok()) return named;
    std::error_code failed;
    const std::string path = std::filesystem::weakly_canonical(*local + "/", failed).string();
    return failed ? *local : path;
  };
  const std::string wanted = place(out);
  for (const farm::JobView& job : reactor_->read([](const farm::Farm& farm) { return farm.jobs(); })) {
    if (job.id == self || farm::is_over(job.state) || place(out_of(job.detail)) != wanted) continue;
    if (!spec.request.empty()) {  // the same submission once more: the farm answers with its job
      const auto holder = reactor_->read([&](const farm::Farm& farm) { return farm.spec(job.id); });
      if (holder && holder->project == spec.project && holder->request == spec.request) continue;
    }
    return fail(Errc::invalid_input, "out: job {} is {} and writes into {}; wait for its end, cancel it, or name another folder", job.id,
                name_of(static_cast<http::JobState>(job.state)), out);
  }
  return {};
}

Result<void> FarmService::command(const http::Command& command, const http::Actor& actor) {
  std::string action, object, detail;
  std::function<farm::Event(farm::Ticket)> make;
  Error unknown{Errc::not_found, ""};
  const auto for_job = [&](const char* name, farm::JobId job, auto event) {
    action = name;
    object = fmt::format("job {}", job);
    make = event;
  };
  const auto for_worker = [&](const char* name, const std::string& worker) {
    action = name;
    object = "worker " + worker;
    const std::optional<farm::WorkerId> id = worker_id(worker);
    if (!id) unknown.message = fmt::format("there is no worker \"{}\"", worker);
    return id.value_or(0);
  };
  std::visit(
      [&](const auto& c) {
        using C = std::decay_t<decltype(c)>;
        if constexpr (std::is_same_v<C, http::SetPriority>) {
          detail = fmt::format("{}", c.priority);
          for_job("priority", c.job, [c](farm::Ticket t) { return farm::SetPriority{t, c.job, c.priority}; });
        } else if constexpr (std::is_same_v<C, http::PauseJob>) {
          for_job("pause", c.job, [c](farm::Ticket t) { return farm::Pause{t, c.job}; });
        } else if constexpr (std::is_same_v<C, http::ResumeJob>) {
          for_job("resume", c.job, [c](farm::Ticket t) { return farm::Resume{t, c.job}; });
        } else if constexpr (std::is_same_v<C, http::CancelJob>) {
          for_job("cancel", c.job, [c](farm::Ticket t) { return farm::CancelJob{t, c.job}; });
        } else if constexpr (std::is_same_v<C, http::RetryJob>) {
          for_job("retry", c.job, [c](farm::Ticket t) { return farm::Retry{t, c.job}; });
        } else if constexpr (std::is_same_v<C, http::DrainWorker>) {
          const farm::WorkerId id = for_worker(c.drain ? "drain" : "heal", c.worker);
          if (c.drain) make = [id](farm::Ticket t) { return farm::DrainWorker{t, id, 0}; };
          else make = [id](farm::Ticket t) { return farm::HealWorker{t, id}; };
        } else if constexpr (std::is_same_v<C, http::RevokeWorker>) {
          action = "revoke";
          object = "worker " + c.worker;
          const auto view = reactor_->read([id = worker_id(c.worker).value_or(0)](const farm::Farm& farm) { return farm.worker(id); });
          const std::string key = view ? view->key : c.worker;
          const std::optional<std::string> name = allowed_.name_of(key);
          if (!name) unknown.message = fmt::format("there is no worker \"{}\" that is let in", c.worker);
          else if (const Result<void> revoked = wire::revoke_worker(options_.keys_folder, *name); !revoked.ok()) unknown = revoked.error();
          make = [key](farm::Ticket t) { return farm::RevokeKey{t, key}; };
        } else {
          action = "limits";
          object = "project " + c.project;
          detail = fmt::format("weight={} max_running={}", c.weight, c.max_running);
          make = [c](farm::Ticket t) { return farm::SetLimits{t, c.project, c.weight, c.max_running}; };
        }
      },
      command);
  if (!unknown.message.empty()) return unknown;
  std::unique_lock<std::timed_mutex> claims;
  if (const auto* retry = std::get_if<http::RetryJob>(&command)) {
    TRY_ASSIGN(claims, claim());
    if (const auto spec = reactor_->read([&](const farm::Farm& farm) { return farm.spec(retry->job); })) TRY(check_folder_is_free(out_of(spec->detail), retry->job, {}));
  }
  TRY_ASSIGN(const farm::Answer answer, reactor_->command(make, {audit_entry(actor, action, object, detail)}));
  if (answer.error.empty()) return {};
  return fail(answer.error.find("no such") != std::string::npos || answer.error.find("there is no") != std::string::npos ? Errc::not_found : Errc::invalid_input, "{}", answer.error);
}

Result<void> FarmService::add_token(const http::TokenRecord& token, const http::Actor& actor) {
  TRY(reactor_->store({token_row(token), audit_entry(actor, "token.create", "token " + token.id, token.name + " " + http::grants_text(token.grants))}));
  const std::lock_guard lock(mutex_);
  tokens_[token.id] = token;
  return {};
}

Result<void> FarmService::revoke_token(const std::string& id, const http::Actor& actor) {
  std::optional<http::TokenRecord> found = token(id);
  if (!found) return fail(Errc::not_found, "there is no token \"{}\"", id);
  found->revoked = std::chrono::system_clock::now();
  {
    const std::lock_guard lock(mutex_);
    tokens_[id] = *found;  // at once, whatever the disk says
  }
  return reactor_->store({token_row(*found), audit_entry(actor, "token.revoke", "token " + id)});
}

void FarmService::audit(const http::AuditEntry& entry) {
  reactor_->store_soon({audit_entry(entry.actor, entry.action, entry.object, entry.detail, entry.allowed)});
}

Result<http::AuditPage> FarmService::audit_log(std::optional<std::uint64_t> after, std::size_t limit) const {
  http::AuditPage page;
  const auto read = reactor_->read_database([&](db::Database& database) {
    page.total = database.audit_size();
    return database.audit(after ? *after : page.total - std::min<std::uint64_t>(page.total, limit), limit);
  });
  if (!read.ok()) return read.error();
  for (const db::AuditLine& line : *read) {
    const farm::AuditEntry& e = line.entry;
    page.lines.push_back({line.number, wall_time(e.at_ms), {{e.actor, e.address}, e.action, e.object, e.detail, e.allowed}, line.hash});
  }
  return page;
}

// ---- views -----------------------------------------------------------------------------------------------------------------------------

http::JobView FarmService::view_of(const farm::JobView& job) const {
  http::JobView view = job_view(job);
  view.out = out_of(job.detail);
  const std::lock_guard lock(mutex_);
  for (const auto& [name, known] : planned_) {
    if (name != job.package || !known) continue;
    for (const plan::Chunk& chunk : known->plan.chunks) view.audio_seconds += static_cast<double>(chunk.program.length) / known->plan.sample_rate;
    for (const plan::Print& print : known->plan.prints) view.audio_seconds += static_cast<double>(print.length) / known->plan.sample_rate;
  }
  if (const auto problems = problems_.find(job.id); problems != problems_.end() && job.state == farm::JobState::failed) view.problems = problems->second;
  return view;
}

std::vector<http::JobView> FarmService::jobs() const {
  std::vector<http::JobView> views;
  for (const farm::JobView& job : reactor_->read([](const farm::Farm& farm) { return farm.jobs(); })) views.push_back(view_of(job));
  std::reverse(views.begin(), views.end());
  return views;
}

std::optional<http::JobView> FarmService::job(http::JobId id) const {
  const auto job = reactor_->read([&](const farm::Farm& farm) { return farm.job(id); });
  return job ? std::optional(view_of(*job)) : std::nullopt;
}

std::vector<http::TaskView> FarmService::tasks(http::JobId id, std::uint32_t first, std::uint32_t count) const {
  bool is_cancelled = false;
  const auto tasks = reactor_->read([&](const farm::Farm& farm) {
    const auto job = farm.job(id);
    is_cancelled = job && job->state == farm::JobState::cancelled;
    return farm.tasks(id, first, count);
  });
  std::vector<http::TaskView> views;
  for (const farm::TaskView& task : tasks) views.push_back(task_view(task, is_cancelled));
  return views;
}

std::string FarmService::task_states(http::JobId id) const {
  bool is_cancelled = false;
  std::string states = reactor_->read([&](const farm::Farm& farm) {
    const auto job = farm.job(id);
    is_cancelled = job && job->state == farm::JobState::cancelled;
    return farm.task_states(id);
  });
  for (char& state : states) state = static_cast<char>(task_state(static_cast<farm::TaskState>(state & 15), (state & 16) != 0, is_cancelled));
  return states;
}

std::optional<http::JobTimeline> FarmService::timeline(http::JobId id) const {
  const auto job = reactor_->read([&](const farm::Farm& farm) { return farm.job(id); });
  const std::shared_ptr<const PlannedJob> known = job ? planned(job->package) : nullptr;
  if (!known) return std::nullopt;
  http::JobTimeline timeline;
  timeline.sample_rate = known->plan.sample_rate;
  timeline.start_timecode = mix::timecode_at(0, known->plan.sample_rate, known->document->frame_rate, known->document->start_frames);
  timeline.frame_rate = mix::name_of(known->document->frame_rate);
  for (const plan::Print& print : known->plan.prints) timeline.length = std::max(timeline.length, print.length);
  for (const plan::StemTimeline& stem : known->plan.timelines) {
    http::TimelineLane& lane = timeline.lanes.emplace_back();
    lane.version = known->document->versions[stem.version].name;
    lane.bus = known->document->buses[stem.bus].name;
    for (const plan::Placement& placement : stem.placements) lane.pieces.push_back({placement.first, placement.length, static_cast<std::uint32_t>(placement.chunk)});
  }
  return timeline;
}

http::JobOutputs FarmService::outputs(http::JobId id) const {
  const auto job = reactor_->read([&](const farm::Farm& farm) { return farm.job(id); });
  const std::shared_ptr<const PlannedJob> known = job ? planned(job->package) : nullptr;
  if (!known) return {};
  http::JobOutputs outputs;
  outputs.folder = known->out;
  const auto chunks = static_cast<std::uint32_t>(known->plan.chunks.size());
  const std::vector<http::TaskView> prints = tasks(id, chunks, static_cast<std::uint32_t>(known->groups.size()));
  std::vector<std::size_t> group_of(known->plan.prints.size());
  for (std::size_t g = 0; g < known->groups.size(); ++g)
    for (const std::size_t p : known->groups[g]) group_of[p] = g;
  for (std::size_t p = 0; p < known->plan.prints.size(); ++p) {
    const plan::Print& print = known->plan.prints[p];
    http::OutputView& view = outputs.outputs.emplace_back();
    view.version = known->document->versions[print.version].name;
    view.deliverable = known->document->deliverables[print.deliverable].name;
    if (print.bus) view.bus = known->document->buses[*print.bus].name;
    view.layout = name_of(print.layout);
    view.task = chunks + static_cast<std::uint32_t>(group_of[p]);
    if (group_of[p] < prints.size()) view.state = prints[group_of[p]].state;
    else if (farm::is_over(job->state)) view.state = job->state == farm::JobState::done ? http::TaskState::done : http::TaskState::cancelled;
    for (const plan::PrintFile& file : print.files) view.files.push_back(file.path);
  }
  return outputs;
}

std::vector<http::Waiting> FarmService::waiting(http::JobId id) const {
  std::vector<http::Waiting> reasons;
  if (const auto waiting = reactor_->read([&](const farm::Farm& farm) { return farm.explain(id); }))
    for (const farm::Reason& reason : waiting->reasons) reasons.push_back({reason.code, reason.text});
  return reasons;
}

std::vector<http::WorkerView> FarmService::workers() const {
  std::map<farm::JobId, std::string> projects;
  const auto workers = reactor_->read([&](const farm::Farm& farm) {
    for (const farm::JobView& job : farm.jobs())
      if (!farm::is_over(job.state)) projects[job.id] = job.project;
    return farm.workers();
  });
  std::vector<http::WorkerView> views;
  for (const farm::WorkerView& worker : workers) views.push_back(worker_view(worker, allowed_.name_of(worker.key).value_or(""), projects));
  return views;
}

std::vector<http::ProjectView> FarmService::projects() const {
  std::vector<http::ProjectView> views;
  for (const farm::ProjectView& p : reactor_->read([](const farm::Farm& farm) { return farm.projects(); }))
    views.push_back({p.name, p.weight, p.max_running, p.running, p.device_seconds});
  return views;
}

std::vector<http::LogLine> FarmService::log(const http::LogQuery& query) const {
  const std::lock_guard lock(mutex_);
  std::vector<http::LogLine> lines;
  const auto fits = [&](const http::LogLine& line) {
    return line.number > query.after && (!query.job || line.job == query.job) && (query.worker.empty() || line.worker == query.worker);
  };
  if (query.after > 0) {
    for (auto line = log_.begin(); line != log_.end() && lines.size() < query.limit; ++line)
      if (fits(*line)) lines.push_back(*line);
    return lines;
  }
  for (auto line = log_.rbegin(); line != log_.rend() && lines.size() < query.limit; ++line)
    if (fits(*line)) lines.push_back(*line);
  std::reverse(lines.begin(), lines.end());
  return lines;
}

void FarmService::write_log(const farm::Log& line) {
  constexpr const char* kLevels[] = {"info", "warning", "error"};
  const char* const level = kLevels[static_cast<std::size_t>(line.level)];
  const auto now = std::chrono::system_clock::now();
  std::string about;
  if (line.job != 0) about += fmt::format(" job={}", line.job);
  if (line.worker != 0) about += " worker=" + worker_name(line.worker);
  if (!options_.is_quiet)
    fmt::print(stderr, "{:%Y-%m-%dT%H:%M:%S}Z {} {}{} {}\n", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), level, line.name, about, line.text);
  {
    const std::lock_guard lock(mutex_);
    log_.push_back({++last_line_, now, level, line.job != 0 ? std::optional(line.job) : std::nullopt, line.worker != 0 ? worker_name(line.worker) : "",
                    line.name + " " + line.text});
    if (log_.size() > kLogLines) log_.pop_front();
  }
  events_.changed({http::Subject::Kind::log, ""});
}

std::vector<http::Demand> FarmService::demand() const {
  std::vector<http::Demand> list;
  for (const farm::Backlog& backlog : reactor_->read([](const farm::Farm& farm) { return farm.backlog(); })) list.push_back(demand_of(backlog));
  return list;
}

http::Health FarmService::health() const {
  const std::string trouble = reactor_->trouble();
  return {trouble.empty(), trouble, reactor_->epoch(), std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count()};
}

std::vector<http::Metric> FarmService::metrics() const {
  const link::LinkFigures figures = reactor_->figures();
  const auto counter = [](const char* name, const char* help, double value) { return http::Metric{name, help, true, "", value}; };
  return {counter("dubfarm_messages_received_total", "Messages from workers", static_cast<double>(figures.messages_in)),
          counter("dubfarm_messages_sent_total", "Messages to workers", static_cast<double>(figures.messages_out)),
          counter("dubfarm_messages_malformed_total", "Messages that did not hold together", static_cast<double>(figures.malformed)),
          counter("dubfarm_messages_undelivered_total", "Messages whose worker was gone", static_cast<double>(figures.undelivered)),
          counter("dubfarm_handshakes_failed_total", "Connections that were not let in", static_cast<double>(figures.handshakes_failed)),
          counter("dubfarm_commits_total", "Transactions", static_cast<double>(figures.commits)),
          counter("dubfarm_rows_stored_total", "Rows in them", static_cast<double>(figures.rows)),
          counter("dubfarm_commit_seconds_total", "Time that transactions took", figures.commit_seconds),
          {"dubfarm_commit_longest_seconds", "The longest transaction since the start", false, "", figures.longest_commit_seconds}};
}

std::optional<http::TokenRecord> FarmService::token(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto token = tokens_.find(id);
  return token == tokens_.end() ? std::nullopt : std::optional(token->second);
}

std::vector<http::TokenRecord> FarmService::tokens() const {
  const std::lock_guard lock(mutex_);
  std::vector<http::TokenRecord> list;
  for (const auto& [id, token] : tokens_) list.push_back(token);
  return list;
}

}  // namespace dubfarm::cli
