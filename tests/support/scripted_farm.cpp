#include "tests/support/scripted_farm.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/sha256.hpp"
#include "scheduler/http/token.hpp"

namespace dubfarm::testing {

using namespace dubfarm::http;
using Json = nlohmann::ordered_json;
using std::chrono::seconds;

namespace {

const WallTime kEvening = WallTime(seconds(1'772'488'800));  // 2026-03-02 22:00 UTC: the screenshots do not change from day to day

std::string sha256_text(const std::string& bytes) {
  Sha256 sum;
  sum.update(std::as_bytes(std::span(bytes)));
  return sum.hex();
}

/// A second of a sine in 16-bit mono: something that a player can play.
std::string small_wav() {
  std::string samples;
  for (int i = 0; i < 48000; ++i) {
    const int phase = i % 96;  // a triangle at 500 Hz
    const auto value = static_cast<std::int16_t>((phase < 48 ? phase - 24 : 72 - phase) * 300);
    samples += static_cast<char>(value & 255);
    samples += static_cast<char>(static_cast<std::uint16_t>(value) >> 8);
  }
  const auto word = [](std::uint32_t v, int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += static_cast<char>(v >> (8 * i) & 255);
    return text;
  };
  return "RIFF" + word(static_cast<std::uint32_t>(36 + samples.size()), 4) + "WAVEfmt " + word(16, 4) + word(1, 2) + word(1, 2) + word(48000, 4) + word(96000, 4) + word(2, 2) + word(16, 2) + "data" +
         word(static_cast<std::uint32_t>(samples.size()), 4) + samples;
}

}  // namespace

void ScriptedFarm::count(Job& job) const {
  job.view.tasks = {};
  job.view.cost_total = job.view.cost_done = 0;
  for (const char state : job.states) {
    ++job.view.tasks[static_cast<std::size_t>(state)];
    if (state == static_cast<char>(TaskState::reused)) continue;
    job.view.cost_total += 3;
    if (state == static_cast<char>(TaskState::done)) job.view.cost_done += 3;
  }
}

void ScriptedFarm::put_file(const std::string& path, const std::string& bytes) const {
  const std::filesystem::path full = folder_.path(path);
  std::filesystem::create_directories(full.parent_path());
  std::ofstream(full, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string ScriptedFarm::add(const std::string& name, const std::string& grants) {
  const NewToken made = make_token(name, parse_grants(grants).value(), kEvening).value();
  const std::lock_guard lock(mutex_);
  token_records.push_back(made.record);
  return made.text;
}

void ScriptedFarm::fill() {
  const std::lock_guard lock(mutex_);
  const auto make = [&](JobId id, const std::string& project, const std::string& name, JobState state) -> Job& {
    Job& job = jobs_by_id[id];
    job.view.id = id;
    job.view.project = project;
    job.view.name = name;
    job.view.submitter = "night-shift";
    job.view.state = state;
    job.view.out = "{out}/" + name;
    job.view.created = kEvening + seconds(600 * static_cast<int>(id));
    job.view.profile = "cpu 2";
    return job;
  };

  // The film: two languages and music and effects over an hour and a half; dialogue stems of their own, the other stems shared.
  const Frames minute = 48000LL * 60;
  Job& film = make(3, "film", "The Long Night, reel 1 to 5", JobState::running);
  film.timeline = {48000, 90 * minute, "01:00:00:00", "25", {}};
  std::uint32_t task = 0;
  const auto lane = [&](Job& job, const std::string& bus, const std::vector<std::string>& versions, Frames step, Frames silence) {
    TimelineLane made{versions.front(), bus, {}};
    for (Frames at = 0; at + step <= job.timeline.length; at += step + silence) made.pieces.push_back({at, step, task++});
    for (const std::string& version : versions) {
      made.version = version;
      job.timeline.lanes.push_back(made);
    }
  };
  for (const char* language : {"en", "fr", "de"}) lane(film, "Dialogue", {language}, minute * 3 / 2, minute / 2);
  lane(film, "Music", {"en", "fr", "de", "m-and-e"}, minute * 4, minute);
  lane(film, "Effects", {"en", "fr", "de", "m-and-e"}, minute * 2, 0);
  lane(film, "Foley", {"en", "fr", "de", "m-and-e"}, minute, minute);
  film.states.assign(task, static_cast<char>(TaskState::ready));
  for (std::uint32_t i = 0; i < task; ++i) {
    const std::uint32_t at = i * 7919U % 100;
    if (i < 45) film.states[i] = static_cast<char>(TaskState::reused);  // English was rendered before
    else if (at < 55) film.states[i] = static_cast<char>(TaskState::done);
  }
  const std::vector<std::uint32_t> running{60, 100, 150};
  for (const std::uint32_t i : running) film.states[i] = static_cast<char>(TaskState::running);
  film.states[171] = static_cast<char>(TaskState::failed);
  film.view.started = kEvening + seconds(1860);
  film.view.seconds_left = 754;
  film.view.audio_seconds = 4 * 90 * 60;
  film.view.device_seconds = 1423;
  film.view.tags = {"large"};
  film.view.priority = 60;
  film.outputs.folder = folder_.path("film");
  for (const char* version : {"en", "fr", "de", "m-and-e"})
    for (const auto& [deliverable, layout] : {std::pair{"tv-stereo", "stereo"}, std::pair{"theatrical", "5.1"}}) {
      film.outputs.outputs.push_back({version, deliverable, "", layout, TaskState::waiting, static_cast<std::uint32_t>(film.states.size()), {fmt::format("{}_{}.wav", version, deliverable)}});
      film.states += static_cast<char>(TaskState::waiting);
    }
  film.states += static_cast<char>(TaskState::waiting);
  count(film);

  task = 0;
  Job& series = make(2, "series", "Harbour 104", JobState::done);
  series.timeline = {48000, 45 * minute, "10:00:00:00", "25", {}};
  lane(series, "Dialogue", {"en"}, minute * 2, minute);
  lane(series, "M&E", {"en", "es"}, minute * 3, 0);
  lane(series, "Dialogue", {"es"}, minute * 2, minute);
  series.states.assign(task, static_cast<char>(TaskState::done));
  series.view.started = kEvening + seconds(1210);
  series.view.ended = kEvening + seconds(1518);
  series.view.audio_seconds = 2 * 45 * 60;
  series.view.device_seconds = 600;
  series.outputs.folder = folder_.path("series");
  Json report{{"dubfarm_report", 1}, {"title", "Harbour 104"}, {"outputs", Json::array()}};
  double shift = 0;
  for (const char* version : {"en", "es"})
    for (const char* deliverable : {"tv-stereo", "web-stereo", "stems"}) {
      const bool is_stem = std::string_view(deliverable) == "stems";
      const std::string path = fmt::format("{}/{}.wav", version, deliverable), bytes = small_wav();
      put_file("series/" + path, bytes);
      shift += 0.1;
      const double integrated = is_stem ? -27.4 : -23.0 + shift;
      const bool fails = std::string_view(version) == "es" && std::string_view(deliverable) == "web-stereo";
      Json output{{"version", version}, {"deliverable", deliverable}, {"layout", "stereo"}};
      if (is_stem) output["bus"] = "M&E";
      output["files"] = Json::array({{{"path", path}, {"bytes", bytes.size()}, {"sha256", sha256_text(bytes)}, {"channels", {"L"}}}});
      output["loudness"] = {{"integrated_lufs", integrated}, {"range_lu", 9.4}, {"max_momentary_lufs", -14.2}, {"max_short_term_lufs", -17.9}, {"true_peak_dbtp", fails ? -0.4 : -1.6}};
      output["checks"] = Json::array();
      if (!is_stem) {
        output["checks"].push_back({{"id", "loudness"}, {"title", "Programme loudness"}, {"result", shift > 0.35 && !fails ? "warning" : "pass"}, {"measured_text", fmt::format("{:.1f} LUFS", integrated)},
                                    {"required_text", "-23.0 LUFS, 0.5 LU either way"}, {"sentence", "Programme loudness is inside its tolerance."}});
        output["checks"].push_back({{"id", "true_peak"}, {"title", "Maximum true peak"}, {"result", fails ? "fail" : "pass"}, {"measured_text", fails ? "-0.4 dBTP" : "-1.6 dBTP"},
                                    {"required_text", "at most -1.0 dBTP"}, {"sentence", fails ? "The true peak is 0.6 dB above the limit." : "The true peak is below its limit."}});
      }
      report["outputs"].push_back(output);
      series.outputs.outputs.push_back({version, deliverable, is_stem ? "M&E" : "", "stereo", TaskState::done, task, {path}});
      series.states += static_cast<char>(TaskState::done);
    }
  put_file("series/report.json", report.dump(1) + "\n");
  put_file("series/report.html", "<!doctype html><title>Harbour 104</title><p>A report.</p>\n");
  put_file("series/SHA256SUMS", "sums\n");
  put_file("series/manifest.json", "{}\n");
  put_file("series/secret.txt", "beside the outputs\n");
  series.states += static_cast<char>(TaskState::done);
  count(series);

  Job& broken = make(1, "series", "Harbour 103", JobState::failed);
  broken.view.started = kEvening + seconds(610);
  broken.view.ended = kEvening + seconds(640);
  broken.view.problems = {{"{media}/harbour/103/dx_es.wav: is 44100 Hz, the mix is 48000", "/versions/1/tracks/0", 88, 12, "resample it, or set \"resample\": true"}};
  broken.states.assign(40, static_cast<char>(TaskState::cancelled));
  for (std::size_t i = 0; i < 12; ++i) broken.states[i] = static_cast<char>(TaskState::done);
  broken.states[12] = static_cast<char>(TaskState::failed);
  count(broken);

  Job& waits = make(4, "film", "The Long Night, trailer", JobState::queued);
  waits.states.assign(24, static_cast<char>(TaskState::ready));
  waits.view.tags = {"gpu"};
  count(waits);

  const auto worker = [&](const std::string& id, const std::string& name, WorkerState state) -> WorkerView& {
    WorkerView w;
    w.id = id;
    w.key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    w.name = name;
    w.host = name + ".studio";
    w.device = "CPU, 16 cores, AVX-512";
    w.build = "0.1.0";
    w.profile = "cpu 2";
    w.tags = {"large"};
    w.state = state;
    w.slots = 2;
    w.memory_bytes = 64ULL << 30;
    w.joined = kEvening;
    w.tasks_done = 214;
    w.device_seconds = 640;
    workers_now.push_back(w);
    return workers_now.back();
  };
  worker("0a1b2c3d4e5f6071", "stage-a", WorkerState::working).running = {{3, "film", 60, TaskKind::chunk, 0.72F, 12}, {3, "film", 100, TaskKind::chunk, 0.31F, 5}};
  worker("1a1b2c3d4e5f6072", "stage-b", WorkerState::working).running = {{3, "film", 150, TaskKind::chunk, 0.55F, 9}};
  WorkerView& sick = worker("2a1b2c3d4e5f6073", "attic", WorkerState::sick);
  sick.tasks_failed = 3;
  sick.reason = "failed 3 different tasks that others rendered; set aside";
  std::uint64_t number = 0;
  const auto say = [&](int at, const std::string& level, std::optional<JobId> job, const std::string& message) { lines.push_back({++number, kEvening + seconds(at), level, job, "", message}); };
  say(0, "info", std::nullopt, "scheduler started");
  say(1860, "info", 3, "planned: 207 chunks, 45 of them in the store; 8 outputs");
  say(1861, "info", 3, "bound to the numeric profile cpu 2");
  say(2400, "warning", 3, "task 171 failed on attic: the FFT of 3 blocks was not finite");
  say(2401, "error", 3, "task 171 failed on 3 workers");
  say(2402, "info", 2, "done");
}

Result<SubmitOutcome> ScriptedFarm::submit(const SubmitRequest& request, const Actor& actor) {
  JobId id = 0;
  {
    const std::lock_guard lock(mutex_);
    submitted_.push_back(request);
    if (health_now.reason == "disk full") return fail(Errc::no_space, "the scheduler's disk is full");
    for (const auto& [other, holder] : jobs_by_id)
      if (!is_over(holder.view.state) && holder.view.out == request.out && !request.out.empty())
        return fail(Errc::invalid_input, "out: job {} is {} and writes into {}; wait for its end, cancel it, or name another folder", other, name_of(holder.view.state), request.out);
    if (request.mix.find("tracks") == std::string::npos) return SubmitOutcome(std::vector<Problem>{{"there is no \"tracks\"", "", 1, 1, "a mix has tracks"}, {"no \"versions\"", "/versions", 2, 5, ""}});
    id = jobs_by_id.empty() ? 1 : jobs_by_id.rbegin()->first + 1;
    Job& job = jobs_by_id[id];
    job.view.id = id;
    job.view.project = request.project;
    job.view.name = request.name;
    job.view.submitter = actor.name;
    job.view.priority = request.priority;
    job.view.tags = request.tags;
    job.view.out = request.out;
    job.view.created = kEvening;
    audited_.push_back({actor, "submit", fmt::format("job {}", id), "", true});
  }
  hub_.changed({Subject::Kind::job, std::to_string(id)});
  return SubmitOutcome(id);
}

Result<void> ScriptedFarm::command(const Command& command, const Actor& actor) {
  Subject changed;
  Result<void> result;
  const auto on_job = [&](JobId id, const char* what, auto&& act) {
    const auto found = jobs_by_id.find(id);
    if (found == jobs_by_id.end()) return void(result = fail(Errc::not_found, "there is no job {}", id));
    result = act(found->second);
    count(found->second);
    audited_.push_back({actor, what, fmt::format("job {}", id), "", result.ok()});
    changed = {Subject::Kind::job, std::to_string(id)};
  };
  const auto unless_over = [](Job& job, JobState next) -> Result<void> {
    if (is_over(job.view.state)) return fail(Errc::invalid_input, "job {} is {} already", job.view.id, name_of(job.view.state));
    job.view.state = next;
    return {};
  };
  const auto on_worker = [&](const std::string& id, const char* what, auto&& act) {
    const auto found = std::find_if(workers_now.begin(), workers_now.end(), [&](const WorkerView& w) { return w.id == id; });
    if (found == workers_now.end()) return void(result = fail(Errc::not_found, "there is no worker {}", id));
    audited_.push_back({actor, what, "worker " + found->name, "", true});
    act(found);
    changed = {Subject::Kind::worker, id};
  };
  {
    const std::lock_guard lock(mutex_);
    if (const auto* c = std::get_if<SetPriority>(&command)) {
      on_job(c->job, "priority", [&](Job& job) -> Result<void> {
        job.view.priority = c->priority;
        return {};
      });
    } else if (const auto* pause = std::get_if<PauseJob>(&command)) {
      on_job(pause->job, "pause", [&](Job& job) { return unless_over(job, JobState::paused); });
    } else if (const auto* resume = std::get_if<ResumeJob>(&command)) {
      on_job(resume->job, "resume", [&](Job& job) { return unless_over(job, JobState::running); });
    } else if (const auto* cancel = std::get_if<CancelJob>(&command)) {
      on_job(cancel->job, "cancel", [&](Job& job) { return unless_over(job, JobState::cancelled); });
    } else if (const auto* retry = std::get_if<RetryJob>(&command)) {
      on_job(retry->job, "retry", [&](Job& job) -> Result<void> {
        if (job.view.state != JobState::failed && job.view.state != JobState::cancelled) return fail(Errc::invalid_input, "job {} is {}; nothing of it failed", job.view.id, name_of(job.view.state));
        job.view.state = JobState::running;
        return {};
      });
    } else if (const auto* drain = std::get_if<DrainWorker>(&command)) {
      on_worker(drain->worker, drain->drain ? "drain" : "undrain", [&](auto at) { at->state = drain->drain ? WorkerState::draining : WorkerState::idle; });
    } else if (const auto* revoke = std::get_if<RevokeWorker>(&command)) {
      on_worker(revoke->worker, "revoke", [&](auto at) { workers_now.erase(at); });
    } else if (const auto* limits = std::get_if<SetProjectLimits>(&command)) {
      audited_.push_back({actor, "project", limits->project, "", true});
      http::ProjectView& project = projects_by_name[limits->project];
      project.name = limits->project;
      project.weight = limits->weight;
      project.max_running = limits->max_running;
    }
  }
  if (!changed.id.empty()) hub_.changed(changed);
  return result;
}

std::vector<JobView> ScriptedFarm::jobs() const {
  const std::lock_guard lock(mutex_);
  std::vector<JobView> list;
  for (auto at = jobs_by_id.rbegin(); at != jobs_by_id.rend(); ++at) list.push_back(at->second.view);
  return list;
}

std::optional<JobView> ScriptedFarm::job(JobId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_by_id.find(id);
  return found == jobs_by_id.end() ? std::nullopt : std::optional(found->second.view);
}

std::vector<TaskView> ScriptedFarm::tasks(JobId id, std::uint32_t first, std::uint32_t count) const {
  const std::lock_guard lock(mutex_);
  std::vector<TaskView> list;
  const auto found = jobs_by_id.find(id);
  if (found == jobs_by_id.end()) return list;
  const std::string& states = found->second.states;
  for (std::uint32_t i = first; i < states.size() && i - first < count; ++i) {
    TaskView task;
    task.task = i;
    task.subject = i;
    task.state = static_cast<TaskState>(states[i]);
    task.cost = 3;
    if (task.state == TaskState::failed) task.error = "the FFT of 3 blocks was not finite";
    list.push_back(task);
  }
  return list;
}

std::string ScriptedFarm::task_states(JobId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_by_id.find(id);
  return found == jobs_by_id.end() ? "" : found->second.states;
}

std::optional<JobTimeline> ScriptedFarm::timeline(JobId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_by_id.find(id);
  if (found == jobs_by_id.end() || found->second.timeline.length == 0) return std::nullopt;
  return found->second.timeline;
}

JobOutputs ScriptedFarm::outputs(JobId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = jobs_by_id.find(id);
  return found == jobs_by_id.end() ? JobOutputs{} : found->second.outputs;
}

std::vector<Waiting> ScriptedFarm::waiting(JobId id) const {
  const std::optional<JobView> view = job(id);
  if (!view || is_over(view->state)) return {};
  if (view->state == JobState::paused) return {{"paused", "it is paused"}};
  if (view->tags == std::vector<std::string>{"gpu"}) return {{"tag", "no worker has the tag gpu"}, {"behind", "job 3 has a higher priority"}};
  return {{"sick_worker", "one of 3 workers is set aside as sick"}};
}

std::vector<WorkerView> ScriptedFarm::workers() const {
  const std::lock_guard lock(mutex_);
  return workers_now;
}

std::vector<LogLine> ScriptedFarm::log(const LogQuery& query) const {
  const std::lock_guard lock(mutex_);
  std::vector<LogLine> list;
  for (const LogLine& line : lines)
    if (line.number > query.after && (!query.job || line.job == query.job) && (query.worker.empty() || line.worker == query.worker)) list.push_back(line);
  if (list.size() > query.limit) {
    if (query.after > 0) list.resize(query.limit);
    else list.erase(list.begin(), list.end() - static_cast<std::ptrdiff_t>(query.limit));
  }
  return list;
}

std::vector<Demand> ScriptedFarm::demand() const { return {{"any", 120, 3, 360, 2, 1, 100}, {"gpu", 24, 0, 72, 0, 0, 24}}; }

Health ScriptedFarm::health() const {
  const std::lock_guard lock(mutex_);
  return health_now;
}

std::vector<Metric> ScriptedFarm::metrics() const {
  return {{"dubfarm_commits_total", "Transactions written.", true, "", 17}, {"dubfarm_worker_silent_seconds", "Since a worker was heard of.", false, "worker=\"stage-a\"", 0.4}};
}

std::optional<TokenRecord> ScriptedFarm::token(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(token_records.begin(), token_records.end(), [&](const TokenRecord& t) { return t.id == id; });
  return found == token_records.end() ? std::nullopt : std::optional(*found);
}

std::vector<TokenRecord> ScriptedFarm::tokens() const {
  const std::lock_guard lock(mutex_);
  return token_records;
}

Result<void> ScriptedFarm::add_token(const TokenRecord& token, const Actor& actor) {
  const std::lock_guard lock(mutex_);
  token_records.push_back(token);
  audited_.push_back({actor, "token.create", "token " + token.id, token.name, true});
  return {};
}

Result<void> ScriptedFarm::revoke_token(const std::string& id, const Actor& actor) {
  const std::lock_guard lock(mutex_);
  for (TokenRecord& token : token_records)
    if (token.id == id) token.revoked = kEvening;
  audited_.push_back({actor, "token.revoke", "token " + id, "", true});
  return {};
}

void ScriptedFarm::audit(const AuditEntry& entry) {
  const std::lock_guard lock(mutex_);
  audited_.push_back(entry);
}

Result<AuditPage> ScriptedFarm::audit_log(std::optional<std::uint64_t> after, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  AuditPage page{{}, audited_.size()};
  const std::uint64_t first = after ? *after : audited_.size() - std::min(audited_.size(), limit);
  for (std::uint64_t n = first; n < audited_.size() && page.lines.size() < limit; ++n)
    page.lines.push_back({n + 1, kEvening, audited_[static_cast<std::size_t>(n)], std::string(64, '0')});
  return page;
}

std::vector<ProjectView> ScriptedFarm::projects() const {
  const std::lock_guard lock(mutex_);
  std::vector<ProjectView> list;
  for (const auto& [name, project] : projects_by_name) list.push_back(project);
  return list;
}

}  // namespace dubfarm::testing
