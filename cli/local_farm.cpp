#include "cli/local_farm.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>

#include "cli/masters.hpp"
#include "cli/output_files.hpp"
#include "cli/output_qc.hpp"
#include "cli/output_series.hpp"
#include "cli/print_key.hpp"
#include "cli/readings.hpp"
#include "cli/stem_sums.hpp"
#include "common/parallel.hpp"
#include "kernels/device/isa.hpp"
#include "kernels/loudness/loudness.hpp"
#include "scheduler/state/job_tasks.hpp"
#include "worker/gpu/device_renderer.hpp"
#include "worker/gpu/staging.hpp"
#include "worker/print.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::cli {
namespace {

using scheduler::JobState;
using scheduler::TaskId;
using scheduler::TaskKind;

constexpr std::size_t kCompanyLook = 32;  // ready tasks among which a chunk's company is sought
constexpr std::size_t kIrSpectraLimit = 256u << 20;

Error stopped() { return fail(Errc::cancelled, "stopped; what was rendered stays in the store, and a second start goes on from there"); }

/// Of each print whether it belongs to this run: those that are asked for, and what they are the same as.
std::vector<bool> wanted_prints(const plan::Plan& plan, const FarmOptions& options) {
  if (options.only_prints == nullptr) return std::vector<bool>(plan.prints.size(), true);
  std::vector<bool> wanted(plan.prints.size(), false);
  for (const std::size_t p : *options.only_prints) wanted[p] = wanted[plan.prints[p].same_as.value_or(p)] = true;
  return wanted;
}

/// The delivery spec that an output is judged by; null where there is none.
const scheduler::Spec* spec_of(const FarmOptions& options, std::size_t deliverable) {
  if (options.specs == nullptr || !options.specs->of_deliverable[deliverable]) return nullptr;
  return &*options.specs->of_deliverable[deliverable];
}

worker::PrintSpec print_spec(const mix::Document& document, const plan::Plan& plan, const plan::Print& print, const std::string& folder,
                             const scheduler::Spec* delivery) {
  const mix::Deliverable& deliverable = document.deliverables[print.deliverable];
  worker::PrintSpec spec;
  spec.sample_rate = plan.sample_rate;
  spec.length = print.length;
  spec.layout = print.layout;
  spec.stems = print_stems(document, plan, print.inputs);
  for (worker::PrintStem& stem : spec.stems) {
    if (!stem.is_speech || delivery == nullptr) continue;
    spec.extra_meters.speech = true;
    for (worker::PrintPlacement& place : stem.placements) place.is_read_again = true;  // block by block, for the dialogue gate
  }
  spec.extra_meters.leqm = delivery != nullptr && delivery->leqm_db.has_value();
  spec.sample_type = deliverable.sample_type;
  spec.dither = deliverable.dither == mix::Dither::tpdf && deliverable.sample_type != mix::SampleType::float32;
  spec.dither_name = print.dither_name;
  if (print.dither_chain) spec.dither_chain = {print.dither_chain->plus, print.dither_chain->minus, print.dither_chain->is_first};
  describe_files(document, print, folder, spec);
  spec.qc = qc_spec(document, plan, print);
  return spec;
}

/// One render. Threads take tasks under `mutex_` and work outside it.
class LocalFarm {
 public:
  LocalFarm(const mix::Document& document, const plan::Plan& plan, const Store& store, const FarmOptions& options)
      : document_(document), plan_(plan), store_(store), options_(options), sources_(source_files(plan), plan.sample_rate, store), irs_(sources_, kIrSpectraLimit),
        masters_(document, plan, options.specs), wanted_(wanted_prints(plan, options)), stem_sums_(document, plan, wanted_, options.output_folder),
        print_keys_(plan.prints.size()), prints_(plan.prints.size()), is_printed_(wanted_), results_(plan.prints.size()), rendered_(plan.chunks.size()) {}

