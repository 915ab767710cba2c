#include "cli/render.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "cli/exit_code.hpp"
#include "cli/local_farm.hpp"
#include "cli/package.hpp"
#include "common/io.hpp"
#include "common/machine.hpp"
#include "common/mix/parse.hpp"
#include "common/mix/recut.hpp"
#include "common/mix/resolve.hpp"
#include "common/store/upkeep.hpp"
#include "scheduler/delivery/spec.hpp"
#include "scheduler/plan/plan.hpp"
#include "scheduler/plan/plan_record.hpp"

namespace dubfarm::cli {
namespace {

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler sets it

extern "C" void on_stop_signal(int) {
  if (stop_requested.exchange(true)) ::_exit(kInterrupted);  // asked twice: blobs and outputs are safe at any moment
}

void listen_for_stop() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is an error of write(), as a full disk is
}

int report_error(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  return exit_code(error.code);
}

int report_diagnostics(const RenderOptions& options, const std::string& text, const std::vector<mix::Diagnostic>& errors,
                       const mix::FileTexts& others = {}) {
  fmt::print(stderr, "{}", mix::format_diagnostics(text, options.mix, errors, others));
  if (options.json) fmt::print("{}\n", mix::diagnostics_json(errors));
  return kBadInput;
}

/// The line that a terminal shows while a render runs. Quiet where stderr is no terminal.
class ProgressLine {
 public:
  explicit ProgressLine(bool is_shown) : is_shown_(is_shown) {}
  ~ProgressLine() { clear(); }

