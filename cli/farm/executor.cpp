#include "cli/farm/executor.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "cli/local_farm.hpp"
#include "cli/package.hpp"
#include "common/descriptor.hpp"
#include "common/io.hpp"
#include "scheduler/plan/plan_record.hpp"

namespace dubfarm::cli {
namespace {

constexpr std::size_t kJobs = 4;               // kept planned
constexpr std::size_t kIrSpectraLimit = 256u << 20;
constexpr std::size_t kCompanyLook = 32;
constexpr std::size_t kGroupsTogether = 8;     // of prints; the scheduler gives a worker no less (farm::Settings::prints_together)
constexpr std::chrono::seconds kPrintPatience{5};  // prints let chunks that came later go first no longer
constexpr std::chrono::milliseconds kMorePrints{30};  // after a print came or a chunk was done: so soon come those that it lets begin
constexpr std::size_t kErrorBytes = 2000;
constexpr std::string_view kOtherWriter = ": another process is writing this output; wait for it, or stop it";  // media::OutputFile

double seconds_since(std::chrono::steady_clock::time_point began) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); }

/// A full disk or a device that failed is not the task's failure: it is given back, with the reason. Whoever has a full disk waits first (rest()); whose device
/// failed takes no more.
wire::Result failure(const Error& error) {
  wire::Result result;
  const bool is_given_back = error.code == Errc::cancelled || error.code == Errc::no_space || error.code == Errc::backend_not_built;
  result.set_outcome(is_given_back ? wire::RELEASED : wire::FAILED);
  if (error.code != Errc::cancelled) result.set_error(error.message.substr(0, kErrorBytes));
  return result;
}

/// Before a task that cannot be done now is given back, and perhaps comes again at once.
void rest(const worker::TaskControl& control) {
  for (int i = 0; i < 20 && !control.stop; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

/// Of a blob: its checksum and its length in frames, from its header (docs/formats/store.md); nothing where it is not there.
std::optional<std::string> blob_digest(const Store& store, const program::Key& key) {
  Result<BlobReader> blob = store.open_blob(key);  // checks that header and size hold together
  const Result<Descriptor> file = open_for_reading(store.path_of(key));
  if (!blob.ok() || !file.ok()) return std::nullopt;
  std::string digest(16, '\0');
  if (!read_exactly_at(*file, 32, std::as_writable_bytes(std::span(digest.data(), 8)), "").ok()) return std::nullopt;
  const auto frames = static_cast<std::uint64_t>(blob->frames());
  std::memcpy(digest.data() + 8, &frames, sizeof frames);
  return digest;
}

std::string digest_of(std::span<const scheduler::ReportOutput* const> outputs) {
  std::string sums;
  for (const scheduler::ReportOutput* output : outputs)
    for (const scheduler::ReportFile& file : output->files) (sums += file.sha256) += file.path;
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(sums.data(), sums.size()));
  return {reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest};
}

wire::Result printed(std::span<const scheduler::ReportOutput* const> outputs, double seconds) {
  wire::Result result;
  result.set_outcome(wire::DONE);
  result.set_digest(digest_of(outputs));
  result.set_device_seconds(seconds);
  return result;
}

/// One more, while it lives.
class Counted {
 public:
  explicit Counted(std::atomic<int>& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::atomic<int>& count_;
};

bool is_being_written(const Error& error) { return error.message.ends_with(kOtherWriter); }

}  // namespace

std::shared_ptr<const Executor::Job> Executor::known(const std::string& package) {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, entry] : jobs_) {
    if (name != package) continue;
    const std::unique_lock planning(entry->mutex, std::try_to_lock);
    return planning ? entry->job : nullptr;
  }
  return nullptr;
}