  /// Finds out what is there already, and makes the tasks for the rest. @param only_look  copies no output, and reads none.
  Result<void> prepare(bool only_look = false) {
    TRY(find_outputs(only_look));
    std::vector<scheduler::Task> tasks =
        scheduler::job_tasks(plan_, std::max<Frames>(kernels::history_frames(plan_.sample_rate), kernels::kTruePeakHistory), masters_.reaches(), stem_sums_.sets(),
                             is_printed_);
    const std::vector<bool> heard = chunks_heard(), needed = scheduler::needed_chunks(tasks, plan_.chunks.size());
    std::vector<bool> done(tasks.size(), false);
    for (std::size_t c = 0; c < plan_.chunks.size(); ++c) {
      chunk_of_.emplace(plan_.chunks[c].key, c);
      done[c] = !needed[c] || store_.has(plan_.chunks[c].key);
      if (!heard[c]) continue;
      ++progress_.chunks_total;
      if (!done[c] && options_.expected != nullptr && options_.expected->contains(plan_.chunks[c].key)) ++lost_chunks_;
      if (done[c]) ++progress_.chunks_reused;
      else progress_.audio_total_seconds += seconds(plan_.chunks[c].program.length);
    }
    for (const scheduler::Task& task : tasks) progress_.ranges_total += task.kind == TaskKind::range ? 1 : 0;
    state_ = std::make_unique<JobState>(std::move(tasks), done);
    return {};
  }

  /// After prepare().
  [[nodiscard]] RenderOutlook outlook() const {
    RenderOutlook outlook{0, 0, progress_.chunks_total, progress_.chunks_reused, progress_.audio_total_seconds};
    for (const plan::Print& print : plan_.prints) {
      if (!is_reported(print)) continue;
      ++outlook.prints_total;
      if (!is_printed_[index_of(print)]) ++outlook.prints_reused;
    }
    return outlook;
  }

  Result<scheduler::Report> run() {
    TRY(open_device());
    {
      std::vector<std::jthread> threads;
      for (int t = 1; t < options_.threads; ++t) threads.emplace_back([this, t] { work(t); });
      work(0);
    }
    if (state_->error()) return *state_->error();
    warn_of(stem_sums_.remember(store_));
    if (options_.work != nullptr) *options_.work = work_;
    if (renderer_ != nullptr && options_.on_warning)
      if (const worker::gpu::DeviceRenderer::LeftToCpu left = renderer_->left_to_cpu(); left.all() > 0) options_.on_warning(left.text());
    return report();
  }

 private:
  /// Where the backend is a device: every thread then renders and prints on it, so that as many chunks and ranges are in flight as there are threads.
  Result<void> open_device() {
    if (options_.backend == nullptr || options_.backend->module == nullptr) return {};
    kernels::Device::Options device;
    device.device = options_.backend->device;
    device.memory_limit = options_.backend->memory_limit;
    device.slots = worker::gpu::kStagingSlots * options_.threads;  // none ever waits for another's
    TRY_ASSIGN(device_, kernels::Device::open(*options_.backend->module, device));
    renderer_ = std::make_unique<worker::gpu::DeviceRenderer>(*device_, sources_, options_.times);
    return {};
  }
  static std::vector<worker::SourceFile> source_files(const plan::Plan& plan) {
    std::vector<worker::SourceFile> files;
    for (const auto& [digest, file] : plan.sources) files.push_back({digest, file->info, file->stamp});
    return files;
  }
  [[nodiscard]] double seconds(Frames frames) const { return static_cast<double>(frames) / plan_.sample_rate; }
  [[nodiscard]] double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count(); }

  void warn_of(const Result<void>& done) {
    if (done.ok() || !options_.on_warning) return;
    const std::lock_guard lock(mutex_);
    options_.on_warning(fmt::format("{}; the store does not remember this output", done.error().message));
  }