  void show(const RenderProgress& p) {
    const auto now = std::chrono::steady_clock::now();
    if (!is_shown_ || now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    // A printed range costs about a quarter of rendering the same stretch.
    const double ranges = p.ranges_total == 0 ? 1 : static_cast<double>(p.ranges_done) / static_cast<double>(p.ranges_total);
    const double chunks = p.audio_total_seconds <= 0 ? 1 : p.audio_done_seconds / p.audio_total_seconds;
    const double share = p.audio_total_seconds <= 0 ? ranges : 0.8 * chunks + 0.2 * ranges;
    const double left = share > 0 ? p.elapsed_seconds * (1 - share) / share : 0;
    const int seconds = static_cast<int>(std::ceil(left));
    fmt::print(stderr, "\r{:3.0f} %  {:.0f}x real time  {}:{:02} left  {} of {} chunks rendered, {} reused\x1b[K", 100 * share,
               p.elapsed_seconds > 0 ? p.audio_done_seconds / p.elapsed_seconds : 0, seconds / 60, seconds % 60, p.chunks_rendered,
               p.chunks_total - p.chunks_reused, p.chunks_reused);
    is_on_screen_ = true;
  }
  void clear() {
    if (is_on_screen_) fmt::print(stderr, "\r\x1b[K");
    is_on_screen_ = false;
  }

 private:
  bool is_shown_;
  bool is_on_screen_ = false;
  std::chrono::steady_clock::time_point last_{};
};

std::string names_of(const mix::Document& document) {
  std::string names = "versions:";
  for (const mix::Version& version : document.versions) names += " " + version.name;
  names += "; deliverables:";
  for (const mix::Deliverable& deliverable : document.deliverables) names += " " + deliverable.name;
  return names;
}

/// What a render would do, without doing it.
void print_dry_run(const mix::Document& document, const plan::Plan& plan, const RenderOutlook& outlook, bool json) {
  const std::size_t to_render = outlook.chunks_total - outlook.chunks_reused, to_print = outlook.prints_total - outlook.prints_reused;
  if (json) {
    nlohmann::ordered_json outputs = nlohmann::ordered_json::array();
    for (const plan::Print& print : plan.prints) {
      nlohmann::ordered_json files = nlohmann::ordered_json::array();
      for (const plan::PrintFile& file : print.files) files.push_back(file.path);
      outputs.push_back({{"version", document.versions[print.version].name}, {"deliverable", document.deliverables[print.deliverable].name}, {"files", files}});
    }
    const nlohmann::ordered_json result = {{"dry_run", true},
                                           {"chunks", {{"total", outlook.chunks_total}, {"to_render", to_render}, {"reused", outlook.chunks_reused}}},
                                           {"seconds_to_render", outlook.seconds_to_render},
                                           {"prints", {{"total", outlook.prints_total}, {"to_print", to_print}, {"reused", outlook.prints_reused}}},
                                           {"outputs", outputs}};
    fmt::print("{}\n", result.dump(2));
    return;
  }
  for (const plan::Print& print : plan.prints)
    for (const plan::PrintFile& file : print.files) fmt::print("{}\n", file.path);
  fmt::print("would print {} of {} outputs, reuse {}; would render {} of {} chunks ({:.1f} s of audio), reuse {}; nothing was written\n", to_print, outlook.prints_total,
             outlook.prints_reused, to_render, outlook.chunks_total, outlook.seconds_to_render, outlook.chunks_reused);
}

/// Where there is no store yet, everything is to be done.
RenderOutlook outlook_of_all(const plan::Plan& plan) {
  RenderOutlook outlook{plan.prints.size(), 0, plan.chunks.size(), 0, 0};
  for (const plan::Chunk& chunk : plan.chunks) outlook.seconds_to_render += static_cast<double>(chunk.program.length) / plan.sample_rate;
  return outlook;
}

/// Makes the folder, and keeps others out of it as long as the lease lasts.
Result<Lease> take_output_folder(const std::string& folder) {
  TRY(make_folders(folder));
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return system_error(errno, folder, "write to this folder");
  const std::string path = folder + "/.dubfarm-render";
  TRY_ASSIGN(std::optional<Lease> lease, Lease::take_exclusive(path));
  if (lease) return std::move(*lease);
  const std::optional<LeaseHolder> other = lease_holder(path);
  return fail(Errc::io_error, "{}: another render{} writes into this folder; wait until it has ended", folder,
              other ? fmt::format(" (process {} on {})", other->pid, other->host) : "");
}

/// Sets the limit that the options ask for. Errors: Errc::invalid_input.
Result<void> apply_store_limit(const Store& store, const std::string& text) {
  if (text.empty()) return {};
  if (text == "none") return set_store_limit(store, std::nullopt);
  Result<std::uint64_t> size = parse_size(text);
  if (!size.ok()) return fail(Errc::invalid_input, "--store-limit: {}", size.error().message);
  return set_store_limit(store, *size);
}

/// Leaves in the store what the next plan, explain and render want to know of this one. Without it they know less, and work all the same.
void remember_render(const Store& store, plan::PlanRecord record, const plan::Plan& plan, const std::optional<plan::PlanRecord>& last, const WorkDone& work) {
  std::set<program::Key> keys;
  for (const plan::Chunk& chunk : plan.chunks) keys.insert(chunk.key);
  if (last && last->text == record.text && last->numeric_profile == record.numeric_profile) {  // perhaps other versions of the same mix: they are in the store too
    keys.insert(last->keys.begin(), last->keys.end());
    record.media.insert(last->media.begin(), last->media.end());
    record.recuts.insert(last->recuts.begin(), last->recuts.end());
  }
  record.keys.assign(keys.begin(), keys.end());
  Result<void> done = plan::remember(store, record.mix, record);
  if (done.ok()) done = save_rates(store, work);
  if (!done.ok()) fmt::print(stderr, "warning: {}; the store does not remember this render\n", done.error().message);
}

/// After the render, when nothing of it is pinned any more.
void keep_store_below_limit(const Store& store) {
  const std::optional<std::uint64_t> limit = store_limit(store);
  if (!limit) return;
  if (const Result<Collected> done = collect(store, *limit); !done.ok()) fmt::print(stderr, "warning: {}; the store was not brought below its limit\n", done.error().message);
}

}  // namespace

std::string default_store_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') return std::string(cache) + "/dubfarm";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return std::string(home) + "/.cache/dubfarm";
  return ".dubfarm-store";
}