Result<std::shared_ptr<const Executor::Job>> Executor::job(const std::string& package) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& one) { return one.first == package; });
    if (found != jobs_.end()) jobs_.splice(jobs_.begin(), jobs_, found);
    else jobs_.emplace_front(package, std::make_shared<Entry>());
    if (jobs_.size() > kJobs) jobs_.pop_back();
    entry = jobs_.front().second;
  }
  const std::lock_guard planning(entry->mutex);
  if (entry->job) return entry->job;
  auto job = std::make_shared<Job>();
  TRY_ASSIGN(job->planned, load_job(package, roots_, store_));
  std::vector<worker::SourceFile> files;
  for (const auto& [digest, file] : job->planned->plan.sources) files.push_back({digest, file->info, file->stamp});
  job->sources = std::make_unique<worker::Sources>(std::move(files), job->planned->plan.sample_rate, store_);
  job->irs = std::make_unique<worker::IrCache>(*job->sources, kIrSpectraLimit);
  job->segments = std::make_unique<SegmentCache>(kSegmentsLimit);
  entry->job = job;
  return entry->job;
}

std::unique_ptr<worker::RenderScratch> Executor::take_scratch(const std::string& package) {
  Scratch taken;
  {
    const std::lock_guard lock(mutex_);
    auto found = std::find_if(scratches_.begin(), scratches_.end(), [&](const Scratch& one) { return one.package == package; });
    if (found == scratches_.end() && !scratches_.empty()) found = std::prev(scratches_.end());
    if (found != scratches_.end()) {
      taken = std::move(*found);
      scratches_.erase(found);
    }
  }
  if (!taken.memory) return std::make_unique<worker::RenderScratch>();
  if (taken.package != package) taken.memory->clear();
  return std::move(taken.memory);
}

std::vector<std::size_t> Executor::prints_together(std::span<const worker::AssignedTask> waiting) {
  const WorkClock::time_point now = WorkClock::now();
  WorkClock::time_point last = std::max(waiting.front().since, last_chunk_.load());
  std::vector<std::size_t> chosen = {0};
  for (std::size_t i = 1; i < waiting.size() && chosen.size() < kGroupsTogether; ++i) {
    if (waiting[i].kind != "print" || waiting[i].package != waiting.front().package) continue;
    chosen.push_back(i);
    last = std::max(last, waiting[i].since);
  }
  if (chosen.size() < kGroupsTogether && now - last < kMorePrints) {
    if (!gathering_since_) gathering_since_ = now;
    if (now - *gathering_since_ < 2 * kMorePrints) return {};
  }
  gathering_since_.reset();
  return chosen;
}

std::vector<std::size_t> Executor::company(std::span<const worker::AssignedTask> waiting, std::size_t free_threads) {
  const auto of_job = [&](const worker::AssignedTask& task, std::string_view kind) { return task.kind == kind && task.package == waiting.front().package; };
  std::size_t at = 0;
  if (waiting.front().kind == "print") {
    const auto chunk = std::find_if(waiting.begin(), waiting.end(), [&](const auto& task) { return of_job(task, "chunk"); });
    const auto prints = static_cast<std::size_t>(std::count_if(waiting.begin(), waiting.end(), [&](const auto& task) { return of_job(task, "print"); }));
    if (chunk == waiting.end() || prints >= kGroupsTogether || WorkClock::now() - waiting.front().since > kPrintPatience) return prints_together(waiting);
    at = static_cast<std::size_t>(chunk - waiting.begin());  // the more prints wait for one another, the more of what they read they read once
  }
  std::vector<std::size_t> chosen = {at};
  const worker::AssignedTask& first = waiting[at];
  if (first.kind != "chunk") return chosen;
  if (device_ != nullptr) {  // one at a time; what need not wait for the device goes first
    const std::string favoured = device_->favoured();
    if (favoured.empty() || first.package == favoured) return chosen;
    for (std::size_t i = 0; i < waiting.size(); ++i)
      if (waiting[i].kind != "chunk" || waiting[i].package == favoured) return {i};
    return chosen;
  }
  const std::shared_ptr<const Job> job = known(first.package);
  if (!job || first.subject >= job->planned->plan.chunks.size()) return chosen;
  std::vector<const program::Program*> batch = {&job->planned->plan.chunks[first.subject].program};
  for (std::size_t i = at + 1; i < std::min(waiting.size(), kCompanyLook); ++i) {
    const worker::AssignedTask& next = waiting[i];
    if (waiting.size() - chosen.size() <= chosen.size() * free_threads) break;  // the others shall have as much
    if (next.kind != "chunk" || next.package != first.package || next.subject >= job->planned->plan.chunks.size()) continue;
    const program::Program& program = job->planned->plan.chunks[next.subject].program;
    if (!worker::joins_batch(batch, program)) continue;
    batch.push_back(&program);
    chosen.push_back(i);
  }
  return chosen;
}