  /// Looks for every print of this run in the store's records; those that are not there are to be printed.
  Result<void> find_outputs(bool only_look) {
    const std::size_t count = plan_.prints.size();
    std::vector<std::optional<Error>> errors(count);
    parallel_for(count, options_.threads, [&](std::size_t p) {
      const plan::Print& print = plan_.prints[p];
      if (print.same_as || !wanted_[p]) return;
      worker::PrintSpec spec = print_spec(document_, plan_, print, options_.output_folder, spec_of(options_, print.deliverable));
      spec.levelling = masters_.levelling(print);
      print_keys_[p] = print_key(document_, print, spec, masters_.key(print));
      Result<std::optional<scheduler::PrintRecord>> found =
          only_look ? expect_delivered(store_, print_keys_[p], paths_of(spec), options_.reuse) : find_delivered(store_, print_keys_[p], paths_of(spec), options_.reuse, *options_.stop);
      if (!found.ok()) errors[p] = found.error().code == Errc::cancelled ? stopped() : found.error();
      else if (*found && (!masters_.key(print) || ((*found)->gain && (*found)->gain->key == masters_.key(print)))) results_[p] = std::move(**found);
      else prints_[p] = std::make_unique<worker::Print>(std::move(spec));
    });
    for (const std::optional<Error>& error : errors)
      if (error) return *error;
    for (std::size_t p = 0; p < count; ++p) {
      const std::size_t source = plan_.prints[p].same_as.value_or(p);
      if (wanted_[p]) is_printed_[p] = prints_[source] != nullptr;
      if (wanted_[p] && !is_printed_[p] && masters_.key(plan_.prints[p])) masters_.answer(plan_.prints[p], results_[source].gain->answer);
    }
    stem_sums_.recall(store_, print_keys_, options_.reuse != ReuseOutputs::never);
    return {};
  }

  static std::vector<std::string> paths_of(const worker::PrintSpec& spec) {
    std::vector<std::string> paths;
    for (const worker::PrintFileSpec& file : spec.files) paths.push_back(file.path);
    return paths;
  }

  /// Which chunks sound in the prints of this run, printed or not.
  [[nodiscard]] std::vector<bool> chunks_heard() const {
    std::vector<bool> heard(plan_.chunks.size(), false);
    const auto hear = [&](const std::vector<plan::PrintInput>& inputs) {
      for (const plan::PrintInput& input : inputs)
        for (const plan::Placement& place : plan_.timelines[input.timeline].placements) heard[place.chunk] = true;
    };
    for (std::size_t p = 0; p < plan_.prints.size(); ++p) {
      if (!wanted_[p]) continue;
      hear(plan_.prints[p].inputs);
      if (plan_.prints[p].master) hear(plan_.masters[*plan_.prints[p].master].inputs);
    }
    return heard;
  }

  void work(int thread) {
    const kernels::FlushDenormals flush;
    worker::RenderScratch render;
    worker::PrintScratch print;
    print.segments = options_.segments != nullptr ? options_.segments : &segments_;
    print.times = options_.times;
    std::unique_lock lock(mutex_);
    while (!state_->is_over()) {
      if (options_.stop->load()) state_->fail(stopped());
      const bool may_work = thread == 0 || !options_.threads_now || thread < options_.threads_now();
      const std::optional<TaskId> id = may_work ? state_->lease() : std::nullopt;
      if (!id) {
        if (state_->is_over()) break;
        changed_.wait_for(lock, std::chrono::milliseconds(100));  // so that a signal is seen while others work
        continue;
      }
      const scheduler::Task& task = state_->task(*id);
      std::vector<TaskId> tasks = {*id};
      if (task.kind == TaskKind::chunk && renderer_ == nullptr) lease_company(tasks);
      lock.unlock();
      std::vector<TaskId> lost;
      const double began = elapsed();
      const auto print_task = [&] {
        const bool has_samples = task.kind == TaskKind::range || task.kind == TaskKind::measure;
        const std::shared_ptr<worker::gpu::DeviceRenderer> device = has_samples && options_.device_now ? options_.device_now() : nullptr;
        print.device = device ? device.get() : renderer_.get();
        return execute(task, print, lost);
      };
      const Result<void> done = task.kind == TaskKind::chunk ? render_batch(tasks, render) : print_task();
      const double took = elapsed() - began;
      lock.lock();
      (task.kind == TaskKind::chunk ? work_.render_thread_seconds : work_.print_thread_seconds) += took;
      if (!done.ok()) {
        state_->fail(done.error().code == Errc::cancelled ? stopped() : done.error());
        options_.stop->store(true);
        for (const TaskId one : tasks) state_->finished(one);
      } else if (!lost.empty()) {
        for (const TaskId input : state_->lost_inputs(*id, lost))
          if (state_->task(input).kind == TaskKind::chunk) lose(input);
      } else {
        for (const TaskId one : tasks) {
          state_->finished(one);
          count(state_->task(one));
        }
      }
      changed_.notify_all();
    }
    changed_.notify_all();
  }