int run_render(const RenderOptions& options) {
  listen_for_stop();
  const Result<Backend> backend = choose_backend(options.backend);
  if (!backend.ok()) return report_error(backend.error());
  const int threads = options.threads > 0 ? options.threads : usable_processors();

  const Result<std::string> text = mix::read_text_file(options.mix);
  if (!text.ok()) return report_error(text.error());
  mix::ParseOutcome parsed = mix::parse_mix(*text, options.mix);
  if (!parsed.document) return report_diagnostics(options, *text, parsed.errors);
  mix::Document& document = *parsed.document;
  const scheduler::SpecTable specs = scheduler::find_specs(document);
  if (!specs.errors.empty()) return report_diagnostics(options, *text, specs.errors);

  const plan::Selection selection{options.version, options.deliverable};
  const std::vector<std::size_t> versions = plan::selected_versions(document, selection);
  if (versions.empty()) {
    fmt::print(stderr, "error: no output matches --version \"{}\" --deliverable \"{}\"\nhelp: the mix has {}\n", options.version, options.deliverable,
               names_of(document));
    return kBadInput;
  }
  const mix::RecutOutcome recuts = mix::load_recuts(document, versions);
  fmt::print(stderr, "{}", mix::format_diagnostics(*text, options.mix, recuts.warnings, recuts.texts));
  if (!recuts.errors.empty()) return report_diagnostics(options, *text, recuts.errors, recuts.texts);
  const std::string store_folder = options.store.empty() ? default_store_folder() : options.store;
  std::optional<Store> store;  // a dry run makes none
  if (!options.dry_run || ::access((store_folder + "/format").c_str(), F_OK) == 0) {
    Result<Store> opened = Store::open(store_folder, options.dry_run ? Store::Access::read_only : Store::Access::read_write);
    if (!opened.ok() && opened.error().code == Errc::invalid_input) return report_error(opened.error());
    if (!opened.ok()) {
      fmt::print(stderr, "error: {}\nhelp: name a folder for the store with --store\n", opened.error().message);
      return kCannotRun;
    }
    store = std::move(*opened);
  }
  if (store && !options.dry_run)
    if (Result<void> set = apply_store_limit(*store, options.store_limit); !set.ok()) return report_error(set.error());
  media::DigestCache digests(store ? store->folder() : "", &stop_requested);
  const plan::MediaOutcome media = plan::gather_media(document, versions, true, threads, digests);
  if (stop_requested)
    return report_error(fail(Errc::cancelled, "stopped while the sources were read; those that were read are known to a second start"));
  if (!media.errors.empty()) return report_diagnostics(options, *text, media.errors);
  const plan::Plan plan = plan::make_plan(document, media.table, selection, backend->numeric_profile);
  FarmOptions farm;
  farm.threads = threads;
  farm.output_folder = options.out;
  farm.backend = &*backend;
  farm.specs = &specs;
  farm.stop = &stop_requested;
  farm.reuse = options.reprint ? ReuseOutputs::never : options.verify_outputs ? ReuseOutputs::by_hash : ReuseOutputs::by_stamp;
  if (options.dry_run) {
    const Result<RenderOutlook> outlook = store ? look_ahead(document, plan, *store, farm) : outlook_of_all(plan);
    if (!outlook.ok()) return report_error(outlook.error());
    print_dry_run(document, plan, *outlook, options.json);
    return kDone;
  }
  const Result<Lease> output_folder = take_output_folder(options.out);
  if (!output_folder.ok()) {
    fmt::print(stderr, "error: {}\nhelp: name a folder that you may write with --out\n", output_folder.error().message);
    return kCannotRun;
  }

  if (!backend->why_cpu.empty()) fmt::print(stderr, "note: the CPU renders: {}\n", backend->why_cpu);
  ProgressLine progress(::isatty(STDERR_FILENO) != 0);
  std::vector<std::string> warnings;
  farm.on_warning = [&](const std::string& warning) { warnings.push_back(warning); };
  worker::StageTimes times;
  if (options.profile) farm.times = &times;
  farm.on_progress = [&](const RenderProgress& p) { progress.show(p); };
  const std::optional<plan::PlanRecord> last = plan::recall(*store, options.mix);
  std::set<program::Key> expected;
  if (last) expected.insert(last->keys.begin(), last->keys.end());
  farm.expected = &expected;
  WorkDone work;
  farm.work = &work;
  Result<scheduler::Report> report = run_locally(document, plan, *store, farm);
  progress.clear();
  for (const std::string& warning : warnings) fmt::print(stderr, "warning: {}\n", warning);
  if (!report.ok()) {
    const int status = report_error(report.error());
    if (report.error().code == Errc::no_space && report.error().message.starts_with(store->folder() + "/"))
      fmt::print(stderr, "help: the disk of the store is full; --store names a folder on another one\n");
    return status;
  }
  if (options.profile) fmt::print(stderr, "{}", times.table(report->elapsed_seconds, threads));
  if (report->chunks_lost > 0)
    fmt::print(stderr, "note: {} of the chunks that the store should have were missing or damaged; they were rendered again\n", report->chunks_lost);
  remember_render(*store, {options.mix, *text, backend->numeric_profile, media.table, plan::recuts_of(document, versions), {}}, plan, last, work);
  keep_store_below_limit(*store);

  const Result<std::string> json = write_package(document, *report, options.out);
  if (!json.ok()) return report_error(json.error());
  const std::string path = options.out + "/report.json";
  if (options.json) fmt::print("{}", *json);
  else
    fmt::print("{}\n{} chunks: {} rendered, {} reused; {:.1f} s of audio in {:.2f} s\n{} outputs: {} printed, {} reused\nreport: {}\n", scheduler::report_table(*report),
               report->chunks_total, report->chunks_rendered, report->chunks_reused, report->rendered_seconds, report->elapsed_seconds,
               report->prints_printed + report->prints_reused, report->prints_printed, report->prints_reused, path);
  return scheduler::passes(*report) ? kDone : kCheckFailed;
}

}  // namespace dubfarm::cli