void Executor::run(std::span<const worker::AssignedTask> tasks, worker::TaskControl& control, const std::function<void(std::size_t, wire::Result)>& finished) {
  const Counted running(running_);
  const auto fail_all = [&](const Error& error) {
    for (std::size_t i = 0; i < tasks.size(); ++i) finished(i, failure(error));
  };
  const worker::AssignedTask& first = tasks.front();
  const Result<std::shared_ptr<const Job>> found = job(first.package);
  if (!found.ok()) return fail_all(found.error());
  const Job& job = **found;
  const PlannedJob& planned = *job.planned;
  if (first.kind == "chunk") {
    for (const worker::AssignedTask& task : tasks)
      if (task.subject >= planned.plan.chunks.size()) return fail_all(fail(Errc::invalid_input, "the plan has no chunk {}", task.subject));
    return render(*found, tasks, control, finished);
  }
  if (first.kind == "print") {
    for (const worker::AssignedTask& task : tasks)
      if (task.subject >= planned.groups.size()) return fail_all(fail(Errc::invalid_input, "the plan has no group of prints {}", task.subject));
    return print(*found, tasks, control, finished);
  }
  if (first.kind == "package") return finished(0, write_package(*found, first, control));
  fail_all(fail(Errc::invalid_input, "\"{}\" is no kind of task that this build knows", first.kind.substr(0, 40)));
}