  /// Leases chunks that are well rendered beside the one in `tasks`, leaving enough for the other threads.
  void lease_company(std::vector<TaskId>& tasks) {
    std::vector<const program::Program*> batch = {&program_of(tasks.front())};
    std::size_t left = state_->ready_count();
    const auto joins = [&](TaskId id) {
      if (state_->task(id).kind != TaskKind::chunk || left <= batch.size() * static_cast<std::size_t>(options_.threads - 1) ||
          !worker::joins_batch(batch, program_of(id)))
        return false;
      batch.push_back(&program_of(id));
      --left;
      return true;
    };
    const std::vector<TaskId> more = state_->lease_more(kCompanyLook, joins);
    tasks.insert(tasks.end(), more.begin(), more.end());
  }

  [[nodiscard]] const program::Program& program_of(TaskId chunk) const { return plan_.chunks[state_->task(chunk).subject].program; }

  Result<void> render_batch(const std::vector<TaskId>& tasks, worker::RenderScratch& scratch) {
    std::vector<const program::Program*> programs;
    for (const TaskId id : tasks) programs.push_back(&program_of(id));
    std::int64_t bytes = 0;
    for (const program::Program* program : programs) bytes += program->length * channel_count(program->layout()) * static_cast<std::int64_t>(sizeof(float));
    const auto render = [&] {
      const worker::StageTimer timer(renderer_ == nullptr ? options_.times : nullptr, worker::Stage::render, bytes);
      return worker::render_chunks(programs, sources_, irs_, scratch, *options_.stop, renderer_.get());
    };
    TRY_ASSIGN(const std::vector<worker::RenderedChunk> rendered, render());
    const worker::StageTimer timer(options_.times, worker::Stage::write, bytes);
    for (std::size_t i = 0; i < tasks.size(); ++i)
      TRY(store_.put(plan_.chunks[state_->task(tasks[i]).subject].key, plan_.sample_rate, rendered[i].frames, rendered[i].channels()));
    store_synced_ = false;
    return {};
  }

  Result<void> execute(const scheduler::Task& task, worker::PrintScratch& scratch, std::vector<TaskId>& lost) {
    switch (task.kind) {
      case TaskKind::chunk: break;  // render_batch()
      case TaskKind::range: {
        TRY_ASSIGN(const std::optional<worker::LostBlobs> blobs, prints_[task.subject]->print_range(store_, task.first, task.length, scratch));
        if (blobs)
          for (const program::Key& key : blobs->keys) lost.push_back(chunk_of_.at(key));
        return {};
      }
      case TaskKind::measure: {
        TRY_ASSIGN(const std::optional<worker::LostBlobs> blobs, masters_.measure(task.subject, store_, task.first, task.length, scratch));
        if (blobs)
          for (const program::Key& key : blobs->keys) lost.push_back(chunk_of_.at(key));
        return {};
      }
      case TaskKind::solve:
        if (!masters_.solve(task.subject)) lost = task.needs;  // measured again, with that gain and the limiter
        return {};
      case TaskKind::finish: return finish(task.subject);
      case TaskKind::compare: return stem_sums_.measure(task.subject, task.first, task.length);
    }
    return {};
  }