void Executor::render(const std::shared_ptr<const Job>& shared, std::span<const worker::AssignedTask> tasks, worker::TaskControl& control,
                      const std::function<void(std::size_t, wire::Result)>& finished) {
  const auto began = WorkClock::now();
  const Job& job = *shared;
  const plan::Plan& plan = job.planned->plan;
  std::vector<std::size_t> missing;
  std::vector<const program::Program*> programs;
  const auto done = [&](std::size_t i, double seconds, bool is_written, bool is_taken_over = false) {
    const plan::Chunk& chunk = plan.chunks[tasks[i].subject];
    const std::optional<std::string> digest = blob_digest(store_, chunk.key);
    if (!digest) return finished(i, failure(fail(Errc::corrupt, "{}: the blob was gone as soon as it was written", store_.path_of(chunk.key))));
    wire::Result result;
    result.set_outcome(wire::DONE);
    // One that the CPU took over from the device may differ from another worker's: it is not held against theirs (docs/decisions/0016).
    if (!is_taken_over || chunk.program.reverbs.empty()) result.set_digest(*digest);
    result.set_device_seconds(seconds);
    if (is_written) result.set_bytes_written(static_cast<std::uint64_t>(chunk.program.length) * 4);
    finished(i, std::move(result));
  };
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const plan::Chunk& chunk = plan.chunks[tasks[i].subject];
    if (!tasks[i].afresh && store_.has(chunk.key)) {
      done(i, 0, false);
      continue;
    }
    missing.push_back(i);
    programs.push_back(&chunk.program);
  }
  if (missing.empty()) return;
  const std::string& package = tasks.front().package;
  std::int64_t bytes = 0;
  for (const program::Program* program : programs) bytes += program->length * channel_count(program->layout()) * static_cast<std::int64_t>(sizeof(float));
  std::unique_ptr<worker::RenderScratch> scratch;
  const auto render = [&]() -> Result<std::vector<worker::RenderedChunk>> {
    if (device_ == nullptr) {
      scratch = take_scratch(package);
      const worker::StageTimer timer(times_, worker::Stage::render, bytes);
      return worker::render_chunks(programs, *job.sources, *job.irs, *scratch, control.stop);
    }
    TRY_ASSIGN(const FarmDevice::Turn turn, device_->enter(on_device(shared, tasks.front()), control.stop));
    scratch = take_scratch(package);
    return worker::render_chunks(programs, *job.sources, *job.irs, *scratch, control.stop, &turn.renderer());
  };
  Result<std::vector<worker::RenderedChunk>> rendered = render();
  if (device_ != nullptr && !rendered.ok() && rendered.error().code == Errc::backend_not_built) device_->set_failed(rendered.error().message);
  bool has_rested = false;
  for (std::size_t m = 0; m < missing.size(); ++m) {
    const plan::Chunk& chunk = plan.chunks[tasks[missing[m]].subject];
    const auto put = [&]() -> Result<void> {
      if (!rendered.ok()) return rendered.error();
      const worker::StageTimer timer(times_, worker::Stage::write, chunk.program.length * channel_count(chunk.program.layout()) * static_cast<std::int64_t>(sizeof(float)));
      return store_.put(chunk.key, plan.sample_rate, (*rendered)[m].frames, (*rendered)[m].channels());
    };
    const Result<void> is_put = put();
    if (!is_put.ok() && is_put.error().code == Errc::no_space && !std::exchange(has_rested, true)) rest(control);
    if (is_put.ok()) done(missing[m], seconds_since(began) / static_cast<double>(missing.size()), true, (*rendered)[m].is_taken_over);
    else finished(missing[m], failure(is_put.error()));
  }
  last_chunk_ = WorkClock::now();
  rendered = Error{};  // its buffers go back to the scratch's pool first
  if (!scratch) return;
  const std::lock_guard lock(mutex_);
  scratches_.push_back({package, std::move(scratch)});
}

void Executor::print(const std::shared_ptr<const Job>& job, std::span<const worker::AssignedTask> tasks, worker::TaskControl& control,
                     const std::function<void(std::size_t, wire::Result)>& finished) {
  const auto began = WorkClock::now();
  const PlannedJob& planned = *job->planned;
  std::vector<std::size_t> whole;  // tasks whose chunks are all there
  std::vector<std::size_t> prints;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    wire::Result lost;
    for (const std::uint32_t chunk : planned.heard[tasks[i].subject])
      if (!store_.has(planned.plan.chunks[chunk].key)) lost.add_lost(chunk);  // a chunk's task has its index
    if (lost.lost_size() > 0) {
      lost.set_outcome(wire::LOST_INPUTS);
      finished(i, std::move(lost));
      continue;
    }
    const std::vector<std::size_t>& group = planned.groups[tasks[i].subject];
    prints.insert(prints.end(), group.begin(), group.end());
    whole.push_back(i);
  }
  if (whole.empty()) return;
  std::sort(prints.begin(), prints.end());
  const Result<scheduler::Report> report = print_outputs(job, tasks.front(), &prints, control);
  if (report.ok()) {
    for (const std::size_t i : whole) {
      std::vector<const scheduler::ReportOutput*> outputs;  // the report's are in the order of `prints`
      for (const std::size_t p : planned.groups[tasks[i].subject])
        outputs.push_back(&report->outputs[static_cast<std::size_t>(std::lower_bound(prints.begin(), prints.end(), p) - prints.begin())]);
      finished(i, printed(outputs, seconds_since(began) / static_cast<double>(whole.size())));
    }
    return;
  }
  const bool is_nobodys_failure = report.error().code == Errc::cancelled || report.error().code == Errc::no_space || report.error().code == Errc::backend_not_built;
  if (whole.size() > 1 && !is_nobodys_failure && !control.stop) {  // each by itself: the one that failed is told from the others
    for (const std::size_t i : whole)
      print(job, tasks.subspan(i, 1), control, [&](std::size_t, wire::Result result) { finished(i, std::move(result)); });
    return;
  }
  const Error error = is_being_written(report.error()) ? Error{Errc::cancelled, ""} : report.error();  // by one that was taken for dead and is not: it will be done, or gone
  if (is_being_written(report.error()) || error.code == Errc::no_space) rest(control);
  for (const std::size_t i : whole) finished(i, failure(error));
}