  Result<void> finish(std::size_t index) {
    worker::Print& print = *prints_[index];
    const scheduler::LoudnessReading reading = reading_of(print.spec(), print.measurement(), document_.deliverables[plan_.prints[index].deliverable]);
    media::Bext bext = print.spec().bext;
    bext.loudness_value_lufs = reading.integrated_lufs;
    bext.loudness_range_lu = reading.range_lu;
    bext.max_true_peak_dbtp = reading.true_peak_dbtp;
    bext.max_momentary_lufs = reading.max_momentary_lufs;
    bext.max_short_term_lufs = reading.max_short_term_lufs;
    if (!store_synced_.exchange(true)) TRY(store_.sync());  // no output has its name before the disk has what it was made of
    TRY_ASSIGN(const std::vector<std::string> digests, print.finish(bext));
    scheduler::PrintRecord& result = results_[index];
    const std::vector<std::string> paths = paths_of(print.spec());
    for (std::size_t f = 0; f < paths.size(); ++f) {
      std::error_code failure;
      const std::uintmax_t bytes = std::filesystem::file_size(paths[f], failure);
      result.files.push_back({digests[f], failure ? 0 : bytes, {}});
    }
    result.loudness = reading;
    OutputCurves curves = curves_of(print);
    result.series = std::move(curves.series), result.peaks = std::move(curves.peaks);
    result.qc = qc_checks(document_, plan_.prints[index], print, options_.output_folder);
    result.clipped_samples = print.measurement().clipped_samples;
    result.limiter_reduction_db = print.measurement().limiter.max_reduction_db;
    if (const auto answer = masters_.answer_of(plan_.prints[index])) result.gain = scheduler::PrintRecord::Gain{*masters_.key(plan_.prints[index]), *answer};
    warn_of(remember_delivered(store_, print_keys_[index], paths, result));
    return {};
  }

  /// A chunk that was there is gone or corrupt: this run renders it, again or after all.
  void lose(TaskId chunk) {
    --(rendered_[chunk] ? progress_.chunks_rendered : progress_.chunks_reused);
    ++lost_chunks_;
    progress_.audio_total_seconds += seconds(plan_.chunks[chunk].program.length);
  }

  void count(const scheduler::Task& task) {
    if (task.kind == TaskKind::chunk) {
      ++progress_.chunks_rendered;
      rendered_[task.subject] = true;
      work_.render_work += render_work(plan_.chunks[task.subject].program);
      progress_.audio_done_seconds += seconds(task.length);
    } else if (task.kind == TaskKind::range) {
      ++progress_.ranges_done;
      work_.print_work += channel_count(plan_.prints[task.subject].layout) * seconds(task.length);
    }
    progress_.elapsed_seconds = elapsed();
    if (options_.on_progress) options_.on_progress(progress_);
  }

  static scheduler::ReportFile report_file(const plan::Print& print, const plan::PrintFile& file, const scheduler::RecordedFile& delivered) {
    scheduler::ReportFile out{file.path, delivered.sha256, delivered.bytes, {}};
    for (const int channel : file.channels) out.channels.emplace_back(channel_names(print.layout)[static_cast<std::size_t>(channel)]);
    return out;
  }

  [[nodiscard]] bool is_reported(const plan::Print& print) const {
    if (options_.only_prints == nullptr) return true;
    return std::binary_search(options_.only_prints->begin(), options_.only_prints->end(), index_of(print));
  }
  [[nodiscard]] std::size_t index_of(const plan::Print& print) const { return static_cast<std::size_t>(&print - plan_.prints.data()); }