wire::Result Executor::write_package(const std::shared_ptr<const Job>& job, const worker::AssignedTask& task, worker::TaskControl& control) {
  const auto began = WorkClock::now();
  const PlannedJob& planned = *job->planned;
  Result<scheduler::Report> report = print_outputs(job, task, nullptr, control);
  if (report.ok()) {
    report->mix = planned.package.mix;
    report->chunks_total = planned.plan.chunks.size();
    report->chunks_rendered = planned.package.chunks_missing;  // by the job, not by this task
    report->chunks_reused = report->chunks_total - std::min(report->chunks_total, report->chunks_rendered);
    if (Result<std::string> json = cli::write_package(*planned.document, *report, planned.out); !json.ok()) report = json.error();
  }
  if (!report.ok()) {
    const bool waits = is_being_written(report.error());
    if (waits || report.error().code == Errc::no_space) rest(control);
    return failure(waits ? Error{Errc::cancelled, ""} : report.error());
  }
  std::vector<const scheduler::ReportOutput*> outputs;
  for (const scheduler::ReportOutput& output : report->outputs) outputs.push_back(&output);
  return printed(outputs, seconds_since(began));
}

Result<scheduler::Report> Executor::print_outputs(const std::shared_ptr<const Job>& job, const worker::AssignedTask& task, const std::vector<std::size_t>* prints,
                                                  worker::TaskControl& control) {
  const PlannedJob& planned = *job->planned;
  TRY(roots_.check(planned.out));
  TRY(make_folders(planned.out));
  for (const plan::Print& print : planned.plan.prints)
    for (const plan::PrintFile& file : print.files) TRY(roots_.check(planned.out + "/" + file.path));
  const Counted printing(printing_);
  FarmOptions farm;
  farm.threads = threads_;
  farm.threads_now = [this] {  // those that render a chunk are busy with that; the others belong to the prints
    const int prints_now = std::max(1, printing_.load());
    return std::max(1, (threads_ - std::max(0, running_.load() - prints_now)) / prints_now);
  };
  farm.output_folder = planned.out;
  farm.specs = &planned.specs;
  farm.only_prints = prints;
  farm.on_progress = [&](const RenderProgress& p) {
    if (p.ranges_total > 0) control.done = static_cast<float>(p.ranges_done) / static_cast<float>(p.ranges_total);
  };
  farm.stop = &control.stop;
  farm.times = times_;
  farm.segments = job->segments.get();
  if (device_ != nullptr)
    farm.device_now = [&]() -> std::shared_ptr<worker::gpu::DeviceRenderer> {
      std::optional<FarmDevice::Turn> turn = device_->try_enter(on_device(job, task));
      if (!turn) return nullptr;
      const auto held = std::make_shared<FarmDevice::Turn>(std::move(*turn));
      return {held, &held->renderer()};
    };
  Result<scheduler::Report> report = run_locally(*planned.document, planned.plan, store_, farm);
  if (device_ != nullptr && !report.ok() && report.error().code == Errc::backend_not_built) device_->set_failed(report.error().message);
  if (!report.ok() && report.error().code != Errc::cancelled) control.stop = false;  // its own error set it, to end its threads
  return report;
}

}  // namespace dubfarm::cli