  scheduler::Report report() {
    scheduler::Report report;
    report.mix = document_.path;
    report.title = document_.title;
    report.sample_rate = plan_.sample_rate;
    report.frame_rate = document_.frame_rate;
    report.start_frames = document_.start_frames;
    report.length = document_.length;
    for (std::size_t v = 0; v < document_.versions.size(); ++v)
      if (std::any_of(plan_.prints.begin(), plan_.prints.end(), [&](const plan::Print& print) { return print.version == v && is_reported(print); }))
        report.versions.push_back(scheduler::report_version(document_, document_.versions[v]));
    for (std::size_t i = 0; i < plan_.prints.size(); ++i) {
      const plan::Print& print = plan_.prints[i];
      if (!is_reported(print)) continue;
      const std::size_t source = print.same_as.value_or(i);
      scheduler::ReportOutput& out = report.outputs.emplace_back();
      out.version = document_.versions[print.version].name;
      out.deliverable = document_.deliverables[print.deliverable].name;
      if (print.bus) out.bus = document_.buses[*print.bus].name;
      out.layout = name_of(print.layout);
      for (std::size_t f = 0; f < print.files.size(); ++f) out.files.push_back(report_file(print, print.files[f], results_[source].files[f]));
      out.loudness = results_[source].loudness;
      out.series = results_[source].series;
      out.peaks = results_[source].peaks;
      if (const scheduler::Spec* spec = spec_of(options_, print.deliverable)) {
        out.spec = *spec;
        out.checks = scheduler::check(out.loudness, *spec, delivered_file(document_, print));
      }
      for (scheduler::Check& own : masters_.checks(print, results_[source].limiter_reduction_db)) out.checks.push_back(std::move(own));
      for (scheduler::Check& own : stem_sums_.checks(print)) out.checks.push_back(std::move(own));
      out.checks.insert(out.checks.end(), results_[source].qc.begin(), results_[source].qc.end());
      out.clipped_samples = results_[source].clipped_samples;
      ++(is_printed_[source] ? report.prints_printed : report.prints_reused);
    }
    report.chunks_total = progress_.chunks_total;
    report.chunks_rendered = progress_.chunks_rendered;
    report.chunks_reused = progress_.chunks_reused;
    report.chunks_lost = lost_chunks_;
    report.rendered_seconds = progress_.audio_done_seconds;
    report.elapsed_seconds = elapsed();
    report.backend = options_.backend != nullptr ? options_.backend->name() : Backend().name();
    return report;
  }

  const mix::Document& document_;
  const plan::Plan& plan_;
  const Store& store_;
  const FarmOptions& options_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  worker::Sources sources_;
  worker::IrCache irs_;
  SegmentCache segments_{kSegmentsLimit};
  std::unique_ptr<kernels::Device> device_;             // where the backend is one
  std::unique_ptr<worker::gpu::DeviceRenderer> renderer_;   // on it
  Masters masters_;
  std::vector<bool> wanted_;  // by print: belongs to this run
  StemSums stem_sums_;
  std::map<program::Key, TaskId> chunk_of_;
  std::vector<program::Key> print_keys_;                // what follows is parallel to plan.prints, and empty where one is the same as an earlier one, or not asked for
  std::vector<std::unique_ptr<worker::Print>> prints_;  // null also where it is there already
  std::vector<bool> is_printed_;                        // by this run
  std::vector<scheduler::PrintRecord> results_;         // from the store, or written by its finish task
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::unique_ptr<JobState> state_;
  std::vector<bool> rendered_;  // by chunk: rendered by this run
  std::size_t lost_chunks_ = 0;
  WorkDone work_;
  std::atomic<bool> store_synced_{false};  // since the last blob was put
  RenderProgress progress_;
};

}  // namespace

Result<scheduler::Report> run_locally(const mix::Document& document, const plan::Plan& plan, const Store& store, const FarmOptions& options) {
  std::vector<program::Key> keys;
  for (const plan::Chunk& chunk : plan.chunks) keys.push_back(chunk.key);
  TRY_ASSIGN(const Lease pinned, store.pin(keys));  // before anything is looked for
  LocalFarm farm(document, plan, store, options);
  TRY(farm.prepare());
  return farm.run();
}

Result<RenderOutlook> look_ahead(const mix::Document& document, const plan::Plan& plan, const Store& store, const FarmOptions& options) {
  LocalFarm farm(document, plan, store, options);
  TRY(farm.prepare(true));
  return farm.outlook();
}

}  // namespace dubfarm::cli
